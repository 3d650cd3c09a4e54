"""Every report with figures worked out by hand, and each in a form that no spreadsheet runs."""

import csv
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from python_calamine import CalamineWorkbook

from analytics.formats import write_csv, write_json, write_xlsx
from analytics.reports import REPORTS
from analytics.reports.report import Column, Sort
from analytics.store import Details
from engine.ids import sku_key
from engine.kinds import Flag
from tests.analytics.tables import Tables, ms
from tests.builders import (
    adjust,
    confirm,
    count,
    define_channel,
    define_warehouse,
    fulfil,
    give_back,
    labelled,
    partly,
    receive,
    release,
    reserve,
    sell,
    settled,
    together,
    transfer,
)
from tests.rows import Row
from tests.world import World


def price(amount: int, currency: str = "EUR", tax_rate: int = 190_000, **more: Any) -> dict[str, Any]:
    return {"unit_price": amount, "currency": currency, "tax_rate": tax_rate, "flags": Flag.HAS_PRICE, **more}


@pytest.fixture
def tables() -> Iterator[Tables]:
    """The usual shop with goods in both places, on Monday 1 June 2026 at 10:00."""
    world = World.furnished()
    world.now_ms = ms("2026-06-01T10:00+00:00")
    goods = [receive(sku, place, 100) for sku in ("A-1", "B-2") for place in ("north", "south")]
    world.send(*goods, receive("NUTS", "south", "50.000"), *define_channel("fair"))
    made = Tables(world)
    made.groups(A_1=["Food", "Sweet"])
    yield made
    made.close()


def on(tables: Tables, moment: str, *rows: Row | list[Row]) -> None:
    """All of them answered OK at that moment."""
    outcomes = tables.world.outcomes(*rows, at_ms=ms(moment))
    assert {outcome.text for outcome in outcomes} == {"ok"}


def test_channel_sales(tables: Tables) -> None:
    on(tables, "2026-06-01T12:00+00:00", sell("A-1", "south", 3, "till", **price(1190, discount=370)))
    on(tables, "2026-06-01T12:30+00:00", sell("NUTS", "south", "0.333", "till", **price(1000, tax_rate=70_000)))
    on(tables, "2026-06-02T09:00+00:00", sell("B-2", "south", 1, "till", **price(500, "PLN")), sell("B-2", "south", 2))
    # 3570 - 370 = 3200, tax 3200 x 19/119 = 510.92; NUTS: 333, tax 333 x 7/107 = 21.79. Each rounded, then added.
    # B-2: 500 zloty, tax 79.83; and two without a price.
    assert tables.report("channel_sales") == [
        ("till", "2026-06-01", 2, 3.333, 3903, 370, 0, 3533, 511 + 22, "EUR"),
        ("till", "2026-06-02", 1, 1.0, 500, 0, 0, 500, 80, "PLN"),
        ("till", "2026-06-02", 1, 2.0, 0, 0, 0, 0, 0, None),
    ]
    assert [row[:4] for row in tables.report("channel_sales", by="group", to="2026-06-01")] == [
        ("till", "", 1, 0.333),
        ("till", "Food / Sweet", 1, 3.0),
    ]


def test_revenue_is_when_goods_leave_and_a_return_is_the_sales_channels(tables: Tables) -> None:
    order = together(reserve("A-1", 2, "north", id="order", **price(1000)), reserve("B-2", 1, "north", **price(500)))
    on(tables, "2026-06-01T12:00+00:00", order)
    on(tables, "2026-06-01T12:01+00:00", confirm(order[0]))
    assert tables.report("channel_sales") == []
    on(tables, "2026-06-03T12:00+00:00", fulfil(order[0], id="parcel"))
    on(tables, "2026-06-05T12:00+00:00", give_back("A-1", "south", 1, "till", original="parcel", **price(1000)))
    # Tax: 2000 x 19/119 = 319.33, 500 x 19/119 = 79.83; of the return 159.66.
    assert tables.report("channel_sales") == [
        ("web", "2026-06-03", 1, 3.0, 2500, 0, 0, 2500, 319 + 80, "EUR"),
        ("web", "2026-06-05", 0, 0.0, 0, 0, 1000, -1000, -160, "EUR"),
    ]


