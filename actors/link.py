"""What one client process knows of one shard, and all that it has under way with it.

Decides when a batch is sent, when a call is given up, when the shard is asked how it is, what is sent again
and what is answered `unavailable`. Events go in (`on_reply`, `on_lost`, `on_probe`, `on_time`), effects come
out; the client's asyncio driver carries them out, the simulator does the same with its own clock and network.

After a call that came to nothing no other is sent until the shard's probe answers: rows in a stopped shard's
mailbox are enough trouble. Everything is sent again by the same ids, so a row that did run is answered from
the journal. Replies of a lower epoch than the highest seen come from a shard that was replaced: dropped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors.batcher import Batcher, Chunk
from actors.metrics import ClientMetrics
from actors.settings import Settings
from actors.transport import ShardStatus
from engine.wire import Batch, Reply, ShardState

_RAMP_CALLS = 1
"""calls in flight after a loss, until one is answered"""


@dataclass(frozen=True, slots=True)
class Send:
    """Carry this batch to the shard; tell `on_reply` or `on_lost` with the call's number (`batch.call`)."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class AskHow:
    """Probe the shard; tell `on_probe`."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The rows or questions of `chunk` were answered by `reply`, from these indices on."""

    chunk: Chunk
    reply: Reply
    row: int
    question: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """No answer came in time; the rows may have run."""

    chunk: Chunk


Effect = Send | AskHow | Delivered | GivenUp


