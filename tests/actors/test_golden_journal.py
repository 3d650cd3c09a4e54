"""Journals of every format that was ever written are read for ever, and mean what they meant."""

from pathlib import Path

import numpy as np
import pytest

from actors.recovery import recover_shard
from actors.segment_end import end_of_journal
from actors.segment_files import SegmentReader, segments_in
from actors.segments import SegmentJournal
from engine.kinds import Kind
from engine.layout import Limits
from engine.record import Record, RecordKind
from tests.actors.golden_journal import GOLDEN, from_text

STATES = {1: "c05c9925fe4f41b3873f6187ddc5074ef3ff5e8c57bffbca63c0efde57a1c57d"}
"""by format; never changed, only added to"""


SEQ = 21
"""of its last record"""


@pytest.fixture(params=sorted(STATES))
def format_(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def golden(format_: int, tmp_path: Path) -> Path:
    """A shard's directory as that format left it."""
    directory = tmp_path / "shard"
    directory.mkdir()
    from_text((GOLDEN / f"journal_format_{format_}.txt").read_text(), directory)
    return directory


def records_in(directory: Path) -> list[Record]:
    end = end_of_journal(directory, 0)
    reader = SegmentReader(directory, 0, lambda: end)
    try:
        return list(reader.scan())
    finally:
        reader.close()


def test_the_golden_journal_folds_to_the_state_that_was_decided(format_: int, golden: Path, tmp_path: Path) -> None:
    journal = SegmentJournal(golden, 0)
    opening = journal.open()
    try:
        assert (opening.epoch, opening.seq, opening.sealed, opening.torn) == (3, SEQ, False, False)
        shard = recover_shard(journal, tmp_path / "no snapshots", Limits())
        assert shard.state_hash().hex() == STATES[format_]
    finally:
        journal.close()


def test_the_golden_journal_has_every_kind_of_record_and_every_command(golden: Path) -> None:
    records = records_in(golden)
    assert {record.kind for record in records} == set(RecordKind)
    assert [record.seq for record in records] == list(range(1, SEQ + 1))
    assert {record.epoch for record in records} == {1, 2}
    assert len(segments_in(golden)) >= 2
    used = set(np.concatenate([record.rows["kind"] for record in records]).tolist())
    movements_only = {Kind.EXPIRE, Kind.SHORT, Kind.ALERT_RAISED, Kind.ALERT_CLEARED}
    assert set(map(int, Kind)) - used <= movements_only
    assert sum(len(record.lines) for record in records)
    assert sum(len(record.heap) for record in records)
