"""A receipt is printed once, or honestly "unknown": rows 1 to 8 of the failure catalogue, each fault at every byte."""

from collections import Counter as Count
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.codecs.escpos_status import ASB_ON, ASK
from devices.jobs import NO_PROOF, JobState
from devices.printer_settings import PrinterSettings
from devices.simulators.printer_faults import Fault, FaultKind
from devices.simulators.receipt_printer import PrinterSimulator
from tests.devices.counter import RESET, Counter, drawer_job, print_job, receipt

PROOFS = pytest.mark.parametrize("proof", ["gs_h", "gs_r"])


@PROOFS
def test_a_receipt_is_printed_and_proved(tmp_path: Path, proof: str) -> None:
    counter = Counter(tmp_path, PrinterSimulator(), PrinterSettings(proof=proof))  # type: ignore[arg-type]
    counter.desk.submit(print_job("A"))
    counter.run()
    assert counter.state("A") is JobState.CONFIRMED
    assert counter.papers("A") == (1, 0)
    assert [view.state for view in counter.told] == ["queued", "sending", "sent", "confirmed"]
    assert "A товар 2\n" in "".join(counter.simulator.text)


def test_a_long_receipt_goes_out_in_pieces_that_end_where_commands_end(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator(), PrinterSettings(bytes_per_s=960), bytes_per_s=960)
    counter.desk.submit(print_job("A", 100))
    counter.run()
    assert counter.state("A") is JobState.CONFIRMED
    assert counter.papers("A", 100) == (1, 0)


def test_a_printer_that_answers_nothing_is_handed_the_bytes_and_a_person_looks(tmp_path: Path) -> None:
    simulator = PrinterSimulator()
    counter = Counter(tmp_path, simulator, PrinterSettings(proof="none"))
    counter.desk.submit(print_job("A"))
    counter.run()
    view = counter.desk.find("A")
    assert view is not None
    assert (view.state, view.reasons) == (JobState.UNKNOWN, [NO_PROOF])
    assert [told.state for told in counter.told] == ["queued", "sending", "sent", "unknown"]
    simulator.pass_time(1.0)
    assert counter.papers("A") == (1, 0)
    assert counter.desk.decide("A", printed=False, by="Anna").state is JobState.ABANDONED
    counter.run()
    counter.idle(1.0)
    simulator.pass_time(1.0)
    assert counter.papers("A") == (1, 1)
    assert counter.worker.health().state == "unknown"


@pytest.mark.parametrize("kind", [FaultKind.PAPER_OUT, FaultKind.COVER_OPEN])
@PROOFS
def test_paper_that_runs_out_at_any_byte_gives_one_receipt_when_paper_is_put_in(
    tmp_path: Path, proof: str, kind: FaultKind
) -> None:
    """Rows 1 and 2: nothing is sent again, the health says why, and the job is confirmed at last."""
    for at in range(len(receipt("A"))):
        simulator = PrinterSimulator(faults=(Fault(kind, at, lasts_s=15.0),))
        counter = Counter(tmp_path / str(at), simulator, PrinterSettings(proof=proof))  # type: ignore[arg-type]
        counter.desk.submit(print_job("A"))
        counter.run()
        assert counter.state("A") is JobState.CONFIRMED, at
        assert counter.papers("A") == (1, 0), at
        assert counter.told[-1].tries == 1
        counter.close()


def test_while_a_receipt_waits_for_paper_the_health_says_so(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator(faults=(Fault(FaultKind.PAPER_OUT, 20, lasts_s=60.0),)))
    counter.desk.submit(print_job("A"))
    counter.run()
    told = counter.healths
    assert told[told.index("busy printing") :][:3] == ["busy printing", "blocked paper_out", "busy printing"]
    assert counter.state("A") is JobState.CONFIRMED


def test_without_paper_nothing_is_sent_and_the_health_says_why(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator())
    counter.simulator.run_out_of_paper()
    counter.desk.submit(print_job("A"))
    counter.run(20.0)
    assert counter.state("A") is JobState.QUEUED
    assert counter.simulator.printed == b""
    assert counter.worker.health().state == "blocked"
    assert counter.worker.health().reasons == ("paper_out",)
    counter.simulator.put_paper_in()
    counter.run(10.0)
    assert counter.state("A") is JobState.CONFIRMED
    assert counter.papers("A") == (1, 0)


