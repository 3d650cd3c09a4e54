"""Shard processes: the same ShardActor, over the same journal, on a disk that forgets.

A `ShardProcess` is one such process, from its start to its death; `places` starts the next one. It can be stopped
(SIGSTOP): then its mail waits, and a successor that is started meanwhile has to end it, through the fence of its
journal.
"""

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from actors.datadir import DataDir
from actors.fencing import Fence, FenceError
from actors.journal import Journal
from actors.process_group import Process
from actors.recovery import recover_shard
from actors.segments import SegmentJournal
from actors.settings import Settings
from actors.shard_actor import ShardActor, ShardConfig, ShardDied
from actors.snapshot import newest_in
from engine.layout import Limits
from engine.shard import Shard
from engine.wire import Reply, ShardState
from tests.simulation.clock import MachineClock
from tests.simulation.disk import Crashed, Platter, SimDisk
from tests.simulation.evidence import Broken
from tests.simulation.loop import SimLoop

LIMITS: Final = Limits(
    skus_max=256, cells_max=1024, ids_max=1 << 14, reservations_max=1 << 12, lines_max=1 << 13, sources_max=1 << 10,
    operations_max=1 << 10, warehouses_max=16, channels_max=8, clients_max=16, batch_rows_max=1024,
    movements_max=1 << 13,
)  # fmt: skip
SEGMENT_BYTES: Final = 96 << 10
STEP_BYTES: Final = 192 << 10
RECORD_BYTES_MAX: Final = 128 << 10
"""Small, so that segments follow one another and room is asked for often."""

Answer = Callable[[bytes | None], None]
"""Takes the answer away; None = the process died."""


@dataclass(slots=True)
class Machine:
    """What all shard processes of a world share."""

    loop: SimLoop
    clock: MachineClock
    platter: Platter
    data: DataDir
    settings: Settings
    chance: random.Random
    counts: Counter[str]
    durable: dict[int, int] = field(default_factory=dict)
    """by shard: the last record that some process made durable"""
    snapshots: dict[int, int] = field(default_factory=dict)
    """by shard: the newest snapshot that was taken, up to its last step"""
    owners: dict[int, "ShardProcess"] = field(default_factory=dict)
    """by shard: who holds the lock of its journal"""
    pids: int = 1000
    unkillable_until_ns: int = 0
    """until then a process that is killed does not die: it hangs in the kernel"""
    crash_rate: float = 0.0
    """share of processes that die at some step of their disk"""
    power_rate: float = 0.0
    """share of these whose death is that of the whole machine"""
    cut_power: Callable[[], None] = lambda: None

    def lose_power(self) -> None:
        """The processes are dead: what is not durable may go; a snapshot that was said to be taken may not."""
        self.platter.cut_power()
        for shard, seq in self.snapshots.items():
            if newest_in(self.data.snapshots(shard)) < seq:
                self.loop.errors.append(Broken("a snapshot that was taken is gone", shard, seq))

    def next_process(self) -> Process:
        """An identity that no real process has."""
        self.pids += 1
        return Process(-self.pids, self.pids)


class AnsweredByAnother(AssertionError):
    """Of two processes of one shard the one answered that has lost it."""


class SimFence(Fence):
    """The lock of a journal, and the death of whoever holds it."""

    def __init__(self, machine: Machine, process: "ShardProcess") -> None:
        self._machine = machine
        self._owner = process

    @classmethod
    def take(cls, machine: Machine, process: "ShardProcess") -> "SimFence":
        """As `actors.fencing.take`: end the predecessor for certain, or fail."""
        cls.end_owner(machine, process.shard)
        machine.owners[process.shard] = process
        return cls(machine, process)

    @staticmethod
    def end_owner(machine: Machine, shard: int) -> None:
        """As `actors.fencing` does it: whoever the lock names is dead when this returns."""
        before = machine.owners.get(shard)
        if before is not None and before.alive:
            if machine.loop.now_ns < machine.unkillable_until_ns:
                machine.counts["predecessor does not die"] += 1
                raise FenceError(str(shard), "its holder does not die")
            machine.counts["predecessor fenced"] += 1
            before.die("fenced by its successor")

    def holds(self) -> bool:
        """Whether it is still this process's."""
        return self._machine.owners.get(self._owner.shard) is self._owner

    def release(self) -> None:
        """Give it up."""
        if self.holds():
            self._machine.owners.pop(self._owner.shard, None)


