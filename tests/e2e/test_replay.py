"""The replay and its proof, against a stand-in that keeps the rules, one that is often away, and ones that lie."""

import asyncio

import httpx2
import pytest

from analytics.retailer import CELLS_ALL, LINES_ALL, Fate, Plan, SalesFiles, make_plan
from api.engine_client import EngineClient
from api.replay import Report, Watcher, replay
from tests.e2e.standin import StandIn

ROWS = 1_500


@pytest.fixture(scope="module")
def files() -> SalesFiles:
    return SalesFiles.installed()


@pytest.fixture(scope="module")
def plan(files: SalesFiles) -> Plan:
    """Few lines, many web baskets and shortages: everything happens at least once."""
    return make_plan(files, rows=ROWS, web_percent=40, short_per_mille=30)


def replay_against(engine: StandIn, plan: Plan, files: SalesFiles, request_rows: int = 150) -> Report:
    async def run() -> Report:
        transport = httpx2.ASGITransport(app=engine)  # type: ignore[arg-type]
        async with EngineClient("http://engine", "secret", transport) as client:
            return await replay(client, plan, files, Watcher(), request_rows)

    return asyncio.run(run())


def broken(report: Report) -> set[str]:
    return {check.statement for check in report.checks if not check.holds}


def test_the_whole_data_is_what_it_was_when_the_plan_was_made(files: SalesFiles) -> None:
    plan = make_plan(files)
    assert (plan.lines.num_rows, plan.opening.num_rows, plan.lines_in_file) == (LINES_ALL, CELLS_ALL, 1_469_307)
    assert max(len(text) for text in plan.lines["id"].to_pylist()) <= 64


def test_the_same_plan_twice_is_the_same_commands(files: SalesFiles, plan: Plan) -> None:
    again = make_plan(files, rows=ROWS, web_percent=40, short_per_mille=30)
    assert again.lines.equals(plan.lines)
    assert again.opening.equals(plan.opening)


def test_a_cell_is_asked_by_one_lane_only(plan: Plan) -> None:
    lanes: dict[str, set[int]] = {}
    for row in plan.lines.to_pylist():
        lanes.setdefault(row["store"], set()).add(row["lane"])
    assert all(len(found) == 1 for found in lanes.values())
    assert {lane for hub in plan.hubs for lane in lanes[hub]} == {0}


def test_goods_cost_less_than_they_are_sold_for_and_the_same_in_every_place(plan: Plan) -> None:
    costs = {row["sku"]: (row["unit_cost"], row["price"]) for row in plan.products.to_pylist()}
    opening = plan.opening.select(["sku", "unit_cost", "currency"]).to_pylist()
    assert {(row["sku"], row["unit_cost"], row["currency"]) for row in opening} == {
        (sku, cost, "USD") for sku, (cost, _) in costs.items()
    }
    assert all(0 < cost < price or cost == price == 1 for cost, price in costs.values())


def test_the_plan_has_every_fate_and_sourced_lines(plan: Plan) -> None:
    assert set(plan.lines["fate"].to_pylist()) == {fate.value for fate in Fate}
    assert plan.lines["warehouse"].null_count > 0


@pytest.mark.parametrize("as_arrow", [False, True])
def test_an_engine_that_keeps_the_rules_is_proved_green(plan: Plan, files: SalesFiles, as_arrow: bool) -> None:
    report = replay_against(StandIn(feed_as_arrow=as_arrow), plan, files)
    assert broken(report) == set(), [check for check in report.checks if not check.holds]
    assert report.green
    assert 0 < report.lines - report.accepted < ROWS / 2
    assert all(check.looked_at > 0 for check in report.checks), "a statement about nothing proves nothing"


def test_an_empty_page_that_has_come_further_is_not_the_feeds_end(plan: Plan, files: SalesFiles) -> None:
    report = replay_against(StandIn(hesitates=True), plan, files)
    assert broken(report) == set(), [check for check in report.checks if not check.holds]


@pytest.mark.parametrize("seed", range(4))
def test_an_engine_that_is_often_away_is_proved_green_and_nothing_happens_twice(
    plan: Plan, files: SalesFiles, seed: int
) -> None:
    report = replay_against(StandIn(away_percent=15, seed=seed), plan, files)
    assert broken(report) == set(), [check for check in report.checks if not check.holds]
    assert report.sent_again > 0


def test_a_replay_of_a_replay_changes_nothing(plan: Plan, files: SalesFiles) -> None:
    engine = StandIn()
    first = replay_against(engine, plan, files)
    events = len(engine.events)
    second = replay_against(engine, plan, files)
    assert second.green, broken(second)
    assert (second.accepted, len(engine.events)) == (first.accepted, events)


@pytest.mark.parametrize(
    ("lie", "statement"),
    [
        ("oversell", "every acceptance had room at its place"),
        ("oversell", "no cell was ever below its bound"),
        ("refuse", "every refusal was short at its place, by the figure it was told"),
        ("wrong_figure", "every refusal was short at its place, by the figure it was told"),
        ("lose_event", "an accepted line moved its units, once, where it should"),
        ("lose_event", "the engine reports on_hand and reserved of every cell as folded"),
        ("forget_release", "the counters on every event are those of the fold"),
        ("wrong_counter", "the counters on every event are those of the fold"),
        ("wrong_hub", "delivered lines came from the first hub that had enough, or from what each had, in order"),
        ("wrong_shelf", "the engine reports on_hand and reserved of every cell as folded"),
        ("wrong_shelf", "units sold: the Parquet lines, the fold and the shelves agree"),
        ("break_basket", "a basket stands or falls as a whole"),
    ],
)
def test_an_engine_that_lies_once_is_found_out(plan: Plan, files: SalesFiles, lie: str, statement: str) -> None:
    report = replay_against(StandIn(lies={lie}), plan, files)
    assert not report.green
    assert statement in broken(report), report.checks
