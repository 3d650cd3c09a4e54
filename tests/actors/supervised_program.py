"""A supervisor over three tiny programs instead of Ray and uvicorn, run as a process of its own by the tests.

`python -m tests.actors.supervised_program DIR`: the children write what happens to them into DIR, one file
per fact, and stop behaving when a file tells them to.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

from actors.process_group import Process, die_with_parent
from actors.pulse import ClusterUp, Pulse, Serving
from actors.supervision import Supervision, SupervisionLimits
from actors.supervisor import PULSE_VARIABLE, Plan, Supervisor

DAEMON = """
import os, subprocess
from actors.process_group import die_with_parent
parent = os.getpid()
subprocess.run(["sleep", "1000"], start_new_session=True, preexec_fn=lambda: die_with_parent(parent))
"""
LIMITS = SupervisionLimits(retry_ms_min=20, retry_ms_max=100, silent_ms_max=1_500)


def note(directory: Path, fact: str) -> None:
    """One more file `fact.PID`, with the time order in its name's neighbours."""
    (directory / f"{fact}.{os.getpid()}").touch()


def supervisor(directory: Path) -> int:
    def plan(name: str) -> Plan:
        return Plan([sys.executable, "-m", __spec__.name, str(directory), name], {})

    def announce() -> None:
        sys.stdout.write("ready\n")
        sys.stdout.flush()

    return Supervisor(
        Supervision(workers=2, ray=True, limits=LIMITS),
        plan,
        is_ready=lambda: all(any(directory.glob(f"worker-{number}.started.*")) for number in (0, 1)),
        announce=announce,
        stop_listening=lambda: note(directory, "deaf"),
        stack_died=lambda: note(directory, "stack-died"),
    ).run()


def start_daemon(directory: Path) -> subprocess.Popen[bytes]:
    """A process in a session of its own, with one below it: what Ray's look like from outside. As Ray's, they
    die with their parents."""
    parent = os.getpid()
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON], start_new_session=True, preexec_fn=lambda: die_with_parent(parent)
    )
    (directory / f"daemon.{daemon.pid}").touch()
    return daemon


async def child(directory: Path, name: str) -> None:
    pulse = Pulse(int(os.environ[PULSE_VARIABLE]))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    beating = asyncio.create_task(pulse.beat())
    if name == "keeper":
        daemon = start_daemon(directory)
        process = Process.of(daemon.pid)
        assert process is not None
        pulse.say(ClusterUp({"gcs_server": process}))
    note(directory, f"{name}.started")
    pulse.say(Serving())
    await ended.wait()
    beating.cancel()
    note(directory, f"{name}.terminated")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if len(sys.argv) == 2:
        sys.exit(supervisor(Path(sys.argv[1])))
    asyncio.run(child(Path(sys.argv[1]), sys.argv[2]))
