"""The stores that keep a journal, as the conformance suite sees them, and records to put into them."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from actors.disk import Disk
from actors.follow import Follower, PostgresFollower, SegmentFollower
from actors.journal import Journal, Opening
from actors.postgres_journal import PostgresJournal
from actors.segments import SegmentJournal
from engine.record import Record
from tests.engine.journal_records import reserve_record


class Store(Protocol):
    """Where the journals of some shards are."""

    def journal(self, shard: int = 0) -> Journal:
        """A new opener of a shard's journal."""
        ...

    def follower(self, shard: int = 0) -> Follower:
        """A reader in another process, as far as it knows."""
        ...

    def rival(self) -> list[str]:
        """A program that opens shard 0: see `tests.actors.journal_rival`."""
        ...


def small_journal(directory: Path, shard: int = 0, disk: Disk | None = None) -> SegmentJournal:
    """A journal whose segments a few records fill."""
    return SegmentJournal(
        directory, shard, disk=disk, segment_bytes=16 << 10, record_bytes_max=64 << 10, step_bytes=64 << 10
    )


class SegmentStore:
    """Files below a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def of(self, shard: int) -> Path:
        return self.directory / str(shard)

    def journal(self, shard: int = 0) -> SegmentJournal:
        return small_journal(self.of(shard), shard)

    def follower(self, shard: int = 0) -> SegmentFollower:
        return SegmentFollower(self.of(shard), shard)

    def rival(self) -> list[str]:
        return [sys.executable, "-m", "tests.actors.journal_rival", "segments", str(self.directory)]


class PostgresStore:
    """A database of a server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def journal(self, shard: int = 0) -> PostgresJournal:
        return PostgresJournal(self.url, shard)

    def follower(self, shard: int = 0) -> PostgresFollower:
        return PostgresFollower(self.url, shard)

    def rival(self) -> list[str]:
        return [sys.executable, "-m", "tests.actors.journal_rival", "postgres", self.url]


def next_record(journal: Journal, opening: Opening, rows: int = 3) -> Record:
    """What the shard would append next."""
    return reserve_record(rows, seq=journal.durable_seq + 1, epoch=opening.epoch, shard=journal.shard)


def fill(journal: Journal, opening: Opening, count: int, rows: int = 3) -> list[Record]:
    """Append so many records; gives them."""
    records = []
    for _ in range(count):
        records.append(next_record(journal, opening, rows))
        journal.append(records[-1])
    return records


def of_epoch(record: Record, epoch: int) -> Record:
    """The same record by another opener."""
    return replace(record, epoch=epoch)
