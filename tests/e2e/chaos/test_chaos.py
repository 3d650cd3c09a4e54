"""Real chaos on a real stack: signals, lost calls, a full disk and syncs that fail, under clients who ask again.

CHAOS_SECONDS (default 20) is how long the combined scenario rages, CHAOS_SEED what it begins with. What was found is
printed as tables, whether it holds or not.
"""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from actors.fencing import owner_of
from actors.process_group import Process
from actors.ray_settings import RunDirectory
from tests.e2e.chaos.havoc import BACK_S_MAX, Blow, Havoc, recovery_table
from tests.e2e.chaos.load import CHANNEL, Attempt, Call, Caller, Client, Market, clients_at_work
from tests.e2e.chaos.verdict import Check, gather, judge, table
from tests.e2e.served import Served, wait_until
from tests.e2e.small_disk import fill, small_disk

ALONE: Final = "CHAOS_SECONDS" in os.environ
"""Nothing else wants the machine, so what is promised in seconds is asserted; beside other tests it is only told."""
SECONDS: Final = float(os.environ.get("CHAOS_SECONDS") or 20)
SEED: Final = int(os.environ.get("CHAOS_SEED") or 0) or random.SystemRandom().randrange(1, 1 << 32)
CLIENTS: Final = 6
SHORT_S: Final = 6.0
DISK_BYTES: Final = 384 << 20
HALF_BACK_S: Final = 10.0
"""Half of what was struck is back sooner, one blow upon the other."""
UNAVAILABLE_MAX: Final = 0.2
"""of all calls: most wait for a shard to be back"""
HEAL_S: Final = 90.0
FULL_S: Final = 120.0

pytestmark = pytest.mark.long
Say = Callable[..., None]


@pytest.fixture
def say(tell: Callable[[str], None]) -> Say:
    """To whoever runs the tests, and into the file that CHAOS_REPORT names."""

    def say(*words: object) -> None:
        text = "\n".join(map(str, words))
        tell(text)
        if report := os.environ.get("CHAOS_REPORT"):
            with Path(report).open("a") as file:
                file.write(f"{text}\n\n")

    return say


class Scenario:
    """A stack, its market, and the verdict at the end."""

    def __init__(self, served: Served, shards: int, say: Say, title: str) -> None:
        self.served = served
        self.title = title
        host, port = served.url.removeprefix("http://").split(":")
        self.address = (host, int(port))
        self.market = Market.of()
        self.say = say
        caller = Caller(self.address, served.key)
        self.opening = self.market.open(caller)
        events = caller.until_answered("GET", "/v1/feed?limit=1000", None, None, 60.0).body["events"]
        caller.close()
        shard_of = {event["sku"]: event["shard"] for event in events}
        # One with plenty for each shard; there are enough names for that.
        self.probes = [next(sku for sku in self.market.plenty if shard_of[sku] == n) for n in range(shards)]
        self.havoc = Havoc(served, self.address, SEED, self.probes)

    def clients(self) -> Any:
        """At work while the `with` lasts."""
        return clients_at_work(CLIENTS, SEED, self.address, self.served.key, self.market)

    def lost_calls(self) -> int:
        """How many calls to shards the API's processes gave up, as they count them."""
        caller = Caller(self.address, self.served.key)
        text = caller.text("/metrics")
        caller.close()
        found = [line for line in text.splitlines() if "calls_lost" in line and not line.startswith("#")]
        return sum(int(float(line.rpartition(" ")[2])) for line in found)

    def verdict(self, clients: list[Client]) -> list[Check]:
        """When all is quiet: collected, judged, printed; every statement must hold."""
        self.served.until_ready()
        calls = [*self.opening, *self.havoc.calls, *(call for client in clients for call in client.calls)]
        began = time.monotonic()
        evidence = gather(self.address, self.served.key, calls, self.market.skus)
        checks = judge(evidence)
        described = _described(self, clients)
        statuses = sum((client.statuses for client in clients), Counter())
        self.say(
            f"---- {self.title}, seed {SEED}: {len(calls)} calls, {len(evidence.events)} events, answers "
            + ", ".join(f"{status or 'none'}: {count}" for status, count in sorted(statuses.items()))
            + f"; judged in {time.monotonic() - began:.1f} s",
            recovery_table(self.havoc.blows) if self.havoc.blows else "",
            table([*checks, described]),
        )
        assert [check.statement for check in (*checks, described) if check.wrong] == []
        assert [check.statement for check in checks if not check.looked_at] == []
        assert statuses[500] == statuses[502] == 0, self.served.words()
        assert [client.failure for client in clients if client.failure] == []
        assert statuses[201] > CLIENTS, "hardly anything happened"
        return checks


