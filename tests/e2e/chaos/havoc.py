"""What is struck when, and how long it took until the service was back: seeded, and measured from outside.

A blow is a signal to one process of a running stack. Recovery is measured by a customer who has no connection yet:
from the signal to the answer to a new reservation on the shard that was struck; to four in a row, each over a new
connection, where an API worker was struck; to a product that could be described, where the writer of documents was.
With the standby a shard is struck too, which then finds nobody to take its state from.
"""

import itertools
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from actors.fencing import owner_of
from actors.process_group import Process
from tests.e2e.chaos.load import CHANNEL, Call, Caller
from tests.e2e.served import Served, command_line

BACK_S_MAX: Final = 180.0
"""Nobody waits longer for anything to be back, however much else the machine has to do."""
PROBE_TIMEOUT_S: Final = 2.0
CONNECTIONS: Final = 4
LIGHT: Final = (
    *[("shard", signal.SIGKILL)] * 4,
    *[("shard", signal.SIGSTOP)] * 2,
    *[("worker", signal.SIGKILL)] * 2,
    ("worker", signal.SIGSTOP),
    ("standby", signal.SIGKILL),
    ("standby", signal.SIGSTOP),
    ("documents", signal.SIGKILL),
    ("documents", signal.SIGSTOP),
    ("analytics", signal.SIGKILL),
)
HEAVY: Final = (
    ("gcs_server", signal.SIGKILL),
    ("keeper", signal.SIGKILL),
    ("gcs_server", signal.SIGSTOP),
    ("raylet", signal.SIGKILL),
)
"""Everything is built again after one of these."""
HEAVY_AFTER: Final = 5
"""light blows"""
FIRST: Final = (
    ("shard", signal.SIGKILL),
    ("shard", signal.SIGSTOP),
    ("worker", signal.SIGKILL),
    ("standby", signal.SIGKILL),
    ("documents", signal.SIGKILL),
)
"""Also the shortest run has these, in some order, and the first heavy one."""


@dataclass(slots=True)
class Blow:
    """One signal, and what followed."""

    target: str
    number: int
    at: float
    back_s: float | None = None

    @property
    def name(self) -> str:
        """For the table."""
        return f"{signal.Signals(self.number).name} {self.target}" if self.number else self.target


def plan(seed: int) -> Iterator[tuple[str, int]]:
    """(target, signal) without an end: the light ones shuffled, a heavy one now and then."""
    chance = random.Random(f"havoc-{seed}")
    heavy = itertools.cycle([HEAVY[0], *chance.sample(HEAVY[1:], len(HEAVY) - 1)])
    count = 0
    blows = chance.sample(FIRST, len(FIRST))
    while True:
        for target, number in blows:
            yield target, number
            count += 1
            if count % HEAVY_AFTER == 0:
                yield next(heavy)
        blows = chance.sample(LIGHT, len(LIGHT))


