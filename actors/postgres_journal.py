"""The journal on a PostgreSQL server, for clusters in which a shard may start again on another machine.

One row holds one record, exactly as `engine.journal_format` makes it, so the chain of hashes is the same as in files.
A head row per shard holds epoch, last seq and last hash. An append moves the head and adds the row in one statement:
if the head has another epoch or seq, nothing happens, and the writer knows that it was fenced. Opening raises the
epoch; that commit is also the barrier after which everything read is as durable as the server can make it.

What failed is unknown: a connection that breaks during a commit may have committed. So there is no retry here, no
time-out on statements, and no reading back: the process ends and its successor looks.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, Final, LiteralString

import numpy as np
import psycopg

from actors.journal import JournalCorrupt, JournalFailed, JournalFenced, Opening, RecentRecords
from actors.postgres_durability import durable_names
from engine.journal_format import NO_HASH, FormatError, Header, decode, encode, hash_of, parse_header
from engine.record import Record, RecordKind

CONNECT_TIMEOUT_S: Final = 10
SCAN_ROWS: Final = 16
HEADER_ROWS: Final = 1024
RECENT_BYTES_MAX: Final = 64 << 20

_SCHEMA_LOCK: Final = 0x6F6D6E69  # "omni"
_SCHEMA: Final[tuple[LiteralString, ...]] = (
    """create table if not exists omnistock_journal (
        shard integer not null, seq bigint not null, epoch bigint not null, record bytea not null,
        primary key (shard, seq))""",
    "alter table omnistock_journal alter column record set storage external",  # packed already
    """create table if not exists omnistock_head (
        shard integer primary key, epoch bigint not null, seq bigint not null, hash bytea not null)""",
)
_APPEND: Final = """
    with moved as (
        update omnistock_head set seq = %(seq)s, hash = %(hash)b
        where shard = %(shard)s and epoch = %(epoch)s and seq = %(seq)s - 1
            and current_setting('fsync') = 'on' and current_setting('synchronous_commit') in ('on', 'remote_apply')
            and (%(names)s::text is null or current_setting('synchronous_standby_names') = %(names)s::text)
        returning shard)
    insert into omnistock_journal (shard, seq, epoch, record)
    select shard, %(seq)s, %(epoch)s, %(record)b from moved"""


class PostgresReader:
    """Reads a shard's records; see `actors.journal.JournalReader`. Connects at the first use, and again if it must."""

    def __init__(self, url: str, shard: int) -> None:
        self.shard = shard
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None
        self._lock = threading.RLock()
        self._recent = RecentRecords(RECENT_BYTES_MAX)

    def query(self, statement: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """The rows that a statement gives; raises JournalFailed when the server cannot be asked."""
        with self._lock:
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = _connect(self._url)
                return self._connection.execute(statement, parameters, binary=True).fetchall()
            except psycopg.errors.UndefinedTable:
                return []  # no journal was ever opened there
            except psycopg.Error as error:
                self.close()
                raise JournalFailed(self.shard, f"cannot be read: {error}") from error

    @property
    def durable_seq(self) -> int:
        """The last record that may be read."""
        rows = self.query("select seq from omnistock_head where shard = %s", self.shard)
        return int(rows[0][0]) if rows else 0

    def read(self, seq: int) -> Record:
        """One durable record; LookupError if there is none of that number."""
        with self._lock:
            record = self._recent.get(seq)
            if record is None:
                record = next(self.scan(seq, seq), None)
                if record is None:
                    raise LookupError(f"shard {self.shard} has no record {seq}")
                self._recent.put(record)
        return record

    def remember(self, record: Record) -> None:
        """Keep a record that is likely to be asked for soon."""
        with self._lock:
            self._recent.put(record)

    def hash_at(self, seq: int) -> bytes:
        """The hash of a durable record, from its header alone."""
        if seq == 0:
            return NO_HASH
        header = self.header_at(seq)
        if header is None:
            raise LookupError(f"shard {self.shard} has no record {seq}")
        return header.hash

    def header_at(self, seq: int) -> Header | None:
        """The header of a record, if it is there."""
        rows = self.query(
            "select substr(record, 1, 512) from omnistock_journal where shard = %s and seq = %s", self.shard, seq
        )
        return self._checked(parse_header, rows[0][0], seq) if rows else None

    def headers(self, first_seq: int = 1, last_seq: int | None = None) -> Iterator[Header]:
        """The headers of durable records, to skip or count without unpacking."""
        durable = self.durable_seq
        last_seq = durable if last_seq is None else min(last_seq, durable)
        for begin in range(first_seq, last_seq + 1, HEADER_ROWS):
            rows = self.query(
                """select seq, substr(record, 1, 512) from omnistock_journal
                   where shard = %s and seq between %s and %s order by seq""",
                self.shard,
                begin,
                min(last_seq, begin + HEADER_ROWS - 1),
            )
            for seq, data in rows:
                yield self._checked(parse_header, data, seq)

    def scan(self, first_seq: int = 1, last_seq: int | None = None, prev_hash: bytes | None = None) -> Iterator[Record]:
        """Durable records from `first_seq`, every hash checked; see `actors.journal.JournalReader`."""
        durable = self.durable_seq
        last_seq = durable if last_seq is None else min(last_seq, durable)
        prev_hash = NO_HASH if prev_hash is None and first_seq == 1 else prev_hash
        while 1 <= first_seq <= last_seq:
            up_to = min(last_seq, first_seq + SCAN_ROWS - 1)
            rows = self.query(
                "select seq, record from omnistock_journal where shard = %s and seq between %s and %s order by seq",
                self.shard,
                first_seq,
                up_to,
            )
            for seq in range(first_seq, up_to + 1):
                if seq - first_seq >= len(rows) or rows[seq - first_seq][0] != seq:
                    raise JournalCorrupt(self.shard, seq, "its row is missing")
                data = np.frombuffer(rows[seq - first_seq][1], np.uint8)
                header, record = self._checked(decode, data, seq)
                if (header.shard, header.seq) != (self.shard, seq):
                    raise JournalCorrupt(self.shard, seq, f"record {header.seq} stands in its place")
                if prev_hash is not None and header.prev_hash != prev_hash:
                    raise JournalCorrupt(self.shard, seq, "it is not chained to the record before it")
                prev_hash = header.hash
                yield record
            first_seq = up_to + 1

    def _checked(self, read: Any, data: Any, seq: int) -> Any:  # Any: one wrapper for two readers
        try:
            return read(data)
        except FormatError as error:
            raise JournalCorrupt(self.shard, seq, str(error)) from error

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(psycopg.Error):
                    connection.close()


class PostgresJournal:
    """See `actors.journal.Journal`; touches nothing before `open`."""

    def __init__(self, url: str, shard: int) -> None:
        self.shard = shard
        self._url = url
        self._reader = PostgresReader(url, shard)
        self._connection: psycopg.Connection[Any] | None = None
        self._names: str | None = None
        """the standbys that every commit waits for; None = none is wanted"""
        self._epoch = 0
        self._seq = 0
        self._hash = NO_HASH
        self._now_ms = 0
        self._era = 0
        self._failed = ""

    def open(self, known_seq: int = 0) -> Opening:
        """Fence the predecessor by a higher epoch, and find the end."""
        assert self._connection is None, "opened twice"
        try:
            self._connection = _connect(self._url)
            self._names = durable_names(self._connection, self.shard)
            self._epoch, self._seq, self._hash = self._raise_epoch(self._connection)
            rows = self._reader.query("select max(seq) from omnistock_journal where shard = %s", self.shard)
            there = (rows[0][0] or 0) if rows else 0
            if there != self._seq or self._seq < known_seq:
                last = max(there, self._seq, known_seq)
                lost = min(there, self._seq) + 1
                raise JournalCorrupt(self.shard, lost, f"records up to {last} were acknowledged and are not there")
            last_record = next(self.scan(self._seq, self._seq), None)  # checks its hash
            if last_record is None:
                return Opening(self._epoch, 0)
            if self._reader.hash_at(self._seq) != self._hash:
                raise JournalCorrupt(self.shard, self._seq, "another record stands in its place")
            self._now_ms, self._era = last_record.now_ms, last_record.era
            sealed = last_record.kind is RecordKind.SEAL
            return Opening(self._epoch, self._seq, self._now_ms, self._era, sealed)
        except psycopg.Error as error:
            self.close()
            raise JournalFailed(self.shard, f"cannot be opened: {error}") from error
        except BaseException:
            self.close()
            raise

    def _raise_epoch(self, connection: psycopg.Connection[Any]) -> tuple[int, int, bytes]:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
            if connection.execute("select to_regclass('omnistock_head')").fetchone() == (None,):
                for statement in _SCHEMA:
                    connection.execute(statement)
        row = connection.execute(
            """insert into omnistock_head as head (shard, epoch, seq, hash) values (%s, 1, 0, %b)
               on conflict (shard) do update set epoch = head.epoch + 1 returning epoch, seq, hash""",
            (self.shard, NO_HASH),
        ).fetchone()
        assert row is not None
        return row[0], row[1], bytes(row[2])

    def append(self, record: Record) -> None:
        """Commit one record; it may have been committed if this raises JournalFailed."""
        assert self._connection is not None, "not open"
        assert (record.shard, record.seq, record.epoch) == (self.shard, self._seq + 1, self._epoch)
        if self._failed:
            raise JournalFailed(self.shard, self._failed)
        encoded = encode(record, self._hash)
        values = {
            "shard": self.shard,
            "seq": record.seq,
            "epoch": self._epoch,
            "hash": hash_of(encoded),
            "record": encoded.data,
            "names": self._names,
        }
        try:
            done = self._connection.execute(_APPEND, values, prepare=True).rowcount
            if done != 1 and durable_names(self._connection, self.shard) != self._names:
                raise JournalFailed(self.shard, "the server's synchronous_standby_names have changed")
        except psycopg.Error as error:
            self._failed = f"the append of record {record.seq} failed: {error}"
            raise JournalFailed(self.shard, self._failed) from error
        except JournalFailed as error:
            self._failed = error.reason
            raise
        if done != 1:
            self._failed = f"epoch {self._epoch} has ended"
            raise JournalFenced(self.shard, self._failed)
        self._seq, self._hash, self._now_ms, self._era = record.seq, hash_of(encoded), record.now_ms, record.era
        self._reader.remember(record)

    def room(self) -> bool:
        """Whether the server takes records: how much room it has is not known here."""
        return not self._failed and self._connection is not None

    def check(self) -> None:
        """Prove that this opener still owns the shard.

        Where standbys are wanted by a commit: a server whose standby was promoted would tell the old epoch for ever.
        """
        if self._names is None:
            rows = self._reader.query("select epoch from omnistock_head where shard = %s", self.shard)
        else:
            rows = self._reader.query(
                "update omnistock_head set epoch = epoch where shard = %s and epoch = %s returning epoch",
                self.shard,
                self._epoch,
            )
        if rows != [(self._epoch,)]:
            raise JournalFenced(self.shard, f"epoch {self._epoch} has ended")

    def seal(self) -> None:
        """Append the record of a clean stop."""
        self.append(Record(RecordKind.SEAL, self.shard, self._era, self._seq + 1, self._epoch, self._now_ms))

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.close()
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()

    @property
    def durable_seq(self) -> int:
        """The last durable record."""
        return self._seq

    def read(self, seq: int) -> Record:
        """One durable record; LookupError if there is none of that number."""
        return self._reader.read(seq)

    def scan(self, first_seq: int = 1, last_seq: int | None = None, prev_hash: bytes | None = None) -> Iterator[Record]:
        """Durable records from `first_seq`, every hash checked."""
        return self._reader.scan(first_seq, self._seq if last_seq is None else last_seq, prev_hash)

    def hash_at(self, seq: int) -> bytes:
        """The hash of a durable record."""
        return self._hash if seq == self._seq else self._reader.hash_at(seq)


def _connect(url: str) -> psycopg.Connection[Any]:
    """A connection in which every statement commits by itself, when it is durable, however long that takes."""
    connection = psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
    connection.execute("set synchronous_commit = on")
    connection.execute("set statement_timeout = 0")
    return connection
