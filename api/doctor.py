"""`omnistock doctor`: what is wrong with this machine or data directory, in words that say what to do.

Looks and measures, changes nothing that stays (one small file is written, synced and removed). Every check
is a function that gives one finding; the list at the end is all there is.
"""

import contextlib
import ctypes
import fcntl
import os
import platform
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from actors.kernel_cache import is_warm, kernel_cache
from actors.listening import AddressTaken, Listeners
from actors.ray_settings import OBJECT_STORE_BYTES, SOCKET_PATH_BYTES_MAX, socket_path_bytes
from analytics.planner.walls import NEEDED

FREE_BYTES_BAD: Final = 1 << 30
FREE_BYTES_LOW: Final = 10 << 30
SYNCS_PER_S_MAX: Final = 5_000
"""A disk without a protected cache cannot make more writes durable one after another."""
SYNCS_PER_S_SLOW: Final = 50
OPEN_FILES_MIN: Final = 1_024
OPEN_FILES_GOOD: Final = 4_096
MEMORY_BYTES_LOW: Final = 4 << 30
SQLITE_MIN: Final = (3, 51, 3)
"""Older ones can lose pages of a database in WAL mode; ours comes with pysqlite3."""

_SYNC_S: Final = 0.4
_WALLS_S: Final = 30.0
_PACKAGES: Final = ("ray", "numpy", "numba", "fastapi", "uvicorn", "sqlalchemy", "duckdb")
_NOT_ON_A_DISK: Final = {"tmpfs", "ramfs", "devtmpfs"}
_NOT_HERE: Final = {"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs"}
_CLOCK_UNSYNCHRONISED: Final = 5  # TIME_ERROR of adjtimex(2)


class Verdict(Enum):
    """How bad it is."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    verdict: Verdict
    what: str
    words: str


def examine(data: Path | None, host: str, port: int) -> Iterator[Finding]:
    """All checks, one after another; those of the data directory only when one is given."""
    for check in _OF_THE_MACHINE:
        yield check()
    yield free_port(host, port)
    if data is None:
        return
    yield data_directory(data)
    if data.is_dir():
        for check_data in _OF_THE_DATA:
            try:
                yield check_data(data)
            except OSError as error:
                what = check_data.__name__.replace("_", " ")
                yield Finding(Verdict.BAD, what, f"cannot be looked at: {error.strerror or error}")


def python_version() -> Finding:
    """Which Python this is, and whether it is one that works."""
    words = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < (3, 11) or (3, 14) <= sys.version_info < (3, 14, 2):
        return Finding(
            Verdict.BAD, "python", f"{words}: wants 3.11 or newer, but not 3.14.0 or 3.14.1 (they abort Ray)"
        )
    return Finding(Verdict.GOOD, "python", words)


def packages() -> Finding:
    """Versions of what matters."""
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding(Verdict.BAD, "packages", f"not installed: {', '.join(missing)}")
    return Finding(Verdict.GOOD, "packages", ", ".join(found))


def sqlite() -> Finding:
    """The SQLite library under the documents database."""
    try:
        from pysqlite3 import dbapi2
    except ImportError as error:
        return Finding(Verdict.BAD, "sqlite", f"pysqlite3 cannot be imported: {error}")
    if dbapi2.sqlite_version_info < SQLITE_MIN:
        return Finding(
            Verdict.BAD, "sqlite", f"{dbapi2.sqlite_version} can lose pages; wants {'.'.join(map(str, SQLITE_MIN))}"
        )
    return Finding(Verdict.GOOD, "sqlite", dbapi2.sqlite_version)


def kernels() -> Finding:
    """Whether the first start will have to compile."""
    directory = kernel_cache()
    if is_warm(directory):
        return Finding(Verdict.GOOD, "kernels", f"compiled, in {directory}")
    return Finding(Verdict.LOOK, "kernels", "not compiled yet: the first start takes about a minute longer")


def system() -> Finding:
    """The kernel interfaces that the supervisor lives on."""
    if not sys.platform.startswith("linux"):
        return Finding(Verdict.BAD, "system", f"{platform.system()}: `serve` wants Linux")
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return Finding(Verdict.BAD, "system", f"Linux {platform.release()} has no pidfd: wants 5.3 or newer")
    if not Path("/proc/self/stat").exists():
        return Finding(Verdict.BAD, "system", "/proc is not mounted")
    return Finding(Verdict.GOOD, "system", f"Linux {platform.release()}, {os.cpu_count()} processors")


def memory() -> Finding:
    """How much there is."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if total < MEMORY_BYTES_LOW:
        return Finding(Verdict.LOOK, "memory", f"{_bytes(total)}: Ray alone takes 0.7 GB; use --transport local")
    return Finding(Verdict.GOOD, "memory", _bytes(total))


