"""The thread that minds a device: turn after turn until it is stopped. A fault of ours ends a turn, never the thread.

After a fault the device begins as after a death of the whole program, and waits longer each time. A thread that is gone
all the same is told of (`works`), for whoever can make the device anew.
"""

import logging
import random
import threading
from collections.abc import Callable
from typing import Final

from devices.clock import Clock, Waker
from devices.transports.line import Backoff

FORGIVEN_S: Final = 60.0
"""Without a fault for so long, the next wait is a short one again."""

_log = logging.getLogger("omnistock.devices")


class Minding:
    """One device's thread; not started by being made."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        waker: Waker,
        chance: random.Random,
        turn: Callable[[], bool],
        broke: Callable[[Exception], None],
    ) -> None:
        """`turn`: whether another one is to follow; `broke`: after one that raised."""
        self._name = name
        self._clock = clock
        self._waker = waker
        self._turn = turn
        self._broke = broke
        self._backoff = Backoff(chance)
        self._broke_at = clock.now()
        self._thread: threading.Thread | None = None
        self._ended = False
        self.stopping = False

    @property
    def works(self) -> bool:
        """False for a thread that is gone although nobody stopped it and no turn was the last."""
        return self._thread is None or self._thread.is_alive() or self.stopping or self._ended

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self.run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, patience_s: float) -> None:
        """End after this turn; one that takes longer is left."""
        self.stopping = True
        self._waker.wake()
        if self._thread is not None:
            self._thread.join(patience_s)

    def run(self) -> None:
        """Until stopped, or until a turn was the last."""
        while not self.stopping:
            try:
                if not self._turn():
                    self._ended = True
                    return
            except Exception as error:
                _log.exception("%s: a fault of ours", self._name)
                self._after(error)

    def _after(self, error: Exception) -> None:
        if self._clock.now() - self._broke_at > FORGIVEN_S:
            self._backoff.worked()
        self._broke_at = self._clock.now()
        try:
            self._broke(error)
        except Exception:
            _log.exception("%s: a fault while another was told", self._name)
        again_at = self._clock.now() + self._backoff.failed()
        while self._clock.now() < again_at and not self.stopping:  # a new job is no reason to be quicker
            self._waker.clear()
            self._clock.wait(again_at, self._waker)
