"""A scale at a till: a weight that was asked for now, was still twice, and is not the last customer's apples.

A weight that lies in a buffer is old (a cashier sells the goods before these), so everything that came before the
question is thrown away. The scale has to be seen empty between two items. Tare is said by whoever sells, never guessed.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from devices.clock import Clock
from devices.codecs.scales import (
    ACK,
    CAS_ASK,
    CAS_HELLO,
    TOLEDO_ASK,
    CasReader,
    Control,
    Frame,
    NoWeight,
    ToledoReader,
)
from devices.transports.line import Line

OPEN_S: Final = 3.0
EMPTY_GRAMS: Final = 0
GRAMS_MAX: Final = 100_000
ScaleProtocol = Literal["toledo8217", "cas"]


class ScaleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the scale speaks and how long it may take."""

    answer_s: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.3
    settle_s: Annotated[float, Meta(gt=0.0, le=4.0)] = 3.0
    """for a weight to come to rest"""
    flush_s: Annotated[float, Meta(ge=0.0, le=0.5)] = 0.02
    """old bytes may still be on their way for so long"""
    empty_between: bool = True
    """it has to be empty between two items"""


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight to sell by."""

    grams: int
    """gross minus tare"""
    gross_grams: int
    tare_grams: int
    net_on_scale: bool
    """the scale took a tare of its own off: it is in `gross_grams` already"""
    sequence: int
    """counts the items: the scale was empty before each"""
    at_ms: int
    evidence: bytes

    def age_ms(self, now_ms: int) -> int:
        """A weight of ten seconds ago may lie in a bag by now."""
        return now_ms - self.at_ms


class Scale:
    """One scale over one line; one thread."""

    def __init__(self, protocol: ScaleProtocol, line: Line, settings: ScaleSettings, clock: Clock) -> None:
        self.line = line
        self.heard_at = -1e9
        self._protocol = protocol
        self._reader: ToledoReader | CasReader = ToledoReader() if protocol == "toledo8217" else CasReader()
        self._settings = settings
        self._clock = clock
        self._sequence = 0
        self._emptied = True

    def weigh(self, tare_grams: int = 0) -> Weight | NoWeight:
        """What lies there now, still; raises LineError."""
        give_up_at = self._clock.now() + self._settings.settle_s
        last: Frame | None = None
        trouble = NoWeight.SILENT
        while self._clock.now() < give_up_at:
            frame = self._ask()
            if frame is None:
                last = None
                continue
            if frame.grams is None or frame.trouble is not None:
                last, trouble = None, frame.trouble or NoWeight.REFUSED
            elif last is None or (last.grams, last.net) != (frame.grams, frame.net):
                last, trouble = frame, NoWeight.MOTION
            else:
                return self._settled(frame, tare_grams)
        return trouble

    def watch(self) -> Frame | None:
        """One look, for a display and for noticing that it was emptied; None = no answer. Raises LineError."""
        frame = self._ask()
        if frame is not None and frame.trouble is None and frame.grams == EMPTY_GRAMS:
            self._emptied = True
        return frame

    def _settled(self, frame: Frame, tare_grams: int) -> Weight | NoWeight:
        gross = frame.grams or 0
        if gross == EMPTY_GRAMS:
            self._emptied = True
            return NoWeight.EMPTY
        if gross > GRAMS_MAX:
            return NoWeight.OVER
        if gross <= tare_grams or tare_grams < 0:
            return NoWeight.UNDER_ZERO
        if self._settings.empty_between and not self._emptied:
            return NoWeight.NOT_EMPTIED
        self._emptied = False
        self._sequence += 1
        return Weight(
            gross - tare_grams, gross, tare_grams, frame.net, self._sequence, self._clock.wall_ms(), frame.evidence
        )

    def _ask(self) -> Frame | None:
        """One frame that was sent after the question."""
        if not self.line.is_open:
            self.line.open(self._clock.now() + OPEN_S)
        while self.line.read(self._clock.now() + self._settings.flush_s):
            pass
        self._reader.forget()
        if self._protocol == "toledo8217":
            return self._question(TOLEDO_ASK)
        hello = self._answer(CAS_HELLO)
        return self._question(CAS_ASK) if hello == Control(ACK) else None

    def _question(self, question: bytes) -> Frame | None:
        answer = self._answer(question)
        return answer if isinstance(answer, Frame) else None

    def _answer(self, question: bytes) -> Frame | Control | None:
        """The first and only whole answer; two answers to one question mean that one of them is old."""
        give_up_at = self._clock.now() + self._settings.answer_s
        if not self.line.write(question, give_up_at):
            return None
        found: list[Frame | Control] = []
        while not found and self._clock.now() < give_up_at:
            data = self.line.read(give_up_at)
            if data:
                self.heard_at = self._clock.now()
            found += self._reader.feed(data)
        return found[0] if len(found) == 1 else None
