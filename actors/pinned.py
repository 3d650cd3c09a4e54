"""Finds pinned answers in the journal: for rows whose ids were known, and for questions about commands.

The engine only says where an answer lies (`position`); the exact answer, lines included, stands in the record
that was made durable then. Used by the shard actor after a batch is decided.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from actors.journal import JournalError
from actors.packing import copied, cut_lines, join, join_arrays, pick, place
from engine.kinds import Flag, QuestionKind, ResultFlag
from engine.layout import COMMAND, LINE, RESULT
from engine.outcomes import Outcome
from engine.record import Record, seq_and_row
from engine.shard import Answers
from engine.wire import Array, Bytes

Read = Callable[[int], Record]
"""`Journal.read`"""

_REPLAYED: Final = np.uint8(ResultFlag.REPLAYED)
_SAME_BATCH: Final = np.uint8(ResultFlag.SAME_BATCH)
_24: Final = np.uint64(24)
_ROW: Final = np.uint64(0xFFFFFF)
NOTHING: Final = (np.empty(0, COMMAND), np.empty(0, np.uint8))
_UNREADABLE: Final = (np.zeros(1, COMMAND), np.empty(0, np.uint8))


def replayed(results: Array) -> npt.NDArray[np.bool_]:
    """True for rows whose id was known."""
    found: npt.NDArray[np.bool_] = (results["flags"] & _REPLAYED) != 0
    return found


def resolve(results: Array, lines: Array, read: Read) -> tuple[Array, Array]:
    """Results and lines with every replayed row as it was answered the first time, its REPLAYED flag kept.

    A record that cannot be read leaves its rows UNAVAILABLE: they had an answer, which cannot be given now.
    """
    known = replayed(results)
    if not known.any():
        return results, lines
    results = copied(results)
    lines_parts = [lines]
    lines_n = len(lines)
    same = known & ((results["flags"] & _SAME_BATCH) != 0)
    elsewhere = np.flatnonzero(known & ~same)
    positions = results["position"]
    seqs = positions[elsewhere] >> _24
    for seq in np.unique(seqs).tolist():
        index = elsewhere[seqs == seq]
        rows = (positions[index] & _ROW).astype(np.intp)
        record = _read(read, seq)
        if record is None:
            results["outcome"][index] = Outcome.UNAVAILABLE
            continue
        pinned = record.results.take(rows)
        pinned["flags"] |= _REPLAYED
        for row in np.flatnonzero(pinned["lines_n"]):
            begin, count = int(pinned["lines_at"][row]), int(pinned["lines_n"][row])
            lines_parts.append(record.lines[begin : begin + count])
            pinned["lines_at"][row] = lines_n
            lines_n += count
        place(results, index, pinned)
    for row in np.flatnonzero(same):
        results[row] = results[int(positions[row])]
        results["flags"][row] |= _REPLAYED | _SAME_BATCH
    if len(lines_parts) > 1:
        lines = join_arrays(lines_parts, LINE)
    return results, lines


def positions_to_read(questions: Array, found: Answers) -> npt.NDArray[np.uint64]:
    """Where the row behind each reservation view stands; 0 for those whose questions want none (Flag.PREPARE)."""
    positions: npt.NDArray[np.uint64] = found.reservations["position"].copy()
    if not len(positions):
        return positions
    about = np.isin(questions["kind"], (QuestionKind.RESERVATION, QuestionKind.RESERVATIONS))
    for q in np.flatnonzero(about & ((questions["flags"] & np.uint16(Flag.PREPARE)) != 0)):
        begin = int(found.answers["items_at"][q])
        positions[begin : begin + int(found.answers["items_n"][q])] = 0
    return positions


def made_by(positions: npt.NDArray[np.uint64], read: Read) -> tuple[Array, Bytes]:
    """The COMMAND row at each position with its texts; a zero row where there is none or it cannot be read."""
    parts = []
    for position in positions.tolist():
        seq, row = seq_and_row(position)
        record = _read(read, seq) if seq else None
        parts.append(_UNREADABLE if record is None else pick(record.rows, record.heap, np.array([row])))
    return join(parts) if parts else NOTHING


def commands_behind(questions: Array, answers: Array, read: Read) -> tuple[Array, Bytes, Array, Array]:
    """(rows, heap, results, lines) behind the answers to COMMAND questions; `answers` (modified) point to them."""
    parts: list[tuple[Array, Bytes]] = []
    results_parts: list[Array] = []
    lines_parts: list[Array] = []
    rows_n = lines_n = 0
    for q in np.flatnonzero((questions["kind"] == QuestionKind.COMMAND) & (answers["outcome"] == Outcome.OK)):
        seq, row = seq_and_row(int(answers["position"][q]))
        record = _read(read, seq)
        if record is None:
            answers["outcome"][q] = Outcome.UNAVAILABLE
            continue
        end = row + 1
        while end < len(record.rows) and record.rows["flags"][end] & Flag.CONTINUES:
            end += 1
        results, lines = cut_lines(record.results[row:end], record.lines)
        results["lines_at"] += np.uint32(lines_n)
        answers["items_at"][q] = rows_n
        answers["items_n"][q] = end - row
        parts.append(pick(record.rows, record.heap, np.arange(row, end)))
        results_parts.append(results)
        lines_parts.append(lines)
        rows_n += end - row
        lines_n += len(lines)
    rows, heap = join(parts) if parts else NOTHING
    return rows, heap, join_arrays(results_parts, RESULT), join_arrays(lines_parts, LINE)


def _read(read: Read, seq: int) -> Record | None:
    try:
        return read(seq)
    except (JournalError, LookupError, OSError):
        return None
