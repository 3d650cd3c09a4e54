"""A real PostgreSQL server for the tests of a session: `pytest_plugins = ["tests.actors.postgres_server"]`.

Made by Debian's own binaries in a temporary directory, reached through a socket in it, and gone at the end. As root
it runs as another user, because PostgreSQL insists on that.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from actors.process_group import die_with_parent

START_TIMEOUT_S = 30
_names = count(1)


class PostgresServer:
    """A running server."""

    def __init__(self, directory: Path, process: subprocess.Popen[bytes]) -> None:
        self.directory = directory
        self.process = process

    def url(self, database: str = "postgres") -> str:
        """For psycopg, and with another scheme for SQLAlchemy."""
        return f"postgresql://postgres@/{database}?host={self.directory}"

    def new_schema(self) -> str:
        """A URL that sees nothing but an empty schema: much faster than a database of its own."""
        name = f"test_{next(_names)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"create schema {name}".encode())
        return f"{self.url()}&options=-csearch_path%3D{name}"


def binaries() -> Path | None:
    """Where initdb and postgres are: Debian keeps them out of the path."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Skips, and says why, where PostgreSQL is not installed."""
    with new_server() as server:
        yield server


@contextmanager
def new_server(of: PostgresServer | None = None) -> Iterator[PostgresServer]:
    """An empty one, or a standby of another."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: no initdb")
    directory = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        user = _other_user()
        if user is not None:
            os.chown(directory, user, -1)
        _make(programs, directory, user, of)
        with _started(programs, directory, user) as process:
            try:
                _wait_until_ready(directory, process)
                yield PostgresServer(directory, process)
            finally:
                process.send_signal(signal.SIGQUIT)  # at once: nobody wants the data any more
                try:
                    process.wait(START_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    process.kill()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The server's database; whoever uses it keeps to schemas of his own."""
    return postgres_server.url()


def _make(programs: Path, directory: Path, user: int | None, of: PostgresServer | None) -> None:
    """The data: new, or copied from a running server which it will follow."""
    data = directory / "data"
    new: list[str | Path] = [
        "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    if of is not None:
        new = ["pg_basebackup", "-D", data, "-U", "postgres", "-h", of.directory, "-R", "-c", "fast", "--no-sync"]
    subprocess.run(
        [programs / str(new[0]), *new[1:]], user=user, check=True, capture_output=True, cwd=directory, timeout=120
    )


def _started(programs: Path, directory: Path, user: int | None) -> subprocess.Popen[bytes]:
    data = directory / "data"
    parent = os.getpid()
    with (directory / "log").open("wb") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", directory, "-c", "listen_addresses="],
            user=user,
            stdout=log,
            stderr=log,
            cwd=directory,
            preexec_fn=lambda: die_with_parent(parent),
        )


def _wait_until_ready(directory: Path, process: subprocess.Popen[bytes]) -> None:
    server = PostgresServer(directory, process)
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            psycopg.connect(server.url(), connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > give_up_at:
                raise
        try:
            process.wait(0.05)
            raise RuntimeError((directory / "log").read_text())
        except subprocess.TimeoutExpired:
            pass


def _other_user() -> int | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is no other user to run it as")
