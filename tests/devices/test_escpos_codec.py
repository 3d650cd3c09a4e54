"""What printers say, told apart by fixed bits; where commands end; any split, any garbage."""

import itertools
import random
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.codecs.escpos_commands import CommandSplitter, command_length, pieces
from devices.codecs.escpos_status import (
    Automatic,
    Block,
    FenceAnswer,
    Proof,
    RealTime,
    Said,
    StatusReader,
    Trouble,
    ask_proof,
    proof_id,
    troubles,
)
from devices.jobs import JobState
from devices.printer_settings import PrinterSettings
from devices.simulators.printer_faults import Fault, FaultKind
from devices.simulators.receipt_printer import PrinterSimulator
from tests.devices.counter import Counter, print_job, receipt


def said(data: bytes) -> list[Said]:
    return list(StatusReader().feed(data))


@pytest.mark.parametrize(
    ("question", "byte", "what"),
    [
        (1, 0x12, Trouble(0)),
        (1, 0x16, Trouble.DRAWER_PIN_HIGH),
        (1, 0x1A, Trouble.OFFLINE),
        (1, 0x32, Trouble.WAITING),
        (2, 0x16, Trouble.COVER_OPEN),
        (2, 0x32, Trouble.PAPER_OUT),
        (3, 0x1A, Trouble.CUTTER),
        (3, 0x32, Trouble.UNRECOVERABLE),
        (3, 0x52, Trouble.OVERHEATED),
        (4, 0x1E, Trouble.PAPER_NEAR_END),
        (4, 0x7E, Trouble.PAPER_OUT | Trouble.PAPER_NEAR_END),
    ],
)
def test_the_golden_status_bytes(question: int, byte: int, what: Trouble) -> None:
    assert said(bytes((byte,))) == [RealTime(byte)]
    assert troubles(question, byte) == what


def test_answers_of_all_kinds_in_one_stream() -> None:
    stream = b"\x12" + b"\x14\x00\x0c\x00" + b"\x00" + b"\x37\x22ab~ \x00" + b"\x5fTM-T88\x00" + b"\x0f"
    first, automatic, fence, proof, block, last = said(stream)
    assert first == RealTime(0x12)
    assert isinstance(automatic, Automatic)
    assert automatic.troubles == Trouble.DRAWER_PIN_HIGH | Trouble.PAPER_OUT
    assert fence == FenceAnswer(0)
    assert proof == Proof(b"ab~ ")
    assert block == Block(b"\x5fTM-T88\x00")
    assert last == FenceAnswer(0x0F)


@pytest.mark.parametrize("byte", [0x11, 0x13, 0x80, 0x93, 0xFF])
def test_a_stray_byte_is_no_status(byte: int) -> None:
    reader = StatusReader()
    assert list(reader.feed(bytes((byte,)))) == []
    assert reader.garbage == 1


def test_a_proof_is_asked_by_a_name_that_does_not_come_again() -> None:
    assert ask_proof(b"abcd") == b"\x1d(H\x06\x00\x30\x30abcd"
    names = {proof_id(number) for number in range(20_000)}
    assert len(names) == 20_000
    assert all(len(name) == 4 and all(0x20 <= byte <= 0x7E for byte in name) for name in names)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


@given(st.binary(max_size=200), st.lists(st.integers(0, 300), max_size=8))
def test_garbage_in_any_split_raises_nothing_and_the_reader_is_in_step_again(noise: bytes, cuts: list[int]) -> None:
    """Bytes that no answer has end every half answer; what comes behind them is read."""
    data = noise + b"\xff" * 4 + b"\x12" + b"\x37\x22abcd\x00"
    reader = StatusReader()
    found = [one for piece in cut(data, cuts) for one in reader.feed(piece)]
    assert found == said(data), "the split changes nothing"
    assert found[-2:] == [RealTime(0x12), Proof(b"abcd")]


@given(st.binary(max_size=400), st.integers(1, 100))
@example(b"\x10\x00", 1)
def test_pieces_are_the_same_bytes_and_end_where_commands_end(data: bytes, bytes_max: int) -> None:
    found = list(pieces(data, bytes_max))
    assert b"".join(found) == data
    assert all(found)
    for piece in found[:-1]:
        at = 0
        while at < len(piece):
            length = command_length(piece, at)
            assert length > 0
            at += length
        assert at == len(piece)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8))
def test_a_stream_of_commands_is_split_the_same_whatever_the_cuts(data: bytes, cuts: list[int]) -> None:
    one, other = CommandSplitter(), CommandSplitter()
    whole = list(one.feed(data))
    assert [command for piece in cut(data, cuts) for command in other.feed(piece)] == whole
    assert data.startswith(b"".join(whole))


@pytest.mark.parametrize(
    "command",
    [
        b"A",
        b"\x1b@",
        b"\x1bt\x11",
        b"\x1bp\x00\x19\xfa",
        b"\x1dV\x00",
        b"\x1dV\x42\x05",
        b"\x1d(k\x04\x00\x31\x41\x32\x00",
        b"\x1dv0\x00\x02\x00\x03\x00" + bytes(6),
        b"\x1b*\x21\x02\x00" + bytes(6),
        b"\x1b*\x00\x02\x00" + bytes(2),
        b"\x1dk\x02123456789012\x00",
        b"\x1dk\x43\x0c123456789012",
        b"\x1d(L\x02\x00\x30\x32",
        b"\x1d8L\x04\x00\x00\x00\x30\x70\x00\x00",
        b"\x10\x04\x01",
        b"\x10\x14\x01\x00\x02",
        b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08",
        b"\x1bD\x08\x10\x00",
    ],
)
def test_the_length_of_a_command_is_known_and_never_too_early(command: bytes) -> None:
    assert command_length(command + b"tail") == len(command)
    for end in range(1, len(command)):
        length = command_length(command[:end])
        assert length == 0 or length == len(command), "more is to come, or so many bytes"


@pytest.mark.parametrize("seed", range(300))
def test_a_bad_day_ends_with_every_receipt_once_or_marked(tmp_path: Path, seed: int) -> None:
    """Five receipts, up to six faults of all kinds at random bytes; a person answers the questions."""
    chance = random.Random(seed)
    kinds = [kind for kind in FaultKind if kind is not FaultKind.GARBAGE]
    faults = tuple(
        Fault(chance.choice(kinds), chance.randrange(1, 600), lasts_s=chance.choice([1.0, 5.0, 25.0]))
        for _ in range(chance.randrange(1, 7))
    )
    speed = chance.choice([960, 1_000_000])
    simulator = PrinterSimulator(faults=faults, seed=seed)
    settings = PrinterSettings(proof=chance.choice(["gs_h", "gs_r"]), bytes_per_s=speed, clears=chance.random() < 0.7)
    counter = Counter(tmp_path, simulator, settings, bytes_per_s=speed)
    names = "ABCDE"
    for name in names:
        counter.desk.submit(print_job(name))
        counter.run(300.0)
        counter.idle(40.0)
        for view in counter.desk.list(JobState.CONFIRMED):
            if not view.job.copy_of and not view.decided_by:
                assert counter.papers(view.job.id) == (1, 0)
        counter.person_decides()
    assert counter.all_final(), faults
    for name in names:
        whole, copies = counter.papers(name)
        assert whole <= 1, faults
        assert whole + copies >= 1, faults
        assert simulator.printed.count(receipt(name)[5:]) >= 1
    counter.close()
