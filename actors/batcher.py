"""Decides which waiting rows make up the next call to one shard. One per shard and client process.

Natural batching: a few calls are in flight, and while they are, whatever arrives fills the next one; nobody
waits for a timer. Requests come as streams of chunks. The chunks of one stream go in order, the next one not
before the one ahead is answered (or in the same call, behind it); different streams take turns. Chunks are
cut by the client so that a group is never cut. No clock, no IO: `actors.link` tells it what happened.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from actors.packing import copied, cut, heads, join_arrays, rejoin
from actors.settings import Settings
from engine.kinds import Flag
from engine.layout import COMMAND, QUESTION
from engine.wire import Array, Batch, Bytes

Place = slice | npt.NDArray[np.intp]
"""Where the rows of a chunk stand in their request."""

NO_ROWS: Array = np.empty(0, COMMAND)
NO_HEAP: Bytes = np.empty(0, np.uint8)
NO_QUESTIONS: Array = np.empty(0, QUESTION)
PILES: Final = 4
"""What killed a shard is cut into so many: a death costs seconds and a call a millisecond, and four find the row in
half the deaths that two would."""
_NEVER_MS = 1 << 62


def sub_place(at: Place, begin: int, end: int) -> Place:
    """Where rows [begin, end) of a chunk at `at` stand."""
    return slice(at.start + begin, at.start + end) if isinstance(at, slice) else at[begin:end]


@dataclass(slots=True, eq=False)
class Chunk:
    """Rows or questions that travel together; one of the two is empty."""

    rows: Array
    heap: Bytes
    questions: Array
    owner: Any
    """the request; the batcher never looks at it"""
    at: Place
    give_up_at_ms: int
    since_ms: int
    deaths: int = 0
    """how many deaths of the shard found it being decided"""
    gone: bool = False
    """answered or given up"""
    stream: "Stream" = field(init=False)
    count: int = field(init=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.count = len(self.rows) + len(self.questions)
        self.size = self.rows.nbytes + self.heap.nbytes + self.questions.nbytes


@dataclass(slots=True, eq=False)
class Stream:
    """The chunks of one request for this shard, in order."""

    waiting: deque[Chunk]
    under_way: int = 0


@dataclass(slots=True, eq=False)
class Call:
    """One batch that was sent."""

    number: int
    chunks: list[Chunk]
    sent_at_ms: int
    alone: bool = False
    """no other call may be in flight with it: it is suspected of killing the shard"""

    def batch(self, epoch_seen: int) -> Batch:
        """The message: all rows of its chunks, then all questions."""
        rows, heap = NO_ROWS, NO_HEAP
        questions = NO_QUESTIONS
        parts = [(chunk.rows, chunk.heap) for chunk in self.chunks if len(chunk.rows)]
        if parts:
            rows, heap = rejoin(parts)
        asked = [chunk.questions for chunk in self.chunks if len(chunk.questions)]
        if asked:
            questions = asked[0] if len(asked) == 1 else join_arrays(asked, QUESTION)
        return Batch(rows, heap, questions, epoch_seen, self.number)


class Batcher:
    """The queue of one shard and the calls that are out."""

    def __init__(self, settings: Settings, first_call: int = 1) -> None:
        self.calls: dict[int, Call] = {}
        self.calls_max = settings.calls_in_flight_max
        self.lost: list[Call] = []
        """calls that came to nothing and whose chunks wait for `requeue` or `suspect`"""
        self.waiting_rows = 0
        self._settings = settings
        self._next_call = first_call
        self._queue: deque[Stream] = deque()
        self._piles: deque[list[Chunk]] = deque()
        self._give_up_floor_ms = _NEVER_MS

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Queue the chunks of one request."""
        stream = Stream(deque(chunks))
        for chunk in chunks:
            chunk.stream = stream
            self.waiting_rows += chunk.count
            self._give_up_floor_ms = min(self._give_up_floor_ms, chunk.give_up_at_ms)
        self._queue.append(stream)

    def first_give_up_ms(self) -> int | None:
        """`give_up` has nothing to do before this."""
        return None if self._give_up_floor_ms == _NEVER_MS else self._give_up_floor_ms

    def next_call(self, now_ms: int) -> Call | None:
        """Take the next batch, when one may be sent."""
        if any(call.alone for call in self.calls.values()):
            return None
        while self._piles and not self.calls:
            if pile := [chunk for chunk in self._piles.popleft() if not chunk.gone]:
                return self._send(pile, now_ms, alone=True)
        if self._piles:
            return None
        if len(self.calls) >= self.calls_max or not self._queue:
            return None
        if self.calls and self.waiting_rows < self._settings.beside_rows_min:
            return None
        return self._send(self._compose(), now_ms)

    def finish(self, number: int) -> Call | None:
        """A call was answered: its streams go on. None when the call is not known (any more)."""
        call = self.calls.pop(number, None)
        if call is not None:
            for chunk in call.chunks:
                self._leave(chunk)
        return call

    def lose(self, number: int) -> None:
        """A call came to nothing: it is out no longer."""
        call = self.calls.pop(number, None)
        if call is not None:
            self.lost.append(call)

    def requeue(self, chunks: Sequence[Chunk]) -> None:
        """Put the chunks of a lost call back to where they stood, ahead of all others."""
        for chunk in reversed(chunks):
            stream = chunk.stream
            stream.under_way -= 1
            if not chunk.gone:
                stream.waiting.appendleft(chunk)
                self.waiting_rows += chunk.count
            if stream.waiting and not stream.under_way:
                self._queue.appendleft(stream)

    def suspect(self, chunks: Sequence[Chunk], split: bool) -> list[Chunk]:
        """Send these alone, one pile after the other; `split`: they killed the shard alone, so cut them into PILES.

        What cannot be cut any more is one command, marked so that the shard answers `quarantined`; or one
        question: that is given up and returned, because a shard pins no answer to it.
        """
        alive = [chunk for chunk in chunks if not chunk.gone]
        piles: list[list[Chunk]] = []
        if not split:
            piles = [alive] if alive else []
        elif len(alive) > 1:
            piles = [alive[begin:end] for begin, end in _pieces(len(alive))]
        else:
            for chunk in alive:
                parts = _parts(chunk)
                piles = [[part] for part in parts]
                if not parts:
                    chunk.gone = True
                    self._leave(chunk)
                    return [chunk]
        # Ahead of what was suspected with them: the commands of a request keep their order.
        self._piles.extendleft(reversed(piles))
        return []

    def give_up(self, now_ms: int) -> list[Chunk]:
        """Take out every chunk whose time is over, and what waits behind it in its stream."""
        if now_ms < self._give_up_floor_ms:
            return []
        over: list[Chunk] = []
        for stream in [stream for stream in self._queue if stream.waiting[0].give_up_at_ms <= now_ms]:
            self._queue.remove(stream)
            over += self._empty(stream)
        for chunk in self._sent():
            if chunk.give_up_at_ms <= now_ms:
                over.append(chunk)
                over += self._empty(chunk.stream)
        for chunk in over:
            chunk.gone = True
        heads_ms = [stream.waiting[0].give_up_at_ms for stream in self._queue]
        self._give_up_floor_ms = min([*heads_ms, *(chunk.give_up_at_ms for chunk in self._sent())], default=_NEVER_MS)
        return over

    def _sent(self) -> list[Chunk]:
        """Every chunk that left the queue and is not answered."""
        calls = [*self.calls.values(), *self.lost]
        chunks = [chunk for call in calls for chunk in call.chunks]
        chunks += [chunk for pile in self._piles for chunk in pile]
        return [chunk for chunk in chunks if not chunk.gone]

    def _send(self, chunks: list[Chunk], now_ms: int, alone: bool = False) -> Call:
        call = Call(self._next_call, chunks, now_ms, alone)
        self._next_call += 1
        self.calls[call.number] = call
        return call

    def _compose(self) -> list[Chunk]:
        chunks: list[Chunk] = []
        rows_left = self._settings.batch_rows_max
        bytes_left = self._settings.batch_bytes_max
        # Streams that gave a chunk wait behind the others for a second one.
        again: deque[Stream] = deque()
        while self._queue or again:
            turn = self._queue or again
            stream = turn[0]
            chunk = stream.waiting[0]
            if chunks and (chunk.count > rows_left or chunk.size > bytes_left):
                break
            turn.popleft()
            stream.waiting.popleft()
            stream.under_way += 1
            if stream.waiting:
                again.append(stream)
            chunks.append(chunk)
            rows_left -= chunk.count
            bytes_left -= chunk.size
            self.waiting_rows -= chunk.count
        return chunks

    def _leave(self, chunk: Chunk) -> None:
        stream = chunk.stream
        stream.under_way -= 1
        if stream.waiting and not stream.under_way:
            self._queue.append(stream)

    def _empty(self, stream: Stream) -> list[Chunk]:
        rest = list(stream.waiting)
        stream.waiting.clear()
        self.waiting_rows -= sum(chunk.count for chunk in rest)
        return rest


