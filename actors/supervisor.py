"""The parent of every process of a run: starts them, hears them, ends them all.

It decides nothing (`actors/supervision.py` does) and holds no stock: one loop over signals, the pipes of
its children and the deaths of Ray's daemons. It has no thread, imports neither Ray nor numba, and outlives
all of them. Whatever descends from it dies with it: children by the kernel's parent-death signal, the rest
because orphans are adopted and found in /proc.
"""

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from actors.process_group import Process, adopt_orphans, descendants, die_with_parent, kill_and_wait
from actors.pulse import Beat, ClusterUp, PulseReader, Serving
from actors.supervision import (
    Effect,
    Finish,
    KillChild,
    KillStack,
    Start,
    StopListening,
    Supervision,
    Terminate,
)

PULSE_VARIABLE: Final = "OMNISTOCK_PULSE"
"""Names the descriptor through which a child tells that it runs."""

KILL_S_MAX: Final = 10.0
"""How long a killed process may take to be gone; only one that waits for a dead disk takes so long."""

_READY_EVERY_MS: Final = 50
_ENDS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_log = logging.getLogger("omnistock.supervisor")


@dataclass(frozen=True, slots=True)
class Plan:
    """How one child is started."""

    command: list[str]
    environment: Mapping[str, str]
    """added to this process's own"""
    descriptors: tuple[int, ...] = ()
    """passed on open, under the same numbers"""


@dataclass(frozen=True, slots=True)
class _Door:
    """A listening socket whose first caller starts the child that will answer."""

    name: str


@dataclass(slots=True)
class _Running:
    name: str
    popen: subprocess.Popen[bytes]
    pulse: PulseReader


