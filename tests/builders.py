"""Builders that make commands readable, and the definitions that most tests start from.

Quantities are written as people write them (5, "1.250"); everything else has the wire's names. A command gets
an id by itself; tests that are about ids give one.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from engine.kinds import Flag, Kind, Setting, WarehouseKind
from tests.rows import Row

Quantity = int | str
TTL_S: Final = 600
_numbers = itertools.count(1)


def thousandths(quantity: Quantity) -> int:
    """5 or "1.250" as the wire has it."""
    return int((Decimal(quantity) * 1000).to_integral_exact())


def row(kind: Kind, **fields: Any) -> Row:
    """A row of any kind with an id of its own unless one is given; `quantity` is given in thousandths."""
    fields.setdefault("id", f"c-{next(_numbers)}")
    return Row(kind=kind, **fields)


def receive(sku: str, warehouse: str, quantity: Quantity, **more: Any) -> Row:
    return row(Kind.RECEIVE, sku=sku, warehouse=warehouse, quantity=thousandths(quantity), **more)


def expect(sku: str, warehouse: str, delta: Quantity, source: str = "po-1", **more: Any) -> Row:
    return row(Kind.EXPECT, sku=sku, warehouse=warehouse, quantity=thousandths(delta), source=source, **more)


def adjust(sku: str, warehouse: str, delta: Quantity, **more: Any) -> Row:
    return row(Kind.ADJUST, sku=sku, warehouse=warehouse, quantity=thousandths(delta), **more)


def count(sku: str, warehouse: str, set_to: Quantity, expected: Quantity | None = None, **more: Any) -> Row:
    """An adjust that says what is there, and perhaps what was thought to be there."""
    flags = Flag.SET_TO if expected is None else Flag.SET_TO | Flag.HAS_EXPECTED
    more.setdefault("expected", thousandths(expected or 0))
    return adjust(sku, warehouse, set_to, flags=flags, **more)


def sell(sku: str, warehouse: str, quantity: Quantity, channel: str = "till", **more: Any) -> Row:
    return row(Kind.SELL, sku=sku, warehouse=warehouse, quantity=thousandths(quantity), channel=channel, **more)


def settled(sku: str, warehouse: str, quantity: Quantity, channel: str = "till", **more: Any) -> Row:
    return sell(sku, warehouse, quantity, channel, flags=Flag.SETTLED, **more)


def give_back(sku: str, warehouse: str, quantity: Quantity, channel: str = "till", **more: Any) -> Row:
    """A customer's return."""
    return row(Kind.RETURN, sku=sku, warehouse=warehouse, quantity=thousandths(quantity), channel=channel, **more)


def transfer(sku: str, warehouse: str, to_warehouse: str, quantity: Quantity, **more: Any) -> Row:
    places = {"warehouse": warehouse, "to_warehouse": to_warehouse}
    return row(Kind.TRANSFER, sku=sku, quantity=thousandths(quantity), **places, **more)


def ship(sku: str, warehouse: str, to_warehouse: str, quantity: Quantity, **more: Any) -> Row:
    """A transfer in transit: to be received at the target later."""
    return transfer(sku, warehouse, to_warehouse, quantity, flags=Flag.IN_TRANSIT, **more)


def configure(sku: str, warehouse: str, **settings: Quantity) -> Row:
    """Any of safety_stock, floor, reorder_point, order_up_to."""
    bits = Setting(0)
    for name in settings:
        bits |= Setting[name.upper()]
    return row(
        Kind.CONFIGURE,
        sku=sku,
        warehouse=warehouse,
        line=int(bits),
        quantity=thousandths(settings.get("safety_stock", 0)),
        expected=thousandths(settings.get("floor", 0)),
        unit_price=thousandths(settings.get("reorder_point", 0)),
        discount=thousandths(settings.get("order_up_to", 0)),
    )


def reserve(sku: str, quantity: Quantity, warehouse: str = "", channel: str = "web", **more: Any) -> Row:
    """A line to hold; without a warehouse it is sourced. WANT_LINES, as the single call does."""
    more.setdefault("ttl_s", TTL_S)
    more.setdefault("line", 0)
    more["flags"] = more.get("flags", Flag(0)) | Flag.WANT_LINES
    return row(Kind.RESERVE, sku=sku, quantity=thousandths(quantity), warehouse=warehouse, channel=channel, **more)


