"""The row of one command: one short function for each kind. Pure, no IO.

What cannot be right in any state (characters, decimals, a field too many) raises a 422 with the field's path;
what only a shard can know (a quantity too large, an unknown warehouse) goes into the row.
"""

from collections.abc import Callable
from typing import Any, Final

from api import schemas as s
from api.numbers import millionths, thousandths, time_ms
from api.places import Places
from api.rows import Row, Texts, place_crc
from api.status import invalid
from api.texts import check_code, check_text, currency_number
from engine.ids import parse_reservation
from engine.kinds import Flag, Setting

# Plain integers: an attribute of an enum class costs 70 ns.
_SETTLED: Final = int(Flag.SETTLED)
_PARTIAL: Final = int(Flag.PARTIAL)
_IN_TRANSIT: Final = int(Flag.IN_TRANSIT)
_SET_TO: Final = int(Flag.SET_TO)
_HAS_EXPECTED: Final = int(Flag.HAS_EXPECTED)
_HAS_PRICE: Final = int(Flag.HAS_PRICE)
_HAS_QUANTITY: Final = int(Flag.HAS_QUANTITY)

Encoded = tuple[Row, Texts | None]


def _reason(text: str | None) -> str:
    return check_text(text, "reason") if text is not None else ""


def _receive(to: Places, c: s.Receive) -> Encoded:
    row = Row(
        sku_key=to.sku(c.sku),
        quantity=thousandths(c.quantity, "quantity"),
        warehouse=to.warehouse(c.warehouse),
        content=place_crc(c.warehouse, "", ""),
    )
    _price(row, c.unit_cost, name="unit_cost")
    return row, Texts(reason=_reason(c.reason), source=check_text(c.source, "source") if c.source is not None else "")


def _expect(to: Places, c: s.Expect) -> Encoded:
    row = Row(
        sku_key=to.sku(c.sku),
        quantity=thousandths(c.delta, "delta"),
        warehouse=to.warehouse(c.warehouse),
        due_ms=time_ms(c.due, "due"),
        content=place_crc(c.warehouse, "", ""),
    )
    return row, Texts(source=check_text(c.source, "source"))


def _adjust(to: Places, c: s.Adjust) -> Encoded:
    if (c.delta is None) == (c.set_to is None):
        raise invalid("delta", "either delta or set_to")
    row = Row(
        sku_key=to.sku(c.sku),
        warehouse=to.warehouse(c.warehouse),
        content=place_crc(c.warehouse, "", ""),
    )
    if c.delta is not None:
        row.quantity = thousandths(c.delta, "delta")
    else:
        row.quantity = thousandths(c.set_to, "set_to")
        row.flags = _SET_TO
    if c.expected_on_hand is not None:
        if c.set_to is None:
            raise invalid("expected_on_hand", "only with set_to")
        row.expected = thousandths(c.expected_on_hand, "expected_on_hand")
        row.flags |= _HAS_EXPECTED
    return row, Texts(reason=check_text(c.reason, "reason"))


def _sell(to: Places, c: s.Sell) -> Encoded:
    row = Row(
        sku_key=to.sku(c.sku),
        quantity=thousandths(c.quantity, "quantity"),
        warehouse=to.warehouse(c.warehouse),
        channel=to.channel(c.channel),
        content=place_crc(c.warehouse, "", c.channel),
        flags=_SETTLED if c.settled else 0,
    )
    _price(row, c.unit_price, c.discount, c.tax_rate)
    return row, Texts(label=c.group) if c.group is not None else None


def _return(to: Places, c: s.Return) -> Encoded:
    row = Row(
        sku_key=to.sku(c.sku),
        quantity=thousandths(c.quantity, "quantity"),
        warehouse=to.warehouse(c.warehouse),
        channel=to.channel(c.channel),
        content=place_crc(c.warehouse, "", c.channel),
    )
    _price(row, c.unit_price, None, c.tax_rate)
    return row, Texts(
        reason=_reason(c.reason),
        original=check_text(c.original, "original") if c.original is not None else "",
        name=check_text(c.condition, "condition") if c.condition is not None else "",
    )


def _reserve(to: Places, c: s.Reserve) -> Encoded:
    row = line_row(to, c, c.channel, to.channel(c.channel))
    row.ttl_s = c.ttl_s
    if c.partial:
        row.flags |= _PARTIAL
    if c.reservation is None and c.customer is None:
        return row, None
    return row, Texts(
        label=c.reservation or "", customer=check_text(c.customer, "customer") if c.customer is not None else ""
    )


