"""A receipt printer (ESC/POS) and the drawer that hangs on it: prints a job once, and says what is known of it.

A job goes out in pieces that end where a command ends, each followed by a fence (`GS r`): a question that the printer
answers in its turn, after all before it. A piece is sent when the fence of the last but one was answered. So a printer
that lost its memory (power, reset, a cable) has lost a fence, too, and is never told to go on, and a job is confirmed
only if every fence was answered, the last one by name where the printer can (`GS ( H`). Meanwhile it is asked how it
is, in real time: one that was silent may have restarted behind a line that kept the rest for it, and is in doubt.
Without paper the fence waits with the job; the printer goes on from its own memory when paper is put in, and nothing is
sent twice.

After the first byte there is no second try. What is not proved is unknown, and a person looks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal, Protocol

from devices.clock import Clock
from devices.codecs.escpos_commands import pieces
from devices.codecs.escpos_status import (
    ASB_ON,
    BLOCKING,
    CLEAR,
    FENCE_DRAWER,
    FENCE_PAPER,
    RECOVER_AND_CLEAR,
    RESET,
    Trouble,
    ask_proof,
    proof_id,
)
from devices.drivers.printer_talk import NotReady, PrinterTalk
from devices.printer_settings import PrinterSettings
from devices.transports.line import Line, LineError

PIECE_S: Final = 0.25
"""A piece's time on the line: less than any printer needs to start again, so that a restart always loses a fence."""
PIECE_BYTES_MIN, PIECE_BYTES_MAX = 64, 1024
ASK_EVERY_S: Final = 0.25
"""While a proof is waited for."""
SETTLE_S: Final = 2.0


class Result(Enum):
    """How an attempt ended."""

    CLEAN = auto()
    """not one byte of it left"""
    SENT = auto()
    """all of it, and no proof is possible"""
    CONFIRMED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Attempted:
    """How, why, and how much of it left."""

    result: Result
    reason: str
    bytes_sent: int = 0


class Witness(Protocol):
    """Whoever has to know, at the moments that matter."""

    def first_byte(self) -> None:
        """Called before the first byte leaves; if it raises, none does."""

    def all_sent(self) -> None:
        """The last byte was handed over."""

    def between(self) -> None:
        """Between two commands: a drawer may be opened here."""


