"""The tables hold what the feed shows, whatever sizes the pieces have in which the journal is read."""

from collections.abc import Iterator
from typing import Any

import pytest

from api.events import Filters, events, prepared_seqs, wanted
from engine.kinds import Flag, MovementFlag
from tests.actors.histories import history
from tests.analytics.tables import Tables, content
from tests.builders import (
    confirm,
    define_sku,
    expect,
    fulfil,
    give_back,
    labelled,
    receive,
    release,
    reserve,
    sell,
    settled,
    ship,
    together,
)
from tests.world import World


@pytest.fixture(scope="module")
def world() -> World:
    """A life with everything in it."""
    lived = history(60, seed=7)
    lived.send(define_sku("LATE", decimals=2))
    cost: dict[str, Any] = {"unit_price": 700, "currency": "PLN", "flags": Flag.HAS_PRICE}
    lived.send(receive("LATE", "north", "12.5", **cost, reason="found", source="po-9"))
    lived.send(expect("NUTS", "south", "3.250", due_ms=lived.now_ms), ship("A-1", "north", "south", 4))
    price: dict[str, Any] = {"unit_price": 1000, "currency": "EUR", "tax_rate": 190_000, "flags": Flag.HAS_PRICE}
    held = together(reserve("A-1", 4, "north", reference="cart", customer="ann", **price), reserve("B-2", 1, "south"))
    lived.send(held, labelled("basket", sell("B-2", "south", 1, **price), sell("A-1", "south", 1, occurred_at_ms=5)))
    lived.send(reserve("A-1", 3, "south", discount=50, reference="r-1", **price, id="three"))
    lived.send(settled("NUTS", "south", "0.125"), give_back("A-1", "south", 1, original="three", reason="torn"))
    lived.send(*(release(h) for h in held[:1]), confirm(reserve("A-1", 3, id="three")))
    lived.send(fulfil(reserve("A-1", 3, id="three"), line=0, quantity=2))
    lived.send(reserve("A-1", 10_000, reference="too-many"), sell("B-2", "north", 10_000))
    return lived


class Names:
    """Codes by number, as the world gave them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def warehouse_code(self, number: int) -> str:
        return next(code for code, at in self._world.warehouses.items() if at == number)

    def channel_code(self, number: int) -> str:
        return next(code for code, at in self._world.channels.items() if at == number)

    def client_name(self, number: int) -> str:
        return next(name for name, at in self._world.clients.items() if at == number)

    def sku_text(self, sku_key: int) -> str | None:
        return str(sku_key)


def on_the_feed(world: World) -> Iterator[dict[str, object]]:
    names = Names(world)
    for record in world.records:
        index = wanted(record, 0, Filters())
        yield from events(record, index, {seq: world.records[seq - 1] for seq in prepared_seqs(record, index)}, names)


_AS_EVENTS = """
select m.shard, seq, strftime(booked_at, '%Y-%m-%dT%H:%M:%S.%gZ') as at, m.kind, command_id, sku_key::VARCHAR as sku,
       w.code as warehouse, quantity, on_hand, reserved, available, incoming, c.code as channel, reference, reason,
       case when reservation is not null and m.kind <> 'sell' then reservation_id(partition, reservation)
       end as reservation, unit_price, currency, epoch_ms(occurred_at) as occurred_ms
from movements m left join warehouses w using (warehouse) left join channels c using (channel)
where not hidden order by seq, n"""


def test_every_event_of_the_feed_is_a_row(world: World) -> None:
    tables = Tables(world)
    found = tables.ask(_AS_EVENTS)
    wanted_events = list(on_the_feed(world))
    assert len(found) == len(wanted_events) > 500
    for row, event in zip(found, wanted_events, strict=True):
        price = event.get("unit_price") or {"amount": None, "currency": row["currency"]}
        assert isinstance(price, dict)
        assert (row.pop("unit_price"), row.pop("currency")) == (price["amount"], price["currency"])
        for name in ("quantity", "on_hand", "reserved", "available", "incoming"):
            assert row.pop(name) / 1000 == event[name]
        row.pop("occurred_ms")
        assert row == {name: event.get(name) for name in row}
    tables.close()


@pytest.mark.parametrize("rows_max", [1, 7, 100])
def test_pieces_of_any_size_make_the_same_tables(world: World, rows_max: int) -> None:
    whole, pieces = Tables(world).follow(), Tables(world, rows_max).follow()
    assert content(pieces.store) == content(whole.store)
    whole.close()
    pieces.close()


def test_the_deltas_add_up_to_the_counters(world: World) -> None:
    tables = Tables(world)
    wrong = tables.ask(
        """select sku_key, warehouse from movements where warehouse is not null group by all
        having sum(on_hand_delta) <> arg_max(on_hand, seq << 24 | n)
            or sum(reserved_delta) <> arg_max(reserved, seq << 24 | n)
            or sum(incoming_delta) <> arg_max(incoming, seq << 24 | n)"""
    )
    assert wrong == []
    assert not any((record.movements["flags"] & MovementFlag.HIDDEN).any() for record in world.records)
    tables.close()


def test_a_sale_has_the_price_at_which_it_was_reserved(world: World) -> None:
    tables = Tables(world)
    (row,) = tables.ask(
        """select quantity, unit_price, currency, gross, discount, tax, reference, kind from sales
        where kind = 'fulfil' and reference = 'r-1'"""
    )
    # 2 of 3 at 10.00, 50 off for the three: round(50 x 2 / 3) = 33; tax (2000 - 33) x 19/119 = 314.06
    assert row == {"quantity": 2000, "unit_price": 1000, "currency": "EUR", "gross": 2000, "discount": 33} | {
        "tax": 314, "reference": "r-1", "kind": "fulfil"
    }  # fmt: skip
    world.send(fulfil(reserve("A-1", 3, id="three"), line=0, quantity=1))
    parts = tables.ask("select discount from sales where reference = 'r-1' order by seq")
    assert [part["discount"] for part in parts] == [33, 17]
    tables.close()


def test_reservations_show_their_whole_life(world: World) -> None:
    tables = Tables(world)
    lives = tables.ask(
        """select quantity, fulfilled, released, cancelled, expired, state, closed_at is null as open
        from reservations where reference in ('cart', 'r-1') order by reference, line"""
    )
    one, two, three = (list(life.values()) for life in lives)
    assert one == [4000, 0, 4000, 0, 0, "released", False]
    assert two == [1000, 0, 1000, 0, 0, "released", False]
    assert three[0] == 3000
    assert three[1] in (2000, 3000)
    unequal = tables.ask(
        """select * from reservations where state in ('fulfilled', 'released', 'expired')
        and quantity <> fulfilled + released + cancelled + expired"""
    )
    assert unequal == []
    tables.close()


def test_refusals_say_what_there_was(world: World) -> None:
    tables = Tables(world)
    found = tables.ask(
        "select kind, outcome, requested, obtained, reference from refusals order by seq desc, row limit 2"
    )
    assert [tuple(row.values()) for row in found] == [
        ("reserve", "insufficient_stock", 10_000_000, 0, "too-many"),
        ("sell", "insufficient_stock", 10_000_000, 0, None),
    ]
    tables.close()
