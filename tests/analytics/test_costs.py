"""What goods cost and what is earned with them: every figure worked out by hand."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from analytics.costing import SCALE, moved_average
from analytics.store import Details
from engine.kinds import Flag
from tests.analytics.tables import Tables, content, ms
from tests.builders import (
    adjust,
    confirm,
    define_channel,
    define_warehouse,
    fulfil,
    give_back,
    labelled,
    receive,
    reserve,
    sell,
    transfer,
)
from tests.rows import Row
from tests.world import World


def at_cost(amount: int, currency: str = "EUR") -> dict[str, Any]:
    return {"unit_price": amount, "currency": currency, "flags": Flag.HAS_PRICE}


def priced(amount: int, currency: str = "EUR", tax_rate: int = 200_000, **more: Any) -> dict[str, Any]:
    return {"unit_price": amount, "currency": currency, "tax_rate": tax_rate, "flags": Flag.HAS_PRICE, **more}


@pytest.fixture
def tables() -> Iterator[Tables]:
    """The usual shop, empty."""
    world = World.furnished()
    world.now_ms = ms("2026-06-01T08:00+00:00")
    world.send(*define_channel("fair"), define_warehouse("west"))
    made = Tables(world)
    yield made
    made.close()


def on(tables: Tables, moment: str, *rows: Row | list[Row]) -> None:
    """All of them answered OK at that moment."""
    outcomes = tables.world.outcomes(*rows, at_ms=ms(moment))
    assert {outcome.text for outcome in outcomes} == {"ok"}


def costs_of(tables: Tables, table: str = "sales") -> list[tuple[Any, Any]]:
    """(average in minor units, cost) of each line, in order."""
    rows = tables.ask(f"select unit_cost, cost from {table} order by seq, n")
    shown = [(row["unit_cost"], row["cost"]) for row in rows]
    return [(None if u is None else float(u) / SCALE, None if c is None else int(c)) for u, c in shown]


def test_a_sale_costs_the_average_of_what_was_there_when_it_left(tables: Tables) -> None:
    on(tables, "2026-06-01T09:00+00:00", receive("A-1", "south", 10, **at_cost(500)))
    on(tables, "2026-06-01T10:00+00:00", sell("A-1", "south", 4, **priced(900)))
    on(tables, "2026-06-01T11:00+00:00", receive("A-1", "north", 6, **at_cost(700)))
    # (6 x 500 + 6 x 700) / 12 = 600, wherever they lie.
    on(tables, "2026-06-01T12:00+00:00", sell("A-1", "south", 1, **priced(900)))
    # What comes in without a cost, and what only moves, changes nothing.
    on(
        tables,
        "2026-06-01T13:00+00:00",
        receive("A-1", "south", 5),
        adjust("A-1", "south", 2, reason="found"),
        transfer("A-1", "north", "south", 3),
        sell("A-1", "south", 3, **priced(900)),
    )
    # On hand are 15 now: (15 x 600 + 1 x 1000) / 16 = 625.
    on(tables, "2026-06-01T14:00+00:00", receive("A-1", "west", 1, **at_cost(1000)))
    on(tables, "2026-06-01T15:00+00:00", sell("A-1", "south", 1, **priced(900)))
    assert costs_of(tables) == [(500.0, 2000), (600.0, 600), (600.0, 1800), (625.0, 625)]
    assert tables.ask("select before // 1000 as before from costs order by seq, n") == [
        {"before": 0},
        {"before": 6},
        {"before": 15},
    ]
    assert tables.ask("select currency, on_hand // 1000 as on_hand from averages") == [
        {"currency": "EUR", "on_hand": 15}
    ]


def test_what_was_there_before_the_first_cost_counts_as_much_as_it(tables: Tables) -> None:
    on(tables, "2026-06-01T09:00+00:00", receive("A-1", "south", 10), sell("A-1", "south", 1, **priced(900)))
    tables.follow()
    on(tables, "2026-06-01T10:00+00:00", receive("A-1", "north", 1, **at_cost(500)))
    tables.follow()
    # 10 on hand at 500, and 10 more at 600: 550.
    on(tables, "2026-06-01T11:00+00:00", receive("A-1", "north", 10, **at_cost(600)))
    on(tables, "2026-06-01T12:00+00:00", sell("A-1", "south", 1, **priced(900)))
    assert costs_of(tables) == [(None, None), (550.0, 550)]


def test_costs_in_another_currency_are_another_average(tables: Tables) -> None:
    on(
        tables,
        "2026-06-01T09:00+00:00",
        receive("A-1", "south", 10, **at_cost(500)),
        receive("A-1", "south", 10, **at_cost(2000, "PLN")),
        sell("A-1", "south", 1, **priced(900)),
        sell("A-1", "south", 1, **priced(4000, "PLN")),
        sell("A-1", "south", 1, **priced(900, "USD")),
        sell("A-1", "south", 1),
    )
    assert costs_of(tables) == [(500.0, 500), (2000.0, 2000), (None, None), (None, None)]


def test_weighed_goods_and_halves_are_rounded_once_for_each_line(tables: Tables) -> None:
    on(
        tables,
        "2026-06-01T09:00+00:00",
        receive("NUTS", "south", "3.000", **at_cost(1000)),
        receive("NUTS", "south", "4.000", **at_cost(1001)),  # 7004 / 7 = 1000.571429
        sell("NUTS", "south", "0.500", **priced(1500)),  # 500.29
        sell("NUTS", "south", "1.500", **priced(1500)),  # 1500.86
    )
    assert [cost for _, cost in costs_of(tables)] == [500, 1501]
    assert moved_average(3000, 1000 * SCALE, 4000, 1001) == 1_000_571_429


def test_an_average_starts_anew_when_nothing_is_left() -> None:
    assert moved_average(0, 500 * SCALE, 1000, 900) == 900 * SCALE
    assert moved_average(-5000, 500 * SCALE, 1000, 900) == 900 * SCALE
    assert moved_average(1000, None, 1000, 900) == 900 * SCALE


def test_goods_that_come_back_are_taken_at_the_average_of_that_day(tables: Tables) -> None:
    order = reserve("A-1", 2, "south", id="order", ttl_s=7200, **priced(1200))
    on(tables, "2026-06-01T09:00+00:00", receive("A-1", "south", 4, **at_cost(500)), order)
    on(tables, "2026-06-01T10:00+00:00", confirm(order), fulfil(order, id="parcel"))
    on(tables, "2026-06-02T10:00+00:00", receive("A-1", "south", 2, **at_cost(700)))
    on(tables, "2026-06-03T10:00+00:00", give_back("A-1", "south", 1, "web", original="parcel", **priced(1200)))
    assert costs_of(tables) == [(500.0, 1000)]
    assert costs_of(tables, "returns") == [(600.0, 600)]
    # 2400 - 1200 = 1200 with 400 - 200 tax; cost 1000 - 600.
    assert tables.report("product_margins") == [("A-1", "web", 2.0, 1200, 200, 400, 600, 0.6, 0, "EUR")]


def test_pieces_of_any_size_give_the_same_costs(tables: Tables) -> None:
    rng = random.Random(3)
    world = tables.world
    for _ in range(60):
        sku, place = rng.choice(("A-1", "B-2", "NUTS")), rng.choice(("south", "west"))
        cost = at_cost(rng.randrange(1, 900), rng.choice(("EUR", "EUR", "PLN"))) if rng.random() < 0.6 else {}
        world.send(receive(sku, place, rng.randrange(1, 30), **cost), sell(sku, place, 2, **priced(100)))
        world.send(sell(sku, place, rng.randrange(1, 9), "till", **priced(100)), transfer(sku, place, "north", 1))
    whole = content(tables.follow().store)
    for rows_max in (6, 50):
        pieces = Tables(world, rows_max).follow()
        assert content(pieces.store) == whole
        pieces.close()
    assert len(whole["costs"]) > 20


@pytest.fixture
def earning(tables: Tables) -> Tables:
    """The till takes 10 % of nothing; the fair takes 10 % of sales, 2 % go to the card, 50 cents to each order."""
    number = tables.world.channels["fair"]
    fair = (number, "fair", "Fair", "market", None, 100_000, 20_000, 50, "EUR", False)
    tables.follow()
    tables.store.enter_details(Details(tables.store.documents_version + 1, channels=[fair]))
    on(
        tables,
        "2026-06-01T09:00+00:00",
        receive("A-1", "south", 10, **at_cost(500)),
        receive("B-2", "south", 10),
        receive("A-1", "bin", 2),
    )
    on(
        tables,
        "2026-06-01T10:00+00:00",
        *labelled(
            "one", sell("A-1", "south", 2, "fair", **priced(1200)), sell("B-2", "south", 1, "fair", **priced(600))
        ),
        sell("A-1", "south", 1, "fair", **priced(1200, discount=120)),
        sell("B-2", "south", 1, "fair", **priced(600)),
        sell("A-1", "south", 1, "till", **priced(1200)),
        give_back("A-1", "south", 1, "fair", **priced(1200)),
    )
    return tables


def test_contribution_of_an_order_tells_what_a_channel_is_worth(earning: Tables) -> None:
    """Of the fair's lines with a known cost: sales 2400 + 1080, returned 1200, tax 400 + 180 - 200.

    Cost 1000 + 500 - 500. Margin 2280 - 380 - 1000 = 900.
    Fee 10 % of 2280 = 228; card 2 % of 3480 = 69.6; two orders with a cost 100.
    """
    rows = {row[0]: row for row in earning.report("channel_comparison")}
    *_, tax, cost, margin, uncosted, contribution, per_order, currency = rows["fair"]
    assert (tax, cost, margin, uncosted) == (400 + 100 + 180 + 100 - 200, 1000, 900, 2)
    assert (contribution, per_order, currency) == (900 - 228 - 70 - 100, 251, "EUR")
    # Nothing is taken of the till: 1200 - 200 - 500.
    assert rows["till"][-6:] == (500, 500, 0, 500, 500, "EUR")


def test_a_fixed_cost_in_another_currency_is_not_added(earning: Tables) -> None:
    number = earning.world.channels["fair"]
    fair = (number, "fair", "Fair", "market", None, None, None, 50, "PLN", False)
    earning.store.enter_details(Details(earning.store.documents_version + 1, channels=[fair]))
    rows = {row[0]: row for row in earning.report("channel_comparison")}
    assert rows["fair"][-5:] == (900, 2, None, None, "EUR")


def test_margins_of_products_and_their_classes(earning: Tables) -> None:
    # A-1 at the fair: net 2280, tax 380, cost 1000, margin 900 of 1900. B-2 has no cost: it has no margin.
    assert earning.report("product_margins", channel="fair") == [
        ("A-1", "fair", 3.0, 2280, 380, 1000, 900, pytest.approx(900 / 1900), 0, "EUR"),
        ("B-2", "fair", 2.0, 1200, 200, None, None, None, 2, "EUR"),
    ]
    by_margin = earning.report("abc_xyz", by="margin")
    # Sales alone: 4680 - 780 tax - 2000.
    assert [(row[0], row[3], row[5], row[8], row[9]) for row in by_margin] == [
        ("A-1", 1.0, "A", 1900, 0),
        ("B-2", 0.0, "C", None, 2),
    ]


def test_stock_has_a_value_at_the_average(earning: Tables) -> None:
    ((_, _, _, sold, *_, cost, margin, uncosted, value, currency),) = earning.report("turnover", sku="A-1")
    assert (sold, cost, margin, uncosted, value, currency) == (4.0, 2000, 1900, 0, 7 * 500, "EUR")
    slow = earning.report("slow_stock", at="2026-06-02T12:00:00Z")
    assert [(row[0], row[2], *row[-2:]) for row in slow] == [("A-1", 7.0, 3500, "EUR"), ("B-2", 8.0, None, None)]


def test_a_stock_out_loses_the_margin_of_the_last_sale(tables: Tables) -> None:
    on(tables, "2026-06-01T09:00+00:00", receive("A-1", "south", 7, **at_cost(500)))
    on(tables, "2026-06-01T10:00+00:00", sell("A-1", "south", 7, **priced(1200, discount=840)))
    tables.world.send(sell("A-1", "south", 2), at_ms=ms("2026-06-01T11:00+00:00"))
    on(tables, "2026-06-01T22:00+00:00", receive("A-1", "south", 1))
    # 7 sold in 28 days, out for half a day: 0.125; 2 were refused. A unit sold at 1080 with 180 tax and cost 500.
    ((*_, hours, refused, usual, lost, sales, margin, currency),) = tables.report("stock_outs")
    assert (hours, refused, usual, lost) == (12.0, 2.0, 0.125, 2.0)
    assert (sales, margin, currency) == (2160, 800, "EUR")


def test_a_cell_that_is_empty_twice_in_one_batch_is_counted_once_each_time(tables: Tables) -> None:
    on(tables, "2026-06-01T09:00+00:00", receive("A-1", "south", 4))
    on(
        tables,
        "2026-06-01T10:00+00:00",
        sell("A-1", "south", 4, **priced(1000)),
        receive("A-1", "south", 4),
        sell("A-1", "south", 4, **priced(1000)),
    )
    tables.world.send(sell("A-1", "south", 2), at_ms=ms("2026-06-01T11:00+00:00"))
    on(tables, "2026-06-01T22:00+00:00", receive("A-1", "south", 1))
    # 8 sold in 28 days, out for no time and for half a day: 0.143.
    assert [row[4:8] for row in tables.report("stock_outs")] == [(0.0, 0.0, 0.0, 0.0), (12.0, 2.0, 0.143, 2.0)]


def test_of_sales_in_one_batch_the_last_one_before_says_what_was_lost(tables: Tables) -> None:
    on(tables, "2026-06-01T09:00+00:00", receive("A-1", "south", 7), receive("A-1", "north", 50))
    on(
        tables,
        "2026-06-01T10:00+00:00",
        sell("A-1", "north", 20, "web", **priced(100)),
        sell("A-1", "south", 3, **priced(1000)),
        sell("A-1", "south", 4, **priced(1200)),
        *(sell("A-1", "north", 1, "web", **priced(amount)) for amount in (500, 600, 700)),
    )
    tables.world.send(sell("A-1", "south", 2), at_ms=ms("2026-06-01T11:00+00:00"))
    assert [row[7:9] for row in tables.report("stock_outs")] == [(2.0, 2400)]
    assert tables.report("stock_outs", sku="A-1", warehouse="south") == tables.report("stock_outs")
    assert tables.report("stock_outs", warehouse="north") == tables.report("stock_outs", to="2026-05-31") == []


def test_stock_is_worth_its_average_at_the_end_of_the_places_own_day(tables: Tables) -> None:
    tables.places(("south", "Asia/Vladivostok", None), ("north", "America/New_York", None))
    on(tables, "2026-06-02T01:00+00:00", receive("A-1", "south", 10, **at_cost(500)), receive("A-1", "north", 10))
    # 15:00 in New York, on the 2nd of June; 05:00 in Vladivostok, on the 3rd: (20 x 500 + 20 x 700) / 40 = 600.
    on(tables, "2026-06-02T19:00+00:00", receive("A-1", "north", 20, **at_cost(700)))
    # At the end of the 2nd: 10 at 500 in the south, 30 at 600 in the north, where 10 were received on the 1st.
    assert [
        (row[1], row[2], row[4], row[5], row[6], row[-2])
        for row in tables.report("turnover", from_="2026-06-02", to="2026-06-02")
    ] == [("north", 1, 20.0, 30.0, 30.0, 18_000), ("south", 1, 10.0, 10.0, 10.0, 5_000)]
    # Over both days 10 and 30 in the north: 20 on average.
    (north, _) = tables.report("turnover", to="2026-06-02")
    assert north[2:7] == (2, 0.0, 30.0, 20.0, 30.0)


def test_what_is_left_is_what_came_in_last(tables: Tables) -> None:
    on(tables, "2026-06-01T12:00+00:00", receive("A-1", "south", 10, **at_cost(100)))
    on(tables, "2026-08-01T12:00+00:00", receive("A-1", "south", 4))
    on(tables, "2026-08-30T12:00+00:00", sell("A-1", "south", 9), adjust("A-1", "south", 2, reason="found"))
    # 7 are left: 2 of 1 day, 4 of 30 days, 1 of 91 days.
    assert tables.report("ageing", at="2026-08-31T12:00:00Z") == [
        (
            "A-1",
            "south",
            7.0,
            pytest.approx((2 * 1 + 4 * 30 + 91) / 7),
            "2026-06-01",
            6.0,
            0.0,
            0.0,
            1.0,
            0.0,
            700,
            "EUR",
        )
    ]
    assert tables.report("ageing", at="2026-06-01T11:00:00Z") == []


def test_stock_stands_at_its_age_on_either_side_of_every_bound(tables: Tables) -> None:
    on(tables, "2026-06-02T12:00+00:00", receive("A-1", "south", 1))  # 181 days before 30 November
    for day, units in (("06-03", 2), ("08-31", 4), ("09-01", 8), ("09-30", 16), ("10-01", 32), ("10-30", 64)):
        on(tables, f"2026-{day}T12:00+00:00", receive("A-1", "south", units))  # 180, 91, 90, 61, 60 and 31 days
    on(tables, "2026-10-31T12:00+00:00", receive("A-1", "south", 128))  # 30 days
    ((_, _, on_hand, days, oldest, *ages, _, _),) = tables.report("ageing", at="2026-11-30T12:00:00Z")
    assert (on_hand, oldest, ages) == (255.0, "2026-06-02", [128.0, 64.0 + 32.0, 16.0 + 8.0, 4.0 + 2.0, 1.0])
    whole = 181 + 2 * 180 + 4 * 91 + 8 * 90 + 16 * 61 + 32 * 60 + 64 * 31 + 128 * 30
    assert days == pytest.approx(whole / 255)