def test_product_channels(tables: Tables) -> None:
    on(
        tables,
        "2026-06-01T12:00+00:00",
        *(sell("A-1", "south", quantity, channel, **price(100)) for channel, quantity in (("till", 3), ("fair", 1))),
        sell("B-2", "south", 1, "till", **price(100)),
        sell("B-2", "south", 1, "till", **price(100, "PLN")),
        give_back("A-1", "south", 1, "till", **price(100)),
    )
    assert tables.report("product_channels") == [
        ("A-1", "till", 3.0, 200, 0.75),
        ("A-1", "fair", 1.0, 100, 0.25),
        ("B-2", "till", 2.0, None, 1.0),
    ]


def test_unmet_demand(tables: Tables) -> None:
    def ask(
        moment: str, quantity: int, who: str = "", channel: str = "web", sku: str = "A-1", part: bool = False
    ) -> Row:
        row = (partly if part else reserve)(sku, quantity, "south", channel=channel, reference=who)
        tables.world.send(row, at_ms=ms(moment))
        return row

    ask("2026-06-01T12:00+00:00", 150, "ann")  # refused
    ask("2026-06-01T12:01+00:00", 120, "ann", channel="fair")  # refused again: the same demand
    ask("2026-06-01T12:02+00:00", 130)  # refused, of nobody: stands for itself
    ask("2026-06-01T12:03+00:00", 130)
    on(tables, "2026-06-01T13:01+00:00", confirm(ask("2026-06-01T13:00+00:00", 40, "ann", channel="fair")))  # elsewhere
    ask("2026-06-02T12:00+00:00", 300, "bob")  # refused
    on(tables, "2026-06-02T12:01+00:00", confirm(ask("2026-06-02T12:00+00:00", 150, "cat", part=True)))  # gets 60
    ask("2026-06-03T12:00+00:00", 400, "dan", sku="B-2")  # refused, and served on another day
    for _ in range(4):
        tables.world.send(receive("B-2", "south", 100))
    ask("2026-06-05T12:00+00:00", 400, "dan", sku="B-2")
    assert tables.report("unmet_demand") == [
        ("A-1", "web", "2026-06-01", 150 + 130 + 130, 40.0, 110.0 + 260.0),
        ("A-1", "web", "2026-06-02", 300 + 150, 60.0, 300.0 + 90.0),
    ]
    assert tables.report("unmet_demand", to="2026-05-31") == []


def test_what_was_held_and_given_up_was_not_obtained(tables: Tables) -> None:
    def hold(quantity: int, who: str = "eve", **more: Any) -> Row:
        row = reserve("A-1", quantity, "south", customer=who, **more)
        tables.world.send(row, at_ms=ms("2026-06-01T12:01+00:00"))
        return row

    tables.world.send(reserve("A-1", 200, "south", customer="eve"), at_ms=ms("2026-06-01T12:00+00:00"))  # refused
    cancelled, left, shrunk, parted = hold(30), hold(20), hold(8), hold(7)
    hold(10)  # expires
    on(tables, "2026-06-01T12:02+00:00", release(left), release(shrunk, line=0, quantity=3))
    on(tables, "2026-06-01T12:03+00:00", confirm(cancelled), confirm(shrunk), confirm(parted))
    on(tables, "2026-06-01T12:04+00:00", fulfil(parted, line=0, quantity=2), release(parted), release(cancelled))
    assert tables.report("unmet_demand") == [("A-1", "web", "2026-06-01", 200.0, 30.0 + 5.0 + 7.0 + 10.0, 148.0)]
    # Of two whom nobody knows each gets what is there, and one of them confirms it.
    forgotten, confirmed = partly("B-2", 150, "south"), partly("B-2", 140, "north")
    tables.world.send(forgotten, confirmed, at_ms=ms("2026-06-01T12:05+00:00"))
    assert tables.report("unmet_demand", sku="B-2")[0][3:] == (290.0, 200.0, 90.0)
    on(tables, "2026-06-01T12:06+00:00", confirm(confirmed))
    on(tables, "2026-06-01T13:00+00:00", receive("NUTS", "south", 1))
    assert tables.report("unmet_demand") == [
        ("A-1", "web", "2026-06-01", 200.0, 30.0 + 5.0 + 7.0, 158.0),
        ("B-2", "web", "2026-06-01", 290.0, 100.0, 190.0),
    ]


