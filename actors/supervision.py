"""What the supervisor does when: which child is started, stopped, killed, and when the run is over.

A state machine without processes, clock or signals: events in, effects out, times are arguments. The
supervisor (`actors/supervisor.py`) turns its effects into processes and feeds it what happens to them.

The keeper owns Ray, and Ray's death is everybody's: when the keeper, the GCS or the raylet goes, the whole
stack is killed and built again. An API worker, the standby, the analytics or the console are started again alone.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from actors.serve_settings import GIVE_UP

KEEPER: Final = "keeper"
STANDBY: Final = "standby"
ANALYTICS: Final = "analytics"
BESIDE: Final = (STANDBY, ANALYTICS)
"""Started when the service answers, so that they take no time from its start; nobody waits for them."""
CONSOLE: Final = "console"
"""Started when the service answers and somebody comes to its door: pages take two seconds of a processor and 100 MB,
and many a box never shows one. From then on it is kept running like the others."""


@dataclass(frozen=True, slots=True)
class SupervisionLimits:
    """How patient the supervisor is."""

    retry_ms_min: int = 200
    retry_ms_max: int = 5_000
    """a child that dies at once again is started after a pause that doubles between these two"""
    settled_ms: int = 30_000
    """a child that lived for so long has recovered: the next pause is the shortest again"""
    first_starts_max: int = 3
    """deaths before the first readiness after which the run is given up: nothing ever worked"""
    silent_ms_max: int = 10_000
    """a child that has beaten and is then quiet for so long is killed"""
    silent_at_start_ms_max: int = 120_000
    """before its first beat and before the first readiness: kernels may have to be compiled; and for standby, analytics
    and console at any time: there may be gigabytes to read, and no sale waits for them"""
    drain_ms_max: int = 15_000
    """for the API workers to finish what is in flight"""
    close_ms_max: int = 20_000
    """for the keeper to seal the journals, after the drain"""


@dataclass(frozen=True, slots=True)
class Start:
    """Start this child."""

    name: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """Ask this child to end in order (SIGTERM)."""

    name: str


@dataclass(frozen=True, slots=True)
class KillChild:
    """End this child now (SIGKILL)."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class KillStack:
    """End everything that was ever started, and wait until it is dead; then call `stack_dead`."""

    reason: str


@dataclass(frozen=True, slots=True)
class StopListening:
    """Take no new connection."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Kill what is left, tidy up, leave with this code."""

    code: int
    reason: str = ""


Effect = Start | Terminate | KillChild | KillStack | StopListening | Finish


class Phase(Enum):
    """Where the run is."""

    RUNNING = "running"
    """started, ready or not"""
    REBUILDING = "rebuilding"
    """the stack is dead and will be started at `again_at_ms`"""
    DRAINING = "draining"
    CLOSING = "closing"
    DONE = "done"


@dataclass(slots=True)
class _Child:
    started_ms: int
    beat_ms: int | None = None
    alive: bool = True
    killed: bool = False
    """for its silence; its end will be heard of"""
    start_at_ms: int | None = None
    pause_ms: int = 0