def partly(sku: str, quantity: Quantity, warehouse: str = "", **more: Any) -> Row:
    """A line that takes what there is."""
    return reserve(sku, quantity, warehouse, flags=Flag.PARTIAL, **more)


def confirm(of: Row, **more: Any) -> Row:
    return _on(Kind.CONFIRM, of, **more)


def extend(of: Row, ttl_s: int = TTL_S, **more: Any) -> Row:
    return _on(Kind.EXTEND, of, ttl_s=ttl_s, **more)


def release(of: Row, line: int = -1, quantity: Quantity | None = None, **more: Any) -> Row:
    return _on(Kind.RELEASE, of, line=line, **_given(quantity, more))


def fulfil(of: Row, line: int = -1, quantity: Quantity | None = None, **more: Any) -> Row:
    return _on(Kind.FULFIL, of, line=line, **_given(quantity, more))


def _on(kind: Kind, of: Row, **more: Any) -> Row:
    """`of` is the (first) row that made the reservation."""
    more["flags"] = more.get("flags", Flag(0)) | Flag.WANT_LINES
    return row(kind, reservation=(of.client, of.id), **({"client": of.client} | more))


def _given(quantity: Quantity | None, more: dict[str, Any]) -> dict[str, Any]:
    if quantity is None:
        return more
    flags = more.pop("flags", Flag(0)) | Flag.HAS_QUANTITY
    return more | {"flags": flags, "quantity": thousandths(quantity)}


def together(*rows: Row) -> list[Row]:
    """One command of several rows: the first row's id is the id of all; reserve lines are numbered from 0."""
    group = next(_numbers)
    first = replace(rows[0], group=group)
    rest = [replace(r, group=group, id="", flags=r.flags | Flag.CONTINUES) for r in rows[1:]]
    return _numbered([first, *rest])


def labelled(label: str, *rows: Row) -> list[Row]:
    """Rows of an array that carry one label: each has its own id, they stand or fall together."""
    group = next(_numbers)
    return _numbered([replace(r, group=group, label=label) for r in rows])


def replacing(old: Row, *rows: Row) -> list[Row]:
    """New reserve rows that take the place of a reservation, as one command."""
    return together(release(old, flags=Flag.REPLACES), *rows)


def _numbered(rows: list[Row]) -> list[Row]:
    lines = itertools.count()
    return [replace(r, line=next(lines)) if r.kind == Kind.RESERVE else r for r in rows]


def define_sku(sku: str, decimals: int = 0, **more: Any) -> Row:
    return row(Kind.DEFINE_SKU, sku=sku, quantity=decimals, **more)


def define_warehouse(code: str, priority: int = 1, kind: WarehouseKind = WarehouseKind.WAREHOUSE, **more: Any) -> Row:
    return row(Kind.DEFINE_WAREHOUSE, warehouse=code, priority=priority, place_kind=int(kind), **more)


def define_channel(code: str, warehouses: Sequence[str] | None = None, **more: Any) -> list[Row]:
    """With no warehouses given: sells from every one, by priority."""
    if warehouses is None:
        more["flags"] = more.get("flags", Flag(0)) | Flag.ALL_WAREHOUSES
    head = row(Kind.DEFINE_CHANNEL, channel=code, **more)
    places = [
        row(Kind.DEFINE_CHANNEL_WAREHOUSE, channel=code, warehouse=place, priority=rank)
        for rank, place in enumerate(warehouses or ())
    ]
    return together(head, *places)


def archived(definition: Row) -> Row:
    """The same thing, taken out of use, as a new command."""
    return replace(definition, id=f"c-{next(_numbers)}", flags=definition.flags | Flag.ARCHIVED)


def standard_definitions() -> list[Row]:
    """What `World.furnished` knows: goods A-1, B-2 (pieces), NUTS (kg), places north, south, bin (quarantine)."""
    return [
        define_sku("A-1"),
        define_sku("B-2"),
        define_sku("NUTS", decimals=3),
        define_warehouse("north", priority=1),
        define_warehouse("south", priority=2, kind=WarehouseKind.STORE),
        define_warehouse("bin", priority=0, kind=WarehouseKind.QUARANTINE),
        *define_channel("web"),
        *define_channel("till", ["south"]),
    ]


def flat(rows: Iterable[Row | Iterable[Row]]) -> list[Row]:
    """Rows and lists of rows as one list."""
    return [r for item in rows for r in ([item] if isinstance(item, Row) else item)]