def test_a_reference_is_that_of_the_customer_with_whom_alone_it_came(tables: Tables) -> None:
    noon, later = "2026-06-01T12:00+00:00", "2026-06-02T12:00+00:00"
    for who in (
        {"customer": "ann", "reference": "cart-1"},
        {"reference": "cart-1"},
        {"reference": "cart-2"},
        {"customer": "cat", "reference": "fair"},
        {"customer": "dan", "reference": "fair"},
    ):
        tables.world.send(reserve("A-1", 150, "south", **who), at_ms=ms(noon))
    on(
        tables,
        later,
        sell("A-1", "south", 10, reference="cart-1"),
        sell("A-1", "south", 20, customer="bob", reference="cart-2"),
        sell("A-1", "south", 5, reference="fair"),
        sell("A-1", "south", 3, customer="dan", reference="fair"),
    )
    # Ann asked twice and has 10, the second cart has 20, dan 3; whose the 5 are nobody knows.
    assert tables.report("unmet_demand") == [("A-1", "web", "2026-06-01", 4 * 150.0, 33.0, 567.0)]


def test_a_unit_serves_one_demand_the_oldest_of_the_last_seven_days(tables: Tables) -> None:
    def ask(day: str, sku: str, quantity: int, who: str) -> None:
        row = reserve(sku, quantity, "south", customer=who)
        tables.world.send(row, at_ms=ms(f"2026-06-{day}T12:00+00:00"))

    def buy(moment: str, sku: str, quantity: int, who: str) -> None:
        goods = receive(sku, "south", quantity), sell(sku, "south", quantity, customer=who)
        on(tables, f"2026-06-{moment}+00:00", *goods)

    def unmet() -> list[tuple[Any, ...]]:
        return [(row[0], row[2], *row[3:]) for row in tables.report("unmet_demand")]

    buy("01T10:30", "B-2", 60, "gus")  # before he asked for more
    ask("01", "B-2", 150, "gus")
    ask("03", "B-2", 120, "gus")
    assert unmet() == [("B-2", "2026-06-01", 150.0, 0.0, 150.0), ("B-2", "2026-06-03", 120.0, 0.0, 120.0)]
    buy("04T12:00", "B-2", 130, "gus")
    assert unmet() == [("B-2", "2026-06-01", 150.0, 130.0, 20.0), ("B-2", "2026-06-03", 120.0, 0.0, 120.0)]
    buy("09T03:59", "B-2", 15, "gus")  # of the eighth still
    buy("09T04:00", "B-2", 40, "gus")  # too late for the first, not for the second
    buy("11T04:00", "B-2", 40, "gus")  # too late for both
    assert unmet() == [("B-2", "2026-06-01", 150.0, 145.0, 5.0), ("B-2", "2026-06-03", 120.0, 40.0, 80.0)]
    # What was more than asked for is not kept for what is asked for next.
    ask("12", "A-1", 110, "hal")
    buy("13T12:00", "A-1", 150, "hal")
    ask("14", "A-1", 130, "hal")
    buy("15T12:00", "A-1", 20, "hal")
    assert unmet()[2:] == [("A-1", "2026-06-14", 130.0, 20.0, 110.0)]
    # One purchase for both: 110 of it are for the fourteenth.
    ask("15", "A-1", 125, "hal")
    buy("16T12:00", "A-1", 205, "hal")
    assert unmet()[2:] == [("A-1", "2026-06-15", 125.0, 95.0, 30.0)]