@dataclass(slots=True)
class Supervisor:
    """One run. `run` returns the exit code when every process is gone."""

    supervision: Supervision
    plan: Callable[[str], Plan]
    """by the child's name"""
    is_ready: Callable[[], bool]
    """whether the service answers; asked again and again until it does, so it must not take long"""
    announce: Callable[[], None]
    """called once, when the service answers for the first time"""
    stop_listening: Callable[[], None]
    stack_died: Callable[[], None]
    """called between the death of a stack and the start of the next"""
    doors: Mapping[str, int] = field(default_factory=dict)
    """by the name of a child that is started when somebody comes to it: the descriptor it will listen on"""
    _children: dict[str, _Running] = field(default_factory=dict)
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _watched: dict[int, str] = field(default_factory=dict)
    _serving: bool = False
    """a worker has begun to take connections"""
    _ready: bool = False
    _announced: bool = False
    _result: Finish | None = None

    def run(self) -> int:
        """Until a signal ends it or nothing works; 0 after an orderly end."""
        adopt_orphans()
        with _Signals() as signals:
            self._selector.register(signals.descriptor, selectors.EVENT_READ, signals)
            try:
                self._apply(self.supervision.begin(_now_ms()))
                while self._result is None:
                    self._turn(signals)
            finally:
                self._kill_everything()
                self._selector.close()
        assert self._result is not None
        if self._result.reason:
            _log.log(logging.ERROR if self._result.code else logging.WARNING, "%s", self._result.reason)
        return self._result.code

    def _turn(self, signals: "_Signals") -> None:
        now_ms = _now_ms()
        wait_ms = self.supervision.next_ms(now_ms) - now_ms if self._ready else _READY_EVERY_MS
        for key, _ in self._selector.select(max(0, wait_ms) / 1000):
            if key.data is signals:
                if signals.read() and self._result is None:
                    self._apply(self.supervision.stop(_now_ms()))
            elif isinstance(key.data, _Running):
                self._hear(key.data)
            elif isinstance(key.data, _Door):
                self._selector.unregister(key.fd)  # whoever waits is the child's now
                self._apply(self.supervision.wanted(key.data.name, _now_ms()))
            else:
                self._unwatch(key.fd)
                self._apply(self.supervision.lost(f"{key.data} is gone", _now_ms()))
        self._reap()
        self._apply(self.supervision.tick(_now_ms()))
        if self._serving and not self._ready and self._result is None and self.is_ready():
            self._ready = True
            if not self._announced:
                self._announced = True
                self.announce()
            self._apply(self.supervision.ready(_now_ms()))
            self._watch_doors(True)

    def _apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Start(name):
                    self._start(name)
                case Terminate(name):
                    self._signal(name, signal.SIGTERM)
                case KillChild(name, reason):
                    _log.warning("%s is killed: %s", name, reason)
                    self._signal(name, signal.SIGKILL)
                case StopListening():
                    self._watch_doors(False)
                    self.stop_listening()
                case KillStack(reason):
                    _log.error("everything is started again: %s", reason)
                    self._kill_everything()
                    self._serving = self._ready = False
                    self._watch_doors(False)
                    self.stack_died()
                case Finish():
                    self._result = effect

    def _start(self, name: str) -> None:
        plan = self.plan(name)
        reading, writing = os.pipe()
        parent = os.getpid()
        try:
            popen = subprocess.Popen(
                plan.command,
                env={**os.environ, **plan.environment, PULSE_VARIABLE: str(writing)},
                pass_fds=(writing, *plan.descriptors),
                stdin=subprocess.DEVNULL,
                # Standard output belongs to the one line that says where the service is.
                stdout=sys.stderr.fileno(),
                # A session of its own: Ctrl-C reaches the supervisor only, which then ends things in order.
                start_new_session=True,
                # Safe here: this process has one thread.
                preexec_fn=lambda: die_with_parent(parent),
            )
        finally:
            os.close(writing)
        child = self._children[name] = _Running(name, popen, PulseReader(reading))
        self._selector.register(reading, selectors.EVENT_READ, child)
        _log.info("%s started as %d", name, popen.pid)

    def _hear(self, child: _Running) -> None:
        if self._children.get(child.name) is not child:
            return  # forgotten since the selector saw it
        messages = child.pulse.read()
        if messages is None:
            self._selector.unregister(child.pulse.descriptor)
            return
        for message in messages:
            self.supervision.beat(child.name, _now_ms())
            match message:
                case Beat():
                    pass
                case ClusterUp(processes=processes):
                    for name, process in processes.items():
                        self._watch(name, process)
                case Serving():
                    self._serving = True

    def _watch_doors(self, watch: bool) -> None:
        """See who comes, or no longer: a stack that is not ready has nobody to send in."""
        watched = set(self._selector.get_map())
        for name, descriptor in self.doors.items():
            if watch and descriptor not in watched:
                self._selector.register(descriptor, selectors.EVENT_READ, _Door(name))
            elif not watch and descriptor in watched:
                self._selector.unregister(descriptor)

    def _watch(self, name: str, process: Process) -> None:
        """Have the death of a process that is not a child of ours reported at once."""
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            descriptor = None
        if descriptor is None or not process.alive():
            self._apply(self.supervision.lost(f"{name} is gone", _now_ms()))
        if descriptor is not None:
            self._watched[descriptor] = name
            self._selector.register(descriptor, selectors.EVENT_READ, name)

    def _unwatch(self, descriptor: int) -> None:
        if self._watched.pop(descriptor, None) is not None:
            self._selector.unregister(descriptor)
            os.close(descriptor)

    def _reap(self) -> None:
        """Collect the dead: our children, and the orphans that became ours."""
        while (found := _dead_child()) is not None:
            child = next((child for child in self._children.values() if child.popen.pid == found), None)
            if child is None:
                os.waitpid(found, 0)
                continue
            code = child.popen.wait()
            self._forget(child)
            _log.info("%s ended with code %d", child.name, code)
            self._apply(self.supervision.exited(child.name, code, _now_ms()))

    def _forget(self, child: _Running) -> None:
        del self._children[child.name]
        with contextlib.suppress(KeyError):  # its pipe may have ended before
            self._selector.unregister(child.pulse.descriptor)
        child.pulse.close()

    def _signal(self, name: str, number: int) -> None:
        # Not `popen.send_signal`: that collects a child that has just died, and `_reap` would never hear of its end.
        # Until it is collected its id is nobody else's.
        if (child := self._children.get(name)) is not None:
            os.kill(child.popen.pid, number)

    def _kill_everything(self) -> None:
        """Kill every descendant until none is left; a child that forks while we look is found next time round."""
        give_up_at = time.monotonic() + KILL_S_MAX
        while (found := descendants(os.getpid())) and time.monotonic() < give_up_at:
            if left := kill_and_wait(found, give_up_at - time.monotonic()):
                _log.error("processes that do not die: %s", ", ".join(str(process.pid) for process in left))
            self._collect()
        self._collect()
        for descriptor in list(self._watched):
            self._unwatch(descriptor)

    def _collect(self) -> None:
        """Collect the dead without telling anybody: they were killed on purpose."""
        for child in list(self._children.values()):
            if child.popen.poll() is not None:
                self._forget(child)
        while (found := _dead_child()) is not None:
            os.waitpid(found, 0)


def _dead_child() -> int | None:
    """The id of a child that is dead and not yet collected; it stays so."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


class _Signals:
    """Those that ask for an end, as bytes in a pipe, and SIGCHLD to wake the loop."""

    def __init__(self) -> None:
        self.descriptor, self._writing = os.pipe()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Signals":
        for descriptor in (self.descriptor, self._writing):
            os.set_blocking(descriptor, False)
        self._wakeup_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in (*_ENDS, signal.SIGCHLD):
            self._before[number] = signal.signal(number, lambda *_: None)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self.descriptor)
        os.close(self._writing)

    def read(self) -> bool:
        """Whether an end was asked for since the last time."""
        try:
            numbers = os.read(self.descriptor, 4096)
        except BlockingIOError:
            return False
        return any(number in numbers for number in _ENDS)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
