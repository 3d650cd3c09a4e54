"""The shards as the rest of the program sees them: rows in, results out, in the order asked. One per process.

Finishes rows (ids, fingerprints, reservation keys), sends each to its shard in chunks, and puts the answers
together. It never raises for a shard that is away or full: such rows are `unavailable` or `overloaded`. What
has to be retried is retried below, by the same ids (`actors.link`); commands over several shards go through
`actors.saga`.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from actors.admission import Admission, Share
from actors.answers import Answers, unanswered
from actors.batcher import NO_HEAP, NO_QUESTIONS, NO_ROWS, Chunk, Place, sub_place
from actors.clock import ShardClock, system_readings
from actors.command_lookup import CommandAnswer, find_command
from actors.dispatcher import Dispatcher
from actors.gathering import NO_LINES, Answered, Gathering, QuestionGathering, no_results
from actors.lone import LoneAnswer, LoneRows, heading, later, refused
from actors.lone import shard_of as shard_of_lone
from actors.metrics import ClientMetrics
from actors.over_shards import Entry, OverShards
from actors.packing import chunk_ends, cut, number_groups, pick
from actors.partitions import PartitionMap
from actors.routing import by_shard, shard_of_row, units_of
from actors.saga import Step
from actors.settings import Settings
from actors.transport import ShardStatus, Transport, away
from engine.ids import command_key, finish_rows
from engine.kinds import QuestionKind
from engine.layout import COMMAND
from engine.outcomes import Outcome
from engine.wire import Array, Bytes

_Part = tuple[int, Array, Bytes, Place]
"""(shard, its rows, their heap, where they stand in the request)"""


def system_clock() -> Callable[[], int]:
    """Milliseconds that never go back, by this machine's clocks."""
    clock = ShardClock(0, *system_readings())
    return lambda: clock.now_ms(*system_readings())


