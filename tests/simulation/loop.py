"""The world's time: one heap of events on which every coroutine, timer, message, fault and death is laid.

An asyncio loop without sockets, threads or waiting: when nothing is left to do now, time jumps to the next event.
So production's own coroutines run unchanged, years pass in seconds, and a seed plays the same history every time.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, Final, TypeVar

T = TypeVar("T")
NS: Final = 1_000_000_000
MS: Final = 1_000_000


LIFE_NS_MAX: Final = 240 * NS
"""A world that lives longer gets nowhere: its troubles are over after a tenth of it."""


class Stuck(AssertionError):
    """The world has nothing left to do, or has not come to rest in the time it was given."""


class SimLoop(asyncio.BaseEventLoop):
    """Runs callbacks in order of their time, then of their making. Time is a whole number of nanoseconds from 0."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.events = 0
        """callbacks run so far"""
        self.errors: list[BaseException] = []
        """what escaped from a callback or a task that nobody waits for"""
        self._now: deque[asyncio.Handle] = deque()
        self._later: list[tuple[int, int, asyncio.Handle]] = []
        self._made = 0
        self._turning = False
        self._over = False
        super().__init__()

    # What asyncio and production's coroutines call

    def time(self) -> float:
        """Seconds since the world began."""
        return self.now_ns / NS

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Run it in this moment, after what is waiting already."""
        handle = asyncio.Handle(callback, args, self, context)
        self._now.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run it when that second comes."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._made += 1
        # Rounded up: a timer must never fire before its time.
        heapq.heappush(self._later, (max(self.now_ns, -int(-when * NS // 1)), self._made, handle))
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run it so many seconds from now."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def after(self, delay_ns: int, callback: Callable[..., object], *args: object) -> asyncio.Handle:
        """Run it so many nanoseconds from now: the world's own events, for which floats would be a detour."""
        handle = asyncio.Handle(callback, args, self)
        self._made += 1
        heapq.heappush(self._later, (self.now_ns + delay_ns, self._made, handle))
        return handle

    def create_future(self) -> "asyncio.Future[Any]":
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None, **_: Any
    ) -> "asyncio.Task[T]":
        """A task of this loop."""
        return asyncio.Task(coro, loop=self, name=name, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Nothing may fail unseen."""
        self.errors.append(context.get("exception") or RuntimeError(context["message"]))

    def get_debug(self) -> bool:
        """Asyncio asks."""
        return False

    def is_running(self) -> bool:
        """Asyncio asks."""
        return self._turning

    def is_closed(self) -> bool:
        """Asyncio asks."""
        return self._over

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It stays on the heap and is passed over when its time comes."""

    # What drives the world

    def run_until_complete(self, future: Any) -> Any:
        """Run the world until this is done. Raises Stuck when nothing can ever finish it."""
        task = asyncio.ensure_future(future, loop=self)
        self._turning = True
        asyncio._set_running_loop(self)
        try:
            while not task.done():
                self._turn()
        finally:
            asyncio._set_running_loop(None)
            self._turning = False
        return task.result()

    def _turn(self) -> None:
        if not self._now:
            self._advance()
        for _ in range(len(self._now)):
            handle = self._now.popleft()
            if not handle.cancelled():
                self.events += 1
                handle._run()

    def _advance(self) -> None:
        """Go to the next moment at which anything happens."""
        later = self._later
        while later and later[0][2].cancelled():
            heapq.heappop(later)
        if not later:
            raise Stuck("nothing will ever happen again")
        self.now_ns = later[0][0]
        if self.now_ns > LIFE_NS_MAX:
            raise Stuck(f"the world has not come to rest in {LIFE_NS_MAX // NS} s")
        while later and later[0][0] <= self.now_ns:
            self._now.append(heapq.heappop(later)[2])

    def close(self) -> None:
        """Forget everything that was still to come."""
        self._over = True
        self._now.clear()
        self._later.clear()