@dataclass(slots=True)
class Havoc:
    """Against one stack; `probes` names a SKU with plenty of stock for each shard."""

    served: Served
    address: tuple[str, int]
    seed: int
    probes: Sequence[str]
    blows: list[Blow] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    """the reservations that were made to measure"""
    _chance: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _watchers: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def rage(self, seconds: float) -> None:
        """Blow after blow for so long, the first ones in any case, and wait until all is back."""
        until = time.monotonic() + seconds
        for count, (target, number) in enumerate(plan(self.seed)):
            if time.monotonic() >= until and count > len(FIRST):
                break
            _, watcher = self.strike(target, number)
            # A stack that is being built again has nothing that could be struck; else the next blow may well fall
            # before the last is mended.
            watcher.join(BACK_S_MAX if (target, number) in HEAVY else self._chance.uniform(1.5, 5.0))
            time.sleep(self._chance.uniform(0.2, 1.5))
        self.wait()

    def wait(self) -> None:
        """Until all that was struck is back."""
        for watcher in self._watchers:
            watcher.join()

    def watch(self, blow: Blow, shard: int) -> None:
        """Measure what somebody else did to a shard."""
        self.blows.append(blow)
        self._follow(blow, self._reserves(shard), 1)

    def strike(self, target: str, number: int, shard: int | None = None) -> tuple[Blow, threading.Thread]:
        """One blow; the thread ends when the service is back."""
        shard = self._chance.randrange(len(self.probes)) if shard is None else shard
        victim = self._victim(target, shard)
        blow = Blow(target, number, time.monotonic())
        self.blows.append(blow)
        if victim is not None:
            victim.send(number)
        owner = self._victim("shard", shard)
        back: Callable[[Caller], bool] = self._reserves(shard)
        times = CONNECTIONS if target == "worker" else 1
        if (target, number) in HEAVY and owner is not None:
            # What is doomed may still answer for a while.
            back = self._reserves_without(owner, back)
        elif target == "documents":
            back = self._describes
        # Nobody asks the standby anything but the successor of a shard: with a stopped one, or none, that helps itself.
        elif target == "standby" and (own := self._victim("shard", shard)) is not None:
            own.send(signal.SIGKILL)
        return blow, self._follow(blow, back, times)

    def _follow(self, blow: Blow, back: Callable[[Caller], bool], times: int) -> threading.Thread:
        watcher = threading.Thread(target=self._wait, args=(blow, back, times), name=blow.name)
        watcher.start()
        self._watchers.append(watcher)
        return watcher

    def _victim(self, target: str, shard: int) -> Process | None:
        """None when it is away already."""
        if target == "shard":
            return owner_of(self.served.data / "shards" / f"{shard:03d}" / "lock")
        names = {
            "worker": "-m api.serve",
            "standby": "-m actors.standby",
            "keeper": "-m actors.keeper",
            "documents": "ray::DocumentsActor",
            "analytics": "-m actors.analytics_actor",
            "gcs_server": "gcs_server",
            "raylet": "raylet/raylet",
        }
        found = [process for process in self.served.family() if names[target] in command_line(process.pid)]
        return self._chance.choice(found) if found else None

    def _wait(self, blow: Blow, back: Callable[[Caller], bool], times: int) -> None:
        caller = Caller(self.address, self.served.key)
        in_a_row = 0
        while in_a_row < times and time.monotonic() < blow.at + BACK_S_MAX:
            good = back(caller)
            caller.close()
            in_a_row = in_a_row + 1 if good else 0
            if not good:
                time.sleep(0.02)
        if in_a_row >= times:
            blow.back_s = time.monotonic() - blow.at

    def _reserves(self, shard: int) -> Callable[[Caller], bool]:
        def reserve(caller: Caller) -> bool:
            with self._lock:
                key = f"probe-{len(self.calls)}"
                body = {"channel": CHANNEL, "ttl_s": 3600, "lines": [{"sku": self.probes[shard], "quantity": 1}]}
                call = Call(-1, "reserve one", "/v1/reservations", body, key)
                self.calls.append(call)
            call.attempts.append(caller.send("POST", call.path, body, key, PROBE_TIMEOUT_S))
            return call.attempts[-1].status == 201

        return reserve

    def _reserves_without(self, owner: Process, reserves: Callable[[Caller], bool]) -> Callable[[Caller], bool]:
        return lambda caller: not owner.alive() and reserves(caller)

    def _describes(self, caller: Caller) -> bool:
        document = {"name": f"at {time.monotonic()}", "quantity_decimals": 0}
        return caller.send("PUT", "/v1/products/described-by-havoc", document, None, 5.0).status in (200, 201)


def recovery_table(blows: Sequence[Blow]) -> str:
    """How often each thing was struck, and the times until it was back."""
    lines = [f"{'struck':<22}{'times':>6}{'p50 s':>8}{'p99 s':>8}{'max s':>8}"]
    for name in [*sorted({blow.name for blow in blows}), "all"]:
        took = sorted(blow.back_s or BACK_S_MAX for blow in blows if name in (blow.name, "all"))
        if took:
            p50, p99 = (took[min(len(took) - 1, int(share * len(took)))] for share in (0.5, 0.99))
            lines.append(f"{name:<22}{len(took):>6}{p50:>8.2f}{p99:>8.2f}{took[-1]:>8.2f}")
    return "\n".join(lines)