def line_row(to: Places, c: s.Reserve | s.NewLine, channel_code: str, channel: int) -> Row:
    row = Row(
        sku_key=to.sku(c.sku),
        quantity=thousandths(c.quantity, "quantity"),
        warehouse=to.sourced() if c.warehouse is None else to.warehouse(c.warehouse),
        channel=channel,
        content=place_crc(c.warehouse or "", "", channel_code),
    )
    _price(row, c.unit_price, c.discount, c.tax_rate)
    return row


def _confirm(to: Places, c: s.Confirm | s.Extend) -> Encoded:
    row = meant(c.reservation, "reservation")
    row.content = place_crc("", "", "")
    return row, None


def _extend(to: Places, c: s.Extend) -> Encoded:
    row, _ = _confirm(to, c)
    row.ttl_s = c.ttl_s
    return row, None


def _fulfil(to: Places, c: s.Fulfil | s.Release) -> Encoded:
    row = meant(c.reservation, "reservation")
    fill_part(to, row, c)
    row.content = place_crc(c.warehouse or "", "", "")
    return row, None


def _release(to: Places, c: s.Release) -> Encoded:
    row, _ = _fulfil(to, c)
    return row, Texts(reason=_reason(c.reason)) if c.reason is not None else None


def fill_part(to: Places, row: Row, c: s.Release | s.Fulfil | s.LinePart) -> None:
    if c.line is not None:
        row.line = c.line
    if c.warehouse is not None:
        row.warehouse = to.warehouse(c.warehouse)
    if c.quantity is not None:
        row.quantity = thousandths(c.quantity, "quantity")
        row.flags |= _HAS_QUANTITY


def _transfer(to: Places, c: s.Transfer) -> Encoded:
    row = Row(
        sku_key=to.sku(c.sku),
        quantity=thousandths(c.quantity, "quantity"),
        warehouse=to.warehouse(c.warehouse),
        to_warehouse=to.warehouse(c.to_warehouse, "to_warehouse"),
        content=place_crc(c.warehouse, c.to_warehouse, ""),
        flags=_IN_TRANSIT if c.in_transit else 0,
    )
    return row, Texts(reason=_reason(c.reason))


def _configure(to: Places, c: s.Configure) -> Encoded:
    row = Row(
        sku_key=to.sku(c.sku),
        warehouse=to.warehouse(c.warehouse),
        content=place_crc(c.warehouse, "", ""),
        line=0,
    )
    for setting, column, value in (
        (Setting.SAFETY_STOCK, "quantity", c.safety_stock),
        (Setting.FLOOR, "expected", c.floor),
        (Setting.REORDER_POINT, "unit_price", c.reorder_point),
        (Setting.ORDER_UP_TO, "discount", c.order_up_to),
    ):
        if value is not None:
            setattr(row, column, thousandths(value, setting.name.lower() if setting.name else ""))
            row.line |= setting
    if not row.line:
        raise invalid("safety_stock", "nothing to set")
    return row, None


def _price(
    row: Row,
    price: s.Money | None,
    discount: s.Money | None = None,
    tax_rate: Any = None,
    name: str = "unit_price",
) -> None:
    if price is not None:
        row.unit_price = price.amount
        row.currency = _currency(price, name)
        row.flags |= _HAS_PRICE
    if discount is not None:
        if price is not None and price.currency != discount.currency:
            raise invalid("discount", "another currency than the price")
        row.discount = discount.amount
        row.currency = _currency(discount, "discount")
    if tax_rate is not None:
        row.tax_rate = millionths(tax_rate, "tax_rate")


def _currency(money: s.Money, name: str) -> int:
    try:
        return currency_number(money.currency)
    except ValueError:
        raise invalid(f"{name}.currency", "three letters of A-Z") from None


def meant(reservation: str, path: str) -> Row:
    """A row about a reservation; one that cannot exist is a key that nobody has."""
    check_code(reservation, path)
    partition, key = parse_reservation(reservation) or (0, 0)
    return Row(reservation=key, partition=partition)


_FUNCTIONS: Final[dict[type, Callable[[Places, Any], Encoded]]] = {
    s.Receive: _receive,
    s.Expect: _expect,
    s.Adjust: _adjust,
    s.Sell: _sell,
    s.Return: _return,
    s.Reserve: _reserve,
    s.Confirm: _confirm,
    s.Extend: _extend,
    s.Release: _release,
    s.Fulfil: _fulfil,
    s.Transfer: _transfer,
    s.Configure: _configure,
}
ENCODE: Final = {command: (int(s.KIND_OF[command]), encode) for command, encode in _FUNCTIONS.items()}
"""By command: its kind, and what makes its row and texts."""
