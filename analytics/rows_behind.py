"""Journal records as one stretch of columns: all movements, all rows, and for each movement the row that caused it.

Records of a busy shard hold thousands of rows, those of a quiet one a few: here they become one array each, so that
what follows does not know the difference. A movement that was prepared on several shards has its prices and texts in
an earlier record, which is joined too.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.kinds import Flag, Kind
from engine.layout import COMMAND, MOVEMENT, NO_ROW, RESULT, TEXTS
from engine.record import Record

Array = npt.NDArray[np.void]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ROW_BITS: Final = 24
"""of a position: seq << 24 | row"""
_LINE_BITS: Final = 16
_PREPARE: Final = np.uint16(Flag.PREPARE)
_CONTINUES: Final = np.uint16(Flag.CONTINUES)


class Stretch:
    """Some records of one shard, in order."""

    def __init__(self, records: Sequence[Record], read: Callable[[int], Record]) -> None:
        """`read` gives an earlier record of the same journal."""
        self.shard = records[0].shard
        self.movements = _joined([record.movements for record in records], MOVEMENT)
        self.results = _joined([record.results for record in records], RESULT)
        self.seqs = np.array([record.seq for record in records], np.int64)
        self.times = np.array([record.now_ms for record in records], np.int64)
        self._counts = np.array([len(record.movements) for record in records], np.int64)
        self._rows_counts = np.array([len(record.rows) for record in records], np.int64)
        self.of_movement = np.repeat(np.arange(len(records)), self._counts)
        """which of the records each movement is of"""
        self.of_row = np.repeat(np.arange(len(records)), self._rows_counts)
        """which of the records each row that was decided here is of"""
        positions = self.movements["prepared_at"].astype(np.int64)
        wanted = np.unique(positions[positions != 0] >> ROW_BITS)
        before = [read(seq) for seq in wanted[~np.isin(wanted, self.seqs)].tolist()]
        nobody = np.zeros(1, COMMAND)
        every = [*before, *records]
        self.rows = _joined([*(record.rows for record in every), nobody], COMMAND)
        """rows of earlier records, then those of these, then one that is nobody's"""
        heaps = [record.heap for record in every]
        self._heap = np.concatenate(heaps)
        counts = np.array([len(record.rows) for record in every], np.int64)
        begins = np.cumsum([0, *(len(heap) for heap in heaps)])[:-1]
        self._texts_at = self.rows["text_at"].astype(np.int64)
        self._texts_at[:-1] += np.repeat(begins, counts)
        self._lengths = np.ascontiguousarray(self.rows["text_lengths"])
        self._said = [longest > 0 for longest in self._lengths.max(axis=0, initial=0).tolist()]
        """which of the texts any row has"""
        self._every_text = self._laid_end_to_end()
        self._ends = np.cumsum(counts)
        self._begins = self._ends - counts
        self._every = np.array([record.seq for record in every], np.int64)
        self.first_row = int(self._begins[len(before)]) if len(every) > len(before) else 0
        """where the rows that were decided here begin"""
        index = np.arange(len(self.rows))
        self.heads = np.maximum.accumulate(np.where((self.rows["flags"] & _CONTINUES) != 0, 0, index))
        """for each row the first one of its command"""
        self.starts = self._group_starts()
        """for each row the first one of its group"""
        self.causes = self._causes(positions)
        """for each movement the row behind it"""

    @property
    def n(self) -> Int64s:
        """The number of each movement in its record."""
        return np.arange(len(self.movements)) - np.repeat(np.cumsum(self._counts) - self._counts, self._counts)

    @property
    def row_n(self) -> Int64s:
        """The number of each row that was decided here in its record."""
        counts = self._rows_counts
        return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)

    def results_of(self, which: Int64s) -> Array:
        """The answers to the rows behind movements of these records (not to those that prepared them)."""
        begins = np.cumsum(self._rows_counts) - self._rows_counts
        return self.results.take(begins[self.of_movement[which]] + self.movements["row"][which].astype(np.int64))

    def positions(self, rows: Int64s) -> Int64s:
        """Where rows stand in the journal: seq << 24 | row."""
        record = np.searchsorted(self._ends, rows, side="right")
        return self._every[record] << ROW_BITS | (rows - self._begins[record])

    def texts(self, rows: Int64s, name: str) -> pa.Array:
        """One of the texts of each of these rows, null where there is none."""
        number = TEXTS.index(name)
        if not self._said[number]:
            return pa.nulls(len(rows), pa.string())
        if self._every_text is not None:
            return self._every_text.take(pa.array(rows * len(TEXTS) + number))
        lengths = self._lengths[rows].astype(np.int64)
        return _cut(self._heap, self._texts_at[rows] + lengths[:, :number].sum(axis=1), lengths[:, number])

    def _laid_end_to_end(self) -> pa.Array | None:
        """All texts of all rows, if they lie without gaps, as they do unless somebody sent rows that share texts.

        Arrow then copies text by text; picking them byte by byte took four times as long.
        """
        sizes = self._lengths.sum(axis=1, dtype=np.int64)
        ends = np.cumsum(sizes)
        if len(self._heap) != ends[-1] or (self._texts_at[:-1] != (ends - sizes)[:-1]).any():
            return None
        lengths = self._lengths.reshape(-1)
        offsets = np.zeros(len(lengths) + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
        bits = np.packbits(lengths != 0, bitorder="little")
        return pa.StringArray.from_buffers(
            len(lengths), pa.py_buffer(offsets), pa.py_buffer(self._heap), pa.py_buffer(bits)
        )

    def with_text(self, rows: Int64s, name: str) -> Int64s:
        """These rows, or where they lack this text the first ones of their commands, which may have it."""
        number = TEXTS.index(name)
        if not self._said[number]:
            return rows
        lacking = self._lengths[rows, number] == 0
        return np.where(lacking, self.heads[rows], rows)

    def _group_starts(self) -> Int64s:
        group = self.rows["group"]
        begins = np.ones(len(group), np.bool_)
        begins[1:] = (group[1:] == 0) | (group[1:] != group[:-1])
        begins[self._begins[self._begins < len(group)]] = True
        return np.maximum.accumulate(np.where(begins, np.arange(len(group)), 0))

    def _causes(self, positions: Int64s) -> Int64s:
        records_begin = self._begins[len(self._begins) - len(self.seqs) :]
        causes = records_begin[self.of_movement] + self.movements["row"].astype(np.int64)
        causes[self.movements["row"] == NO_ROW] = len(self.rows) - 1
        prepared = np.flatnonzero(positions)
        if len(prepared):
            causes[prepared] = self._prepared_rows(positions[prepared], prepared)
        return causes

    def _prepared_rows(self, positions: Int64s, which: Int64s) -> Int64s:
        """The rows that prepared these movements: of the command's group the one with the movement's line.

        Sales carry no line: they are counted.
        """
        order = np.argsort(self._every)
        record = order[np.searchsorted(self._every, positions >> ROW_BITS, sorter=order)]
        first = self._begins[record] + (positions & ((1 << ROW_BITS) - 1))
        line = self.movements["line"][which].astype(np.int64)
        grouped = self.rows["group"][first] != 0
        sold = self.rows["kind"][first] == Kind.SELL
        lines = np.flatnonzero((self.rows["flags"] & _PREPARE) != 0)
        keys = self.starts[lines] << _LINE_BITS | (self.rows["line"][lines].astype(np.int64) & 0xFFFF)
        by_key = np.argsort(keys, kind="stable")
        keys, lines = keys[by_key], lines[by_key]
        wanted = first << _LINE_BITS | line
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        of_line = np.where(keys[at] == wanted, lines[at], first)
        counted = np.minimum(first + line, self._ends[record] - 1)
        return np.where(grouped, np.where(sold, counted, of_line), first)


def _joined(arrays: Sequence[Array], dtype: np.dtype[np.void]) -> Array:
    """By bytes: numpy joins records field by field, which takes many times as long."""
    parts = [array.view(np.uint8) for array in arrays if len(array)]
    return np.concatenate(parts).view(dtype) if parts else np.empty(0, dtype)


def _cut(heap: npt.NDArray[np.uint8], begins: Int64s, lengths: Int64s) -> pa.Array:
    """Texts that lie anywhere in `heap`, null for the empty ones."""
    ends = np.cumsum(lengths)
    size = int(ends[-1]) if len(ends) else 0
    offsets = np.zeros(len(lengths) + 1, np.int32)
    offsets[1:] = ends
    source = np.arange(size, dtype=np.int64)
    source += np.repeat(begins - (ends - lengths), lengths)
    bits = np.packbits(lengths != 0, bitorder="little")
    data: Any = heap.take(source) if size else heap[:0]
    return pa.StringArray.from_buffers(
        len(lengths), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data)), pa.py_buffer(bits)
    )