class Doubt(Exception):
    """Bytes left, and what became of them cannot be known."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ReceiptPrinter:
    """One printer over one line; one thread."""

    def __init__(self, line: Line, settings: PrinterSettings, clock: Clock) -> None:
        self.talk = PrinterTalk(line, settings, clock)
        self.settings = settings
        self._clock = clock
        self._unsettled = 2 * PIECE_BYTES_MAX  # a program before this one may have ended in the middle
        """most bytes that it may still wait for, of a job that was given up; 0 = it holds nothing of it"""
        self._kicked_at = -1e9

    @property
    def line(self) -> Line:
        """Its line."""
        return self.talk.line

    @property
    def proof(self) -> Literal["gs_h", "gs_r", "none", "file"]:
        """How a receipt is proved here; a plain file that took it has it, and answers nothing."""
        said = self.settings.proof
        return "file" if self.line.keeps and said != "none" else said

    @property
    def speaks(self) -> bool:
        """Whether somebody answers."""
        return self.proof in ("gs_h", "gs_r")

    def poll(self) -> None:
        """Ask how it is; raises NotReady and LineError."""
        try:
            self._poll()
        except Doubt as error:
            self.line.abort()
            raise NotReady(error.reason) from error

    def _poll(self) -> None:
        self.talk.open()
        if self.speaks:
            self.talk.clear()
            if self._unsettled and not self.settings.clears:
                # Before anything else: a question's bytes could become the length of a picture that was cut short.
                self._send_all(b"\0" * self._unsettled)
            self.talk.ask_all()

    def print(self, body: bytes, number: int, witness: Witness) -> Attempted:
        """Send it and see what becomes of it. `number` names the attempt and never comes again."""
        try:
            self._get_ready()
        except (NotReady, LineError) as error:
            return Attempted(Result.CLEAN, error.reason)
        except Doubt as error:  # it hangs before the job began
            self.line.abort()
            return Attempted(Result.CLEAN, error.reason)
        witness.first_byte()
        before = self.line.tape.totals[True]
        try:
            self._send(body, number, witness)
        except (Doubt, LineError) as error:
            sent = self.line.tape.totals[True] - before
            self.line.abort()
            if not sent:
                return Attempted(Result.CLEAN, error.reason)
            self._unsettled = 2 * max(map(len, self._pieces(RESET + ASB_ON + body)))  # one on the way, one before it
            return Attempted(Result.UNKNOWN, error.reason, sent)
        sent = self.line.tape.totals[True] - before
        if self.proof == "none":
            return Attempted(Result.SENT, "handed over", sent)
        if self.proof == "file":
            return Attempted(Result.CONFIRMED, "it is in the file", sent)
        return Attempted(Result.CONFIRMED, f"proved by the printer ({self.proof})", sent)

    def give_up(self) -> None:
        """Let the line go in the middle of whatever it was: the printer may still wait for the rest."""
        self.line.abort()
        self._unsettled = 2 * PIECE_BYTES_MAX

    def kick(self, witness: Witness) -> Attempted:
        """Open the drawer, in real time: a printer without paper does it, too."""
        settings, talk = self.settings, self.talk
        try:
            talk.open()
            if settings.drawer_open_level and self.drawer_is_open():
                return Attempted(Result.CLEAN, "drawer_open")
        except (NotReady, LineError) as error:
            return Attempted(Result.CLEAN, error.reason)
        if self._clock.now() - self._kicked_at < settings.drawer_pause_s:
            return Attempted(Result.CLEAN, "too soon after the last one")
        witness.first_byte()
        pulse = bytes((0x10, 0x14, 0x01, settings.drawer_pin, settings.drawer_pulse_100ms))
        sent = 0
        try:
            sent = talk.send(pulse, self._clock.now() + settings.answer_s)
            if 0 < sent < len(pulse):
                sent += talk.send(pulse[sent:], self._clock.now() + settings.stall_s)
            if not sent:
                return Attempted(Result.CLEAN, "no room on the line")
            if sent < len(pulse):
                self.line.abort()
                return Attempted(Result.UNKNOWN, "the line stopped in the middle", sent)
            self._kicked_at = self._clock.now()
            witness.all_sent()
            if not settings.drawer_open_level:
                return Attempted(Result.SENT, "the drawer has no switch", sent)
            if self._drawer_opens():
                return Attempted(Result.CONFIRMED, "the drawer's switch says so", sent)
            return Attempted(Result.UNKNOWN, "the drawer's switch did not move", sent)
        except (NotReady, LineError) as error:
            return Attempted(Result.UNKNOWN if sent else Result.CLEAN, error.reason, sent)

    def drawer_is_open(self) -> bool:
        """What its switch says now; raises NotReady and LineError."""
        self.talk.ask_all()
        high = bool(self.talk.heard.troubles & Trouble.DRAWER_PIN_HIGH)
        return high is (self.settings.drawer_open_level == "high")

    def _drawer_opens(self) -> bool:
        give_up_at = self._clock.now() + 2 * self.settings.answer_s + self.settings.drawer_pulse_100ms / 10
        while self._clock.now() < give_up_at:
            if self.drawer_is_open():
                return True
            self.talk.hear(min(give_up_at, self._clock.now() + self.settings.answer_s / 4))
        return False

    def _get_ready(self) -> None:
        """Connected, in order, and with nothing of an old job in its memory; raises NotReady and LineError."""
        fresh = not self.line.is_open
        try:
            self.poll()
        except LineError:
            if fresh:
                raise
            self.poll()  # printers close a line that was idle for some minutes; none of this job was sent
        if not self.speaks:
            return
        if self.talk.heard.troubles & (Trouble.RECOVERABLE | Trouble.CUTTER):
            self._send_all(RECOVER_AND_CLEAR)
            self.talk.ask_all()
        self._refuse_if_blocked()
        if self._unsettled:
            self._settle()

    def _refuse_if_blocked(self) -> None:
        if wrong := self.talk.heard.troubles & BLOCKING:
            raise NotReady(name_of(wrong))

    def _settle(self) -> None:
        """What it still holds of a job that was given up must not run into the next one."""
        if not self._fence_answers():
            if self.settings.clears:
                self._send_all(CLEAR)
            if not self.settings.clears or not self._fence_answers():
                raise NotReady("it does not come to the end of an old job")
        self._unsettled = 0

    def _fence_answers(self) -> bool:
        self.talk.forget_fences()
        self._send_all(FENCE_PAPER)
        give_up_at = self._clock.now() + SETTLE_S + self.talk.patience_s()
        while not self.talk.fences and self._clock.now() < give_up_at:
            self.talk.hear(give_up_at)
        return self.talk.fences > 0

    def _send(self, body: bytes, number: int, witness: Witness) -> None:
        stream = RESET + ASB_ON + body.removeprefix(RESET)
        if not self.speaks:
            for piece in self._pieces(RESET + body.removeprefix(RESET)):
                self._send_all(piece, self.settings.restart_s)
            witness.all_sent()
            return
        self.talk.forget_fences()
        fences = 0
        *first, last = self._pieces(stream)
        for piece in first:
            self._send_all(piece + FENCE_PAPER, self.settings.restart_s)
            fences += 1
            self._wait_for_fences(fences - 1, witness)
        self._wait_for_fences(fences, witness)
        self.talk.forget_fences()
        if self.proof == "gs_h":
            name = proof_id(number)
            self._send_all(last + ask_proof(name), self.settings.restart_s)
            witness.all_sent()
            self._wait(lambda: name in self.talk.proofs, witness)
        else:
            self._send_all(
                last + FENCE_PAPER + FENCE_DRAWER, self.settings.restart_s
            )  # two answers: one stray byte proves nothing
            witness.all_sent()
            self._wait_for_fences(2, witness)
        self.talk.flying = 0

    def _wait_for_fences(self, count: int, witness: Witness) -> None:
        self._wait(lambda: self.talk.fences >= count, witness)

    def _wait(self, proved: Callable[[], bool], witness: Witness) -> None:
        """Until it is proved; asks meanwhile, so that a printer that waits for paper is told from a dead one."""
        began = in_order_since = self._clock.now()
        while not proved():
            witness.between()
            in_time = self.talk.keep_asking(ASK_EVERY_S)
            self.talk.hear(self._clock.now() + ASK_EVERY_S / 2)
            now = self._clock.now()
            blocked = self.talk.heard.troubles & BLOCKING
            if not in_time and not blocked & Trouble.COVER_OPEN:  # many say nothing while somebody changes the roll
                raise Doubt("silent")
            if not blocked and now - in_order_since > self.settings.proof_s + self.talk.patience_s():
                raise Doubt("no proof")
            if blocked:
                in_order_since = now
                if now - began > self.settings.blocked_s:
                    raise Doubt(f"{name_of(blocked)} for too long")
        witness.between()

    def _pieces(self, stream: bytes) -> Iterator[bytes]:
        speed = self.settings.bytes_per_s or PIECE_BYTES_MAX / PIECE_S
        return pieces(stream, int(min(PIECE_BYTES_MAX, max(PIECE_BYTES_MIN, speed * PIECE_S))))

    def _send_all(self, piece: bytes, stall_s: float = 0.0) -> None:
        """All of it, as long as there is movement; raises Doubt when there is none."""
        sent = 0
        while sent < len(piece):
            taken = self.talk.send(piece[sent:], self._clock.now() + (stall_s or self.settings.stall_s))
            if not taken:
                raise Doubt("it takes no more bytes")
            sent += taken


def name_of(troubles: Trouble) -> str:
    """What matters most, as a reason in a job or in a device's health."""
    for trouble in (
        Trouble.COVER_OPEN, Trouble.PAPER_OUT, Trouble.CUTTER, Trouble.UNRECOVERABLE, Trouble.OVERHEATED,
        Trouble.RECOVERABLE, Trouble.WAITING,
    ):  # fmt: skip
        if troubles & trouble:
            return str(trouble.name).lower()
    return "offline"