@dataclass(slots=True)
class Supervision:
    """The state of one run. With `ray` there is a keeper; without, the only worker is the whole engine."""

    workers: int
    ray: bool
    beside: tuple[str, ...] = BESIDE
    limits: SupervisionLimits = field(default_factory=SupervisionLimits)
    phase: Phase = Phase.RUNNING
    was_ready: bool = False
    _children: dict[str, _Child] = field(default_factory=dict)
    _again_at_ms: int = 0
    _stack_pause_ms: int = 0
    _stack_started_ms: int = 0
    _deaths_before_ready: int = 0
    _give_up_at_ms: int = 0

    def begin(self, now_ms: int) -> list[Effect]:
        """Start the first children; workers wait for the keeper's cluster by themselves, with their imports done."""
        self.phase = Phase.RUNNING
        self._stack_started_ms = now_ms
        return [self._start(name, now_ms) for name in ([KEEPER] if self.ray else []) + self._worker_names()]

    def ready(self, now_ms: int) -> list[Effect]:
        """The service answers for the first time since the stack was started."""
        if self.phase is not Phase.RUNNING:
            return []
        self.was_ready = True
        return [self._start(name, now_ms) for name in self.beside if name not in self._children]

    def wanted(self, name: str, now_ms: int) -> list[Effect]:
        """Somebody waits for a child that is only started then."""
        if self.phase is not Phase.RUNNING or not self.was_ready or name in self._children:
            return []
        return [self._start(name, now_ms)]

    def beat(self, name: str, now_ms: int) -> None:
        """This child runs."""
        if name in self._children:
            self._children[name].beat_ms = now_ms

    def exited(self, name: str, code: int, now_ms: int) -> list[Effect]:
        """This child is dead."""
        child = self._children.get(name)
        if child is None or not child.alive:
            return []
        child.alive = False
        if self.phase in (Phase.DRAINING, Phase.CLOSING):
            return self._closing(now_ms)
        if self.phase is Phase.DONE:
            return []
        if code == GIVE_UP:
            return self._finish(1, f"the {name} cannot start")
        if name == KEEPER:
            return self.lost(f"the {KEEPER} ended with code {code}", now_ms)
        if hopeless := self._hopeless(f"the {name} ended with code {code}"):
            return hopeless
        lived_ms = now_ms - child.started_ms
        child.pause_ms = self._pause(child.pause_ms, lived_ms)
        child.start_at_ms = now_ms + child.pause_ms
        return []

    def lost(self, reason: str, now_ms: int) -> list[Effect]:
        """Ray is gone, or its keeper: nothing of this stack can go on."""
        if self.phase is not Phase.RUNNING:
            return []
        if hopeless := self._hopeless(reason):
            return hopeless
        self.phase = Phase.REBUILDING
        self._stack_pause_ms = self._pause(self._stack_pause_ms, now_ms - self._stack_started_ms)
        self._again_at_ms = now_ms + self._stack_pause_ms
        self._children.clear()
        return [KillStack(reason)]

    def stop(self, now_ms: int) -> list[Effect]:
        """Somebody asked for an orderly end; asking twice means at once."""
        if self.phase in (Phase.DRAINING, Phase.CLOSING):
            return self._finish(0, "stopped at once, as asked")
        if self.phase is Phase.DONE:
            return []
        self.phase = Phase.DRAINING
        self._give_up_at_ms = now_ms + self.limits.drain_ms_max
        first = [Terminate(name) for name in self._alive(workers=True)]
        return [StopListening(), *first, *self._closing(now_ms)]

    def tick(self, now_ms: int) -> list[Effect]:
        """Time has passed."""
        if self.phase is Phase.REBUILDING:
            return self.begin(now_ms) if now_ms >= self._again_at_ms else []
        if self.phase is Phase.DRAINING and now_ms >= self._give_up_at_ms:
            self._give_up_at_ms = now_ms + self.limits.drain_ms_max
            return [KillChild(name, "it did not finish in time") for name in self._alive(workers=True)]
        if self.phase is Phase.CLOSING and now_ms >= self._give_up_at_ms:
            return self._finish(0, "not everything ended in time")
        if self.phase is not Phase.RUNNING:
            return []
        effects: list[Effect] = []
        for name, child in self._children.items():
            if child.start_at_ms is not None and now_ms >= child.start_at_ms:
                effects.append(self._start(name, now_ms))
            elif child.alive and not child.killed and (silent_ms := self._silent_ms(name, child, now_ms)):
                child.killed = True
                effects.append(KillChild(name, f"it has been silent for {silent_ms} ms"))
        return effects

    def next_ms(self, now_ms: int) -> int:
        """When `tick` has something to do at the latest; the caller may sleep until then."""
        times = [child.start_at_ms for child in self._children.values() if child.start_at_ms is not None]
        if self.phase is Phase.REBUILDING:
            times.append(self._again_at_ms)
        return min([*times, now_ms + 500])

    def _closing(self, now_ms: int) -> list[Effect]:
        if self.phase is Phase.DRAINING:
            if self._alive(workers=True):
                return []
            self.phase = Phase.CLOSING
            self._give_up_at_ms = now_ms + self.limits.close_ms_max
            if rest := self._alive(workers=False):
                return [Terminate(name) for name in rest]
        return [] if self._alive(workers=False) else self._finish(0)

    def _hopeless(self, reason: str) -> list[Effect]:
        """Count a death before the first readiness; after too many of them nothing will ever work."""
        if self.was_ready:
            return []
        self._deaths_before_ready += 1
        if self._deaths_before_ready < self.limits.first_starts_max:
            return []
        return self._finish(1, f"{reason}, after {self._deaths_before_ready - 1} deaths before it: nothing ever worked")

    def _finish(self, code: int, reason: str = "") -> list[Effect]:
        self.phase = Phase.DONE
        return [Finish(code, reason)]

    def _start(self, name: str, now_ms: int) -> Effect:
        pause_ms = self._children[name].pause_ms if name in self._children else 0
        self._children[name] = _Child(now_ms, pause_ms=pause_ms)
        return Start(name)

    def _pause(self, pause_ms: int, lived_ms: int) -> int:
        if lived_ms >= self.limits.settled_ms:
            return self.limits.retry_ms_min
        return min(max(self.limits.retry_ms_min, 2 * pause_ms), self.limits.retry_ms_max)

    def _silent_ms(self, name: str, child: _Child, now_ms: int) -> int:
        since_ms = child.started_ms if child.beat_ms is None else child.beat_ms
        # Until all was ready once, two compilers and everybody's start may hold a process up for longer than a stop is
        # borne later. Those beside beat between two turns, and a turn may be as long as the start of others.
        patient = child.beat_ms is None or not self.was_ready or name in (*BESIDE, CONSOLE)
        limit_ms = self.limits.silent_at_start_ms_max if patient else self.limits.silent_ms_max
        return now_ms - since_ms if now_ms - since_ms > limit_ms else 0

    def _worker_names(self) -> list[str]:
        return [worker_name(number) for number in range(self.workers)]

    def _alive(self, *, workers: bool) -> list[str]:
        others = (KEEPER, *BESIDE, CONSOLE)
        return [name for name, child in self._children.items() if child.alive and (name not in others) is workers]


def worker_name(number: int) -> str:
    """What API worker `number` (from 0) is called."""
    return f"worker-{number}"


def worker_number(name: str) -> int:
    """The inverse of `worker_name`."""
    return int(name.rpartition("-")[2])
