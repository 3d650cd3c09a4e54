"""The journal format: what is written comes back bit for bit, and nothing else ever does."""

import numpy as np
import numpy.typing as npt
import pytest

from engine import journal_format
from engine.journal_format import NO_HASH, FormatError, decode, encode, hash_of, parse_header
from engine.layout import COMMAND, LINE, MOVEMENT, NO_ROW, NO_WAREHOUSE, RESULT
from engine.record import Record, RecordKind, position_of
from tests.engine.journal_records import reserve_record, same_record

ARRAYS = (("rows", COMMAND), ("results", RESULT), ("movements", MOVEMENT), ("lines", LINE))
SIZES = (0, 1, 2, 7, 8, 9, 255, 256, 257, 700)


def random_bytes(rng: np.random.Generator, dtype: np.dtype[np.void], count: int) -> npt.NDArray[np.void]:
    return rng.integers(0, 256, count * dtype.itemsize, dtype=np.uint8).view(dtype)


def record_of(**arrays: npt.NDArray[np.void]) -> Record:
    return Record(RecordKind.BATCH, shard=2, era=1, seq=9, epoch=4, now_ms=1_700_000_000_123, **arrays)  # type: ignore[arg-type]


def returns(record: Record) -> int:
    """The record's bytes, after checking that they decode to the same record."""
    encoded = encode(record, NO_HASH)
    header, back = decode(encoded)
    assert header.record_bytes == len(encoded)
    assert same_record(back, record)
    return len(encoded)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize(("name", "dtype"), ARRAYS)
def test_any_bytes_in_any_array_come_back(name: str, dtype: np.dtype[np.void], count: int) -> None:
    rng = np.random.default_rng(count)
    rows = random_bytes(rng, COMMAND, 300)
    array = random_bytes(rng, dtype, count)
    returns(record_of(**{"rows": rows, name: array}))
    returns(record_of(**{name: array}))


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize(("name", "dtype"), ARRAYS)
def test_columns_of_every_width_come_back(name: str, dtype: np.dtype[np.void], count: int) -> None:
    """Ranges that end exactly where an offset needs one byte more, at both ends of every column's type."""
    rng = np.random.default_rng(count)
    for bits in (0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64):
        array = np.zeros(count, dtype)
        for field in dtype.names or ():
            column = array[field]
            info = np.iinfo(column.dtype)
            span = min(2**bits, int(info.max) - int(info.min))
            base = (int(info.min), int(info.max) - span, 0 if span <= int(info.max) else int(info.min))[bits % 3]
            values = [base, base + span, *(base + int(rng.random() * span) for _ in range(column.size))]
            column[...] = np.array(values[: column.size], object).reshape(column.shape).astype(column.dtype)
        returns(record_of(rows=random_bytes(rng, COMMAND, 20), **({} if name == "rows" else {name: array})))
        returns(record_of(**{name: array}))


def test_columns_that_count_up_cost_next_to_nothing() -> None:
    rows = np.zeros(1000, COMMAND)
    small = returns(record_of(rows=rows))
    rows["text_at"] = np.arange(1000) * 36
    rows["group"] = np.arange(1000) // 3
    assert returns(record_of(rows=rows)) <= small + 1000 + 10
    results = np.zeros(1000, RESULT)
    results["position"] = position_of(1 << 38, 0) + np.arange(1000)
    assert returns(record_of(rows=rows, results=results)) <= small + 1000 + 100


def test_steps_that_wrap_come_back() -> None:
    rows = np.zeros(600, COMMAND)
    rows["text_at"] = np.arange(600) * 0x01000001 & 0xFFFFFFFF
    rows["group"][::2] = 0xFFFFFFFF
    returns(record_of(rows=rows))


@pytest.mark.parametrize("refused", [0.0, 0.01, 0.5, 1.0])
def test_what_repeats_the_row_is_not_written_again(refused: float) -> None:
    record = reserve_record(1000, refused=refused)
    apart = Record(**{**{name: getattr(record, name) for name in Record.__slots__}, "rows": record.rows[:0]})
    assert returns(record) - len(encode(apart, NO_HASH)) < 80 * 1000
    returns(apart)


def test_movements_of_no_row_and_of_rows_that_are_not_there_come_back() -> None:
    record = reserve_record(300)
    movements = record.movements.copy()
    movements["row"][::3] = NO_ROW
    movements["row"][1::3] = 5000
    movements["reservation"][::2] = 0
    for some in (
        movements,
        movements[:1],
        movements[1:2],
        np.repeat(movements[:1], 400),
        np.repeat(movements[2:3], 400),
    ):
        returns(record_of(rows=record.rows, movements=some.copy()))


def test_a_full_batch_of_reservations_takes_about_a_hundred_bytes_a_row() -> None:
    assert returns(reserve_record(8192, refused=0.05)) / 8192 < 110


def test_a_lone_command_fits_a_sector() -> None:
    assert returns(reserve_record(1)) < 504


def test_every_field_of_the_header_comes_back() -> None:
    record = Record(RecordKind.OPEN, 7, 3, 2**40 + 1, 2**33, 1_700_000_000_123, 5, 60_000, 604_800_000)
    header = parse_header(encode(record, bytes(range(32))))
    assert (header.kind, header.shard, header.era, header.seq) == (RecordKind.OPEN, 7, 3, 2**40 + 1)
    assert (header.epoch, header.now_ms, header.rules) == (2**33, 1_700_000_000_123, 5)
    assert (header.downtime_ms, header.id_window_ms, header.prev_hash) == (60_000, 604_800_000, bytes(range(32)))
    returns(record)


def test_records_are_chained() -> None:
    record = reserve_record(3)
    first, second = encode(record, NO_HASH), encode(record, b"\x01" + bytes(31))
    assert hash_of(first) == parse_header(first).hash != hash_of(second)


def test_every_damaged_byte_is_noticed() -> None:
    encoded = encode(reserve_record(5), NO_HASH)
    for at in range(len(encoded)):
        damaged = encoded.copy()
        damaged[at] ^= 1 << at % 8
        with pytest.raises(FormatError):
            decode(damaged)


@pytest.mark.parametrize("length", [0, 1, 100, journal_format.HEADER_BYTES, journal_format.HEADER_BYTES + 1])
def test_what_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(FormatError):
        decode(encode(reserve_record(5), NO_HASH)[:length])


@pytest.mark.parametrize(("name", "value"), [("_LAYOUT", 1), ("FORMAT", 2), ("_KINDS", {})])
def test_records_of_another_version_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> None:
    encoded = encode(reserve_record(5), NO_HASH)
    monkeypatch.setattr(journal_format, name, value)
    with pytest.raises(FormatError, match="not known"):
        decode(encoded)


def test_arrays_may_be_read_only_and_strided() -> None:
    record = reserve_record(64)
    rows = np.frombuffer(record.rows.tobytes(), COMMAND)
    returns(record_of(rows=rows))
    returns(record_of(rows=record.rows[::2]))
    assert int(record.rows["to_warehouse"][0]) == NO_WAREHOUSE
