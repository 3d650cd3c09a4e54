"""Disks that are full and syncs that fail, under a real `omnistock serve`: real files, real errors, asked over HTTP.

A small tmpfs fills up; strace has fdatasync fail. Both want root; where they cannot be had the tests are skipped.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from actors.durable import DurableFile
from actors.segment_files import path_of
from actors.segments import durable_path
from actors.verify import verify
from tests.e2e.served import Served, fresh_id
from tests.e2e.small_disk import fill, small_disk
from tests.e2e.test_serve import reserve, shard_process, stock, stock_up

pytestmark = pytest.mark.long
ROOM_BYTES = 170 << 20
ROWS = 4_000
LONG = "a reference as long as they may be " * 5
CUP = {"name": "Cup", "quantity_decimals": 0, "barcodes": []}
OPTIONS = ("--transport", "local", "--shards", "1")


@pytest.fixture
def disk() -> Iterator[Path]:
    """It can be filled."""
    with small_disk(ROOM_BYTES) as path:
        yield path


def receive(served: Served, sku: str, rows: int) -> int:
    """One unit in each of so many rows, with long texts; how many were acknowledged."""
    answer = served.http.post("/v1/commands", json=[
        {"id": fresh_id(), "kind": "receive", "sku": sku, "warehouse": "main", "quantity": 1, "reference": LONG}
        for _ in range(rows)
    ])  # fmt: skip
    if answer.status_code in (429, 503):
        return 0
    assert answer.status_code == 200, answer.text
    outcomes = [result["outcome"] for result in answer.json()["results"]]
    assert set(outcomes) <= {"ok", "unavailable"}
    return outcomes.count("ok")


def is_read_only(served: Served) -> bool:
    return [shard["state"] for shard in served.http.get("/health/ready").json()["shards"]] == ["read_only"]


def refused(served: Served, sku: str) -> None:
    """In words, and soon enough to be asked again."""
    answer = once(served, sku)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), answer.text
    assert answer.headers["Retry-After"] == "1"


def once(served: Served, sku: str) -> httpx2.Response:
    body = {"channel": "web", "ttl_s": 600, "lines": [{"sku": sku, "quantity": 1}]}
    return served.post("/v1/reservations", body)


def test_on_a_full_disk_writes_are_refused_reads_go_on_and_it_comes_back_by_itself(disk: Path) -> None:
    """Full while it runs; then it is killed and starts on the full disk; then there is room again."""
    data = disk / "data"
    with Served(data, *OPTIONS) as served:
        stock_up(served, "mug", 1_000)
        ballast = fill(disk)
        acknowledged = 1_000
        while not is_read_only(served):
            acknowledged += receive(served, "mug", ROWS)
        refused(served, "mug")
        there = stock(served, "mug")["on_hand"]
        assert there >= acknowledged
        new = served.http.put("/v1/products/cup", json=CUP)
        assert (new.status_code, new.json()["code"]) == (503, "unavailable"), new.text
        served.http.close()
        served.kill()
    with Served(data, *OPTIONS) as served:
        assert is_read_only(served)
        assert stock(served, "mug")["on_hand"] == there
        refused(served, "mug")
        ballast.unlink()
        made = reserve(served, "mug", 1)
        assert made.status_code == 201, made.text
        assert stock(served, "mug")["reserved"] == 1
        assert served.http.put("/v1/products/cup", json=CUP).status_code == 201
        assert served.stop() == 0
    assert verify(data).ok


def current_segment(data: Path) -> Path:
    """The file that shard 0 appends to."""
    shard = data / "shards" / "000"
    file = DurableFile(durable_path(shard))
    position = file.read()
    file.close()
    return path_of(shard, position.segment)


def test_a_sync_that_fails_ends_the_shard_and_every_command_has_one_effect(tmp_path: Path) -> None:
    """The system says EIO to the first fdatasync of the segment; nobody is told that the command was done or not."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    with Served(tmp_path / "data", *OPTIONS) as served:
        stock_up(served, "mug", 10)
        epoch = served.http.get("/health/ready").json()["shards"][0]["epoch"]
        pid = shard_process(served, 0).pid
        segment = current_segment(served.data)
        injected = tmp_path / "strace"
        command = ["strace", "-f", "-p", str(pid), "-o", str(injected), "-P", str(segment),
                   "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1"]  # fmt: skip
        with subprocess.Popen(command, stderr=subprocess.PIPE) as strace:
            try:
                assert strace.stderr is not None
                said = strace.stderr.readline()
                if b"not permitted" in said:
                    pytest.skip("strace: one process may not trace another on this machine")
                assert b"attached" in said, said
                key = fresh_id()
                made = reserve(served, "mug", 3, key)
                assert made.status_code == 201, made.text
            finally:
                strace.terminate()
        assert "(INJECTED)" in injected.read_text()
        assert current_segment(served.data) != segment
        assert served.http.get("/health/ready").json()["shards"][0]["epoch"] == epoch + 1
        again = reserve(served, "mug", 3, key)
        assert again.json() == made.json()
        assert stock(served, "mug")["reserved"] == 3
        assert served.stop() == 0
    assert verify(tmp_path / "data").ok
