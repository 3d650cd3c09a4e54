"""`omnistock serve` with real processes: one reservation through everything, and what survives what.

Both transports run the same story. The tests that kill come after it, on the same engine, which is the point.
"""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from actors.fencing import owner_of
from actors.process_group import Process
from tests.actors.test_cluster import listening_addresses
from tests.e2e.served import BACK_S, Served, fresh_id, wait_until

READY_LOCAL_S = 3.0
READY_RAY_S = 15.0
SILENT_AT_START_S = 150.0
CALLERS = 16


@pytest.fixture(params=["local_served", "ray_served"])
def served(request: pytest.FixtureRequest) -> Served:
    found: Served = request.getfixturevalue(request.param)
    return found


def stock_up(served: Served, sku: str, units: int) -> None:
    """A warehouse, a channel, a product, and units of it on hand."""
    for path, body in (
        ("/v1/warehouses/main", {"name": "Main", "kind": "warehouse", "priority": 1}),
        ("/v1/channels/web", {"name": "Web shop", "kind": "web", "warehouses": None}),
        (f"/v1/products/{sku}", {"name": "Mug", "quantity_decimals": 0, "barcodes": []}),
    ):
        answer = served.http.put(path, json=body)
        assert answer.status_code in (200, 201), answer.text
    received = served.http.post("/v1/commands", json=[
        {"id": fresh_id(), "kind": "receive", "sku": sku, "warehouse": "main", "quantity": units}
    ])  # fmt: skip
    assert received.json()["results"][0]["outcome"] == "ok", received.text


def reserve(served: Served, sku: str, quantity: int, key: str | None = None) -> httpx2.Response:
    """In the web shop, for ten minutes; asked again until somebody answers."""
    body = {"channel": "web", "ttl_s": 600, "lines": [{"sku": sku, "quantity": quantity}]}
    return served.post_until_answered("/v1/reservations", body, key or fresh_id())