def _described(scenario: Scenario, clients: list[Client]) -> Check:
    """A document whose change was answered is there, or a later one."""
    check = Check("a product is described as was answered last, or later")
    caller = Caller(scenario.address, scenario.served.key)
    for number, client in enumerate(clients):
        puts = client.product_puts
        known = [name for name, answer in puts if answer.status in (200, 201)]
        if known:
            found = caller.until_answered("GET", f"/v1/products/described-{number}", None, None, 30.0).body["name"]
            since = [name for name, _ in puts[[name for name, _ in puts].index(known[-1]) :]]
            check.hold(found in since, number, found, since)
    caller.close()
    return check


def verified(data: Path) -> None:
    """The journals themselves, decided again."""
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "verify", "--data", str(data)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_signals_to_everything_under_load(tmp_path: Path, say: Say) -> None:
    with Served(tmp_path / "data", "--shards", "3", "--workers", "2") as served:
        scenario = Scenario(served, 3, say, f"{SECONDS:g} s of SIGKILL and SIGSTOP")
        with scenario.clients() as clients:
            scenario.havoc.rage(SECONDS)
        scenario.verdict(clients)
        blows = scenario.havoc.blows
        assert {blow.target for blow in blows} >= {"shard", "worker", "standby", "documents", "gcs_server"}
        assert [blow.name for blow in blows if blow.back_s is None] == [], served.words()
        if ALONE:
            assert statistics.median(blow.back_s or BACK_S_MAX for blow in blows) < HALF_BACK_S
            statuses: Counter[int] = sum((client.statuses for client in clients), Counter())
            assert statuses[503] < UNAVAILABLE_MAX * statuses.total()
        assert served.stop() == 0
    verified(tmp_path / "data")


LOST = {"num_failures": -1, "req_failure_prob": 3, "resp_failure_prob": 3, "in_flight_failure_prob": 3}