def test_channel_comparison(tables: Tables) -> None:
    on(tables, "2026-06-01T12:00+00:00", sell("A-1", "south", 1, "till", **price(1000)))
    on(
        tables,
        "2026-06-03T12:00+00:00",
        *labelled("one", sell("A-1", "south", 2, "till", **price(500)), sell("B-2", "south", 1, "till", **price(501))),
        sell("A-1", "south", 1, "till", **price(500)),
        sell("A-1", "south", 1, "fair", **price(500)),
        give_back("A-1", "south", 1, "till", **price(501)),
    )
    tables.world.send(sell("A-1", "south", 1000, "fair", **price(500)))
    # Till: 1000 + 501 + 500 = 2001 in two orders, basket 1000.5; net 1500, before 1000. Fair: 500, one of two refused.
    assert tables.report("channel_comparison", from_="2026-06-03", to="2026-06-04") == [
        ("till", 2, 4.0, 1500, 0.75, 0.5, 1001, 0.0, 0.25, 160 + 80 + 80 - 80, None, None, 4, None, None, "EUR"),
        ("fair", 1, 1.0, 500, 0.25, None, 500, 0.5, 0.0, 80, None, None, 1, None, None, "EUR"),
    ]


def test_channel_tax(tables: Tables) -> None:
    on(
        tables,
        "2026-06-01T12:00+00:00",
        sell("A-1", "south", 2, "till", **price(1190)),
        sell("NUTS", "south", 1, "till", **price(1070, tax_rate=70_000)),
        give_back("A-1", "north", 1, "till", **price(1190)),
    )
    assert tables.report("channel_tax") == [
        ("till", "north", 0.19, 0, 1190, -1190, -190, "EUR"),
        ("till", "south", 0.07, 1070, 0, 1070, 70, "EUR"),
        ("till", "south", 0.19, 2380, 0, 2380, 380, "EUR"),
    ]


def test_reservation_funnel(tables: Tables) -> None:
    names = ("kept", "left", "expires", "cancelled", "sold")
    rows = {name: reserve("A-1", 4, "north", id=name, ttl_s=60 if name == "expires" else 600) for name in names}
    on(tables, "2026-06-01T12:00+00:00", *rows.values())
    on(tables, "2026-06-01T12:00:30+00:00", release(rows["left"]), confirm(rows["cancelled"]), confirm(rows["sold"]))
    on(tables, "2026-06-01T12:02+00:00", fulfil(rows["sold"], line=0, quantity=3), release(rows["cancelled"]))
    hours = pytest.approx(30 / 3600)
    assert tables.report("reservation_funnel") == [
        ("web", 5, 20.0, 0.0, 20.0, 8.0, 3.0, 4.0, 4.0, 4.0, 5.0, 0.15, hours),
    ]
    assert tables.report("reservation_funnel", from_="2026-06-02") == []
    # 500 asked for and refused, then 300 of which 196 were left.
    tables.world.send(reserve("A-1", 500), at_ms=ms("2026-06-02T12:00+00:00"))
    tables.world.send(partly("B-2", 300, "north"), at_ms=ms("2026-06-02T12:00+00:00"))
    assert tables.report("reservation_funnel", from_="2026-06-02") == [
        ("web", 1, 800.0, 700.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 100.0, 0.0, None),
    ]


def test_hourly_profile(tables: Tables) -> None:
    on(tables, "2026-06-01T12:10+00:00", sell("A-1", "south", 1), sell("A-1", "south", 2))
    on(tables, "2026-06-01T13:00+00:00", sell("B-2", "south", 5))
    on(tables, "2026-06-08T12:59+00:00", sell("B-2", "south", 1))
    on(tables, "2026-06-09T00:30+00:00", sell("B-2", "south", 1))  # still Monday's business
    assert tables.report("hourly_profile") == [
        ("till", 1, 0, 1, 1.0, 0.2),
        ("till", 1, 12, 3, 4.0, 0.6),
        ("till", 1, 13, 1, 5.0, 0.2),
    ]