def test_paper_near_its_end_only_warns(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator())
    counter.simulator.near_end = True
    counter.desk.submit(print_job("A"))
    counter.run()
    counter.idle(6.0)
    assert counter.state("A") is JobState.CONFIRMED
    assert (counter.worker.health().state, counter.worker.health().reasons) == ("degraded", ("paper_near_end",))


EVERY_BYTE: list[tuple[str, Callable[[int], Fault]]] = [
    ("cable", lambda at: Fault(FaultKind.CABLE, at)),
    ("power", lambda at: Fault(FaultKind.POWER_LOSS, at)),
    ("memory", lambda at: Fault(FaultKind.BUFFER_LOSS, at)),
    ("hang", lambda at: Fault(FaultKind.HANG, at, lasts_s=25.0)),
    ("mute", lambda at: Fault(FaultKind.MUTE, at, lasts_s=25.0)),
    ("short mute", lambda at: Fault(FaultKind.MUTE, at, lasts_s=1.0)),
]


@pytest.mark.parametrize(("name", "fault"), EVERY_BYTE, ids=[name for name, _ in EVERY_BYTE])
@pytest.mark.parametrize("speed", [960, 1_000_000])
@PROOFS
def test_a_fault_at_any_byte_never_prints_twice_and_never_loses_silently(
    tmp_path: Path, name: str, fault: Callable[[int], Fault], proof: str, speed: int
) -> None:
    """Rows 3 to 5: at every byte of a receipt, with a person who then says what lies there."""
    seen: Count[str] = Count()
    whole_run = len(receipt("A")) + 40
    for at in range(1, whole_run):
        settings = PrinterSettings(proof=proof, bytes_per_s=speed)  # type: ignore[arg-type]
        simulator = PrinterSimulator(faults=(fault(at),))
        counter = Counter(tmp_path / str(at), simulator, settings, bytes_per_s=speed)
        counter.desk.submit(print_job("A"))
        counter.run()
        state = counter.state("A")
        whole, copies = counter.papers("A")
        seen[f"{state}, {whole} on paper"] += 1
        assert copies == 0
        assert whole <= 1, at
        if state is JobState.CONFIRMED:
            assert whole == 1, at
        else:
            assert state is JobState.UNKNOWN, at
        counter.idle(60.0)
        counter.person_decides()
        whole, copies = counter.papers("A")
        assert counter.all_final()
        assert whole <= 1, at
        assert whole + copies >= 1, at
        counter.desk.submit(print_job("B"))  # and the next customer's is whole
        counter.run()
        assert counter.state("B") is JobState.CONFIRMED, at
        assert counter.papers("B") == (1, 0), at
        counter.close()
    assert seen["unknown, 0 on paper"], seen
    assert seen["confirmed, 1 on paper"], seen


@pytest.mark.parametrize("seed", range(40))
def test_random_bytes_among_the_answers_make_no_false_status(tmp_path: Path, seed: int) -> None:
    """Row 6."""
    faults = tuple(Fault(FaultKind.GARBAGE, at, noise=1 + at % 7) for at in range(5, 150, 9))
    counter = Counter(tmp_path, PrinterSimulator(faults=faults, seed=seed), PrinterSettings(proof="gs_h"))
    counter.desk.submit(print_job("A"))
    counter.run()
    assert counter.papers("A") == (1, 0)
    assert counter.state("A") in {JobState.CONFIRMED, JobState.UNKNOWN}
    counter.idle(30.0)
    assert counter.worker.health().state == "ready"


@PROOFS
def test_a_line_of_1200_baud_gives_the_same(tmp_path: Path, proof: str) -> None:
    """Row 7."""
    settings = PrinterSettings(proof=proof, bytes_per_s=120)  # type: ignore[arg-type]
    counter = Counter(tmp_path, PrinterSimulator(), settings, bytes_per_s=120)
    counter.desk.submit(print_job("A", 20))
    counter.run(200.0)
    assert counter.state("A") is JobState.CONFIRMED
    assert counter.papers("A", 20) == (1, 0)