def _parts(chunk: Chunk) -> list[Chunk]:
    """The chunk as some, cut between commands; or as itself, marked, when it is one command."""
    if len(chunk.questions):
        begins = np.arange(len(chunk.questions))
        if len(begins) == 1:
            return []
    else:
        begins = np.flatnonzero(heads(chunk.rows))
        if len(begins) == 1:
            chunk.rows = copied(chunk.rows)
            chunk.rows["flags"] |= np.uint16(Flag.QUARANTINE)
            return [chunk]
    bounds = [*begins.tolist(), chunk.count]
    parts = [_part(chunk, bounds[begin], bounds[end]) for begin, end in _pieces(len(begins))]
    chunk.stream.under_way += len(parts) - 1
    return parts


def _pieces(count: int) -> list[tuple[int, int]]:
    """Where up to PILES of about the same size, none empty, begin and end."""
    cuts = [count * piece // PILES for piece in range(PILES + 1)]
    return [(begin, end) for begin, end in pairwise(cuts) if begin < end]


def _part(chunk: Chunk, begin: int, end: int) -> Chunk:
    at = sub_place(chunk.at, begin, end)
    rows, heap, questions = NO_ROWS, NO_HEAP, NO_QUESTIONS
    if len(chunk.rows):
        rows, heap = cut(chunk.rows, chunk.heap, begin, end)
    else:
        questions = chunk.questions[begin:end]
    part = Chunk(rows, heap, questions, chunk.owner, at, chunk.give_up_at_ms, chunk.since_ms, chunk.deaths)
    part.stream = chunk.stream
    return part
