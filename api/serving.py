"""What `omnistock serve` does: locks the data directory, listens, and lets the supervisor run the rest.

Refusals are words on standard error and exit code 1: the directory is served already, the port is taken,
the number of shards is another one. Holds no stock and imports neither Ray, numba nor FastAPI.
"""

import contextlib
import http.client
import logging
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import typer

from actors.archive import Archive
from actors.datadir import DataDir, DataDirError
from actors.kernel_cache import is_warm, kernel_cache, kernel_cache_environment
from actors.listening import AddressTaken, Listeners
from actors.logs import to_standard_error
from actors.machine import processors
from actors.process_group import holding, kill_and_wait
from actors.ray_settings import RunDirectory, ray_environment
from actors.serve_settings import ServeSettings, Transport
from actors.supervision import ANALYTICS, CONSOLE, KEEPER, STANDBY, Supervision, worker_number
from actors.supervisor import Plan, Supervisor

READY_TIMEOUT_S: Final = 1.0
DATABASE_VARIABLE: Final = "OMNISTOCK_DATABASE"
"""How standby and analytics are told where the journals are: not on a command line, for there may be a password."""
OPEN_FILES: Final = 65_536
LEFTOVERS_S_MAX: Final = 10.0
PORT_MAX: Final = 65_535
NEXT_PORT: Final = -1
"""For the console the port after the API's, or, when that is taken or the API's was not said either, any free one."""