def test_basket_affinity(tables: Tables) -> None:
    for number in range(2):
        basket = (sell("A-1", "south", 1), sell("B-2", "south", 1), *([sell("NUTS", "south", 1)] * number))
        on(tables, f"2026-06-01T1{number}:00+00:00", labelled(f"b{number}", *(Row(**_fields(row)) for row in basket)))
    on(tables, "2026-06-01T13:00+00:00", sell("A-1", "south", 1), sell("NUTS", "south", 1))
    # Four orders; A-1 in three, B-2 in two, both in two. NUTS goes with each only once.
    assert tables.report("basket_affinity") == [
        ("A-1", "B-2", 2, pytest.approx(2 / 3), pytest.approx((2 / 3) / (2 / 4))),
        ("B-2", "A-1", 2, 1.0, pytest.approx(1 / (3 / 4))),
    ]
    assert [row[0] for row in tables.report("basket_affinity", sku="B-2")] == ["B-2"]


def test_suggestions(tables: Tables) -> None:
    for moment, goods in (("10", ("A-1", "B-2")), ("11", ("A-1", "B-2")), ("12", ("A-1", "NUTS"))):
        basket = labelled(moment, *(sell(sku, "south", 1) for sku in goods))
        on(tables, f"2026-06-01T{moment}:00+00:00", basket)
    assert tables.report("suggestions", sku="A-1") == [
        ("A-1", "B-2", 2, pytest.approx(2 / 3), 198.0, "bought_together", 0, 0),
        ("A-1", "NUTS", 1, pytest.approx(1 / 3), 49.0, "bought_together", 0, 0),
    ]
    # In the north there are no nuts: they come last whatever is bought.
    on(tables, "2026-06-01T13:00+00:00", sell("B-2", "north", 100, "web"))
    assert [row[1] for row in tables.report("suggestions", sku="A-1", warehouse="south")] == ["B-2", "NUTS"]
    on(tables, "2026-06-01T14:00+00:00", receive("NUTS", "north", 1))
    assert [row[1:5:3] for row in tables.report("suggestions", sku="A-1", warehouse="north")] == [
        ("NUTS", 1.0),
        ("B-2", 0.0),
    ]


def _fields(row: Row) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Row.__dataclass_fields__}


def test_abc_xyz(tables: Tables) -> None:
    for day, units in (("01", 2), ("08", 2), ("15", 2), ("22", 2)):
        on(tables, f"2026-06-{day}T12:00+00:00", sell("A-1", "south", units, **price(1000)))
    on(tables, "2026-06-22T13:00+00:00", sell("B-2", "south", 4, **price(400)), sell("NUTS", "south", 1, **price(400)))
    # Sales 8000, 1600, 400 of 10000. Weekly units: 2 2 2 2; 0 0 0 4: mean 1, deviation sqrt(3); the same for 1 unit.
    root = pytest.approx(3**0.5)
    assert tables.report("abc_xyz") == [
        ("A-1", 8.0, 8000, 0.8, 0.8, "A", 0.0, "X", None, 4, "EUR"),
        ("B-2", 4.0, 1600, 0.16, 0.96, "B", root, "Z", None, 1, "EUR"),
        ("NUTS", 1.0, 400, 0.04, 1.0, "C", root, "Z", None, 1, "EUR"),
    ]


def test_slow_stock(tables: Tables) -> None:
    on(tables, "2026-06-11T12:00+00:00", sell("A-1", "south", 1), sell("B-2", "north", 100, "web"))
    on(tables, "2026-06-13T12:00+00:00", receive("B-2", "south", 1), receive("A-1", "bin", 5))
    first = "2026-06-01"
    # What comes to goods that are there still changes nothing: B-2 in the south has been there since the first.
    assert tables.report("slow_stock", at="2026-06-21T12:00:00Z") == [
        ("A-1", "north", 100.0, first, first, first, "None", 20, "moving", None, None),
        ("B-2", "south", 101.0, first, "2026-06-13", first, "None", 20, "moving", None, None),
        ("NUTS", "south", 50.0, first, first, first, "None", 20, "moving", None, None),
        ("A-1", "south", 99.0, first, first, first, "2026-06-11", 10, "moving", None, None),
    ]
    late = tables.report("slow_stock", at="2026-09-01T12:00:00Z", sku="A-1", warehouse="south")
    assert [row[7:9] for row in late] == [(82, "slow")]
    assert {row[8] for row in tables.report("slow_stock", at="2026-12-01T12:00:00Z")} == {"dead"}


