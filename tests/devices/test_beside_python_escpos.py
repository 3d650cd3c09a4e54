"""The same faults on the same receipt, printed by python-escpos alone, so that "0" has something beside it.

python-escpos encodes and sends. What became of it it cannot know, so whoever uses it does what point-of-sale programs
do: an error means "again". Counted: receipts that are not on the paper although nobody heard of an error, and receipts
that are on it twice without a mark.
"""

import contextlib
import socket
import threading
from collections import Counter as Count
from pathlib import Path

import pytest
from escpos.escpos import Escpos

from devices.clock import ManualClock
from devices.simulators.printer_faults import Fault, FaultKind
from devices.simulators.receipt_printer import PrinterSimulator
from devices.simulators.simulated_line import SimulatedLine
from devices.transports.line import LineError, LineLost
from tests.conftest import Tell
from tests.devices.counter import RESET, Counter, print_job, receipt

KINDS = (FaultKind.CABLE, FaultKind.POWER_LOSS, FaultKind.BUFFER_LOSS, FaultKind.MUTE)
TRIES = 3


class OverLine(Escpos):  # type: ignore[misc]
    """python-escpos on a simulated line; like its own Network class it writes and never asks."""

    def __init__(self, line: SimulatedLine, clock: ManualClock) -> None:
        super().__init__()
        self._line = line
        self._clock = clock

    def open(self, raise_not_found: bool = True) -> None:
        self._line.open(self._clock.now() + 60.0)

    def close(self) -> None:
        self._line.close()

    def _raw(self, msg: bytes) -> None:
        sent = 0
        while sent < len(msg):
            taken = self._line.write(msg[sent:], self._clock.now() + 60.0)
            if not taken:
                raise TimeoutError
            sent += taken

    def _read(self) -> bytes:
        return self._line.read(self._clock.now() + 60.0)


def with_python_escpos(fault: Fault) -> str:
    clock, simulator = ManualClock(), PrinterSimulator(faults=(fault,))
    printer = OverLine(SimulatedLine(simulator, clock), clock)
    heard = True
    for _ in range(TRIES):
        try:
            printer.open()
            printer._raw(receipt("A"))
            printer.close()
        except (LineError, TimeoutError):
            clock.advance(10.0)
            continue
        heard = False
        break
    clock.advance(30.0)
    with contextlib.suppress(LineLost):
        printer._line._catch_up()
    whole = simulator.printed.count(receipt("A").removeprefix(RESET))
    return "double" if whole > 1 else "lost silently" if whole == 0 and not heard else "printed" if whole else "error"


def with_omnistock(folder: Path, fault: Fault) -> str:
    counter = Counter(folder, PrinterSimulator(faults=(fault,)))
    counter.desk.submit(print_job("A"))
    counter.run()
    whole, _ = counter.papers("A")
    state = counter.state("A")
    counter.close()
    return "double" if whole > 1 else "lost silently" if whole == 0 and state == "confirmed" else str(state)


@pytest.mark.parametrize("kind", KINDS)
def test_lost_and_double_receipts_beside_python_escpos(tmp_path: Path, kind: FaultKind, tell: Tell) -> None:
    places = range(1, len(receipt("A")) + 1)
    theirs = Count(with_python_escpos(Fault(kind, at)) for at in places)
    ours = Count(with_omnistock(tmp_path / str(at), Fault(kind, at)) for at in places)
    assert ours["double"] == ours["lost silently"] == 0
    assert theirs["double"] + theirs["lost silently"] > 0
    tell(f"{kind} at each of {len(places)} bytes: python-escpos alone {dict(theirs)}, omnistock {dict(ours)}")


def test_a_dead_link_is_never_paper_ok(tmp_path: Path, tell: Tell) -> None:
    """python-escpos says "plenty of paper" when the printer closed the line."""
    from escpos.printer import Network

    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = threading.Event()

        def hang_up() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(3)
            closed.set()

        thread = threading.Thread(target=hang_up)
        thread.start()
        theirs = Network("127.0.0.1", listener.getsockname()[1], timeout=10)
        status = theirs.paper_status()
        thread.join()
        theirs.close()
    assert status == 2, "plenty"
    counter = Counter(tmp_path, PrinterSimulator())
    counter.simulator.line_up = False
    counter.idle(6.0)
    assert counter.worker.health().state == "absent"
    tell("paper on a dead link: python-escpos alone 'plenty', omnistock 'absent'")
