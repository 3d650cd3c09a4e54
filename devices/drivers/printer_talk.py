"""The conversation with an ESC/POS printer: questions, answers, and how long to wait for them.

It keeps what was last heard and when. An answer counts for one question only, and only while it is asked: real-time
answers do not say what they answer. Silence is never taken for an answer.
"""

from dataclasses import dataclass
from typing import Final

from devices.clock import Clock
from devices.codecs.escpos_status import (
    ASK,
    BLOCKING,
    NOTHING,
    Automatic,
    Block,
    FenceAnswer,
    Proof,
    RealTime,
    StatusReader,
    Trouble,
    troubles,
)
from devices.printer_settings import PrinterSettings
from devices.transports.line import Line

QUESTIONS: Final = (1, 2, 3, 4)
MUST_ANSWER: Final = frozenset({1, 4})
"""Many a clone answers no others; one that answers neither of these has no status."""


class NotReady(Exception):
    """Not a byte of the job was sent, and this is why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Heard:
    """The last that is known of a printer."""

    troubles: Trouble = NOTHING
    at: float = -1e9
    evidence: bytes = b""


class PrinterTalk:
    """Questions and answers over one line; one thread."""

    def __init__(self, line: Line, settings: PrinterSettings, clock: Clock) -> None:
        self.line = line
        self.settings = settings
        self.heard = Heard()
        self.fences = 0
        """answers to `GS r` since `forget_fences`"""
        self.proofs: set[bytes] = set()
        self.flying = 0
        """bytes handed over since the printer last proved that it took them; tells how long an answer may need"""
        self._clock = clock
        self._reader = StatusReader()
        self._question = 0
        self._asked_at = 0.0
        self._quiet_until = 0.0
        self._voices = set(MUST_ANSWER)
        """questions that this printer answers"""
        self._answers: dict[int, tuple[Trouble, bytes]] = {}

    @property
    def garbage(self) -> int:
        """Bytes that meant nothing."""
        return self._reader.garbage

    def open(self) -> None:
        """Connect if needed; old words do not count. Raises LineRefused."""
        fresh = not self.line.is_open
        self.line.open(self._clock.now() + self.settings.open_s)  # an open one may be gone all the same: a file
        if fresh:
            self.forget()

    def forget(self) -> None:
        """A new line: nothing of what was said on the old one counts."""
        self._reader.forget()
        self._question = 0
        self._answers.clear()
        self.fences = self.flying = 0
        self.proofs.clear()

    def forget_fences(self) -> None:
        """Only answers from here on count."""
        self.fences = 0

    def clear(self) -> None:
        """What came unasked is taken in, and half an answer forgotten. Raises LineLost: the other side closed it."""
        self.hear(self._clock.now())
        self._reader.forget()
        self.flying = 0

    def ask_all(self) -> None:
        """All that the printer can tell, now; raises NotReady when it is silent, LineLost.

        Bad news is asked for twice: it stops a till, and one stray byte can look like it.
        """
        self._ask_round()
        if self.heard.troubles & BLOCKING:
            self._ask_round()

    def _ask_round(self) -> None:
        self._await_answer()
        self._answers.clear()
        for number in QUESTIONS:
            self.ask(number)
            if self._await_answer():
                self._voices.add(number)
            elif number in MUST_ANSWER:
                raise NotReady("silent")
            else:
                self._voices.discard(number)

    def _await_answer(self) -> bool:
        """Whether the question that is asked, if any, was answered in time."""
        give_up_at = self._asked_at + self.patience_s()
        while self._question and self._clock.now() < give_up_at:
            self.hear(give_up_at)
        asked, self._question = self._question, 0
        return not asked

    def ask(self, number: int) -> None:
        """One real-time question; only between two commands."""
        self._question = number
        self._asked_at = self._clock.now()
        self.send(ASK[number - 1], self._clock.now() + self.settings.answer_s)

    def keep_asking(self, every_s: float) -> bool:
        """One question after the other, while something else is waited for; whether they are answered in time."""
        now = self._clock.now()
        if self._question:
            if now - self._asked_at < self.settings.restart_s + self.patience_s() - self.settings.answer_s:
                return True
            self._question = 0  # a late answer is not the next one's
            self._quiet_until = now + self.settings.answer_s
            return False
        if now >= self._quiet_until and now - self._asked_at >= every_s:
            voices = sorted(self._voices)
            missing = [number for number in voices if number not in self._answers]
            if not missing:
                self._answers.clear()
            self.ask((missing or voices)[0])
        return True

    def patience_s(self) -> float:
        """How long an answer may take: all that is on its way to the printer goes first."""
        return self.settings.answer_s + self.flying / max(1, self.settings.bytes_per_s or 960)

    def send(self, data: bytes, deadline: float) -> int:
        """As much as is taken until the deadline: the number of bytes. Raises LineLost."""
        sent = 0
        while sent < len(data):
            taken = self.line.write(data[sent:], deadline)
            if not taken and self._clock.now() >= deadline:
                break
            sent += taken
        self.flying += sent
        return sent

    def hear(self, until: float) -> bool:
        """Take in what has come, waiting for it; whether anything came. Raises LineLost."""
        data = self.line.read(until)
        for said in self._reader.feed(data):
            match said:
                case RealTime(byte):
                    self._answer(byte)
                case Automatic(found, evidence):
                    self._learn(found, evidence)
                    self._answers.clear()
                case FenceAnswer(byte):
                    self.fences += 1
                    self._learn(self.heard.troubles, bytes((byte,)))
                case Proof(proof_id):
                    self.proofs.add(proof_id)
                    self._learn(self.heard.troubles, proof_id)
                case Block(block):
                    self._learn(self.heard.troubles, block)
        return bool(data)

    def _answer(self, byte: int) -> None:
        if not self._question:
            return  # late, or nobody's
        self._answers[self._question] = (troubles(self._question, byte), bytes((byte,)))
        self._question = 0
        found, evidence = NOTHING, b""
        for told, data in self._answers.values():
            found |= told
            evidence += data
        complete = self._answers.keys() >= MUST_ANSWER
        self._learn(found if complete else self.heard.troubles | found, evidence)

    def _learn(self, found: Trouble, evidence: bytes) -> None:
        self.heard = Heard(found, self._clock.now(), evidence)