def test_goods_lie_from_when_they_came_however_they_came(tables: Tables) -> None:
    tables.world.send(define_warehouse("west"), define_warehouse("east"))
    on(tables, "2026-06-03T12:00+00:00", transfer("A-1", "north", "west", 5), count("B-2", "west", 7))
    on(tables, "2026-06-04T12:00+00:00", give_back("NUTS", "west", 2), adjust("A-1", "east", 3))
    on(tables, "2026-07-04T12:00+00:00", transfer("A-1", "north", "west", 5), adjust("B-2", "west", -6))
    # On 5 September: 94 days since the third of June, 93 since the fourth. None was ever received or sold there.
    rows = tables.report("slow_stock", at="2026-09-05T12:00:00Z")
    assert [row for row in rows if row[1] in ("west", "east")] == [
        ("A-1", "west", 10.0, "None", "None", "2026-06-03", "None", 94, "dead", None, None),
        ("B-2", "west", 1.0, "None", "None", "2026-06-03", "None", 94, "dead", None, None),
        ("A-1", "east", 3.0, "None", "None", "2026-06-04", "None", 93, "dead", None, None),
        ("NUTS", "west", 2.0, "None", "None", "2026-06-04", "None", 93, "dead", None, None),
    ]


def test_what_was_out_for_long_and_is_back_does_not_lie_since_its_last_sale(tables: Tables) -> None:
    on(tables, "2026-06-02T12:00+00:00", sell("A-1", "south", 100), sell("B-2", "south", 100))
    # 200 days later both come back; of B-2 two are owed, so that the first two leave none on the shelf.
    tables.world.send(settled("B-2", "south", 2), at_ms=ms("2026-06-03T12:00+00:00"))
    on(tables, "2026-12-18T12:00+00:00", give_back("A-1", "south", 1), receive("B-2", "south", 2))
    on(tables, "2026-12-19T12:00+00:00", receive("A-1", "south", 10), receive("B-2", "south", 1))

    def of(at: str) -> list[tuple[Any, ...]]:
        rows = tables.report("slow_stock", at=at, warehouse="south")
        return [(row[0], row[2], *row[5:9]) for row in rows if row[0] != "NUTS"]

    assert of("2026-12-18T13:00:00Z") == [("A-1", 1.0, "2026-12-18", "2026-06-02", 0, "moving")]
    assert of("2026-12-20T12:00:00Z") == [
        ("A-1", 11.0, "2026-12-18", "2026-06-02", 2, "moving"),
        ("B-2", 1.0, "2026-12-19", "2026-06-03", 1, "moving"),
    ]
    # What sells after it came lies from its last sale on.
    on(tables, "2026-12-22T12:00+00:00", sell("A-1", "south", 1))
    assert of("2027-01-19T12:00:00Z")[1] == ("A-1", 10.0, "2026-12-18", "2026-12-22", 28, "slow")


@pytest.fixture
def lean(tables: Tables) -> Tables:
    """10 of A-1 in a third place on 1 June; 4 sold on the 2nd, 6 on the 4th at noon; 20 more at noon of the 5th."""
    world = tables.world
    world.send(define_warehouse("west"))
    on(tables, "2026-06-01T10:00+00:00", receive("A-1", "west", 10))
    on(tables, "2026-06-02T12:00+00:00", sell("A-1", "west", 4))
    on(tables, "2026-06-04T12:00+00:00", sell("A-1", "west", 6))
    for refused in (sell("A-1", "west", 3), reserve("A-1", 500), reserve("A-1", 50, "south", reference="elsewhere")):
        world.send(refused, at_ms=ms("2026-06-04T13:00+00:00"))
    on(tables, "2026-06-05T12:00+00:00", receive("A-1", "west", 20))
    world.send(sell("A-1", "west", 300), at_ms=ms("2026-06-05T13:00+00:00"))
    return tables


