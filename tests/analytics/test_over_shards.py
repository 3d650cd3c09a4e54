"""Commands over several shards are prepared first and carried out later: rows have the prices and texts of both."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from analytics.following import Following
from analytics.store import Store
from tests.analytics.tables import Records, content
from tests.api.box import Box

SKUS = [f"P{number}" for number in range(10)]
PRICE = {"amount": 300, "currency": "EUR"}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Two shards after reservations and baskets over both, carried out, refused, in part and given up."""
    made = Box(tmp_path_factory.mktemp("data"))
    made.stock_shop()
    for sku in SKUS:
        made.put(f"/v1/products/{sku}", {"name": sku})
        made.commands({"kind": "receive", "sku": sku, "warehouse": "berlin", "quantity": 60})
    rng = random.Random(4)
    for number in range(30):
        lines = [
            {"sku": sku, "quantity": rng.randrange(1, 5), "unit_price": PRICE, "discount": {**PRICE, "amount": 7}}
            for sku in rng.sample(SKUS, 4)
        ]
        body = {"channel": "shop", "ttl_s": 900, "lines": lines, "reference": f"cart-{number}", "customer": "bo"}
        body["partial"] = number % 5 == 0
        answer = made.call("POST", "/v1/reservations", json=body)
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201:
            finish(made, answer.json()["reservation"], number)
        basket = [
            {"kind": "sell", "sku": sku, "warehouse": "berlin", "quantity": 1, "channel": "market", "group": "b"}
            | {"unit_price": PRICE, "reference": f"till-{number}", "occurred_at": "2026-01-01T12:00:00Z"}
            for sku in rng.sample(SKUS, 3)
        ]
        made.commands(*basket)
    yield made
    made.close()


def finish(box: Box, reservation: str, number: int) -> None:
    """Some stay as they are."""
    path = f"/v1/reservations/{reservation}"
    if number % 4 == 1:
        box.post(f"{path}/release")
    elif number % 4:
        box.post(f"{path}/confirm")
        if number % 4 == 3:
            part = {"lines": [{"line": 0, "quantity": 1}]}
            box.call("POST", f"{path}/fulfil", json=part)
        box.post(f"{path}/fulfil", status=200)


@pytest.fixture(scope="module")
def store(box: Box) -> Iterator[Store]:
    """The tables of both shards, followed in small pieces, so that most were prepared in an earlier one."""
    made = followed(box, rows_max=20)
    yield made
    made.close()


def followed(box: Box, rows_max: int) -> Store:
    store = Store(None, era=0, shards=len(box.stores))
    following = Following(store, [Records(each.records) for each in box.stores], rows_max)
    while following.advance():
        pass
    return store


def ask(store: Store, sql: str) -> list[dict[str, Any]]:
    cursor = store.cursor()
    found: list[dict[str, Any]] = cursor.sql(sql).to_arrow_table().to_pylist()
    cursor.close()
    return found


def test_every_event_of_the_feed_is_a_row(box: Box, store: Store) -> None:
    events, page = [], box.get("/v1/feed?limit=1000")
    while page["events"]:
        events += page["events"]
        page = box.get("/v1/feed", params={"after": page["next_cursor"], "limit": 1000})
    rows = ask(
        store,
        """select shard, seq, n, m.kind, command_id, p.sku, w.code as warehouse, quantity // 1000 as quantity,
        c.code as channel, reference, reason, on_hand // 1000 as on_hand, reserved // 1000 as reserved,
        case when reservation is not null and m.kind <> 'sell' then reservation_id(partition, reservation)
        end as reservation, unit_price, strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%gZ') as occurred_at,
        strftime(booked_at, '%Y-%m-%dT%H:%M:%S.%gZ') as at
        from movements m left join warehouses w using (warehouse) left join channels c using (channel)
        left join products p using (sku_key) where not hidden and p.sku like 'P%' order by shard, seq, n""",
    )
    wanted = sorted((e for e in events if e["sku"].startswith("P")), key=lambda e: (e["shard"], e["seq"]))
    assert len(rows) == len(wanted) > 200
    for row, event in zip(rows, wanted, strict=True):
        del row["n"]
        assert row.pop("unit_price") == (event.get("unit_price") or {}).get("amount")
        assert row.pop("occurred_at") == event.get("occurred_at", event["at"])
        assert row == {name: event.get(name) for name in row}


def test_pieces_of_any_size_make_the_same_tables(box: Box, store: Store) -> None:
    whole = followed(box, rows_max=1 << 18)
    assert content(store) == content(whole)
    whole.close()


def test_sales_over_shards_have_their_prices_and_are_one_order(store: Store) -> None:
    (totals,) = ask(store, "select count(*) as n, count(unit_price) as priced, min(currency) as least from sales")
    assert totals["n"] == totals["priced"] > 100
    baskets = ask(store, "select count(*) as lines, reference from sales where kind = 'sell' group by all")
    assert {row["lines"] for row in baskets} == {3}
    orders = ask(store, "select count(distinct order_key) as n from sales where kind = 'sell'")
    assert orders == [{"n": len(baskets)}]
    wrong = ask(store, "select * from sales where gross <> unit_price * quantity // 1000 or reference is null")
    assert wrong == []
    parts = ask(
        store,
        """select s.reservation, s.line, sum(s.discount) as discount, sum(s.quantity) as quantity,
        any_value(h.requested) as requested from sales s join holds h on h.reservation = s.reservation
        and h.line = s.line and h.shard = s.shard where s.kind = 'fulfil' group by all""",
    )
    assert len(parts) > 20
    assert {int(part["discount"]) for part in parts if part["quantity"] == part["requested"]} == {7}


def test_nothing_is_held_that_no_hold_explains(store: Store) -> None:
    unequal = ask(
        store,
        """select sku_key, warehouse from movements where warehouse is not null
        group by all having sum(reserved_delta) <> arg_max(reserved, seq << 24 | n)
        or sum(reserved_delta) <> sum(reserved_delta) filter (reservation is not null)""",
    )
    assert unequal == []
    lives = ask(store, "select state, quantity = fulfilled + released + cancelled + expired as over from reservations")
    assert {row["over"] for row in lives if row["state"] in ("fulfilled", "released")} == {True}
    assert {row["state"] for row in lives} >= {"fulfilled", "released", "held"}


def test_movements_lie_in_the_order_of_their_journals(store: Store) -> None:
    """Reports take a cell's last movement by its number of a row."""
    moved = """select seq << 24 | n as place, lag(place) over (partition by shard order by rowid) as before
        from movements qualify before >= place"""
    assert ask(store, moved) == []