def test_after_a_restart_of_the_printer_letters_are_not_garbled(tmp_path: Path) -> None:
    """Row 4: the code page went with the power, and is sent again with every job."""
    counter = Counter(tmp_path, PrinterSimulator())
    for name in ("A", "B"):
        counter.desk.submit(print_job(name))
        counter.run()
        counter.simulator.cycle_power(line_stays=True)
        counter.idle(3.0)
    text = "".join(counter.simulator.text)
    assert [f"{name} товар 1\n" in text for name in "AB"] == [True, True]


@pytest.mark.parametrize("clears", [True, False])
@pytest.mark.parametrize(
    "half", [b"\x1b", b"\x1dv0\x00", b"\x1dv0\x00\x20\x00\x10\x00" + bytes(9), b"\x1d(k\x40\x00\x31"]
)
def test_what_a_program_before_left_half_does_not_swallow_the_next_receipt(
    tmp_path: Path, clears: bool, half: bytes
) -> None:
    simulator = PrinterSimulator()
    simulator.receive(half)
    counter = Counter(tmp_path, simulator, PrinterSettings(clears=clears))
    counter.desk.submit(print_job("A"))
    counter.run()
    assert counter.state("A") is JobState.CONFIRMED
    assert counter.papers("A") == (1, 0)


def test_a_line_that_the_printer_closed_while_idle_is_opened_again_without_an_attempt(tmp_path: Path) -> None:
    """Row 8: most close it after five minutes."""
    counter = Counter(tmp_path, PrinterSimulator())
    counter.desk.submit(print_job("A"))
    counter.run()
    counter.line.close()
    counter.desk.submit(print_job("B"))
    counter.run()
    assert counter.state("B") is JobState.CONFIRMED
    assert counter.told[-1].tries == 1


def test_a_dead_link_is_never_ok(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator())
    counter.idle(6.0)
    assert counter.worker.health().state == "ready"
    counter.simulator.line_up = False
    counter.idle(6.0)
    assert counter.worker.health().state == "absent"
    counter.simulator.line_up = True
    counter.idle(30.0)
    assert counter.worker.health().state == "ready"
    counter.simulator._mute_until = 1e9
    counter.idle(10.0)
    assert (counter.worker.health().state, counter.worker.health().reasons) == ("unknown", ("silent",))
    assert "paper" not in " ".join(counter.healths)


def test_what_is_known_gets_old_when_nobody_asks(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator())
    counter.idle(6.0)
    counter.clock.advance(31.0)
    assert (counter.worker.health().state, counter.worker.health().reasons) == ("unknown", ("silent",))


def test_a_link_that_comes_and_goes_is_flapping(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator())
    for _ in range(6):
        counter.idle(12.0)
        counter.simulator.line_up = False
        counter.idle(6.0)
        counter.simulator.line_up = True
    counter.idle(15.0)
    health = counter.worker.health()
    assert health.flaps == 6
    assert (health.state, health.reasons) == ("degraded", ("flapping",))


def test_a_jammed_cutter_is_recovered_before_the_first_byte_only(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator())
    counter.simulator.cutter_jammed = True
    counter.desk.submit(print_job("A"))
    counter.run()
    assert counter.state("A") is JobState.CONFIRMED
    assert counter.papers("A") == (1, 0)


def test_a_slip_past_its_deadline_is_not_printed_next_morning(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator())
    counter.simulator.run_out_of_paper()
    counter.desk.submit(print_job("A", deadline_ms=counter.clock.wall_ms() + 60_000))
    counter.run(30.0)
    counter.clock.advance(36_000.0)
    counter.simulator.put_paper_in()
    counter.run()
    assert counter.state("A") is JobState.FAILED_CLEAN
    assert counter.papers("A") == (0, 0)


def test_the_drawer_opens_although_paper_is_out(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator(), PrinterSettings(drawer_open_level="high"))
    counter.simulator.run_out_of_paper()
    counter.desk.submit(print_job("A"))
    counter.desk.submit(drawer_job("D"))
    counter.run(5.0)
    assert counter.state("D") is JobState.CONFIRMED
    assert counter.simulator.drawer.kicks == 1
    assert counter.state("A") is JobState.QUEUED