def test_stock_outs(lean: Tables) -> None:
    ((sku, place, began, ended, hours, refused, usual, *lost),) = lean.report("stock_outs")
    assert (sku, place, hours, refused) == ("A-1", "west", 24.0, 3.0 + 500.0)
    # 10 were sold in the 28 days before: 0.357 a day. None had a price.
    assert (usual, lost) == (0.357, [503.0, None, None, None])
    assert (began.isoformat(), ended.isoformat()) == ("2026-06-04T12:00:00+00:00", "2026-06-05T12:00:00+00:00")
    on(lean, "2026-06-06T12:00+00:00", sell("A-1", "west", 20))
    on(lean, "2026-06-06T18:00+00:00", receive("B-2", "west", 1))
    # 30 in 28 days, for a quarter of a day: 0.268.
    assert [row[3:8] for row in lean.report("stock_outs", from_="2026-06-06")] == [(None, 6.0, 0.0, 0.268, 0.268)]


def test_a_stock_out_is_listed_on_every_day_on_which_it_lasted(lean: Tables) -> None:
    on(lean, "2026-06-08T12:00+00:00", sell("A-1", "west", 20))
    on(lean, "2026-06-20T12:00+00:00", receive("B-2", "west", 1))

    def listed(first: str | None, last: str | None) -> list[tuple[str, float]]:
        rows = lean.report("stock_outs", from_=first, to=last)
        return [(row[2].date().isoformat(), row[4]) for row in rows]

    # From noon of the 4th to noon of the 5th; and from noon of the 8th for 12 days, still.
    ended, lasting = ("2026-06-04", 24.0), ("2026-06-08", 12 * 24.0)
    assert listed(None, None) == listed("2026-06-05", "2026-06-08") == [ended, lasting]
    assert listed("2026-06-01", "2026-06-03") == listed("2026-06-06", "2026-06-07") == []
    assert listed("2026-06-05", "2026-06-05") == listed(None, "2026-06-07") == [ended]
    assert listed("2026-06-06", None) == listed("2026-06-15", "2026-06-15") == [lasting]
    # By the clock of the place: noon of the 5th is the 4th where the day begins at 13:00.
    lean.places(("west", None, "13:00"))
    assert listed("2026-06-05", "2026-06-06") == []


def test_goods_out_of_use_are_not_listed_as_out_for_ever(lean: Tables) -> None:
    on(lean, "2026-06-08T12:00+00:00", sell("A-1", "west", 20))
    assert [row[3] is None for row in lean.report("stock_outs")] == [False, True]
    lean.store.enter_details(
        Details(lean.store.documents_version + 1, products=[(sku_key("A-1"), "A-1", 0, "", [], True)])
    )
    assert [row[3] is None for row in lean.report("stock_outs")] == [False]


def test_what_is_asked_for_in_no_place_is_refused_by_one_of_those_that_are_out(tables: Tables) -> None:
    world = tables.world
    world.send(define_warehouse("west", priority=1), *define_channel("app", ["south", "west"]))
    tables.follow()
    limited = [
        (world.channels[code], code, code, "web", places, None, None, None, None, False)
        for code, places in (("app", ["south", "west"]), ("till", ["south"]))
    ]
    tables.store.enter_details(Details(tables.store.documents_version + 1, channels=limited))
    on(tables, "2026-06-01T11:00+00:00", receive("A-1", "west", 4))
    # South is out from noon, west from 13:00, north from 14:00; west is there again at 16:00.
    for hour, place, units in ((12, "south", 100), (13, "west", 4), (14, "north", 100)):
        on(tables, f"2026-06-01T{hour}:00+00:00", sell("A-1", place, units, "web"))
    on(tables, "2026-06-01T16:00+00:00", receive("A-1", "west", 1))

    def ask(moment: str, quantity: int, channel: str, place: str = "") -> None:
        world.send(reserve("A-1", quantity, place, channel=channel), at_ms=ms(f"2026-06-01T{moment}+00:00"))

    ask("16:10", 2, "app")  # south: west has one
    ask("16:20", 4, "web")  # north, which comes first of those that are out
    ask("16:30", 8, "web", "south")  # south, by name
    ask("16:40", 16, "till")  # its only place is south
    on(tables, "2026-06-01T17:00+00:00", receive("A-1", "south", 1), sell("A-1", "west", 1, "web"))
    ask("17:10", 32, "app")  # west
    ask("17:20", 64, "web")  # north
    on(tables, "2026-06-01T18:00+00:00", receive("A-1", "north", 1))
    ask("18:10", 128, "web")  # west: of the places with priority 1 only it is out
    on(tables, "2026-06-01T19:00+00:00", receive("A-1", "west", 1))
    ask("19:10", 256, "web")  # everybody has one: nobody is out
    rows = tables.report("stock_outs")
    assert [(row[1], row[2].hour, row[5]) for row in rows] == [
        ("south", 12, 2.0 + 8.0 + 16.0),
        ("west", 13, 0.0),
        ("north", 14, 4.0 + 64.0),
        ("west", 17, 32.0 + 128.0),
    ]
    # Whoever asks for one place sees the same of it.
    for place in ("north", "south", "west"):
        assert tables.report("stock_outs", warehouse=place) == [row for row in rows if row[1] == place]