class Client:
    """Use it on one asyncio loop; `close` when done."""

    def __init__(
        self,
        transport: Transport,
        partitions: PartitionMap,
        secret: bytes,
        *,
        jitter: Callable[[], float],
        first_call: int,
        settings: Settings | None = None,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        """`secret`: of the data directory, 16 bytes. `jitter`: numbers in [0, 1). `first_call`: a random number
        below 2**61, so that no two processes number their calls alike."""
        self.settings = settings or Settings()
        self.metrics = ClientMetrics()
        self.partitions = partitions
        self.shard_count = partitions.shards
        self.admission = Admission(self.settings, partitions.shards)
        self.now_ms = now_ms or system_clock()
        self._secret = secret
        self._dispatcher = Dispatcher(
            transport, partitions.shards, self.settings, self.metrics, self.now_ms, jitter, first_call, self._gathered
        )
        self._over_shards = OverShards(self.settings, partitions, self._step, self.ask_all, self.now_ms)
        self._watch: asyncio.Task[None] | None = None
        self._lone: list[dict[int, LoneRows]] = [{} for _ in range(partitions.shards)]
        """by shard and by when they are given up: what waits to be gathered"""

    async def close(self) -> None:
        """End what is under way."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._dispatcher.close()

    def shard_of(self, partition: int) -> int:
        """Where a partition lives."""
        return self.partitions.shard_of(partition)

    def command_hash(self, client: int, command_id: str) -> tuple[int, int]:
        """(id_hi, id_lo) of a command, as questions want it."""
        return command_key(client, command_id, self._secret)

    async def shards(self) -> list[ShardStatus]:
        """How every shard is, at this moment."""
        self._keep_watch()
        asked = await asyncio.gather(*(self._dispatcher.probe(shard) for shard in range(self.shard_count)))
        return [status or away(shard) for shard, status in enumerate(asked)]

    async def commands(self, rows: Array, heap: Bytes, *, shard: int | None = None) -> Answered:
        """Have COMMAND rows decided, all by `shard` when one is named.

        `rows` are as the encoder leaves them and are finished here, so they must be writable and are sent once.
        """
        if not len(rows):
            return Answered(no_results(0, Outcome.OK), NO_LINES)
        finish_rows(rows, heap, self._secret)
        self._keep_watch()
        if shard is not None or self.shard_count == 1:
            return await self._decided(rows, [(shard or 0, rows, heap, slice(0, len(rows)))])
        shard_of = shard_of_row(rows, self.partitions)
        units = units_of(rows, shard_of)
        if not units.spanning.any():
            return await self._step(Step(rows, heap, shard_of), Entry.EACH)
        results, lines, retry_after_ms = await self._over_shards.decided(rows, heap, shard_of, units)
        late = bool((results["outcome"] > Outcome.OK).any())
        return Answered(results, lines, (retry_after_ms or self.settings.retry_after_ms) if late else 0)

    async def lone(self, row: bytes, texts: bytes) -> LoneAnswer:
        """`commands` of one COMMAND row, packed, with its texts: much cheaper when many callers send one each."""
        waiting: asyncio.Future[LoneAnswer] = asyncio.get_running_loop().create_future()
        if self.lone_soon(row, texts, self.now_ms(), partial(_tell, waiting)):
            return await waiting
        answered = await self.commands(np.frombuffer(bytearray(row), COMMAND), np.frombuffer(texts, np.uint8))
        return LoneAnswer(answered.results[0].item(), answered.lines.tolist(), answered.retry_after_ms)

    def lone_soon(self, row: bytes, texts: bytes, now_ms: int, answered: Callable[[LoneAnswer], None]) -> bool:
        """`lone` of a row that came at `now_ms`, without a task: `answered` is called once, and must not raise.

        False: nothing was done, because the row may take several shards.
        """
        sku_key, not_after_ms, client, partition, kind = heading(row)
        shard = shard_of_lone(kind, sku_key, partition, self.partitions)
        if shard is None:
            return False
        self.metrics.requests += 1
        self.metrics.rows += 1
        if not self.admission.admit_row(shard, len(row) + len(texts), client, now_ms):
            answered(refused(Outcome.OVERLOADED, self.admission.retry_after_ms))
            return True
        give_up_at_ms = later(self._give_up_at_ms(now_ms, not_after_ms))
        own = self._lone[shard].get(give_up_at_ms)
        if own is not None and len(own) >= self.settings.chunk_rows_max:
            self._dispatcher.queue(shard, self._gathered(shard))
            own = None
        if own is None:
            self._keep_watch()
            own = self._lone[shard][give_up_at_ms] = LoneRows(shard, give_up_at_ms, now_ms)
            self._dispatcher.wake(shard)
        own.add(row, texts, answered)
        return True

    def _gathered(self, shard: int) -> list[Chunk]:
        waiting, self._lone[shard] = self._lone[shard], {}
        retry_after_ms = self.settings.retry_after_ms
        return [own.chunk(self._secret, retry_after_ms, self._finish_lone) for own in waiting.values()]

    def _finish_lone(self, own: LoneRows) -> None:
        self.admission.release(Share(own.shard, len(own), own.size), self.now_ms())

    async def ask(
        self, questions: Array, *, partitions: npt.ArrayLike | None = None, shards: npt.ArrayLike | None = None
    ) -> Answers:
        """Answers in the order asked. Shards by `shards`, or by `partitions` (of reservations), or by SKU."""
        if not len(questions):
            return Answers(unanswered(0, Outcome.OK).answers)
        if shards is not None:
            shard_of = np.asarray(shards, np.uint8)
        elif partitions is not None:
            shard_of = self.partitions.shards_of(partitions)
        else:
            if (questions["kind"] != QuestionKind.STOCK).any():
                raise ValueError("only a question about stock knows its shard by itself")
            shard_of = self.partitions.shards_of_skus(questions["key"].view(np.int64))
        first = int(shard_of[0])
        if self.shard_count == 1 or (shard_of == first).all():
            return await self._asked(questions, [(first, questions, slice(0, len(questions)))])
        return await self._asked(questions, [(n, questions.take(index), index) for n, index in by_shard(shard_of)])

    async def ask_all(self, questions: Array) -> list[Answers]:
        """Every shard's answers to all the questions; `shard` says whose."""
        asked = [self.ask(questions, shards=[shard] * len(questions)) for shard in range(self.shard_count)]
        answers = await asyncio.gather(*asked)
        for shard, answer in enumerate(answers):
            answer.shard = shard
        return answers

    def _keep_watch(self) -> None:
        """From the first use on, look after commands over several shards that some coordinator left behind."""
        if self._watch is None and self.shard_count > 1:
            self._watch = asyncio.get_running_loop().create_task(self._over_shards.watch())

    async def _step(self, step: Step, entry: Entry) -> Answered:
        rows, heap, shard_of = step
        if not len(rows):
            return Answered(no_results(0, Outcome.OK), NO_LINES)
        number_groups(rows)
        return await self._decided(
            rows, [(shard, *pick(rows, heap, index), index) for shard, index in by_shard(shard_of)], entry
        )

    async def _decided(self, rows: Array, parts: Sequence[_Part], entry: Entry = Entry.EACH) -> Answered:
        now_ms = self.now_ms()
        shares = [Share(shard, len(own), own.nbytes + heap.nbytes) for shard, own, heap, _ in parts]
        taken = self._admit(shares, int(rows["client"][0]), now_ms, entry)
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gathering = Gathering(len(rows), lambda: self._finish(waiting, taken))
        self.metrics.requests += 1
        self.metrics.rows += len(rows)
        over = len(taken) < len(shares) and entry is not Entry.FOLLOWS
        for share, (shard, own, heap, at) in zip(shares, parts, strict=True):
            if share in taken or entry is Entry.FOLLOWS:
                self._queue_rows(gathering, shard, own, heap, at, now_ms)
            else:
                gathering.put(at, no_results(len(own), Outcome.OVERLOADED), NO_LINES)
        await waiting
        return gathering.answered(self.admission.retry_after_ms if over else self.settings.retry_after_ms)

    def _admit(self, shares: Sequence[Share], client: int, now_ms: int, entry: Entry) -> list[Share]:
        """The shares that are let in and have to be released."""
        if entry is Entry.FOLLOWS:
            return []
        admitted = self.admission.admit(shares, client, now_ms)
        taken = [share for share, let_in in zip(shares, admitted, strict=True) if let_in]
        if entry is Entry.TOGETHER and len(taken) < len(shares):
            for share in taken:
                self.admission.release(share, now_ms)
            return []
        return taken

    def _queue_rows(self, gathering: Gathering, shard: int, rows: Array, heap: Bytes, at: Place, now_ms: int) -> None:
        settings = self.settings
        give_up_at_ms = self._give_up_at_ms(now_ms, int(rows["not_after_ms"].max()))
        chunks = []
        begin = 0
        for end in chunk_ends(rows, settings.chunk_rows_max):
            place = sub_place(at, begin, end)
            if end - begin > settings.group_rows_max:
                gathering.put(place, no_results(end - begin, Outcome.LIMIT_EXCEEDED), NO_LINES)
            else:
                own, texts = rows, heap
                if end - begin < len(rows):
                    own, texts = cut(rows, heap, begin, end)
                chunks.append(Chunk(own, texts, NO_QUESTIONS, gathering, place, give_up_at_ms, now_ms))
            begin = end
        if chunks:
            self._dispatcher.queue(shard, chunks)

    def _give_up_at_ms(self, now_ms: int, not_after_ms: int) -> int:
        settings = self.settings
        # Even a row whose time is over is given one call: that it is too late is for the shard to say.
        return max(now_ms + settings.call_timeout_ms, min(not_after_ms, now_ms + settings.answer_within_ms))

    async def command(self, client: int, command_id: str) -> CommandAnswer | None:
        """What became of a command of that client; None when it never arrived. Raises ShardAway."""
        return await find_command(client, *self.command_hash(client, command_id), self.ask_all)

    async def _asked(self, questions: Array, parts: Sequence[tuple[int, Array, Place]]) -> Answers:
        now_ms = self.now_ms()
        shares = [Share(shard, len(own), own.nbytes) for shard, own, _ in parts]
        admitted = self.admission.admit(shares, int(questions["client"][0]), now_ms)
        taken = [share for share, let_in in zip(shares, admitted, strict=True) if let_in]
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gathering = QuestionGathering(len(questions), lambda: self._finish(waiting, taken))
        self.metrics.questions += len(questions)
        give_up_at_ms = now_ms + self.settings.question_within_ms
        for (shard, own, at), let_in in zip(parts, admitted, strict=True):
            chunk = Chunk(NO_ROWS, NO_HEAP, own, gathering, at, give_up_at_ms, now_ms)
            if let_in:
                self._dispatcher.queue(shard, [chunk])
            else:
                gathering.refuse(chunk)
        await waiting
        over = len(taken) < len(shares)
        return gathering.answered(self.admission.retry_after_ms if over else self.settings.retry_after_ms)

    def _finish(self, waiting: asyncio.Future[None], taken: Sequence[Share]) -> None:
        now_ms = self.now_ms()
        for share in taken:
            self.admission.release(share, now_ms)
        # Whoever asked may be gone; the rows were decided all the same.
        if not waiting.done():
            waiting.set_result(None)


def _tell(waiting: "asyncio.Future[LoneAnswer]", answer: LoneAnswer) -> None:
    """Whoever asked may be gone; the row was decided all the same."""
    if not waiting.done():
        waiting.set_result(answer)
