"""Numbers of products, room for any amount, returns that find their sale, and what is on its way."""

from collections.abc import Iterator
from typing import Any

import pytest

from analytics.following import ROWS_MAX
from engine.kinds import Flag
from tests.analytics.tables import Tables, content, ms
from tests.builders import (
    archived,
    confirm,
    define_sku,
    define_warehouse,
    expect,
    fulfil,
    give_back,
    labelled,
    receive,
    reserve,
    sell,
    ship,
)
from tests.rows import Row
from tests.world import World

EUR: dict[str, Any] = {"currency": "EUR", "flags": Flag.HAS_PRICE}
AMOUNTS = "select gross, discount, tax, cost from sales order by seq, n"


@pytest.fixture
def tables() -> Iterator[Tables]:
    """The usual shop, empty."""
    world = World.furnished()
    world.now_ms = ms("2026-06-01T08:00+00:00")
    world.send(define_warehouse("west"))
    made = Tables(world)
    yield made
    made.close()


def send(tables: Tables, *rows: Row | list[Row]) -> None:
    """All of them answered OK."""
    assert {outcome.text for outcome in tables.world.outcomes(*rows)} == {"ok"}


def type_of_gross(tables: Tables) -> str:
    (row,) = tables.ask("select typeof(any_value(gross)) as type from sales")
    return str(row["type"])


def test_amounts_that_no_trade_has_are_exact_and_those_before_stay_what_they_were(tables: Tables) -> None:
    send(tables, receive("A-1", "north", 4_000_000_000, unit_price=3, **EUR))
    send(tables, sell("A-1", "north", 2, unit_price=700, tax_rate=190_000, **EUR))
    assert type_of_gross(tables) == "BIGINT"
    before = tables.ask(AMOUNTS)
    send(tables, sell("A-1", "north", 3_000_000_000, unit_price=10**15, tax_rate=250_000, **EUR))
    send(tables, sell("A-1", "north", 1, unit_price=700, **EUR))
    after = tables.ask(AMOUNTS)
    assert type_of_gross(tables) == "HUGEINT"
    assert after[0] == before[0]
    whole = 3 * 10**24
    assert {name: int(value) for name, value in after[1].items()} == {
        "gross": whole, "discount": 0, "tax": whole // 5, "cost": 9_000_000_000,
    }  # fmt: skip
    (row,) = tables.report("channel_sales", by="week")
    assert int(row[4]) == whole + 2_100


def test_tables_made_wide_in_the_middle_equal_those_that_were_made_at_once(tables: Tables) -> None:
    send(tables, receive("A-1", "north", 10, unit_price=3, **EUR), sell("A-1", "north", 1, unit_price=7, **EUR))
    tables.follow()
    send(tables, sell("A-1", "north", 1, unit_price=10**12, **EUR), sell("A-1", "north", 1, unit_price=7, **EUR))
    again = Tables(tables.world)
    assert content(again.follow().store) == content(tables.follow().store)
    again.close()


def test_a_products_number_is_that_of_its_definition_whatever_the_documents_say_and_when(tables: Tables) -> None:
    tables.groups(LATER=["Kitchen"])
    send(tables, define_sku("LATER"), define_sku("LAST"), receive("LATER", "north", 5))
    numbers = "select sku, product, group_path from products order by product"
    rows = tables.ask(numbers)
    assert [row["product"] for row in rows] == list(range(len(rows)))
    assert [row["sku"] for row in rows[-2:]] == ["LATER", "LAST"]
    assert rows[-2]["group_path"] == ["Kitchen"]
    tables.groups(LATER=["Cups"])
    send(tables, archived(define_sku("LAST")), define_sku("LAST"), sell("LATER", "north", 1, unit_price=5, **EUR))
    assert [row["product"] for row in tables.ask(numbers)] == list(range(len(rows)))
    assert tables.report("channel_sales", by="group")[0][1] == "Cups"
    assert tables.ask("select product from sales") == [{"product": len(rows) - 2}]


def test_a_return_is_in_the_channel_of_its_sale_whichever_came_in_first(tables: Tables) -> None:
    parcel = reserve("A-1", 2, "north", unit_price=100, **EUR)
    send(tables, receive("A-1", "north", 20), labelled("parcel", parcel))
    send(tables, confirm(parcel), fulfil(parcel))
    send(tables, give_back("A-1", "north", 1, "till", original="late", unit_price=100, **EUR))
    send(tables, give_back("A-1", "north", 1, "till", original="nobody", unit_price=100, **EUR))
    found = "select r.original, c.code from returns r left join channels c on c.channel = r.sale_channel order by all"
    assert [row["code"] for row in tables.ask(found)] == [None, None]
    send(tables, sell("A-1", "north", 1, "web", id="late", unit_price=100, **EUR))
    assert {row["original"]: row["code"] for row in tables.ask(found)} == {"late": "web", "nobody": None}
    again = Tables(tables.world)
    assert content(again.follow().store)["returns"] == content(tables.follow().store)["returns"]
    again.close()


def test_of_two_sales_under_one_id_the_first_is_that_of_the_return_however_much_is_entered_at_once(
    tables: Tables,
) -> None:
    back = give_back("A-1", "north", 1, "till", original="7", unit_price=100, **EUR)
    send(tables, receive("A-1", "north", 20), sell("A-1", "north", 1, "web", id="7", client="shop"))
    send(tables, sell("A-1", "north", 1, "till", id="7", client="box"), back)
    found = "select c.code from returns r join channels c on c.channel = r.sale_channel"
    for rows_max in (1, ROWS_MAX):
        again = Tables(tables.world, rows_max)
        assert again.ask(found) == [{"code": "web"}]
        again.close()


def test_deliveries_come_by_when_they_are_due_and_go_when_they_have_come(tables: Tables) -> None:
    friday, monday = ms("2026-06-05T10:00+00:00"), ms("2026-06-08T10:00+00:00")
    send(tables, receive("A-1", "north", 20))
    send(tables, expect("A-1", "south", 6, "po-2", due_ms=monday), expect("A-1", "south", 4, "po-1", due_ms=friday))
    send(tables, ship("A-1", "north", "west", 3, id="truck-1"), receive("A-1", "south", 1, source="po-1"))
    rows = tables.report("deliveries")
    assert [(row[1], row[2], row[3]) for row in rows] == [
        ("south", "po-1", 3), ("south", "po-2", 6), ("west", "truck-1", 3),
    ]  # fmt: skip
    assert [row[4] and int(row[4].timestamp() * 1000) for row in rows] == [friday, monday, None]
    send(tables, expect("A-1", "south", 1, "po-1", due_ms=monday), receive("A-1", "west", 3, source="truck-1"))
    rows = tables.report("deliveries", warehouse="south")
    assert [(row[2], row[3], int(row[4].timestamp() * 1000)) for row in rows] == [
        ("po-1", 4, monday), ("po-2", 6, monday),
    ]  # fmt: skip
    assert tables.report("deliveries", warehouse="west") == []


def test_what_goes_to_quarantine_is_no_delivery(tables: Tables) -> None:
    send(tables, receive("A-1", "north", 20))
    send(tables, ship("A-1", "north", "bin", 3, id="broken"), ship("A-1", "north", "west", 2, id="truck-1"))
    send(tables, expect("A-1", "bin", 5, "po-1"), expect("A-1", "north", 5, "po-1"))
    assert {row[:4] for row in tables.report("deliveries")} == {
        ("A-1", "north", "po-1", 5.0), ("A-1", "west", "truck-1", 2.0),
    }  # fmt: skip
    assert tables.report("deliveries", warehouse="bin") == []