_log = logging.getLogger("omnistock.serve")
_ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were given; None = choose."""

    data: Path
    host: str
    port: int
    shards: int | None
    workers: int | None
    transport: Transport
    database: str | None
    console_port: int | None = NEXT_PORT
    """0 = any that is free; None = no console"""
    archive: Path | None = None
    """where old segments of the journals go"""


def console_port_of(text: str) -> int | None:
    """What `--console-port` says; raises ValueError."""
    words = {"off": None, "next": NEXT_PORT}
    if text in words:
        return words[text]
    port = int(text)
    if not 0 <= port <= PORT_MAX:
        raise ValueError(text)
    return port


def default_shards() -> int:
    """For a new data directory: one writer for every two processors, so that API processes have the others."""
    return max(1, processors() // 2)


def default_workers() -> int:
    """API processes, for the same reason."""
    # On 2 cores, workers + shards 1+1, 1+2, 2+1, 2+2: single reservations a second 4,200, 3,600, 2,700, 1,900; JSON
    # rows 59 k, 80 k, 85 k, 96 k; Arrow rows 320 k, 300 k, 320 k, 280 k. More parties make smaller calls, and a call
    # has its price whatever is in it.
    return max(1, processors() // 2)


def serve_until_told(asked: Asked) -> int:
    """Run the stack until a signal ends it; gives the exit code."""
    # Files of the data and the run are for this user alone, whatever the shell's mask is; children inherit it.
    os.umask(0o077)
    logging.basicConfig(level=logging.INFO, handlers=[to_standard_error()])
    try:
        data = DataDir.make_or_open(asked.data, shards=asked.shards, default_shards=default_shards())
        with data.serve_lock():
            open_archive(asked.archive, data)
            return _serve(asked, data)
    except (DataDirError, AddressTaken) as error:
        typer.echo(f"omnistock: {error}", err=True)
        return 1


def open_archive(directory: Path | None, data: DataDir) -> None:
    """Make it if there is none, and find what lies in it where it is now; raises DataDirError."""
    if directory is None:
        return
    archive = Archive(directory, data.mark)
    try:
        archive.make()
        for shard in range(data.partitions.shards):
            archive.find_again(data.shard(shard), shard)
    except OSError as error:
        raise DataDirError(f"{directory} cannot be the archive: {error}") from error


def _serve(asked: Asked, data: DataDir) -> int:
    workers = 1 if asked.transport == "local" else asked.workers or default_workers()
    listeners = Listeners.bind(asked.host, asked.port, workers)
    try:
        door = _door(asked)
    except AddressTaken:
        listeners.close()
        raise
    run = RunDirectory.create()
    try:
        _end_leftovers(data.path, run)
    except OSError as error:
        listeners.close()
        if door is not None:
            door.close()
        run.remove()
        raise DataDirError(f"{data.path} cannot be used: {error}") from error
    settings = ServeSettings(
        data=data.path.resolve(),
        host=asked.host,
        port=listeners.port,
        shards=data.partitions.shards,
        workers=workers,
        transport=asked.transport,
        console=None if door is None else door.url,
        database=asked.database,
        archive=None if asked.archive is None else asked.archive.resolve(),
        run=run.path,
    )
    settings.save()
    _raise_open_files()
    if not is_warm(kernel_cache()):
        _log.info("the first start on this machine compiles the kernels: a minute or two")
    try:
        with _announced(data.path, listeners, door) as announce:
            return Supervisor(
                Supervision(workers, ray=asked.transport == "ray"),
                _plans(settings, run, listeners, door),
                is_ready=lambda: _answers(listeners),
                announce=announce,
                stop_listening=listeners.close,
                stack_died=run.clear,
                doors={} if door is None else {CONSOLE: door.socket_of(0).fileno()},
            ).run()
    finally:
        listeners.close()
        if door is not None:
            door.close()
        run.remove()
        (data.path / "run").unlink(missing_ok=True)


def _door(asked: Asked) -> Listeners | None:
    """Where the console will listen."""
    if asked.console_port is None:
        return None
    if asked.console_port != NEXT_PORT:
        return Listeners.bind(asked.host, asked.console_port, 1)
    if 0 < asked.port < PORT_MAX:
        with contextlib.suppress(AddressTaken):
            return Listeners.bind(asked.host, asked.port + 1, 1)
    return Listeners.bind(asked.host, 0, 1)


def _end_leftovers(data: Path, run: RunDirectory) -> None:
    """End and remove what outlived a supervisor that was killed, and note where this run's is.

    Its children died with it, but agents of Ray wait a minute for their head. The lock of the data directory
    is ours, so whoever still works for the run that is noted there works for nobody; unless the note came with a copy
    of another directory.
    """
    note = data / "run"
    with contextlib.suppress(FileNotFoundError):
        before = RunDirectory(Path(note.read_text()))
        if before.token.exists() and not _is_of_another(before, data):  # it is one of ours
            if leftovers := holding(before.path):
                _log.warning("%d processes of a dead predecessor are ended", len(leftovers))
                kill_and_wait(leftovers, LEFTOVERS_S_MAX)
            before.remove()
    note.write_text(str(run.path))


def _is_of_another(run: RunDirectory, data: Path) -> bool:
    """Whether it serves another directory, which is still there."""
    try:
        served = ServeSettings.load(run.path).data
    except (OSError, msgspec.DecodeError):  # it came to nothing
        return False
    return served.exists() and not served.samefile(data)


def _plans(
    settings: ServeSettings, run: RunDirectory, listeners: Listeners, door: Listeners | None
) -> Callable[[str], Plan]:
    """How each child is started, by its name."""
    environment = {
        **kernel_cache_environment(),
        # Where the packages are, also for a child of a child that starts somewhere else.
        "PYTHONPATH": os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        # Nothing here multiplies matrices: no pool of threads in each process for it.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        # Batches pass from thread to thread. With an arena for each of them a shard kept 90 MB more for no rows at all,
        # and grew for as long as it lived, because no arena gives to another what it has free.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
    }
    if settings.transport == "ray":
        environment |= ray_environment(run)
    python = [sys.executable, "-m"]

    def plan(name: str) -> Plan:
        if name == KEEPER:
            return Plan([*python, "actors.keeper", "--run", str(run.path)], environment)
        if name in (STANDBY, ANALYTICS):
            url = {DATABASE_VARIABLE: settings.database} if settings.database else {}
            module = "actors.standby" if name == STANDBY else "actors.analytics_actor"
            kept = ["--archive", str(settings.archive)] if name == STANDBY and settings.archive else []
            return Plan([*python, module, "--data", str(settings.data), *kept], environment | url)
        if name == CONSOLE:
            assert door is not None
            descriptor = door.socket_of(0).fileno()
            host, port = listeners.local_address
            command = [*python, "api.console", "--data", str(settings.data), "--socket", str(descriptor)]
            command += ["--api", f"http://{f'[{host}]' if ':' in host else host}:{port}"]
            return Plan(command, environment, (descriptor,))
        descriptor = listeners.socket_of(worker_number(name)).fileno()
        beside = [listeners.socket_of(each).fileno() for each in range(settings.workers)]
        beside.remove(descriptor)
        command = [*python, "api.serve", "--run", str(run.path), "--socket", str(descriptor)]
        return Plan([*command, "--beside", *map(str, beside)], environment, (descriptor, *beside))

    return plan


def _raise_open_files() -> None:
    """As many connections as the system allows this user, without being asked for each start."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _answers(listeners: Listeners) -> bool:
    """Whether the service says that it is ready."""
    connection = http.client.HTTPConnection(*listeners.local_address, timeout=READY_TIMEOUT_S)
    try:
        connection.request("GET", "/health/ready", headers={"Connection": "close"})
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def _announced(data: Path, listeners: Listeners, door: Listeners | None) -> Iterator[Callable[[], None]]:
    """Gives what to call when the service answers; other commands find it by DIR/serve.json until it ends."""
    file = data / "serve.json"

    def announce() -> None:
        new = file.with_suffix(".new")
        console = None if door is None else door.url
        new.write_bytes(msgspec.json.encode({"url": listeners.url, "console": console, "pid": os.getpid()}))
        new.rename(file)
        if console is not None:
            _log.info("the planners' console answers on %s", console)
        typer.echo(f"omnistock ready on {listeners.url}")

    file.unlink(missing_ok=True)
    try:
        yield announce
    finally:
        file.unlink(missing_ok=True)