def overcommit() -> Finding:
    """Whether address space may be reserved without memory behind it."""
    with contextlib.suppress(OSError):
        if Path("/proc/sys/vm/overcommit_memory").read_text().strip() == "2":
            return Finding(
                Verdict.BAD,
                "overcommit",
                "vm.overcommit_memory is 2: shards reserve address space that they use only as stock grows, "
                "and are refused it; set it to 0 or 1",
            )
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        return Finding(Verdict.LOOK, "overcommit", f"address space is limited to {_bytes(soft)} (ulimit -v)")
    return Finding(Verdict.GOOD, "overcommit", "address space may be reserved ahead")


def walls() -> Finding:
    """What planners' own SQL is shut off with; without it none is run."""
    tried = subprocess.run(
        [sys.executable, "-m", "analytics.planner.walls"], capture_output=True, text=True, timeout=_WALLS_S, check=False
    )
    missing = NEEDED.difference(tried.stdout.split())
    if missing:
        return Finding(
            Verdict.LOOK, "planners' SQL", f"refused: this system cannot shut it off from {', '.join(sorted(missing))}"
            " (wants Linux 5.13 or newer with Landlock)",
        )  # fmt: skip
    return Finding(Verdict.GOOD, "planners' SQL", "shut off from files and network")


def open_files() -> Finding:
    """The limit on descriptors: one per connection, and some hundreds for Ray."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES_MIN:
        return Finding(
            Verdict.BAD, "open files", f"at most {soft} (hard limit {hard}): set ulimit -n {OPEN_FILES_GOOD}"
        )
    if soft < OPEN_FILES_GOOD:
        return Finding(Verdict.LOOK, "open files", f"at most {soft}: ulimit -n {OPEN_FILES_GOOD} for many connections")
    return Finding(Verdict.GOOD, "open files", f"at most {soft}")


def shared_memory() -> Finding:
    """Where Ray passes large messages."""
    try:
        usage = shutil.disk_usage("/dev/shm")
    except OSError as error:
        return Finding(Verdict.LOOK, "shared memory", f"/dev/shm: {error.strerror}; Ray will use files instead")
    wanted = OBJECT_STORE_BYTES + OBJECT_STORE_BYTES // 8
    if usage.free < wanted:
        return Finding(
            Verdict.LOOK,
            "shared memory",
            f"{_bytes(usage.free)} free in /dev/shm, wants {_bytes(wanted)}: Ray will use files, large batches will "
            "be slow (in a container: --shm-size)",
        )
    return Finding(Verdict.GOOD, "shared memory", f"{_bytes(usage.free)} free in /dev/shm")


def temporary_directory() -> Finding:
    """Where Ray's sockets go: their paths may not be long."""
    base = Path(tempfile.gettempdir())
    if not os.access(base, os.W_OK):
        return Finding(Verdict.BAD, "temporary files", f"{base} cannot be written to")
    if socket_path_bytes(base / "omnistock-12345678" / "ray") > SOCKET_PATH_BYTES_MAX:
        return Finding(Verdict.LOOK, "temporary files", f"{base} is too long for Ray's sockets: /tmp is used instead")
    return Finding(Verdict.GOOD, "temporary files", str(base))