class ShardProcess:
    """One process of one shard."""

    def __init__(self, machine: Machine, shard: int, on_death: Callable[["ShardProcess"], None]) -> None:
        self.shard = shard
        self.alive = True
        self.stopped = False
        self.identity = machine.next_process()
        self.disk = SimDisk(machine.platter, machine.chance)
        self.written: list[tuple[int, int]] = []
        """(seq, true time) as records became durable"""
        self._machine = machine
        self._on_death = on_death
        self._mail: deque[tuple[bytes, Answer]] = deque()
        self._serving: Answer | None = None
        self._journal: SegmentJournal | None = None
        self._seq = 0
        self._opened = False
        self.engine: Shard | None = None
        """as its journal was folded last"""
        data = machine.data
        config = ShardConfig(
            shard=shard,
            era=data.partitions.era,
            limits=LIMITS,
            settings=machine.settings,
            known_seq_path=str(data.known_seq(shard)),
            note_path=str(data.note(shard)),
        )
        self.actor = ShardActor(
            config,
            self._make_journal,
            self._recover,
            die=self._end,
            readings=machine.clock.readings,
            background=False,
            process=self.identity,
        )
        if machine.chance.random() < machine.crash_rate:
            # Half of them soon, while the journal is being opened.
            self.disk.crash_at = int(machine.chance.choice((12, 60)) * machine.chance.random())
        self._pause_ms = machine.settings.opening_backoff_first_ms
        machine.loop.call_soon(self._open)

    @property
    def is_open(self) -> bool:
        """Whether it has begun to serve."""
        return self._opened

    def submit(self, message: bytes, answer: Answer) -> None:
        """Put a Batch into its mailbox."""
        self._mail.append((message, answer))
        self._serve()

    def probe(self, answer: Answer) -> None:
        """How it is; a stopped process does not say."""
        if not self.stopped:
            answer(self.actor.probe())

    def stop_running(self) -> None:
        """SIGSTOP."""
        self.stopped = True

    def go_on(self) -> None:
        """SIGCONT."""
        if self.alive and self.stopped:
            self.stopped = False
            self._serve()

    def die(self, reason: str) -> None:
        """It is gone, with all that it had in memory."""
        if not self.alive:
            return
        self.alive = False
        self.disk.dead = True
        if self._machine.owners.get(self.shard) is self:
            del self._machine.owners[self.shard]
        if self._journal is not None:
            self._journal.close()
        waiting = [answer for _, answer in self._mail]
        if self._serving is not None:
            waiting.insert(0, self._serving)
        for answer in waiting:
            answer(None)
        self._mail.clear()
        self._on_death(self)

    def _end(self, reason: str) -> NoReturn:
        raise ShardDied(reason)

    def _make_journal(self) -> Journal:
        machine = self._machine
        self._journal = SegmentJournal(
            machine.data.shard(self.shard),
            self.shard,
            disk=self.disk,
            segment_bytes=SEGMENT_BYTES,
            record_bytes_max=RECORD_BYTES_MAX,
            step_bytes=STEP_BYTES,
            take_fence=lambda path: SimFence.take(machine, self),
        )
        return self._journal

    def _recover(self, journal: Journal) -> Shard:
        self.engine = recover_shard(journal, self._machine.data.snapshots(self.shard), LIMITS)
        return self.engine

    def _open(self) -> None:
        """What `ShardActor` does in a thread of its own: open, or try again later; then look after what is due."""
        if not self.alive:
            return
        if self.stopped:
            self._machine.loop.call_later(0.05, self._open)
        elif self._lives(self.actor.try_open):
            self._machine.counts["shard opened"] += 1
            self._opened = True
            self._tick()
        elif self.alive:
            self._machine.counts["opening failed"] += 1
            self._machine.loop.call_later(self._pause_ms / 1000, self._open)
            self._pause_ms = min(2 * self._pause_ms, self._machine.settings.opening_backoff_max_ms)

    def _tick(self) -> None:
        if self.alive:
            if not self.stopped:
                self._lives(self.actor.tick)
            self._machine.loop.call_later(self._machine.settings.tick_ms / 1000, self._tick)

    def _serve(self) -> None:
        """Take up the next message, unless one is being served."""
        if self._serving is not None or self.stopped or not self.alive or not self._mail:
            return
        message, self._serving = self._mail.popleft()
        reply = self._lives(self.actor.submit, message)
        if self.alive:
            # The sync, and the way back out of the process: it may die with the answer in its hands.
            takes_ns = 100_000 + int(900_000 * self._machine.chance.random())
            self._machine.loop.after(takes_ns, self._answer, reply)

    def _answer(self, reply: bytes) -> None:
        if not self.alive:
            return
        if self.stopped:
            self._machine.loop.call_later(0.01, self._answer, reply)
            return
        owner = self._machine.owners.get(self.shard)
        if owner is not self and Reply.from_bytes(reply).state in (ShardState.READY, ShardState.READ_ONLY):
            raise AnsweredByAnother(f"shard {self.shard} was answered by a process that does not own it any more")
        answer, self._serving = self._serving, None
        assert answer is not None
        answer(reply)
        self._serve()

    def _lives(self, work: Callable[..., object], *args: object) -> object:
        """Do some of its work; it may die of it."""
        try:
            return work(*args)
        except (Crashed, ShardDied) as death:
            self._machine.counts["died on its own" if isinstance(death, ShardDied) else "crashed at a disk step"] += 1
            self.die(repr(death))
            if isinstance(death, Crashed) and self._machine.chance.random() < self._machine.power_rate:
                self._machine.cut_power()
            return None
        finally:
            if self._journal is not None and self.alive and self._journal.durable_seq > self._seq:
                self._seq = self._machine.durable[self.shard] = self._journal.durable_seq
                self.written.append((self._seq, self._machine.loop.now_ns))