def test_turnover(lean: Tables) -> None:
    uncosted = (None, None, 2, None, None)
    # At the end of the five days: 10, 6, 6, 0, 20: 42 unit days, 8.4 on average; 10 sold of 30.
    assert lean.report("turnover", warehouse="west") == [
        ("A-1", "west", 5, 10.0, 30.0, 8.4, 20.0, pytest.approx(10 * 5 / 42), 10.0, pytest.approx(1 / 3), *uncosted)
    ]
    assert lean.report("turnover", warehouse="west", from_="2026-06-02", to="2026-06-04") == [
        ("A-1", "west", 3, 10.0, 0.0, 4.0, 0.0, 2.5, 0.0, 1.0, None, None, 2, None, None)
    ]
    # Nothing moved on these days, but 6 were there.
    assert lean.report("turnover", warehouse="west", from_="2026-06-03", to="2026-06-03") == [
        ("A-1", "west", 1, 0.0, 0.0, 6.0, 6.0, 0.0, None, 0.0, None, None, 0, None, None)
    ]


def test_every_report_takes_every_parameter_it_says(tables: Tables) -> None:
    values = {"day": "2026-06-01", "code": "web", "text": "Food", "moment": "2026-06-01T00:00:00Z"}
    for name, report in REPORTS.items():
        given = {each.name: values[each.ask] for each in report.parameters}
        tables.report(name, **given)
        for choice in report.choices:
            for value in choice.pieces:
                tables.report(name, **given, **{choice.name: value})


def test_no_spreadsheet_runs_what_a_caller_wrote() -> None:
    evil = [
        "=1+1",
        " =1+1",
        "＝1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "plain",
        "=cmd|' /C calc'!A0",
        'say "hi", then',
    ]
    columns = (Column("name", Sort.TEXT, ""), Column("units", Sort.UNITS, ""))
    units = pa.array([-1500] * len(evil), pa.int64()).cast(pa.decimal128(38, 3))
    table = pa.table({"name": evil, "units": units})
    _, *rows = csv.reader(io.StringIO(b"".join(write_csv(table, columns)).decode(), newline=""))
    assert [row[0] for row in rows] == [text if text[0] in "ps" else f"'{text}" for text in evil]
    assert rows[0][1].startswith("-")  # a figure is a figure
    named = b"".join(write_csv(pa.table({"=1+1": ["x"]}), [Column("=1+1", Sort.TEXT, "")]))
    assert named == b"'=1+1\r\nx\r\n"
    book = b"".join(write_xlsx(table, columns))
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        (sheet,) = [parts.read(name) for name in parts.namelist() if "worksheets/sheet" in name]
    assert b"<row" in sheet
    assert b"<f" not in sheet  # no cell is a formula
    _, *cells = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    assert [(name, units) for name, units in cells] == [(text, -1500) for text in evil]
    assert b"".join(write_json(table, columns)).startswith(b'"columns":["name","units"],"rows":[["=1+1"')
