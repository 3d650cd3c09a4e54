"""The data directory: what lies where, who may use it, and what is fixed when it is made.

    DIR/meta.json     format, era, number of shards, the partition map, and a check of these and of the secret; never
                      changed by a running server
    DIR/id.secret     16 random bytes that key the hashes of command ids
    DIR/serve.lock    held by the one server of the directory
    DIR/standby.sock  where the standby hands states over
    DIR/analytics.sock  where the analytics answer questions
    DIR/analytics/    their DuckDB file, a fold of the journals: removed, it is made again
    DIR/devices/CODE/ lock, jobs, durable: a device's journal
    DIR/paper/        what devices with the transport file: print
    DIR/shards/000/   lock, durable, reserve, segments, known, note, snapshots/

Only its owner can read it. With a database URL the journals are on that server; everything else is here.

The supervisor and the command line look into the directory too: what reads journals is imported where it is used,
for numba and psycopg take 0.8 s and 100 MB.
"""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from actors.disk import RealDisk
from actors.fencing import LOCK
from actors.partitions import PartitionMap
from engine.layout import Limits

if TYPE_CHECKING:
    from actors.follow import Follower
    from actors.journal import Journal, JournalReader
    from engine.shard import Shard

FORMAT: Final = 2
_UNCHECKED: Final = 1
"""The format before; it had no check."""
SECRET_BYTES: Final = 16
ANALYTICS_SOCKET: Final = "analytics.sock"
ANALYTICS: Final = "analytics"
DEVICES: Final = "devices"


class DataDirError(Exception):
    """The directory cannot be used; the text says why and what to do."""


class DataDir:
    """One data directory that exists."""

    def __init__(self, path: Path, secret: bytes, partitions: PartitionMap) -> None:
        self.path = path
        self.secret = secret
        self.partitions = partitions

    @classmethod
    def open(cls, path: Path) -> Self:
        """The directory at `path`; raises DataDirError when there is none, or one of another version."""
        try:
            meta = json.loads((path / "meta.json").read_text())
            secret = (path / "id.secret").read_bytes()
            if meta["format"] not in (FORMAT, _UNCHECKED):
                raise DataDirError(f"{path} has format {meta['format']}; this version knows {FORMAT}")
            partitions = PartitionMap(meta["era"], meta["shards"], base64.b64decode(meta["map"]))
            sound = meta["format"] == _UNCHECKED or meta["check"] == _check(partitions, secret)
        except FileNotFoundError as error:
            raise DataDirError(f"{path} is no data directory: there is no {Path(error.filename).name}") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataDirError(f"{path} cannot be used: {error}") from error
        if len(secret) != SECRET_BYTES:
            raise DataDirError(f"{path / 'id.secret'} is damaged: it must have {SECRET_BYTES} bytes")
        if not sound:
            raise DataDirError(f"{path} is damaged: meta.json or id.secret is not what was written")
        return cls(path, secret, partitions)

    @classmethod
    def make_or_open(cls, path: Path, *, shards: int | None = None, default_shards: int = 1) -> Self:
        """The directory at `path`, made if there is none. `shards` must be the number it was made with."""
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (path / "meta.json").exists():
                _make(path, shards or default_shards)
        except OSError as error:
            raise DataDirError(f"{path} cannot be made: {error}") from error
        data = cls.open(path)
        if shards is not None and shards != data.partitions.shards:
            raise DataDirError(
                f"{path} was made with {data.partitions.shards} shards and cannot be served with {shards}"
            )
        return data

    @contextmanager
    def serve_lock(self) -> Iterator[None]:
        """Be the one server of the directory; raises DataDirError when another process is."""
        descriptor = os.open(self.path / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 20, 0).decode() or "unknown"
                raise DataDirError(f"{self.path} is served already, by process {holder}") from None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    @property
    def mark(self) -> str:
        """What tells this directory from others wherever something of several lies together."""
        return hashlib.blake2b(b"archive", key=self.secret, digest_size=8).hexdigest()

    @property
    def devices(self) -> Path:
        """Where the devices' journals are, a folder for each; made when the first device is."""
        return self.path / DEVICES

    def shard(self, shard: int) -> Path:
        """Where a shard's files are."""
        return shard_directory(self.path, shard)

    def snapshots(self, shard: int) -> Path:
        """Where a shard's snapshots are."""
        return snapshot_directory(self.path, shard)

    def fence(self, shard: int) -> Path:
        """The lock file that says which process owns the shard."""
        return self.shard(shard) / LOCK

    def known_seq(self, shard: int) -> Path:
        """Where the supervisor keeps the highest seq that it saw acknowledged."""
        return self.shard(shard) / "known"

    def note(self, shard: int) -> Path:
        """Where the shard notes what it is deciding."""
        return self.shard(shard) / "note"

    def follower(self, shard: int, database: str | None = None) -> "Follower":
        """A reader of the shard's journal."""
        from actors.follow import PostgresFollower, SegmentFollower

        return PostgresFollower(database, shard) if database else SegmentFollower(self.shard(shard), shard)


def shard_directory(data: Path, shard: int) -> Path:
    """Where a shard's files are."""
    return data / "shards" / f"{shard:03d}"


def snapshot_directory(data: Path, shard: int) -> Path:
    """Where a shard's snapshots are."""
    return shard_directory(data, shard) / "snapshots"


def make_journal(data: Path, shard: int, database: str | None) -> "Journal":
    """The journal that the shard writes."""
    if database:
        from actors.postgres_journal import PostgresJournal

        return PostgresJournal(database, shard)
    from actors.segments import SegmentJournal

    return SegmentJournal(shard_directory(data, shard), shard)


def recover(data: Path, shard: int, limits: Limits, journal: "JournalReader") -> "Shard":
    """The shard as its journal has it, from the newest good snapshot on."""
    from actors.recovery import recover_shard

    return recover_shard(journal, snapshot_directory(data, shard), limits)


def _make(path: Path, shards: int) -> None:
    """The secret first and meta.json last, each whole: what was interrupted is begun again."""
    partitions = PartitionMap.even(shards)
    for shard in range(shards):
        snapshot_directory(path, shard).mkdir(mode=0o700, parents=True, exist_ok=True)
        RealDisk().sync_directory(shard_directory(path, shard))
    for directory in (path / "shards", path, path.absolute().parent):
        RealDisk().sync_directory(directory)
    secret = secrets.token_bytes(SECRET_BYTES)
    meta = {
        "format": FORMAT,
        "era": partitions.era,
        "shards": partitions.shards,
        "map": base64.b64encode(partitions.table).decode(),
        "check": _check(partitions, secret),
    }
    _write(path / "id.secret", secret)
    _write(path / "meta.json", json.dumps(meta, indent=1).encode())


def _check(partitions: PartitionMap, secret: bytes) -> str:
    """A map with another bit hides goods, a secret with another bit runs commands again: both must be noticed."""
    digest = hashlib.sha256(f"{partitions.era} {partitions.shards} ".encode())
    digest.update(bytes(partitions.table) + secret)
    return digest.hexdigest()


def _write(path: Path, data: bytes) -> None:
    disk = RealDisk()
    new = path.with_name(path.name + ".new")
    descriptor = disk.create(new)
    try:
        disk.write(descriptor, memoryview(data), 0)
        disk.sync(descriptor)
        disk.rename(new, path)
        disk.sync_directory(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            disk.remove(new)
        raise
    finally:
        os.close(descriptor)
