"""A real `omnistock serve` as a child process, and the few calls that tests make to it."""

import itertools
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx2

from actors.process_group import Process, descendants

START_S: Final = 180.0
"""The first start on a machine compiles the kernels."""
STOP_S: Final = 60.0
BACK_S: Final = 60.0
"""For a service that lost a process to be whole again, on a busy machine."""

_numbers = itertools.count(1)


class Served:
    """One engine on a free port; `stop` or `kill` ends it."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        began = time.monotonic()
        with self.log.open("ab") as words:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "api.cli", "serve", "--data", str(data), "--port", "0", *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=words,
            )
        assert self.popen.stdout is not None
        try:
            ready, _, _ = select.select([self.popen.stdout], [], [], START_S)
            line = self.popen.stdout.readline().decode() if ready else ""
        except BaseException:  # somebody was tired of waiting
            self.kill()
            raise
        self.ready_s = time.monotonic() - began
        if not line.startswith("omnistock ready on http://"):
            self.kill()
            raise AssertionError(f"{line!r} after {self.ready_s:.1f} s\n{self.words()}")
        self.url = line.removeprefix("omnistock ready on ").strip()
        self.key = (data / "admin.key").read_text().strip()
        self.http = httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=30, trust_env=False
        )

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        """A test that failed on the way leaves nothing behind."""
        if self.popen.poll() is None:
            self.http.close()
            self.kill()

    def words(self) -> str:
        """What it wrote to standard error."""
        return self.log.read_text(errors="replace")[-8_000:]

    def family(self) -> list[Process]:
        """Every process below it."""
        return descendants(self.popen.pid)

    def process(self, name: str) -> Process:
        """The one whose command line or title holds `name`."""
        found = [process for process in self.family() if name in command_line(process.pid)]
        assert len(found) == 1, (name, [command_line(process.pid) for process in self.family()])
        return found[0]

    def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        self.http.close()
        self.popen.send_signal(signal.SIGTERM)
        return self._wait()

    def kill(self) -> None:
        """SIGKILL to the supervisor alone."""
        self.popen.kill()
        self._wait()

    def _wait(self) -> int:
        code = self.popen.wait(STOP_S)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return code

    def post(self, path: str, body: Any, key: str | None = None) -> httpx2.Response:
        """With an Idempotency-Key of its own unless one is given."""
        return self.http.post(path, json=body, headers={"Idempotency-Key": key or fresh_id()})

    def post_until_answered(self, path: str, body: Any, key: str) -> httpx2.Response:
        """The same call with the same id until the service has an answer of its own."""
        give_up_at = time.monotonic() + BACK_S
        while True:
            try:
                answer = self.post(path, body, key)
                if answer.status_code not in (429, 500, 502, 503):
                    return answer
            except httpx2.TransportError:
                pass
            assert time.monotonic() < give_up_at, self.words()
            time.sleep(0.05)

    def until_ready(self) -> None:
        """Wait until every shard is ready."""

        def ready() -> bool:
            try:
                return self.http.get("/health/ready", timeout=2).status_code == 200
            except httpx2.TransportError:
                return False

        wait_until(ready, "readiness")


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = BACK_S) -> None:
    """Look again and again, with a bound."""
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, f"waited in vain for {what}"
        time.sleep(0.02)


def fresh_id() -> str:
    """An id that no other test uses."""
    return f"e2e-{os.getpid()}-{next(_numbers)}"


def command_line(pid: int) -> str:
    """Of a process, or its title; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
