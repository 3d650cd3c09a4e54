"""A simulated ESC/POS printer with faults: what is on its paper, what it answers, and what happens at byte k.

It reads commands one by one, keeps them in a small memory, prints them at a speed, and answers fences in their turn and
real-time questions at once, as Epson's reference says. `Fault` breaks it at a byte of what it received or printed. Time
is turned from outside (`pass_time`), so it runs under a test's clock, or behind a socket or a pseudo-terminal.
"""

import random
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from devices.codecs.escpos_commands import CommandSplitter
from devices.simulators.printer_faults import ON_PAPER, Fault, FaultKind
from devices.simulators.real_time_ear import RealTimeEar

MEMORY_BYTES: Final = 4096
START_S: Final = 2.0
"""From power on to the first answer; real ones take longer."""
POWER_BREAK: Final = b"\0<power went>\0"
"""On the paper's record, so that halves before and after a restart never look like one receipt."""
CODE_PAGES: Final = {0: "cp437", 2: "cp850", 16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858", 46: "cp1251"}
_QUIET: Final = (b"\x1b@", b"\x1da", b"\x1dr", b"\x1d(H", b"\x1dI", b"\x1bp")


@dataclass(slots=True)
class Drawer:
    """What hangs on the drawer's plug."""

    is_open: bool = False
    kicks: int = 0
    sticks: bool = False
    """the pulse comes and the drawer stays shut"""

    def kick(self) -> None:
        """A pulse."""
        self.kicks += 1
        self.is_open = self.is_open or not self.sticks


@dataclass(slots=True)
class _Settings:
    """What a restart, or `ESC @`, forgets."""

    automatic: int = 0
    code_page: int = 0
    text: list[str] = field(default_factory=list)


class PrinterSimulator:
    """The printer; not for several threads at once."""

    def __init__(
        self,
        *,
        bytes_per_s: float = 4000.0,
        faults: tuple[Fault, ...] = (),
        seed: int = 0,
        knows_proof: bool = True,
        memory_bytes: int = MEMORY_BYTES,
        open_pin_high: bool = True,
    ) -> None:
        self.printed = bytearray()
        """every command that left a trace on paper, in order"""
        self.text: list[str] = []
        """the same as a reader sees it, letters by the code page that was set"""
        self.drawer = Drawer()
        self.paper_out = False
        self.cover_open = False
        self.near_end = False
        self.cutter_jammed = False
        self.line_up = True
        self.received = 0
        self.printed_bytes = 0
        self._speed = bytes_per_s
        self._faults = list(faults)
        self._chance = random.Random(seed)
        self._knows_proof = knows_proof
        self._memory_bytes = memory_bytes
        self._open_pin_high = open_pin_high
        self._splitter = CommandSplitter()
        self._ear = RealTimeEar(self._take, self._at_once, lambda: self._splitter.between)
        self._memory: deque[bytes] = deque()
        self._used = 0
        self._budget = 0.0
        self._says = bytearray()
        self._set = _Settings()
        self._time = 0.0
        self._starting_until = self._hung_until = self._mute_until = 0.0
        self._later: list[tuple[float, str]] = []

    # ---- the line's end ----

    def receive(self, data: bytes) -> int:
        """How many of these bytes it takes now."""
        for taken, byte in enumerate(data):
            if not self.line_up or self._time < self._hung_until or self._used >= self._memory_bytes:
                return taken
            self._receive(byte)
        return len(data)

    def say(self) -> bytes:
        """What it has to say since the last time."""
        if self._time < self._hung_until:
            return b""
        said = bytes(self._says)
        self._says.clear()
        return said

    def pass_time(self, seconds: float) -> None:
        """Print, start up, be refilled."""
        self._time += seconds
        for at, what in sorted(self._later):
            if at <= self._time:
                self._later.remove((at, what))
                self._return(what)
        self._budget = min(self._budget + seconds * self._speed, max(1.0, seconds * self._speed))
        while self._memory and self._can_print() and self._budget >= 1:
            self._execute()

    # ---- people ----

    def put_paper_in(self) -> None:
        """The cashier changes the roll."""
        self.paper_out = False
        self._tell_automatically()

    def run_out_of_paper(self) -> None:
        """Now."""
        self.paper_out = True
        self._tell_automatically()

    def move_cover(self, *, is_open: bool) -> None:
        """Somebody opens it, or shuts it."""
        self.cover_open = is_open
        self._tell_automatically()

    def break_soon(self, fault: Fault) -> None:
        """Have it happen at byte `fault.at` of those received from now on."""
        self._faults.append(replace(fault, at=self.received + fault.at))

    def shut_drawer(self) -> None:
        """The cashier pushes it in."""
        self.drawer.is_open = False
        self._tell_automatically()

    def cycle_power(self, *, line_stays: bool, seconds: float = START_S) -> None:
        """Off and on: everything in its memory is gone."""
        self._lose_memory()
        self._starting_until = self._time + seconds
        if not line_stays:
            self.line_up = False
            self._later.append((self._time + seconds, "line"))

    # ---- inside ----

    @property
    def blocked(self) -> bool:
        """It is off line."""
        return self.paper_out or self.cover_open or self.cutter_jammed

    def _can_print(self) -> bool:
        return not self.blocked and self._time >= max(self._starting_until, self._hung_until, self._mute_until)

    def _receive(self, byte: int) -> None:
        self.received += 1
        for fault in [f for f in self._faults if f.at == self.received and f.kind not in ON_PAPER]:
            self._faults.remove(fault)
            self._break(fault)
            if fault.kind is FaultKind.CABLE or not self.line_up:
                return
        if self._time < max(self._starting_until, self._mute_until):
            return  # nobody is there to take it
        self._ear.hear(byte)

    def _take(self, byte: int) -> None:
        for command in self._splitter.feed(bytes((byte,))):
            self._memory.append(command)
            self._used += len(command)

    def _break(self, fault: Fault) -> None:
        match fault.kind:
            case FaultKind.POWER_LOSS | FaultKind.BUFFER_LOSS:
                self.cycle_power(line_stays=fault.kind is FaultKind.BUFFER_LOSS, seconds=max(START_S, fault.lasts_s))
            case FaultKind.HANG:
                self._hung_until = self._time + fault.lasts_s
            case FaultKind.MUTE:
                self._lose_memory()
                self._mute_until = self._time + fault.lasts_s
            case FaultKind.CABLE:
                self.line_up = False
                self._says.clear()
                self._later.append((self._time + fault.lasts_s, "line"))
            case FaultKind.GARBAGE:
                self._says += self._chance.randbytes(fault.noise)
            case FaultKind.PAPER_OUT:
                self.run_out_of_paper()
                self._later.append((self._time + fault.lasts_s, "paper"))
            case FaultKind.COVER_OPEN:
                self.move_cover(is_open=True)
                self._later.append((self._time + fault.lasts_s, "cover"))

    def _return(self, what: str) -> None:
        match what:
            case "line":
                self.line_up = True
            case "paper":
                self.put_paper_in()
            case "cover":
                self.move_cover(is_open=False)

    def _lose_memory(self) -> None:
        self._memory.clear()
        self._used = 0
        self._splitter.forget()
        self._ear.forget()
        self._says.clear()
        self._set = _Settings()
        self.printed += POWER_BREAK

    def _at_once(self, command: bytes) -> None:
        match command[1], command[2]:
            case 0x04, number if number in (1, 2, 3, 4):
                self._says.append(self._status(number))
            case 0x05, 2 if self.cutter_jammed:
                self.cutter_jammed = False
                self._clear()
            case 0x14, 1:
                self.drawer.kick()
                self._tell_automatically()
            case 0x14, 8:
                self._clear()
                self._says += b"\x37\x25\x00"

    def _clear(self) -> None:
        self._memory.clear()
        self._used = 0
        self._splitter.forget()

    def _execute(self) -> None:
        command = self._memory[0]
        for fault in [f for f in self._faults if f.kind in ON_PAPER and f.at <= self.printed_bytes]:
            self._faults.remove(fault)
            self._break(fault)
            return
        self._memory.popleft()
        self._used -= len(command)
        self._budget -= len(command)
        if not command.startswith(_QUIET):
            self.printed += command
            self.printed_bytes += len(command)
        match command[:2], command[2:]:
            case b"\x1b@", _:
                self._set = _Settings()
            case b"\x1da", what:
                self._set.automatic = what[0]
                self._tell_automatically()
            case b"\x1dr", what:
                paper = 0x0C * self.paper_out | 0x03 * self.near_end
                self._says.append(paper if what[0] in (1, 49) else int(self._pin_high()))
            case b"\x1d(", what if what[:1] == b"H" and what[3:4] == b"\x30" and self._knows_proof:
                self._says += b"\x37\x22" + what[5:9] + b"\0"
            case b"\x1bp", _:
                self.drawer.kick()
            case b"\x1bt", what:
                self._set.code_page = what[0]
            case _ if len(command) == 1 and (command[0] >= 0x20 or command == b"\n"):
                self.text.append(command.decode(CODE_PAGES.get(self._set.code_page, "cp437"), "replace"))

    def _pin_high(self) -> bool:
        return self.drawer.is_open is self._open_pin_high

    def _status(self, number: int) -> int:
        match number:
            case 1:
                return 0x12 | 0x04 * self._pin_high() | 0x08 * self.blocked
            case 2:
                return 0x12 | 0x04 * self.cover_open | 0x20 * self.paper_out | 0x40 * self.cutter_jammed
            case 3:
                return 0x12 | 0x08 * self.cutter_jammed
            case _:
                return 0x12 | 0x0C * (self.near_end or self.paper_out) | 0x60 * self.paper_out

    def _tell_automatically(self) -> None:
        if self._set.automatic and self._time >= max(self._starting_until, self._mute_until):
            first = 0x10 | 0x04 * self._pin_high() | 0x08 * self.blocked | 0x20 * self.cover_open
            third = 0x03 * (self.near_end or self.paper_out) | 0x0C * self.paper_out
            self._says += bytes((first, 0x08 * self.cutter_jammed, third, 0))