def clock() -> Finding:
    """Whether anything keeps the wall clock right; deadlines and ids are read from it."""
    year = time.gmtime().tm_year
    if year < 2025:
        return Finding(Verdict.BAD, "clock", f"it says {year}")
    with contextlib.suppress(OSError, AttributeError):
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512))
        if state == _CLOCK_UNSYNCHRONISED:
            return Finding(Verdict.LOOK, "clock", "nothing synchronises it (NTP), or the machine's host does it unseen")
    return Finding(Verdict.GOOD, "clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def free_port(host: str, port: int) -> Finding:
    """Whether `serve` could listen."""
    try:
        Listeners.bind(host, port, 1).close()
    except AddressTaken as error:
        return Finding(Verdict.BAD, "port", str(error))
    return Finding(Verdict.GOOD, "port", f"{host} port {port} is free")


def data_directory(data: Path) -> Finding:
    """Whether it is there, ours, and nobody else's to read."""
    if not data.exists():
        parent = next(found for found in data.absolute().parents if found.exists())
        if os.access(parent, os.W_OK):
            return Finding(Verdict.GOOD, "directory", f"{data} does not exist yet: `serve` makes it")
        return Finding(Verdict.BAD, "directory", f"{data} does not exist and {parent} cannot be written to")
    if not data.is_dir():
        return Finding(Verdict.BAD, "directory", f"{data} is not a directory")
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return Finding(Verdict.BAD, "directory", f"{data} cannot be read and written by this user")
    mode = stat.S_IMODE(data.stat().st_mode)
    if mode & 0o077:
        return Finding(Verdict.LOOK, "directory", f"{data} has mode {mode:04o}: others can look in; chmod 700 {data}")
    return Finding(Verdict.GOOD, "directory", str(data))


def file_system(data: Path) -> Finding:
    """Whether the directory lies on a disk of this machine."""
    mount, kind = _mount_of(data)
    words = f"{kind}, mounted at {mount}"
    if kind in _NOT_ON_A_DISK:
        return Finding(Verdict.BAD, "file system", f"{words}: memory, not a disk; everything is lost at power off")
    if kind in _NOT_HERE:
        return Finding(Verdict.BAD, "file system", f"{words}: locks and syncs over a network are not to be trusted")
    if kind == "overlay":
        return Finding(Verdict.LOOK, "file system", f"{words}: inside a container's own layer; mount a volume")
    return Finding(Verdict.GOOD, "file system", words)


def free_space(data: Path) -> Finding:
    """How long it will last."""
    usage = shutil.disk_usage(data)
    words = f"{_bytes(usage.free)} of {_bytes(usage.total)} free"
    if usage.free < FREE_BYTES_BAD:
        return Finding(Verdict.BAD, "free space", f"{words}: writes will be refused soon (reads go on)")
    if usage.free < FREE_BYTES_LOW:
        return Finding(Verdict.LOOK, "free space", words)
    return Finding(Verdict.GOOD, "free space", words)


def syncs(data: Path) -> Finding:
    """How many small writes the disk makes durable in a second, one after another."""
    if _mount_of(data)[1] in _NOT_ON_A_DISK:
        return Finding(Verdict.LOOK, "syncs", "not measured: no disk")
    with tempfile.TemporaryFile(dir=data) as file:
        # Over blocks that the file already has, as the journal does: no new blocks are journaled by the system.
        os.write(file.fileno(), bytes(1 << 20))
        os.fsync(file.fileno())
        done, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < _SYNC_S:
            os.pwrite(file.fileno(), bytes(4096), done % 256 * 4096)
            os.fdatasync(file.fileno())
            done += 1
    rate = done / passed
    words = f"{rate:,.0f} a second"
    if rate > SYNCS_PER_S_MAX:
        return Finding(
            Verdict.LOOK,
            "syncs",
            f"{words}: more than a plain disk can do. Either it has a cache that survives a power cut, or it (or the "
            "machine's host) only says that it writes, and a power cut loses what was acknowledged",
        )
    if rate < SYNCS_PER_S_SLOW:
        return Finding(Verdict.LOOK, "syncs", f"{words}: every batch waits for one; a faster disk is felt at once")
    return Finding(Verdict.GOOD, "syncs", words)


def lock(data: Path) -> Finding:
    """Whether a server runs on it."""
    try:
        descriptor = os.open(data / "serve.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Finding(Verdict.GOOD, "lock", "nobody has served this directory yet")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace")
        return Finding(Verdict.GOOD, "lock", f"process {holder} serves this directory")
    finally:
        os.close(descriptor)
    return Finding(Verdict.GOOD, "lock", "nobody serves this directory")


_OF_THE_MACHINE: Final[tuple[Callable[[], Finding], ...]] = (
    python_version, packages, sqlite, system, kernels, memory, overcommit, walls, open_files, shared_memory,
    temporary_directory, clock,
)  # fmt: skip
_OF_THE_DATA: Final[tuple[Callable[[Path], Finding], ...]] = (file_system, free_space, syncs, lock)


def _mount_of(path: Path) -> tuple[str, str]:
    """The mount point that holds `path`, and its kind."""
    real = path.resolve()
    best = ("/", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        place = place.replace("\\040", " ")
        if real.is_relative_to(place) and len(place) >= len(best[0]):
            best = (place, kind)
    return best


def _bytes(count: int) -> str:
    return f"{count / (1 << 30):.1f} GB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MB"
