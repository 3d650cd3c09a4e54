"""Puts one request's answer together from the answers to its chunks, in the order asked.

Rows of one request go to several shards in several chunks, and come back in any order. A gathering is what
a chunk's `owner` is: the client tells it what came of each chunk, and it says when nothing is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from actors.answers import Answers, Part, merge, of_reply, unanswered
from actors.batcher import Chunk, Place
from actors.packing import cut_lines, join_arrays, place
from engine.layout import LINE, NO_WAREHOUSE, RESULT
from engine.outcomes import Outcome
from engine.wire import Array, Reply

NO_LINES: Array = np.empty(0, LINE)


@dataclass(slots=True)
class Answered:
    """What became of the rows of one request."""

    results: Array
    """RESULT[n], one per row; UNAVAILABLE and OVERLOADED rows are no shard's answer"""
    lines: Array
    """LINE[k], where `lines_at` and `lines_n` of the results point"""
    retry_after_ms: int = 0
    """when unanswered rows should be sent again, 0 = there are none"""


def no_results(count: int, outcome: Outcome) -> Array:
    """Rows that no shard has answered."""
    results = np.zeros(count, RESULT)
    results["outcome"] = outcome
    results["warehouse"] = NO_WAREHOUSE
    return results


class Gathering:
    """The rows of one request."""

    def __init__(self, count: int, done: Callable[[], None]) -> None:
        """`done` is called once, when every row has its result."""
        self._count = count
        self._left = count
        self._done = done
        self._results: Array | None = None
        self._lines: list[Array] = []
        self._lines_n = 0

    def deliver(self, chunk: Chunk, reply: Reply, row: int, question: int) -> None:
        """The answer to one chunk."""
        results, lines = cut_lines(reply.results[row : row + len(chunk.rows)], reply.lines)
        self.put(chunk.at, results, lines)

    def give_up(self, chunk: Chunk) -> None:
        """There was none in time."""
        self.put(chunk.at, no_results(len(chunk.rows), Outcome.UNAVAILABLE), NO_LINES)

    def put(self, at: Place, results: Array, lines: Array) -> None:
        """Set the results of some rows; `results` is taken over."""
        if len(lines):
            if self._lines_n:
                results["lines_at"] += np.uint32(self._lines_n) * (results["lines_n"] > 0)
            self._lines.append(lines)
            self._lines_n += len(lines)
        if len(results) == self._count and isinstance(at, slice):
            self._results = results
        else:
            if self._results is None:
                self._results = np.zeros(self._count, RESULT)
            place(self._results, at, results)
        self._left -= len(results)
        if not self._left:
            self._done()

    def answered(self, retry_after_ms: int) -> Answered:
        """The whole; `retry_after_ms` counts only when a row is without an answer."""
        if self._results is None or self._left:
            raise AssertionError(f"{self._left} of {self._count} rows are not answered")
        lines = NO_LINES
        if self._lines:
            lines = self._lines[0] if len(self._lines) == 1 else join_arrays(self._lines, LINE)
        late = bool((self._results["outcome"] > Outcome.OK).any())
        return Answered(self._results, lines, retry_after_ms if late else 0)


class QuestionGathering:
    """The questions of one request."""

    def __init__(self, count: int, done: Callable[[], None]) -> None:
        """`done` is called once, when every question has its answer."""
        self._count = count
        self._left = count
        self._done = done
        self._parts: list[Part] = []

    def deliver(self, chunk: Chunk, reply: Reply, row: int, question: int) -> None:
        """The answer to one chunk."""
        self._put(chunk, of_reply(reply, question, question + len(chunk.questions)))

    def give_up(self, chunk: Chunk) -> None:
        """There was none in time."""
        self._put(chunk, unanswered(len(chunk.questions), Outcome.UNAVAILABLE))

    def refuse(self, chunk: Chunk) -> None:
        """It was not let in."""
        self._put(chunk, unanswered(len(chunk.questions), Outcome.OVERLOADED))

    def _put(self, chunk: Chunk, answers: Answers) -> None:
        self._parts.append(Part(chunk.at, chunk.questions["kind"], answers))
        self._left -= len(answers.answers)
        if not self._left:
            self._done()

    def answered(self, retry_after_ms: int) -> Answers:
        """The whole, in the order asked."""
        if self._left:
            raise AssertionError(f"{self._left} of {self._count} questions are not answered")
        merged = merge(self._count, self._parts)
        if (merged.answers["outcome"] > Outcome.OK).any():
            merged.retry_after_ms = retry_after_ms
        return merged