class Link:
    """One per shard and client process; every method returns what is to be done now."""

    def __init__(
        self,
        settings: Settings,
        metrics: ClientMetrics,
        jitter: Callable[[], float],
        first_call: int = 1,
    ) -> None:
        """`jitter` gives a number in [0, 1); `first_call` should be unlike that of any other client process."""
        self.epoch = 0
        self.seq = 0
        self.state = ShardState.READY
        """as last heard; a shard is taken for ready until it says otherwise"""
        self.batcher = Batcher(settings, first_call)
        self._settings = settings
        self._metrics = metrics
        self._jitter = jitter
        self._suspended = False
        self._failures = 0
        self._probe_at_ms: int | None = None
        self._probing_since_ms: int | None = None

    @property
    def suspended(self) -> bool:
        """Whether nothing is sent until the probe answers."""
        return self._suspended

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Queue the chunks of one request; `pump` sends."""
        self.batcher.add(chunks)

    def pump(self, now_ms: int) -> list[Effect]:
        """Send what may be sent now."""
        effects: list[Effect] = []
        while not self._suspended and (call := self.batcher.next_call(now_ms)) is not None:
            batch = call.batch(self.epoch)
            self._metrics.calls += 1
            self._metrics.call_rows.observe(len(batch.rows) + len(batch.questions))
            self._metrics.queue_s.observe((now_ms - min(chunk.since_ms for chunk in call.chunks)) / 1000)
            effects.append(Send(batch))
        return effects

    def on_reply(self, number: int, reply: Reply, now_ms: int) -> list[Effect]:
        """A call came back."""
        if number not in self.batcher.calls:
            return []
        if reply.epoch < self.epoch:
            self._metrics.stale_replies += 1
            return self.on_lost(number, now_ms)
        self._heard(reply.state, reply.epoch, reply.seq)
        if reply.state not in (ShardState.READY, ShardState.READ_ONLY):
            return self._lose(number, now_ms)
        call = self.batcher.calls[number]
        rows = sum(len(chunk.rows) for chunk in call.chunks)
        questions = sum(len(chunk.questions) for chunk in call.chunks)
        if len(reply.results) != rows or len(reply.answers) != questions:
            self._metrics.malformed_replies += 1
            return self.on_lost(number, now_ms)
        self.batcher.finish(number)
        self.batcher.calls_max = self._settings.calls_in_flight_max
        self._failures = 0
        self._metrics.call_s.observe((now_ms - call.sent_at_ms) / 1000)
        effects: list[Effect] = []
        row = question = 0
        for chunk in call.chunks:
            if not chunk.gone:
                chunk.gone = True
                effects.append(Delivered(chunk, reply, row, question))
            row += len(chunk.rows)
            question += len(chunk.questions)
        return effects + self.pump(now_ms)

    def on_lost(self, number: int, now_ms: int) -> list[Effect]:
        """A call ended without an answer; its rows may have run."""
        if number not in self.batcher.calls:
            return []
        self._metrics.calls_lost += 1
        return self._lose(number, now_ms)

    def on_probe(self, status: ShardStatus | None, now_ms: int) -> list[Effect]:
        """The probe came back, or did not (None)."""
        self._probing_since_ms = None
        if status is None:
            self.state = ShardState.AWAY
        elif status.epoch >= self.epoch:
            self._heard(status.state, status.epoch, status.seq)
        if not self._suspended:
            return []
        answers = status is not None and status.epoch >= self.epoch
        ready = answers and self.state in (ShardState.READY, ShardState.READ_ONLY)
        if status is None or not ready or status.busy_ms > self._settings.call_timeout_ms:
            self._failures += 1
            self._probe_at_ms = now_ms + self._pause_ms()
            if answers and self.state is ShardState.STARTING:
                self._probe_at_ms = min(self._probe_at_ms, now_ms + self._settings.backoff_opening_ms)
            return []
        self._suspended = False
        self._probe_at_ms = None
        return self._resume(status.died_deciding) + self.pump(now_ms)

    def on_time(self, now_ms: int) -> list[Effect]:
        """Time has passed: to be called at `wake_at_ms`, or a little later."""
        effects: list[Effect] = [GivenUp(chunk) for chunk in self.batcher.give_up(now_ms)]
        for number, call in list(self.batcher.calls.items()):
            if now_ms - call.sent_at_ms >= self._settings.call_timeout_ms:
                self._metrics.calls_timed_out += 1
                effects += self.on_lost(number, now_ms)
        if self._probing_since_ms is not None and now_ms - self._probing_since_ms >= self._settings.probe_timeout_ms:
            effects += self.on_probe(None, now_ms)
        due = self._probe_at_ms is not None and now_ms >= self._probe_at_ms
        if self._suspended and self._probing_since_ms is None and due:
            self._probing_since_ms = now_ms
            effects.append(AskHow())
        return effects

    def wake_at_ms(self) -> int | None:
        """When `on_time` has something to do at the latest; None while nothing is under way."""
        settings = self._settings
        times = [call.sent_at_ms + settings.call_timeout_ms for call in self.batcher.calls.values()]
        first = self.batcher.first_give_up_ms()
        if first is not None:
            times.append(first)
        if self._probing_since_ms is not None:
            times.append(self._probing_since_ms + settings.probe_timeout_ms)
        elif self._suspended and self._probe_at_ms is not None:
            times.append(self._probe_at_ms)
        return min(times, default=None)

    def _heard(self, state: ShardState, epoch: int, seq: int) -> None:
        self.state = state
        self.epoch = max(self.epoch, epoch)
        self.seq = max(self.seq, seq)

    def _lose(self, number: int, now_ms: int) -> list[Effect]:
        self.batcher.lose(number)
        self.batcher.calls_max = _RAMP_CALLS
        if not self._suspended:
            self._suspended = True
            # At once the first time: a shard that was replaced meanwhile is ready.
            self._probe_at_ms = now_ms + (self._pause_ms() if self._failures else 0)
            self._failures += 1
        return self.on_time(now_ms)

    def _resume(self, died_deciding: Sequence[int]) -> list[Effect]:
        """Put the chunks of lost calls back, and suspect those that were being decided when the shard died."""
        given_up: list[Chunk] = []
        lost, self.batcher.lost = self.batcher.lost, []
        for call in reversed(lost):
            if call.number in died_deciding:
                for chunk in call.chunks:
                    chunk.deaths += 1
                suspects = [chunk for chunk in call.chunks if chunk.deaths >= self._settings.deaths_max]
                given_up += self.batcher.suspect(suspects, split=True)
                self.batcher.requeue([chunk for chunk in call.chunks if chunk.deaths < self._settings.deaths_max])
            elif call.alone:
                self.batcher.suspect(call.chunks, split=False)
            else:
                self.batcher.requeue(call.chunks)
        return [GivenUp(chunk) for chunk in given_up]

    def _pause_ms(self) -> int:
        """Doubling, with jitter over its upper half, so that clients do not come back in step."""
        settings = self._settings
        pause = min(settings.backoff_max_ms, settings.backoff_first_ms << min(self._failures, 16))
        return max(1, int(pause * (0.5 + 0.5 * self._jitter())))