def stock(served: Served, sku: str) -> Any:
    answer = served.http.get(f"/v1/stock/{sku}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def shard_process(served: Served, shard: int) -> Process:
    """Who holds the shard's journal."""
    owner = owner_of(served.data / "shards" / f"{shard:03d}" / "lock")
    assert owner is not None
    return owner


@contextlib.contextmanager
def calls_going_on(served: Served, sku: str) -> Iterator[list[httpx2.Response]]:
    """Reservations of one unit, one after another, from a thread beside the test; answers are collected."""
    answers: list[httpx2.Response] = []
    enough = threading.Event()

    def call() -> None:
        while not enough.is_set():
            answers.append(reserve(served, sku, 1))

    caller = threading.Thread(target=call)
    caller.start()
    try:
        wait_until(lambda: len(answers) > 2, "the first answers")
        yield answers
        seen = len(answers)
        wait_until(lambda: len(answers) > seen + 2, "answers after the fault")
    finally:
        enough.set()
        caller.join(BACK_S)


def test_a_reservation_goes_through_every_layer_and_back(served: Served) -> None:
    stock_up(served, "mug-1", 5)
    key = fresh_id()
    made = reserve(served, "mug-1", 3, key)
    assert made.status_code == 201, made.text
    assert made.json()["state"] == "held"
    again = reserve(served, "mug-1", 3, key)
    assert again.json() == made.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    refused = reserve(served, "mug-1", 3)
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_stock")
    assert {name: stock(served, "mug-1")[name] for name in ("on_hand", "reserved", "available")} == {
        "on_hand": 5, "reserved": 3, "available": 2,
    }  # fmt: skip


def test_it_is_ready_soon(local_served: Served, ray_served: Served) -> None:
    # The promised seconds hold on a quiet machine; here others may want its processors too.
    busy = max(2.0, 2 * os.getloadavg()[0] / len(os.sched_getaffinity(0)))
    assert local_served.ready_s < READY_LOCAL_S * busy
    assert ray_served.ready_s < READY_RAY_S * busy


def test_only_the_api_listens_and_everything_on_loopback(served: Served) -> None:
    pids = {process.pid for process in served.family()} | {served.popen.pid}
    addresses = listening_addresses(pids)
    assert addresses, "not even the API's own"
    assert [address for address in addresses if not address.startswith(("127.", "::1"))] == []


def test_the_admin_key_is_for_the_owner_alone(served: Served) -> None:
    assert stat.S_IMODE((served.data / "admin.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(served.data.stat().st_mode) == 0o700


def test_a_second_server_of_the_same_directory_is_refused(local_served: Served) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "api.cli", "serve", "--data", str(local_served.data), "--port", "0"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert second.stdout == b""
    assert f"served already, by process {local_served.popen.pid}".encode() in second.stderr


def test_a_port_in_use_is_refused_in_words(local_served: Served, tmp_path: Path) -> None:
    port = local_served.url.rpartition(":")[2]
    second = subprocess.run(
        [sys.executable, "-m", "api.cli", "serve", "--data", str(tmp_path / "data"), "--port", port],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}".encode() in second.stderr


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_shard_that_dies_or_stops_comes_back_and_nothing_acknowledged_is_lost(
    ray_served: Served, number: int
) -> None:
    sku = f"mug-shard-{number}"
    stock_up(ray_served, sku, 100_000)
    ray_served.until_ready()
    before = {shard: shard_process(ray_served, shard) for shard in (0, 1)}
    with calls_going_on(ray_served, sku) as answers:
        for process in before.values():
            assert process.send(number)
    assert {answer.status_code for answer in answers} == {201}
    assert stock(ray_served, sku)["reserved"] == len(answers)
    ray_served.until_ready()
    after = {shard: shard_process(ray_served, shard) for shard in (0, 1)}
    assert before[0] != after[0]
    assert before[1] != after[1]


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_writer_of_documents_that_dies_or_stops_comes_back(ray_served: Served, number: int) -> None:
    ray_served.until_ready()
    before = ray_served.process("ray::DocumentsActor")
    assert before.send(number)

    def described() -> bool:
        document = {"name": f"After {number}", "quantity_decimals": 0}
        with contextlib.suppress(httpx2.TransportError):
            answer = ray_served.http.put(f"/v1/products/mug-written-{number}", json=document, timeout=5)
            return answer.status_code in (200, 201)
        return False

    wait_until(described, "a writer that writes")
    assert not before.alive()


@pytest.mark.long
def test_a_dead_api_worker_comes_back_alone(ray_served: Served) -> None:
    keeper = ray_served.process("actors.keeper")
    workers = {process for process in ray_served.family() if "api.serve" in _command(process)}
    assert len(workers) == 2
    victim = min(workers, key=lambda process: process.started)
    assert victim.send(signal.SIGKILL)

    def two_again() -> bool:
        found = {process for process in ray_served.family() if "api.serve" in _command(process)}
        return len(found) == 2 and victim not in found

    wait_until(two_again, "another worker")
    assert keeper.alive()
    ray_served.until_ready()


@pytest.mark.long
def test_who_comes_to_an_api_worker_that_is_stopped_is_let_in_by_the_other(ray_served: Served) -> None:
    ray_served.until_ready()
    workers = [process for process in ray_served.family() if "api.serve" in _command(process)]
    victim = min(workers, key=lambda process: process.started)
    # Nobody waits for its end: that comes when it has been silent for ten seconds, or for two minutes at its start.
    with ThreadPoolExecutor(CALLERS) as callers:
        assert victim.send(signal.SIGSTOP)
        calls = [callers.submit(httpx2.get, f"{ray_served.url}/health/live", timeout=BACK_S) for _ in range(CALLERS)]
        assert {call.result().status_code for call in calls} == {200}
        assert victim.alive()
    wait_until(lambda: not victim.alive(), "the end of a worker that says nothing", SILENT_AT_START_S)
    ray_served.until_ready()


@pytest.mark.long
def test_when_ray_loses_its_head_the_whole_stack_is_built_again(ray_served: Served) -> None:
    stock_up(ray_served, "mug-head", 100_000)
    old = ray_served.family()
    with calls_going_on(ray_served, "mug-head") as answers:
        assert ray_served.process("gcs_server").send(signal.SIGKILL)
        # Shards and workers would go on without it for a minute.
        wait_until(lambda: not any(process.alive() for process in old), "the end of the old stack")
        ray_served.until_ready()
    assert {answer.status_code for answer in answers} == {201}
    assert stock(ray_served, "mug-head")["reserved"] == len(answers)


@pytest.mark.long
def test_a_kill_of_the_supervisor_leaves_nobody_and_loses_nothing(tmp_path: Path) -> None:
    first = Served(tmp_path / "data", "--shards", "1")
    family = first.family()
    stock_up(first, "mug-2", 10)
    assert reserve(first, "mug-2", 4).status_code == 201
    first.http.close()
    first.kill()
    # Ray's agents would wait for their head for a minute; the next server knows them for leftovers.
    second = Served(tmp_path / "data", "--transport", "local")
    left = [process for process in family if process.alive()]
    assert left == [], second.words()
    assert stock(second, "mug-2")["reserved"] == 4
    assert second.stop() == 0


def test_a_copy_of_a_served_directory_is_served_beside_it(tmp_path: Path) -> None:
    """As in a drill of a restore: the copy's notes name the original's processes, which are nothing to it."""
    with Served(tmp_path / "data", "--transport", "local") as original:
        stock_up(original, "mug-4", 10)
        family = original.family()
        shutil.copytree(original.data, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock"))
        with Served(tmp_path / "copy", "--transport", "local") as copy:
            assert reserve(copy, "mug-4", 4).status_code == 201
            assert stock(copy, "mug-4")["reserved"] == 4
            assert stock(original, "mug-4")["reserved"] == 0
            assert [process for process in family if not process.alive()] == []
            assert copy.stop() == 0
        assert original.stop() == 0


def test_a_stop_finishes_seals_and_tidies_up(tmp_path: Path) -> None:
    served = Served(tmp_path / "data", "--transport", "local")
    assert (served.data / "serve.json").exists()
    stock_up(served, "mug-3", 10)
    assert served.stop() == 0
    left = list(served.data.rglob("*"))
    assert served.data / "serve.json" not in left
    assert [path for path in left if not path.is_file() and not path.is_dir()] == []


def _command(process: Process) -> str:
    try:
        return Path(f"/proc/{process.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
