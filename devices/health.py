"""How a device is, as data: what is known, why, since when, and the bytes that say so.

Nothing is ever fine because nobody complained. What is known gets old, and then the device is `unknown`.
"""

from collections import deque
from enum import StrEnum
from typing import Final

import msgspec

STALE_MS: Final = 30_000
"""Older knowledge is none."""
FLAP_WINDOW_MS: Final = 600_000
FLAPS_MAX: Final = 5
"""From working to not working more often within the window is a fault of its own: a loose plug."""
REASON_CHARS_MAX: Final = 200


class HealthState(StrEnum):
    """One word for a device."""

    ABSENT = "absent"
    """nothing answers at its address"""
    CONNECTING = "connecting"
    READY = "ready"
    BUSY = "busy"
    DEGRADED = "degraded"
    """works, but somebody should look"""
    BLOCKED = "blocked"
    """does nothing until somebody acts: paper, cover"""
    ERROR = "error"
    UNKNOWN = "unknown"


WORKING: Final = frozenset({HealthState.READY, HealthState.BUSY, HealthState.DEGRADED})


class Health(msgspec.Struct, frozen=True):
    """What is known of a device."""

    state: HealthState
    reasons: tuple[str, ...]
    since_ms: int
    """wall clock; when this state began"""
    checked_ms: int
    """when this was last seen to be so; 0 = never"""
    evidence: str
    """the last bytes it said, in hexadecimal"""
    flaps: int
    """how often it stopped working within ten minutes"""


def fault_of_ours(error: Exception) -> str:
    """A reason: the device may be well, its program is not."""
    return f"program: {error!r}"[:REASON_CHARS_MAX]


def unminded(health: Health) -> Health:
    """What is known of a device whose thread is gone, whatever it said last."""
    reasons = health.reasons if health.state is HealthState.ERROR else ("program: nobody minds the device",)
    return msgspec.structs.replace(health, state=HealthState.ERROR, reasons=reasons)


class HealthKeeper:
    """Remembers what was reported last, and when."""

    def __init__(self, now_ms: int, stale_ms: int = STALE_MS) -> None:
        self._stale_ms = stale_ms
        self._state = HealthState.CONNECTING
        self._reasons: tuple[str, ...] = ()
        self._since_ms = now_ms
        self._checked_ms = 0
        self._evidence = b""
        self._falls: deque[int] = deque(maxlen=100)
        self._last_word = False

    def last_word(self) -> None:
        """What was reported last stays so until somebody acts: it does not get old."""
        self._last_word = True

    def report(self, now_ms: int, state: HealthState, reasons: tuple[str, ...] = (), evidence: bytes = b"") -> bool:
        """What was just seen; whether that is news."""
        was, were = self._state, self._reasons
        if state is not was:
            if was in WORKING and state not in WORKING:
                self._falls.append(now_ms)
            self._since_ms = now_ms
        self._state, self._reasons = state, reasons
        self._checked_ms = now_ms
        self._evidence = evidence or self._evidence
        return (was, were) != (state, reasons)

    def look(self, now_ms: int) -> Health:
        """What can be said now."""
        while self._falls and self._falls[0] <= now_ms - FLAP_WINDOW_MS:
            self._falls.popleft()
        state, reasons, since_ms = self._state, self._reasons, self._since_ms
        if self._checked_ms and now_ms - self._checked_ms > self._stale_ms and not self._last_word:
            state, reasons, since_ms = HealthState.UNKNOWN, ("silent",), self._checked_ms
        flaps = len(self._falls)
        if flaps > FLAPS_MAX:
            reasons = (*reasons, "flapping")
            if state is HealthState.READY:
                state = HealthState.DEGRADED
        return Health(state, reasons, since_ms, self._checked_ms, self._evidence.hex(" "), flaps)
