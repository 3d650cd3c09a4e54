"""What a journal is, to the shard that writes it and to everybody who reads it.

One shard writes, through `Journal`: it opens (which fences every predecessor), reads what is there, and then appends
record after record; an append that returned is durable. Others read through `JournalReader`, never beyond what is
durable. Two implementations keep the same promises and pass the same tests: `actors.segments` (files of this machine)
and `actors.postgres_journal` (a server that several machines reach).
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from engine.record import Record


class JournalError(Exception):
    """Anything that keeps a journal from doing its work.

    JournalError
     +- JournalFull      no room, and nothing was written: refuse writes, go on answering reads
     +- JournalFailed    unknown whether the append is durable: exit, the successor will see
     +- JournalFenced    a successor owns the shard: exit
     +- JournalCorrupt   acknowledged history is damaged or missing: stop and name it
    """


class JournalFull(JournalError):
    """There is no room for the record; nothing was written."""

    def __init__(self, shard: int) -> None:
        super().__init__(shard)
        self.shard = shard

    def __str__(self) -> str:
        return f"shard {self.shard}: no room in its journal"


class JournalFailed(JournalError):
    """An append, or a read that it needs, failed: what is on the disk is unknown and the process must end."""

    def __init__(self, shard: int, reason: str) -> None:
        super().__init__(shard, reason)
        self.shard = shard
        self.reason = reason

    def __str__(self) -> str:
        return f"shard {self.shard}: {self.reason}"


class JournalFenced(JournalError):
    """Another process owns the shard now, or cannot be made to let it go."""

    def __init__(self, shard: int, reason: str) -> None:
        super().__init__(shard, reason)
        self.shard = shard
        self.reason = reason

    def __str__(self) -> str:
        return f"shard {self.shard}: {self.reason}"


class JournalCorrupt(JournalError):
    """Record `seq` was acknowledged and is damaged or gone: nothing may be built on what follows."""

    def __init__(self, shard: int, seq: int, reason: str) -> None:
        super().__init__(shard, seq, reason)
        self.shard = shard
        self.seq = seq
        self.reason = reason

    def __str__(self) -> str:
        return f"shard {self.shard}, seq {self.seq}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Opening:
    """What an opener finds."""

    epoch: int
    """of the opener: its records and answers carry it"""
    seq: int
    """of the last durable record; 0 = none"""
    now_ms: int = 0
    """the shard's clock in that record"""
    era: int = 0
    """the partition map in that record"""
    sealed: bool = False
    """that record is a seal: the predecessor stopped cleanly"""
    torn: bool = False
    """an unfinished record behind it was cut; nobody had been told of it"""


class JournalReader(Protocol):
    """Durable records, in order; safe to use from several threads."""

    shard: int

    @property
    def durable_seq(self) -> int:
        """The last record that may be read; cheap. 0 while there is none."""
        ...

    def read(self, seq: int) -> Record:
        """One durable record; LookupError if there is none of that number."""
        ...

    def scan(self, first_seq: int = 1, last_seq: int | None = None, prev_hash: bytes | None = None) -> Iterator[Record]:
        """Durable records from `first_seq`, every hash checked; `prev_hash` is what the first must be chained to.

        Ends at `last_seq`, or with what was durable when it began. Raises JournalCorrupt at the first bad one.
        """
        ...

    def hash_at(self, seq: int) -> bytes:
        """The hash of a durable record, from its header alone; of seq 0: that of no record."""
        ...

    def close(self) -> None:
        """Let go of files and connections; does nothing the second time."""
        ...


class Journal(JournalReader, Protocol):
    """The one writer's side. Nothing but `append` and `check` is called after it raised JournalFailed."""

    def open(self, known_seq: int = 0) -> Opening:
        """Become the owner and find the end. `known_seq`: a record that somebody knows to have been acknowledged.

        Raises JournalFenced when the predecessor cannot be stopped, JournalCorrupt when acknowledged records are
        damaged or missing, JournalFailed when the store cannot be reached or read.
        """
        ...

    def append(self, record: Record) -> None:
        """Make the record durable; its seq is the next, its epoch the opener's. Raises Full, Failed or Fenced."""
        ...

    def room(self) -> bool:
        """Whether the next record has room, however large: asked before anything is decided."""
        ...

    def check(self) -> None:
        """Prove that this opener still owns the shard; raises JournalFenced."""
        ...

    def seal(self) -> None:
        """Append the record of a clean stop."""
        ...


class RecentRecords:
    """The records read or written last, within a budget of bytes: retries ask for the same few again and again."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max: Final = bytes_max
        self._bytes = 0
        self._records: OrderedDict[int, Record] = OrderedDict()

    def get(self, seq: int) -> Record | None:
        """The record, if it is here."""
        record = self._records.get(seq)
        if record is not None:
            self._records.move_to_end(seq)
        return record

    def put(self, record: Record) -> None:
        """Keep it, and let the oldest go."""
        if record.seq in self._records:
            return
        self._records[record.seq] = record
        self._bytes += _bytes_of(record)
        while self._bytes > self._bytes_max and len(self._records) > 1:
            self._bytes -= _bytes_of(self._records.popitem(last=False)[1])


def _bytes_of(record: Record) -> int:
    arrays = (record.rows, record.results, record.movements, record.lines, record.heap)
    return 512 + sum(array.nbytes for array in arrays)
