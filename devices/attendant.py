"""The one who minds a scanner, a scale or a display: a thread, a line that is opened again, and a health.

A driver here does one turn after another (`Attended`). A device that says nothing is never called ready: a display has
no voice, and a scanner that was not used today may be unplugged behind its converter.
"""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from devices.clock import Clock, Waker
from devices.codecs.scales import NoWeight
from devices.drivers.customer_display import CustomerDisplay, lines_of
from devices.drivers.scale import Scale, Weight
from devices.drivers.scanner import Scan, Scanner
from devices.health import Health, HealthKeeper, HealthState, fault_of_ours, unminded
from devices.job_lines import JobJournalError
from devices.minding import Minding
from devices.shown import Idle, Shown
from devices.transports.line import Backoff, Line, LineError

TURN_S: Final = 1.0
WATCH_S: Final = 0.25
"""How often a scale is looked at, so that it is seen empty between two items."""
STOP_S: Final = 30.0
AGAIN_S: Final = 10.0
"""A display whose power went and came back says nothing of it: it is told again what to show."""
SCANNER_STALE_MS: Final = 3_600_000
"""A scanner speaks when it scans."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a turn says of the device's health."""

    state: HealthState
    reason: str = ""
    evidence: bytes = b""


class Attended(Protocol):
    """One device's turn."""

    @property
    def line(self) -> Line:
        """Its line."""

    def turn(self, until: float) -> Seen:
        """Do what is to be done until then, and say how it is; raises LineError."""


class Attendant:
    """Minds one device; not started by being made."""

    def __init__(
        self,
        device: Attended,
        clock: Clock,
        waker: Waker,
        chance: random.Random,
        tell: Callable[[Health], None] = lambda health: None,
        stale_ms: int | None = None,
    ) -> None:
        self.device = device
        self._clock = clock
        self._waker = waker
        self._tell = tell
        self._backoff = Backoff(chance)
        self._health = HealthKeeper(clock.wall_ms(), *(() if stale_ms is None else (stale_ms,)))
        self._minding = Minding(f"device {device.line.where}", clock, waker, chance, self._turn, self._broke)

    @property
    def line(self) -> Line:
        """The device's."""
        return self.device.line

    @property
    def works(self) -> bool:
        """Whether somebody minds it still."""
        return self._minding.works

    def health(self) -> Health:
        """What is known of it; may be asked by any thread."""
        health = self._health.look(self._clock.wall_ms())
        return health if self.works else unminded(health)

    def start(self) -> None:
        """Mind it in a thread of its own."""
        self._minding.start()

    def stop(self, patience_s: float = STOP_S) -> None:
        """End after this turn."""
        self._minding.stop(patience_s)
        self.device.line.close()
        self._waker.close()

    def _turn(self) -> bool:
        again_at = self.step()
        if again_at > self._clock.now() and not self._minding.stopping:
            self._clock.wait(again_at, self._waker)
            self._waker.clear()
        return True

    def _broke(self, error: Exception) -> None:
        self.device.line.abort()
        self._report(Seen(HealthState.ERROR, fault_of_ours(error)))

    def step(self) -> float:
        """One turn, and when the next is due."""
        try:
            seen = self.device.turn(self._clock.now() + TURN_S)
        except LineError as error:
            self._report(Seen(HealthState.ABSENT, error.reason))
            return self._clock.now() + self._backoff.failed()
        self._backoff.worked()
        self._report(seen)
        return self._clock.now()

    def _report(self, seen: Seen) -> None:
        now_ms = self._clock.wall_ms()
        if self._health.report(now_ms, seen.state, (seen.reason,) if seen.reason else (), seen.evidence):
            self._tell(self._health.look(now_ms))


class ScannerTurns:
    """Passes scans on as they come."""

    def __init__(self, scanner: Scanner, clock: Clock, scanned: Callable[[Scan], None]) -> None:
        self._scanner = scanner
        self._clock = clock
        self._scanned = scanned
        self._unwritten = ""
        """why the last scan reached nobody"""

    @property
    def line(self) -> Line:
        """The scanner's."""
        return self._scanner.line

    def new_receipt(self) -> None:
        """The next customer; for any thread."""
        self._scanner.new_receipt()

    def turn(self, until: float) -> Seen:
        """Scans until then."""
        for scan in self._scanner.read(until):
            try:
                self._scanned(scan)
            except (JobJournalError, OSError) as error:
                self._unwritten = f"journal: {getattr(error, 'reason', error)}"
            else:
                self._unwritten = ""
        if self._unwritten:
            return Seen(HealthState.ERROR, self._unwritten)
        silent = self._clock.now() - self._scanner.heard_at
        if silent * 1000 > SCANNER_STALE_MS:
            return Seen(HealthState.UNKNOWN, "silent")
        return Seen(HealthState.READY)


class ScaleTurns:
    """Looks at the scale, and weighs when asked; the line is one thread's at a time."""

    def __init__(self, scale: Scale, clock: Clock, waker: Waker) -> None:
        self._scale = scale
        self._clock = clock
        self._waker = waker
        self._lock = threading.Lock()

    @property
    def line(self) -> Line:
        """The scale's."""
        return self._scale.line

    def weigh(self, tare_grams: int = 0) -> Weight | NoWeight:
        """For whoever sells; takes as long as the weight needs to come to rest, at most `settle_s`."""
        with self._lock:
            try:
                return self._scale.weigh(tare_grams)
            except LineError:
                return NoWeight.SILENT

    def turn(self, until: float) -> Seen:
        """One look."""
        with self._lock:
            frame = self._scale.watch()
        self._clock.wait(min(until, self._clock.now() + WATCH_S), self._waker)
        if frame is None:
            return Seen(HealthState.UNKNOWN, "silent")
        if frame.trouble in (None, NoWeight.MOTION, NoWeight.UNDER_ZERO):
            return Seen(HealthState.READY, evidence=frame.evidence)
        return Seen(HealthState.DEGRADED, str(frame.trouble), frame.evidence)


class DisplayTurns:
    """Shows the last state, and again after the line was gone."""

    def __init__(self, display: CustomerDisplay, clock: Clock, waker: Waker) -> None:
        self._display = display
        self._clock = clock
        self._waker = waker
        self._wanted: Shown = Idle()
        self._shown: Shown | None = None
        self._shown_at = clock.now()

    @property
    def line(self) -> Line:
        """The display's."""
        return self._display.line

    def show(self, shown: Shown) -> tuple[str, str]:
        """What the customer sees from now on, as two lines; an older state that is not shown yet never will be."""
        self._wanted = shown
        self._waker.wake()
        return lines_of(shown, self._display.settings)

    def turn(self, until: float) -> Seen:
        """Show what is new."""
        wanted = self._wanted
        if not self.line.is_open or self._clock.now() - self._shown_at >= AGAIN_S:
            self._shown = None
        if wanted != self._shown:
            self._shown = None
            if not self._display.show(wanted):
                return Seen(HealthState.BLOCKED, "it takes no more bytes")
            self._shown, self._shown_at = wanted, self._clock.now()
        self.line.read(until)  # only to see that the cable is out; what a display says means nothing here
        self._waker.clear()
        return Seen(HealthState.UNKNOWN, "it never says how it is")