def test_calls_that_ray_loses_before_and_after_they_ran(
    tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_testing_rpc_failure", json.dumps({"CoreWorkerService.grpc_client.PushTask": LOST}))
    with Served(tmp_path / "data", "--shards", "2", "--workers", "2") as served:
        scenario = Scenario(served, 2, say, "calls to actors lost by Ray, one in eleven")
        # Where there is a file no shard can listen: those that come now are called through Ray.
        sockets = RunDirectory(Path((served.data / "run").read_text())).sockets
        shutil.rmtree(sockets)
        sockets.touch()
        for shard in (0, 1):
            scenario.havoc.strike("shard", signal.SIGKILL, shard)
        with scenario.clients() as clients:
            time.sleep(SHORT_S)
            scenario.havoc.strike("shard", signal.SIGKILL, 0)
            time.sleep(SHORT_S)
            # Where the machine is slow and calls are lost, twelve seconds may be too few for anything to be judged.
            wait_until(lambda: sum(client.statuses[201] for client in clients) > CLIENTS, "some orders", FULL_S)
        scenario.havoc.wait()
        assert scenario.lost_calls() > 0, "nothing was lost"
        # The judge need not wait for calls that are lost.
        sockets.unlink()
        sockets.mkdir(mode=0o700)
        for shard in (0, 1):
            scenario.havoc.strike("shard", signal.SIGKILL, shard)
        scenario.havoc.wait()
        scenario.verdict(clients)
        assert served.stop() == 0


@pytest.fixture
def disk() -> Iterator[Path]:
    """It can be filled."""
    with small_disk(DISK_BYTES) as path:
        yield path


def test_a_disk_that_fills_up_refuses_changes_answers_reads_and_heals(disk: Path, say: Say) -> None:
    with Served(disk, "--shards", "2", "--workers", "2") as served:
        scenario = Scenario(served, 2, say, "a full disk")
        caller = Caller(scenario.address, served.key)
        with scenario.clients() as clients:
            time.sleep(2)
            ballast = fill(disk)
            # Shards have room allocated ahead: they are full when that is used up.
            numbers = itertools.count()
            wait_until(lambda: written_full(caller, numbers), "shards that only read", FULL_S)
            stock = caller.until_answered("GET", f"/v1/stock/{scenario.probes[0]}", None, None, HEAL_S)
            assert stock.status == 200
            refused = reservation(caller, scenario, "while-full")
            assert refused.status == 503, refused
            ballast.unlink()
            began = time.monotonic()
            wait_until(lambda: reservation(caller, scenario, "while-full").status == 201, "room again", HEAL_S)
            healed_s = time.monotonic() - began
            time.sleep(2)
        caller.close()
        scenario.verdict(clients)
        say(f"writes went on {healed_s:.1f} s after there was room again")
        assert served.stop() == 0
    verified(disk)


def test_a_sync_that_fails_ends_the_shard_and_nothing_answered_is_lost(tmp_path: Path, say: Say) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: make system, as root")
    with Served(tmp_path / "data", "--shards", "2", "--workers", "2") as served:
        scenario = Scenario(served, 2, say, "EIO from fdatasync")
        with scenario.clients() as clients:
            for round_ in range(2):
                time.sleep(1.5)
                shard = round_ % 2
                victim = owner_of(served.data / "shards" / f"{shard:03d}" / "lock")
                assert victim is not None
                blow = Blow(f"shard {shard} by EIO", 0, time.monotonic())
                words = tmp_path / f"strace-{round_}"
                with failing_sync(victim, 20, words):
                    until_dead(victim, words)
                blow.at = time.monotonic()
                scenario.havoc.watch(blow, shard)
            scenario.havoc.wait()
        scenario.verdict(clients)
        assert served.stop() == 0
        assert "the append of record" in served.words() or "Input/output error" in served.words()
    verified(tmp_path / "data")


def until_dead(victim: Process, words: Path) -> None:
    """Wait for the end of a process, unless strace may not touch it."""

    def dead_or_forbidden() -> bool:
        if "not permitted" in words.read_text():
            pytest.skip("strace: one process may not trace another on this machine")
        return not victim.alive()

    wait_until(dead_or_forbidden, "the end of a shard that cannot sync")


@contextlib.contextmanager
def failing_sync(victim: Process, when: int, words: Path) -> Iterator[None]:
    """From its n-th on, every sync of this process fails, though what was written may well be on the disk."""
    with words.open("wb") as said:
        tracer = subprocess.Popen(
            ["strace", "-f", "-q", "-o", "/dev/null", "-e", "trace=fdatasync,fsync",
             "-e", f"inject=fdatasync,fsync:error=EIO:when={when}+", "-p", str(victim.pid)],
            stdin=subprocess.DEVNULL, stderr=said,
        )  # fmt: skip
    try:
        yield
    finally:
        # Not in order: it would wait for threads of a process that is dead.
        tracer.kill()
        tracer.wait()


def written_full(caller: Caller, numbers: Iterator[int]) -> bool:
    """Write much and change nothing: a refusal is remembered too. Whether no shard has room for more."""
    rows = [
        {"id": f"hopeless-{next(numbers)}", "kind": "reserve", "sku": f"scarce-{n % 10}", "quantity": 10**9,
         "channel": CHANNEL, "ttl_s": 60, "reference": "x" * 255, "customer": "y" * 255}
        for n in range(2_000)
    ]  # fmt: skip
    sent = caller.send("POST", "/v1/commands", rows, None, HEAL_S)
    assert sent.status in (0, 200, 429, 503), sent
    return states(caller) == {"read_only"}


def states(caller: Caller) -> set[str]:
    """Of the shards, as readiness tells."""
    body = caller.send("GET", "/health/ready").body or {}
    return {shard["state"] for shard in body.get("shards", ())}


def reservation(caller: Caller, scenario: Scenario, key: str) -> Attempt:
    """One, on the first shard, written down for the verdict."""
    body = {"channel": CHANNEL, "ttl_s": 3600, "lines": [{"sku": scenario.probes[0], "quantity": 1}]}
    call = next((call for call in scenario.opening if call.key == key), None)
    if call is None:
        call = Call(-1, "reserve one", "/v1/reservations", body, key)
        scenario.opening.append(call)
    call.attempts.append(caller.send("POST", call.path, body, key, 40.0))
    return call.attempts[-1]
