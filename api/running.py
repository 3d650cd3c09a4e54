"""The engine that serves a data directory: the one that runs already, or one started for the time being."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import msgspec

START_S: Final = 600.0
"""Longest wait for `omnistock ready`: the first start on a machine compiles the kernels, for minutes if it is busy."""
STOP_S: Final = 60.0
_READY: Final = "omnistock ready on "


class EngineNotStarted(RuntimeError):
    """`omnistock serve` ended, or did not answer in time; its own words are in the log."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Where an engine answers, and the admin key of its data directory."""

    url: str
    key: str
    started_here: bool
    console: str | None = None
    """where the planners' console answers"""


class _Serving(msgspec.Struct):
    """What `serve` writes to DIR/serve.json while it is ready."""

    url: str
    pid: int
    console: str | None = None


def find(data: Path) -> Engine | None:
    """The engine that serves `data` now, if one does."""
    try:
        serving = msgspec.json.decode((data / "serve.json").read_bytes(), type=_Serving)
        os.kill(serving.pid, 0)
        httpx2.get(f"{serving.url}/health/live", timeout=5, trust_env=False).raise_for_status()
    except (OSError, msgspec.DecodeError, httpx2.HTTPError):
        return None
    return Engine(serving.url, _admin_key(data), started_here=False, console=serving.console)


@contextlib.contextmanager
def engine_of(data: Path, *, port: int = 0, host: str = "127.0.0.1", transport: str | None = None) -> Iterator[Engine]:
    """The engine of `data`; one that has to be started is stopped again at the end. Raises EngineNotStarted."""
    if running := find(data):
        yield running
        return
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "api.cli", "serve", "--data", str(data), "--host", host, "--port", str(port)]
    if transport:
        command += ["--transport", transport]
    log = data / "serve.log"
    with log.open("ab") as words:
        # A session of its own: a Ctrl-C at the terminal reaches us, and we stop it in order.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=words, text=True, start_new_session=True
        )
    try:
        url = _wait_ready(process, log)
        console = msgspec.json.decode((data / "serve.json").read_bytes(), type=_Serving).console
        yield Engine(url, _admin_key(data), started_here=True, console=console)
    finally:
        _stop(process)


def _wait_ready(process: "subprocess.Popen[str]", log: Path) -> str:
    """The URL on the line that says ready; later lines are read and dropped, so that the pipe never fills."""
    found: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(_READY) and not found:
                found.append(line.removeprefix(_READY).strip())
                ready.set()
        ready.set()

    threading.Thread(target=read, name="serve-stdout", daemon=True).start()
    started = time.monotonic()
    ready.wait(START_S)
    if not found:
        waited = time.monotonic() - started
        raise EngineNotStarted(f"`omnistock serve` was not ready after {waited:.0f} s; see {log}\n{_tail(log)}")
    return found[0]


def _stop(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _admin_key(data: Path) -> str:
    return (data / "admin.key").read_text(encoding="ascii").strip()


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
