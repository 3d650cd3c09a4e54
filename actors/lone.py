"""Commands of one row, such as a reservation of one line: those that come together travel together.

One row by itself wants as many calls into numpy as a thousand. So packed rows are gathered until a call may be sent,
which is at the end of the event loop's turn, or when the call that is out comes back. Then they are joined, finished,
queued, answered and given up as one chunk; to the shard, and to whatever sends it again, that is a request of many
commands. Nothing is held back for it.
"""

from collections.abc import Callable
from itertools import accumulate
from struct import Struct
from typing import Any, Final, NamedTuple

import numpy as np

from actors.batcher import NO_QUESTIONS, Chunk
from actors.gathering import no_results
from actors.partitions import PartitionMap
from engine.ids import finish_rows
from engine.kinds import Kind
from engine.layout import COMMAND, RESULT, SPANS
from engine.outcomes import Outcome
from engine.wire import Array, Bytes, Reply

GIVE_UP_STEP_MS: Final = 64
"""Rows of one chunk are given up together: without a step, each millisecond of arrival would make its own."""

Values = tuple[Any, ...]
"""A record as plain integers, in its dtype's order."""


_LETTER: Final = {"<i8": "q", "<u2": "H", "|u1": "B"}
_READ: Final = ("sku_key", "not_after_ms", "client", "partition", "kind")
"""in the order of COMMAND"""


def _reader() -> Callable[[bytes], tuple[int, ...]]:
    """Reads the columns that say where a packed COMMAND row goes, at once: one by one they would cost 2 us."""
    assert COMMAND.fields is not None
    letters, end = "<", 0
    for column in _READ:
        dtype, at = COMMAND.fields[column][:2]
        letters += f"{at - end}x{_LETTER[dtype.str]}"
        end = at + dtype.itemsize
    return Struct(letters).unpack_from


heading: Final = _reader()
"""(sku_key, not_after_ms, client, partition, kind) of a packed row"""
_BY_SKU: Final = frozenset(
    map(int, (Kind.RESERVE, Kind.SELL, Kind.RETURN, Kind.RECEIVE, Kind.EXPECT, Kind.ADJUST, Kind.TRANSFER))
)
_BY_RESERVATION: Final = frozenset(map(int, (Kind.CONFIRM, Kind.RELEASE, Kind.FULFIL, Kind.EXTEND)))
_LINES_AT, _LINES_N, _OUTCOME = ((RESULT.names or ()).index(name) for name in ("lines_at", "lines_n", "outcome"))


def later(give_up_at_ms: int) -> int:
    """The time up to a step later, at which all are given up that may wait about as long."""
    return -(-give_up_at_ms // GIVE_UP_STEP_MS) * GIVE_UP_STEP_MS


def shard_of(kind: int, sku_key: int, partition: int, partitions: PartitionMap) -> int | None:
    """The one shard that decides a row of these; None when it may take several."""
    if kind in _BY_SKU:
        return partitions.shard_of_sku(sku_key)
    if kind in _BY_RESERVATION:
        return partitions.shard_of(partition) if partitions.shards == 1 or not partition & SPANS else None
    return None


class LoneAnswer(NamedTuple):
    """What became of one row."""

    result: Values
    """of RESULT"""
    lines: list[Values]
    """of LINE: those that the result points to"""
    retry_after_ms: int = 0
    """when an unanswered row should be sent again"""

    @property
    def results(self) -> Array:
        """The result as an array of one row."""
        return np.array([self.result], RESULT)


def refused(outcome: Outcome, retry_after_ms: int) -> LoneAnswer:
    """A row that no shard has answered."""
    return LoneAnswer(no_results(1, outcome)[0].item(), [], retry_after_ms)


class LoneRows:
    """Rows for one shard that may wait equally long; the owner of their chunk."""

    def __init__(self, shard: int, give_up_at_ms: int, since_ms: int) -> None:
        self.shard = shard
        self.size = 0
        """bytes"""
        self._give_up_at_ms = give_up_at_ms
        self._since_ms = since_ms
        self._rows: list[bytes] = []
        self._texts: list[bytes] = []
        self._waiting: list[Callable[[LoneAnswer], None]] = []
        self._left = 0
        self._finished: Callable[[LoneRows], None] = _nothing
        self._retry_after_ms = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: bytes, texts: bytes, answered: Callable[[LoneAnswer], None]) -> None:
        """One more; `answered` is called once, and must not raise."""
        self._rows.append(row)
        self._texts.append(texts)
        self._waiting.append(answered)
        self.size += len(row) + len(texts)

    def chunk(self, secret: bytes, retry_after_ms: int, finished: "Callable[[LoneRows], None]") -> Chunk:
        """All of them, finished; `finished` is called when every one has its answer."""
        self._left, self._retry_after_ms, self._finished = len(self._rows), retry_after_ms, finished
        rows: Array = np.frombuffer(bytearray().join(self._rows), COMMAND)
        heap: Bytes = np.frombuffer(b"".join(self._texts), np.uint8)
        if self._left > 1:
            rows["text_at"] = list(accumulate(map(len, self._texts[:-1]), initial=0))
        finish_rows(rows, heap, secret)
        at = slice(0, self._left)
        return Chunk(rows, heap, NO_QUESTIONS, self, at, self._give_up_at_ms, self._since_ms)

    def deliver(self, chunk: Chunk, reply: Reply, row: int, question: int) -> None:
        """The answers to one chunk, or to a part of it."""
        results = reply.results[row : row + len(chunk.rows)].tolist()
        spans = [(result[_LINES_AT], result[_LINES_AT] + result[_LINES_N]) for result in results if result[_LINES_N]]
        first = min((begin for begin, _ in spans), default=0)
        lines = reply.lines[first : max((end for _, end in spans), default=0)].tolist()
        answers = []
        for result in results:
            begin = result[_LINES_AT] - first
            late = self._retry_after_ms if result[_OUTCOME] > Outcome.OK else 0
            own = lines[begin : begin + result[_LINES_N]] if result[_LINES_N] else []
            answers.append(LoneAnswer(result, own, late))
        self._answer(chunk, answers)

    def give_up(self, chunk: Chunk) -> None:
        """There was none in time."""
        self._answer(chunk, [refused(Outcome.UNAVAILABLE, self._retry_after_ms)] * len(chunk.rows))

    def _answer(self, chunk: Chunk, answers: list[LoneAnswer]) -> None:
        assert isinstance(chunk.at, slice)
        for answered, answer in zip(self._waiting[chunk.at], answers, strict=True):
            answered(answer)
        self._left -= len(answers)
        if not self._left:
            self._finished(self)


def _nothing(_: LoneRows) -> None:
    """Until there is a chunk."""
