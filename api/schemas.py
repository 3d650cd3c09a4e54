"""The bodies that the hot routes take: msgspec structs, decoded in one strict pass, and shown in the OpenAPI page.

Numbers that may have decimals are decoded untyped (int or Decimal, never float) and checked by
`api.numbers`; codes and free texts are checked by `api.texts`. What msgspec itself checks here: names of
fields, their types, ranges of whole numbers, times with a zone.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, get_args

import msgspec
from msgspec import Meta, Struct

from api.numbers import MONEY_MAX
from api.texts import CODE_PATTERN, CURRENCY_PATTERN, TEXT_BYTES_MAX
from engine.kinds import Kind
from engine.layout import Limits

LINES_MAX: Final = 1000
"""Lines of one reservation."""
SKUS_MAX: Final = 1000
"""SKUs of one stock query."""
DECIMALS_KEPT_MAX: Final = 4096
DECIMAL_TEXT_MAX: Final = 24
"""Longer texts of numbers are not kept."""

Code = Annotated[str, Meta(extra_json_schema={"pattern": CODE_PATTERN, "maxLength": 64})]
Text = Annotated[str, Meta(extra_json_schema={"maxLength": TEXT_BYTES_MAX})]
Currency = Annotated[str, Meta(extra_json_schema={"pattern": CURRENCY_PATTERN})]
"""Checked where it becomes a number: msgspec takes 0.5 us for a pattern."""
Quantity = Annotated[
    Any,
    Meta(description="exact, at most the SKU's decimals", extra_json_schema={"type": "number", "multipleOf": 0.001}),
]
Rate = Annotated[Any, Meta(description="0.19 = 19 %", extra_json_schema={"type": "number", "minimum": 0})]
Moment = Annotated[datetime, Meta(tz=True)]
Ttl = Annotated[int, Meta(ge=1, le=Limits().ttl_s_max)]
LineNumber = Annotated[int, Meta(ge=0, lt=LINES_MAX)]


class Body(Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    """What all bodies share: an unknown field is an error."""


class Money(Body, kw_only=True):
    """An amount in minor units."""

    amount: Annotated[int, Meta(ge=-MONEY_MAX, le=MONEY_MAX)]
    currency: Currency


class Command(Body, tag_field="kind", kw_only=True):
    """The fields of every command."""

    id: Code = ""
    not_after: Moment | None = None
    issued_at: Moment | None = None
    occurred_at: Moment | None = None
    reference: Text | None = None


class Receive(Command, tag="receive", kw_only=True):
    """Goods came in; with `source` they were on their way before."""

    sku: Code
    warehouse: Code
    quantity: Quantity
    unit_cost: Money | None = None
    source: Text | None = None
    reason: Text | None = None


class Expect(Command, tag="expect", kw_only=True):
    """Goods are on their way, or fewer than was said."""

    sku: Code
    warehouse: Code
    delta: Quantity
    source: Text
    due: Moment | None = None


class Adjust(Command, tag="adjust", kw_only=True):
    """A correction: by `delta`, or by a count that found `set_to`."""

    sku: Code
    warehouse: Code
    reason: Text
    delta: Quantity | None = None
    set_to: Quantity | None = None
    expected_on_hand: Quantity | None = None


class Sell(Command, tag="sell", kw_only=True):
    """Goods in hand change owner."""

    sku: Code
    warehouse: Code
    quantity: Quantity
    channel: Code
    unit_price: Money | None = None
    discount: Money | None = None
    tax_rate: Rate | None = None
    group: Text | None = None
    settled: bool = False


class Return(Command, tag="return", kw_only=True):
    """A customer brings goods back."""

    sku: Code
    warehouse: Code
    quantity: Quantity
    channel: Code
    unit_price: Money | None = None
    tax_rate: Rate | None = None
    original: Text | None = None
    reason: Text | None = None
    condition: Text | None = None


class Reserve(Command, tag="reserve", kw_only=True):
    """Units are held; adjacent rows with the same `reservation` label stand or fall together."""

    sku: Code
    quantity: Quantity
    channel: Code
    ttl_s: Ttl
    warehouse: Code | None = None
    partial: bool = False
    reservation: Text | None = None
    unit_price: Money | None = None
    discount: Money | None = None
    tax_rate: Rate | None = None
    customer: Text | None = None


class Confirm(Command, tag="confirm", kw_only=True):
    """A hold loses its deadline."""

    reservation: Code


class Extend(Command, tag="extend", kw_only=True):
    """A hold gets a later deadline."""

    reservation: Code
    ttl_s: Ttl


class Release(Command, tag="release", kw_only=True):
    """Held units go back: all that remains, or so many of one line."""

    reservation: Code
    line: LineNumber | None = None
    warehouse: Code | None = None
    quantity: Quantity | None = None
    reason: Text | None = None


class Fulfil(Command, tag="fulfil", kw_only=True):
    """Confirmed units leave the house."""

    reservation: Code
    line: LineNumber | None = None
    warehouse: Code | None = None
    quantity: Quantity | None = None


class Transfer(Command, tag="transfer", kw_only=True):
    """Units move to another warehouse, at once or `in_transit`."""

    sku: Code
    warehouse: Code
    to_warehouse: Code
    quantity: Quantity
    in_transit: bool = False
    reason: Text | None = None


class Configure(Command, tag="configure", kw_only=True):
    """Settings of one cell."""

    sku: Code
    warehouse: Code
    safety_stock: Quantity | None = None
    floor: Quantity | None = None
    reorder_point: Quantity | None = None
    order_up_to: Quantity | None = None


AnyCommand = (
    Receive | Expect | Adjust | Sell | Return | Reserve | Confirm | Release | Fulfil | Extend | Transfer | Configure
)


COMMANDS: Final[tuple[type[Command], ...]] = get_args(AnyCommand)
KIND_OF: Final = {command: Kind[str(command.__struct_config__.tag).upper()] for command in COMMANDS}


class NewLine(Body, kw_only=True):
    """One line of a new reservation."""

    sku: Code
    quantity: Quantity
    warehouse: Code | None = None
    unit_price: Money | None = None
    discount: Money | None = None
    tax_rate: Rate | None = None


class NewReservation(Body, kw_only=True):
    """POST /v1/reservations."""

    channel: Code
    ttl_s: Ttl
    lines: list[NewLine]
    partial: bool = False
    reference: Text | None = None
    customer: Text | None = None
    replaces: Code | None = None
    not_after: Moment | None = None
    issued_at: Moment | None = None
    occurred_at: Moment | None = None


class Nothing(Body, kw_only=True):
    """POST .../confirm: an empty object, or no body at all."""


class NewDeadline(Body, kw_only=True):
    """POST .../extend."""

    ttl_s: Ttl


class LinePart(Body, kw_only=True):
    """So much of one line, at one warehouse or wherever it is held."""

    line: LineNumber
    warehouse: Code | None = None
    quantity: Quantity | None = None


class Parts(Body, kw_only=True):
    """POST .../release and .../fulfil: these parts, or all that remains."""

    lines: list[LinePart] | None = None


class StockQuery(Body, kw_only=True):
    """POST /v1/stock:query."""

    skus: list[Code]
    channel: Code | None = None


class _Decimals(dict[str, Decimal]):
    """Decimals by their text: the same few rates and quantities come again and again."""

    def __missing__(self, text: str) -> Decimal:
        value = Decimal(text)
        if len(text) <= DECIMAL_TEXT_MAX and len(self) < DECIMALS_KEPT_MAX:
            self[text] = value
        return value


_decimals: Final = _Decimals()


def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """A strict decoder of `kind` that never makes a float."""
    return msgspec.json.Decoder(kind, float_hook=_decimals.__getitem__)
