"""The replay through the whole stack: real processes, journals and HTTP; its proof stays green when shards are shot."""

import asyncio
import signal
from collections.abc import Callable

import pytest

from actors.fencing import owner_of
from analytics.retailer import SalesFiles, make_plan
from api.engine_client import EngineClient
from api.replay import Report, Watcher, replay
from tests.e2e.served import Served

REQUEST_ROWS = 200


class Assassin(Watcher):
    """Sends a signal to every shard process once, in the middle of the sales."""

    def __init__(self, served: Served, number: signal.Signals) -> None:
        self._served, self._number = served, number
        self.struck = 0

    def step(self, what: str, total: int) -> Callable[[int], None]:
        if what != "sales":
            return super().step(what, total)
        left = total // 2

        def advance(count: int) -> None:
            nonlocal left
            left -= count
            if left <= 0 and not self.struck:
                for lock in sorted(self._served.data.glob("shards/*/lock")):
                    shard = owner_of(lock)
                    assert shard is not None
                    self.struck += shard.send(self._number)

        return advance


def replay_against(served: Served, rows: int, seed: int, watcher: Watcher) -> Report:
    files = SalesFiles.installed()
    plan = make_plan(files, rows=rows, seed=seed, web_percent=40, short_per_mille=30)

    async def run() -> Report:
        async with EngineClient(served.url, served.key) as client:
            return await replay(client, plan, files, watcher, REQUEST_ROWS)

    return asyncio.run(run())


def broken(report: Report) -> list[str]:
    return [f"{check.statement}: {check.wrong}, {check.examples}" for check in report.checks if not check.holds]


@pytest.mark.parametrize("transport", ["local_served", "ray_served"])
def test_the_replay_is_green_over_both_transports(transport: str, request: pytest.FixtureRequest) -> None:
    report = replay_against(request.getfixturevalue(transport), 1_500, 2, Watcher())
    assert broken(report) == []
    assert all(check.looked_at > 0 for check in report.checks), "a statement about nothing proves nothing"


@pytest.mark.long
@pytest.mark.parametrize(("number", "seed"), [(signal.SIGKILL, 3), (signal.SIGSTOP, 4)])
def test_shards_that_are_killed_or_stopped_on_the_way_change_nothing(
    ray_served: Served, number: signal.Signals, seed: int
) -> None:
    assassin = Assassin(ray_served, number)
    report = replay_against(ray_served, 4_000, seed, assassin)
    assert assassin.struck == 2
    assert broken(report) == []
