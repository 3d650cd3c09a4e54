"""How Ray runs on one machine: its environment, its private directory, its token.

Everything of Ray's that can be set from outside is set here and nowhere else. Called by the supervisor
before it starts the first process, and by nobody later: Ray reads its environment once, in each process, so
a setting that reached only some of them would be worse than none. Starts nothing itself.
"""

import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAMESPACE: Final = "omnistock"
"""Of every actor's name. A driver without it would not find them."""

INLINE_BYTES_MAX: Final = 750_000
"""Largest argument or answer that travels inside the call; a larger one goes through shared memory.

Measured on 2 cores, 2 calls in flight, 500 KB back, calls a second: 0.5 MB there 500 inline and 400 shared,
1.0 MB 280 and 390, 1.5 MB 205 and 380, 1.9 MB 185 and 370. So about 0.7 MB is where copying through sockets
begins to lose; 750,000 also lets the 8,192 results of a full batch come back inline.
"""

OBJECT_STORE_BYTES: Final = 128 << 20
"""Shared memory for messages above INLINE_BYTES_MAX; they live for one call. Ray's own least is 75 MB."""

SOCKET_PATH_BYTES_MAX: Final = 107
"""What the kernel allows for the path of a Unix socket."""

_SOCKET_TAIL: Final = "/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """One private directory (0700) for one run of the stack: Ray's files, its token, our own small files.

    Ray makes the directory that it is given world-writable, so it gets one inside ours.
    """

    path: Path

    @classmethod
    def create(cls, parent: Path | None = None) -> "RunDirectory":
        """Make a new one, with a fresh token; raises ValueError when its sockets would have too long paths."""
        base = Path(tempfile.gettempdir()) if parent is None else parent
        if socket_path_bytes(base / "omnistock-12345678" / "ray") > SOCKET_PATH_BYTES_MAX:
            base = Path("/tmp")
        run = cls(Path(tempfile.mkdtemp(prefix="omnistock-", dir=base)))
        if socket_path_bytes(run.ray) > SOCKET_PATH_BYTES_MAX:
            run.remove()
            raise ValueError(f"{run.path} is too long a path for Ray's sockets: set TMPDIR to a shorter one")
        descriptor = os.open(run.token, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        run.metrics.mkdir(mode=0o700)
        run.sockets.mkdir(mode=0o700)
        return run

    @property
    def ray(self) -> Path:
        """Ray's own directory, made by Ray."""
        return self.path / "ray"

    @property
    def token(self) -> Path:
        """The file (0600) with the token that every process of this cluster shows to every other."""
        return self.path / "token"

    @property
    def address(self) -> Path:
        """The file in which the keeper says where its cluster is."""
        return self.path / "cluster"

    @property
    def metrics(self) -> Path:
        """Where the API processes put their counters, so that any of them can answer for all."""
        return self.path / "metrics"

    @property
    def sockets(self) -> Path:
        """Where shards listen for batches from this machine."""
        return self.path / "sockets"

    @property
    def logs(self) -> Path:
        """Where Ray's processes write their logs."""
        return self.ray / "session_latest" / "logs"

    def publish_address(self, address: str) -> None:
        """Let others join; whole or not at all."""
        new = self.address.with_suffix(".new")
        new.write_text(address)
        new.rename(self.address)

    def clear(self) -> None:
        """Drop what a dead stack left behind; the token stays."""
        shutil.rmtree(self.ray, ignore_errors=True)
        self.address.unlink(missing_ok=True)
        for file in self.metrics.iterdir():
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Drop everything."""
        shutil.rmtree(self.path, ignore_errors=True)


RAY_ENVIRONMENT: Final = {
    # Bind every port to loopback. Ray has no documented switch for it on Linux; a test lists the sockets.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Reaching a port of Ray's is running code as this user: every process shows the token.
    "RAY_AUTH_MODE": "token",
    "RAY_max_direct_call_object_size": str(INLINE_BYTES_MAX),
    # Ray would run workers at nice 15: shards would lose the processor to every neighbour.
    "RAY_worker_niceness": "0",
    # Ray's memory monitor kills restartable actors first, whoever ate the memory. Our queues are bounded.
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_task_events_report_interval_ms": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Lines of actors in the log of the run: all of them, and without colours.
    "RAY_DEDUP_LOGS": "0",
    "RAY_COLOR_PREFIX": "0",
}
"""Must stand in the environment before a process imports Ray, which reads most of it at that moment."""


def ray_environment(run: RunDirectory) -> dict[str, str]:
    """The variables that every process of the stack must be started with, drivers and workers alike."""
    return {**RAY_ENVIRONMENT, "RAY_AUTH_TOKEN_PATH": str(run.token)}


def socket_path_bytes(ray_directory: Path) -> int:
    """How long the path of a socket of Ray's would be."""
    return len(os.fsencode(str(ray_directory) + _SOCKET_TAIL))