def test_the_drawer_opens_in_the_middle_of_a_receipt_that_waits_for_paper(tmp_path: Path) -> None:
    simulator = PrinterSimulator(faults=(Fault(FaultKind.PAPER_OUT, 20, lasts_s=40.0),))
    counter = Counter(tmp_path, simulator, PrinterSettings(drawer_open_level="high"))
    opened_at: list[tuple[float, bool]] = []
    counter.desk._tell = lambda view: (
        opened_at.append((counter.clock.now(), simulator.paper_out)) if view.job.id == "D" else None
    )
    counter.desk.submit(print_job("A"))
    submit_when_out(counter)
    counter.run()
    assert counter.state("D") is JobState.CONFIRMED
    assert opened_at[-1][1], "while the paper was out"
    assert counter.state("A") is JobState.CONFIRMED
    assert counter.papers("A") == (1, 0)


def submit_when_out(counter: Counter) -> None:
    """As soon as the paper is out, somebody pays in cash."""
    pass_time = counter.simulator.pass_time

    def watch(seconds: float) -> None:
        pass_time(seconds)
        if counter.simulator.paper_out:
            counter.desk.submit(drawer_job("D"))

    counter.simulator.pass_time = watch  # type: ignore[method-assign]


@pytest.mark.parametrize("level", ["high", "low"])
def test_an_open_drawer_is_not_kicked_whatever_its_polarity(tmp_path: Path, level: str) -> None:
    """Row 12."""
    simulator = PrinterSimulator(open_pin_high=level == "high")
    counter = Counter(tmp_path, simulator, PrinterSettings(drawer_open_level=level))  # type: ignore[arg-type]
    counter.desk.submit(drawer_job("D"))
    counter.run()
    counter.clock.advance(5.0)
    counter.desk.submit(drawer_job("E"))
    counter.run()
    assert [counter.state("D"), counter.state("E")] == [JobState.CONFIRMED, JobState.FAILED_CLEAN]
    assert simulator.drawer.kicks == 1
    assert counter.told[-1].reasons == ["drawer_open"]


def test_a_drawer_left_open_is_reported(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator(), PrinterSettings(drawer_open_level="high", drawer_left_open_s=30.0))
    counter.desk.submit(drawer_job("D"))
    counter.run()
    counter.idle(50.0)
    assert counter.worker.health().reasons == ("drawer_left_open",)
    assert "degraded drawer_open" in counter.healths
    counter.simulator.drawer.is_open = False
    counter.idle(6.0)
    assert counter.worker.health().state == "ready"


def test_a_drawer_that_sticks_is_not_called_open(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator(), PrinterSettings(drawer_open_level="high"))
    counter.simulator.drawer.sticks = True
    counter.desk.submit(drawer_job("D"))
    counter.run()
    assert counter.state("D") is JobState.UNKNOWN


def test_a_drawer_is_not_opened_later_by_surprise(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator())
    counter.simulator.line_up = False
    counter.desk.submit(drawer_job("D"))
    counter.run(5.0)
    counter.simulator.line_up = True
    counter.run()
    assert counter.state("D") is JobState.FAILED_CLEAN
    assert counter.simulator.drawer.kicks == 0


def test_two_kicks_in_a_row_are_one_too_many(tmp_path: Path) -> None:
    counter = Counter(tmp_path, PrinterSimulator())
    counter.desk.submit(drawer_job("D"))
    counter.desk.submit(drawer_job("E"))
    counter.run()
    assert [counter.state("D"), counter.state("E")] == [JobState.SENT, JobState.FAILED_CLEAN]
    assert counter.simulator.drawer.kicks == 1


def test_the_very_bytes_of_a_small_receipt(tmp_path: Path) -> None:
    """What goes out, for the next who reads it beside a trace."""
    counter = Counter(tmp_path, PrinterSimulator(), PrinterSettings(proof="gs_r"))
    for name in "AB":  # before the first one it is also asked whether it still holds something old
        counter.desk.submit(print_job(name, 1))
        counter.run()
    sent = b"".join(piece.data for piece in counter.line.tape.pieces() if piece.sent)
    body = receipt("B", 1).removeprefix(RESET)
    assert b"".join(ASK) + RESET + ASB_ON + body + b"\x1dr\x01\x1dr\x02" in sent
