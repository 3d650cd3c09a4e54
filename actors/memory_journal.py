"""A journal in memory: the same promises without a disk, for tests, the simulator and throw-away shards.

A `MemoryStore` is what survives a shard's death; a `MemoryJournal` is one opener's side of it.
"""

from collections.abc import Callable, Iterator

from actors.journal import JournalCorrupt, JournalFailed, JournalFenced, JournalFull, Opening
from engine.journal_format import NO_HASH
from engine.layout import Limits
from engine.record import Record, RecordKind
from engine.shard import Shard


class MemoryStore:
    """The records of one shard, and what is wrong with its disk."""

    def __init__(self, shard: int = 0) -> None:
        self.shard = shard
        self.records: list[Record] = []
        self.epoch = 0
        self.full = False
        """there is no room for another record"""
        self.broken = ""
        """why nothing can be opened or appended, "" = it can"""
        self.before_append: Callable[[Record], None] = lambda record: None
        self.after_append: Callable[[Record], None] = lambda record: None
        """called around every append, so that a test can fail or stop at just that moment"""

    def journal(self) -> "MemoryJournal":
        """A new opener."""
        return MemoryJournal(self)

    def recover(self, limits: Limits) -> Shard:
        """The fold of all records."""
        shard = Shard(limits)
        for record in self.records:
            shard.apply(record)
        return shard


class MemoryJournal:
    """One opener; the next one's `open` fences it."""

    def __init__(self, store: MemoryStore) -> None:
        self.shard = store.shard
        self.epoch = 0
        self._store = store
        self._promised = 0
        """records that there is room for, whatever becomes of the disk: a real journal allocates ahead"""

    @property
    def durable_seq(self) -> int:
        """The last record."""
        return len(self._store.records)

    def open(self, known_seq: int = 0) -> Opening:
        """Become the owner."""
        store = self._store
        if store.broken:
            raise JournalFailed(self.shard, store.broken)
        if known_seq > len(store.records):
            raise JournalCorrupt(self.shard, known_seq, "it was acknowledged and is missing")
        store.epoch += 1
        self.epoch = store.epoch
        if not store.records:
            return Opening(self.epoch, 0)
        last = store.records[-1]
        return Opening(self.epoch, last.seq, last.now_ms, last.era, last.kind == RecordKind.SEAL)

    def append(self, record: Record) -> None:
        """Keep the record."""
        store = self._store
        store.before_append(record)
        self.check()
        if store.broken:
            raise JournalFailed(self.shard, store.broken)
        if store.full and not self._promised and record.kind == RecordKind.BATCH:
            raise JournalFull(self.shard)
        self._promised = max(0, self._promised - 1)
        assert record.seq == len(store.records) + 1, (record.seq, len(store.records))
        assert record.epoch == self.epoch, (record.epoch, self.epoch)
        store.records.append(record)
        store.after_append(record)

    def room(self) -> bool:
        """Whether the next two records have room."""
        if not self._store.full:
            self._promised = 2
        return not self._store.full

    def check(self) -> None:
        """Raises JournalFenced when another opener came after this one."""
        if self.epoch != self._store.epoch:
            raise JournalFenced(self.shard, f"epoch {self.epoch} was replaced by {self._store.epoch}")

    def seal(self) -> None:
        """Append the record of a clean stop."""
        last = self._store.records[-1]
        self.append(Record(RecordKind.SEAL, self.shard, last.era, last.seq + 1, self.epoch, last.now_ms))

    def read(self, seq: int) -> Record:
        """One record; LookupError if there is none of that number."""
        if not 0 < seq <= len(self._store.records):
            raise LookupError(seq)
        return self._store.records[seq - 1]

    def scan(self, first_seq: int = 1, last_seq: int | None = None, prev_hash: bytes | None = None) -> Iterator[Record]:
        """Records in order; there are no hashes to check."""
        yield from self._store.records[first_seq - 1 : last_seq]

    def hash_at(self, seq: int) -> bytes:
        """That of no record: memory is not chained."""
        return NO_HASH

    def close(self) -> None:
        """Nothing is held."""
