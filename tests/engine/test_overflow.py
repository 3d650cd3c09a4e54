"""Whole numbers near the powers of two: nothing wraps, nothing is rounded, nothing is taken for its opposite."""

import pytest

from engine.kinds import Flag, Kind, Setting
from engine.layout import Limits
from engine.outcomes import Outcome
from tests.builders import confirm, receive, reserve, row
from tests.engine.histories import INT64_MAX
from tests.engine.twins import Twins
from tests.rows import Row
from tests.world import START_MS

POWERS = range(64)
EDGES = sorted(
    {
        max(-INT64_MAX - 1, min(INT64_MAX, sign * (2**power + off)))
        for power in POWERS
        for off in (-1, 0, 1)
        for sign in (1, -1)
    }
)
USUAL = Limits()


def scaled(edge: int) -> list[int]:
    """The edge itself, and the nearest numbers that are whole pieces and whole grams."""
    return [edge, abs(edge) // 1000 * 1000 * (1 if edge > 0 else -1)]


def rows_with(edge: int) -> list[Row]:
    """Every kind of quantity that a row can carry, at one edge."""
    rows = []
    for quantity in scaled(edge):
        for sku in ("A-1", "NUTS"):
            place = {"sku": sku, "warehouse": "north", "quantity": quantity}
            rows += [
                row(Kind.RECEIVE, **place),
                row(Kind.EXPECT, source="po-1", **place),
                row(Kind.ADJUST, **place),
                row(Kind.ADJUST, flags=Flag.SET_TO, **place),
                row(Kind.SELL, channel="till", **place),
                row(Kind.SELL, channel="till", flags=Flag.SETTLED, **place),
                row(Kind.RETURN, channel="till", **place),
                row(Kind.TRANSFER, to_warehouse="south", **place),
                row(Kind.TRANSFER, to_warehouse="south", flags=Flag.IN_TRANSIT, **place),
                row(Kind.RESERVE, channel="web", ttl_s=60, line=0, **place),
                row(Kind.RESERVE, channel="web", ttl_s=60, line=0, flags=Flag.PARTIAL, **(place | {"warehouse": ""})),
                row(Kind.CONFIGURE, line=int(Setting.SAFETY_STOCK), **place),
                row(Kind.CONFIGURE, line=int(Setting.FLOOR), expected=quantity, **place),
                row(Kind.CONFIGURE, line=int(Setting.ORDER_UP_TO), discount=quantity, **place),
            ]
            if quantity != -(2**62):  # refused either way; kernels use this one for "not a quantity"
                one = place | {"quantity": 1000}
                rows.append(row(Kind.ADJUST, flags=Flag.HAS_EXPECTED, expected=quantity, **one))
    return rows


@pytest.mark.parametrize("stock", [0, 10**12 - 1, 10**12])
def test_every_quantity_at_every_power_of_two(stock: int) -> None:
    twins = Twins.furnished(USUAL)
    if stock:
        for sku, thousandths in (("A-1", stock * 1000), ("NUTS", stock)):
            twins.send(row(Kind.RECEIVE, sku=sku, warehouse="north", quantity=thousandths))
    for edge in EDGES:
        twins.send(rows_with(edge))


def test_a_counter_stops_at_the_largest_stock_exactly() -> None:
    limits = Limits(quantity_max=2**40, stock_max=2**42 + 3)
    twins = Twins.furnished(limits)
    largest = row(Kind.RECEIVE, sku="NUTS", warehouse="north", quantity=2**40)
    said = [twins.send(row(largest.kind, sku="NUTS", warehouse="north", quantity=2**40))[0].outcome for _ in range(6)]
    assert said == [Outcome.OK] * 4 + [Outcome.LIMIT_EXCEEDED] * 2
    rest = [row(Kind.RECEIVE, sku="NUTS", warehouse="north", quantity=n) for n in (4, 3, 1)]
    assert [r.outcome for r in twins.send(rest)] == [Outcome.LIMIT_EXCEEDED, Outcome.OK, Outcome.LIMIT_EXCEEDED]


@pytest.mark.parametrize("part", ["release", "fulfil"])
def test_no_edge_releases_or_fulfils_more_than_remains(part: str) -> None:
    twins = Twins.furnished(USUAL)
    twins.send(receive("A-1", "north", 100), hold := reserve("A-1", 100))
    twins.send(confirm(hold))
    kind = Kind[part.upper()]
    of = {"reservation": (hold.client, hold.id), "line": 0, "flags": Flag.HAS_QUANTITY}
    for edge in EDGES:
        twins.send(row(kind, quantity=quantity, **of) for quantity in scaled(edge))


def test_times_at_every_power_of_two() -> None:
    twins = Twins.furnished(USUAL)
    twins.send(receive("A-1", "north", 5))
    for edge in EDGES:
        if edge > -(2**62):  # further back than any clock that the encoder could have read
            twins.send(receive("A-1", "north", 1, issued_at_ms=edge), receive("A-1", "north", 1, not_after_ms=edge))
        twins.send(receive("A-1", "north", 1, occurred_at_ms=edge), receive("A-1", "north", 1, due_ms=edge))


def test_ttls_at_every_power_of_two() -> None:
    twins = Twins.furnished(USUAL)
    twins.send(receive("A-1", "north", 500), hold := reserve("A-1", 1))
    for edge in EDGES:
        if -(2**31) <= edge < 2**31:
            extend = row(Kind.EXTEND, reservation=(hold.client, hold.id), ttl_s=edge)
            twins.send(reserve("A-1", 1, ttl_s=edge), extend)


def test_the_latest_clock_is_no_trouble() -> None:
    twins = Twins.furnished(USUAL)
    twins.send(receive("A-1", "north", 5), at_ms=START_MS * 1000)
    twins.send(hold := reserve("A-1", 1, ttl_s=USUAL.ttl_s_max))
    twins.send(at_ms=twins.world.now_ms + USUAL.ttl_s_max * 1000)
    assert twins.world.state_of(hold).text == "expired"
