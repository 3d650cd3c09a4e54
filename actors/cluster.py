"""The composition root: where plain classes become Ray actors, and processes become a cluster.

The only file that applies `ray.remote`. Classes are handed in undecorated and are imported by the workers
from their modules; a decorated class would travel by value, with the globals of its module. One process
creates the actors (the keeper); all others find them by name. Every process here must have been started
with `actors.ray_settings.ray_environment`.
"""

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import ray

from actors.process_group import Process, descendants
from actors.ray_settings import NAMESPACE, OBJECT_STORE_BYTES, RunDirectory
from actors.ray_transport import PROBE_GROUP
from actors.transport import BATCHES_AT_ONCE

DAEMONS: Final = ("gcs_server", "raylet")
"""Ray's processes that everything hangs on."""

SHARD: Final = "shard"
"""Actors of shards are named shard-0, shard-1, ..."""

DEVICES_HERE: Final = {"omnistock-devices": "here"}
"""The label of the machine that devices hang on, and where their journals lie: this one."""
DEVICE_CALLS: Final = 4
"""of one device at a time; they wait for its disk, not for the device"""

HEAD_SILENCE_S: Final = 10.0

_FIND_EVERY_S: Final = 0.05

Handle = Any
"""Ray gives its actor handles no type."""


def start_head(run: RunDirectory) -> None:
    """Start Ray on this machine, with this process as its first driver."""
    ray.init(
        address="local",  # never a cluster that RAY_ADDRESS happens to name
        namespace=NAMESPACE,
        num_cpus=max(2, os.cpu_count() or 1),
        labels=DEVICES_HERE,
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
        log_to_driver=True,  # the last words of a shard that ends itself belong into the log of the run
        logging_level=logging.WARNING,
        _temp_dir=str(run.ray),
    )


def address() -> str:
    """Of the cluster that this process belongs to, for `join`."""
    return str(ray.get_runtime_context().gcs_address)


def join(address: str) -> None:
    """Make this process a driver of the running cluster."""
    ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.WARNING)


def leave() -> None:
    """End Ray in this process; in the one that started it, for everybody."""
    ray.shutdown()


def daemons() -> dict[str, Process]:
    """In the process that called `start_head`: whose death is the death of the cluster, by name."""
    found = {}
    for process in descendants(os.getpid()):
        name = _command_name(process)
        if name in DAEMONS:
            found[name] = process
    assert found.keys() == set(DAEMONS), found
    return found


class HeadSilent(Exception):
    """Ray's head does not answer: what dies now is not started again."""

    def __init__(self, silent_s: float) -> None:
        super().__init__(silent_s)
        self.silent_s = silent_s

    def __str__(self) -> str:
        return f"Ray's head has not answered for {self.silent_s:.0f} s"


def _ask_head() -> None:
    ray.nodes()  # type: ignore[no-untyped-call]


class HeadWatch:
    """Asks Ray's head again and again whether it is there.

    Its death is seen by whoever waits for the process; that it is stopped or stuck Ray finds out after a minute. A
    question has no time-out, so it is a thread of its own that asks, and is left behind if it never comes back.
    """

    def __init__(self, ask: Callable[[], object] = _ask_head, silence_s_max: float = HEAD_SILENCE_S) -> None:
        self._ask = ask
        self._silence_s_max = silence_s_max
        self._heard_at = time.monotonic()
        threading.Thread(target=self._keep_asking, name="head-watch", daemon=True).start()

    async def watch(self) -> None:
        """Until cancelled; raises HeadSilent."""
        while True:
            silent_s = time.monotonic() - self._heard_at
            if silent_s > self._silence_s_max:
                raise HeadSilent(silent_s)
            await asyncio.sleep(self._silence_s_max / 20)

    def _keep_asking(self) -> None:
        while True:
            with contextlib.suppress(Exception):  # whatever it is, it is no answer
                self._ask()
                self._heard_at = time.monotonic()
            time.sleep(self._silence_s_max / 10)


def process_of(actor_class: type) -> Process | None:
    """In the process that called `start_head`: where the only actor of this class lives, as its title says."""
    title = f"ray::{actor_class.__name__}"
    return next((process for process in descendants(os.getpid()) if _title(process).startswith(title)), None)


def create_shards(shard_class: type, arguments: Sequence[tuple[Any, ...]], *, prefix: str = SHARD) -> list[Handle]:
    """One actor per element of `arguments`, which its constructor gets, also at every restart.

    Ray restarts them for ever and retries no call. The constructor must return soon and never raise: an
    actor whose constructor raised is dead for good, whatever `max_restarts` says.
    """
    remote: Any = ray.remote  # its types know nothing of concurrency groups
    actor = remote(concurrency_groups={PROBE_GROUP: 1})(shard_class)
    return [
        actor.options(
            name=f"{prefix}-{shard}",
            num_cpus=0,
            max_concurrency=BATCHES_AT_ONCE,
            max_restarts=-1,
            max_task_retries=0,
            # Batches are independent; in order, one that is lost would hold up those behind it for 30 s.
            allow_out_of_order_execution=True,
        ).remote(*given)
        for shard, given in enumerate(arguments)
    ]


def create_async(name: str, actor_class: type, *arguments: Any) -> Handle:
    """One actor with async methods that run side by side; restarted for ever, like a shard."""
    remote: Any = ray.remote
    actor = remote(actor_class)
    return actor.options(name=name, num_cpus=0, max_restarts=-1, max_task_retries=0).remote(*arguments)


def create_device(name: str, actor_class: type, *arguments: Any) -> Handle:
    """The actor of one physical port, on the machine whose cable it is; raises ValueError while the name is taken."""
    remote: Any = ray.remote
    actor = remote(concurrency_groups={PROBE_GROUP: 1})(actor_class)
    return actor.options(
        name=name,
        num_cpus=0,
        max_concurrency=DEVICE_CALLS,
        max_restarts=-1,
        max_task_retries=0,
        label_selector=DEVICES_HERE,
    ).remote(*arguments)


async def probe(handle: Handle) -> bytes:
    """Ask an actor how it is, beside its work."""
    answer = await handle.probe.options(concurrency_group=PROBE_GROUP).remote()
    assert isinstance(answer, bytes)
    return answer


def end(handle: Handle, *, restart: bool = False) -> None:
    """Kill an actor, and its name is free again; or have Ray make it anew."""
    ray.kill(handle, no_restart=not restart)


def named(name: str) -> Handle | None:
    """The handle of an actor, if there is one now."""
    try:
        return ray.get_actor(name, namespace=NAMESPACE)
    except ValueError:
        return None


def find(name: str, timeout_s: float) -> Handle:
    """The handle of an actor that another process creates; raises TimeoutError."""
    give_up_at = time.monotonic() + timeout_s
    while (handle := named(name)) is None:
        if time.monotonic() >= give_up_at:
            raise TimeoutError(f"no actor {name} after {timeout_s:g} s")
        time.sleep(_FIND_EVERY_S)
    return handle


def find_shards(count: int, timeout_s: float) -> list[Handle]:
    """The handles of the shards in a process that did not create them; raises TimeoutError."""
    return [find(f"{SHARD}-{shard}", timeout_s) for shard in range(count)]


def _command_name(process: Process) -> str:
    return _said(process, "comm")


def _title(process: Process) -> str:
    return _said(process, "cmdline")


def _said(process: Process, where: str) -> str:
    try:
        return Path(f"/proc/{process.pid}/{where}").read_bytes().decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
