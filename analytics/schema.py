"""The tables that analytics keeps: their columns, types and meaning, in one place.

`docs/analytics.md` shows the same columns in the same order; a test compares the two. Rows are only ever added, and
follow from the journals and the documents alone: whoever folds these again has the same tables.

Units: quantities are thousandths of the unit that people write (5 pieces = 5000, 1.250 kg = 1250), so that goods of
different decimals can be added; money is in minor units and stands beside its currency.
"""

from typing import Final, NamedTuple

VERSION: Final = 7
"""Raised when tables are made otherwise; a file of another version is made anew from the journals."""


class Column(NamedTuple):
    """One column."""

    name: str
    type: str
    about: str


_PLACE: Final = (
    Column("shard", "USMALLINT", "whose journal it stands in"),
    Column("seq", "BIGINT", "the record in that journal"),
)
_MOVEMENT: Final = (*_PLACE, Column("n", "INTEGER", "the movement in that record, from 0"))
_WHEN: Final = (
    Column("booked_at", "TIMESTAMPTZ", "when it was booked, by the shard's clock"),
    Column("occurred_at", "TIMESTAMPTZ", "when it happened, as the caller said; else `booked_at`"),
)
_GOODS: Final = (
    Column("sku_key", "BIGINT", "the SKU, see `products`"),
    Column("warehouse", "USMALLINT", "the place, see `warehouses`; null = none"),
    Column("channel", "USMALLINT", "where the sale comes from, see `channels`; null = none"),
    Column("client", "USMALLINT", "whose key it was, see `clients`"),
)
_PRICE: Final = (
    Column("unit_price", "BIGINT", "for one written unit, tax included; of a receive: the cost; null = not given"),
    Column("currency", "VARCHAR", "three letters; null = no amount was given"),
)
_TEXTS: Final = (
    Column("command_id", "VARCHAR", "the id of the command behind it; null = the shard itself (an expiry)"),
    Column("reference", "VARCHAR", "the caller's reference"),
)
_DAY: Final = (
    Column("business_day", "DATE", "of `occurred_at`, in the place's time zone and by its cut-off"),
    Column("booked_day", "DATE", "the same of `booked_at`; later than `business_day`: it came late, a correction"),
    Column("local_at", "TIMESTAMP", "`occurred_at` as the clock on the wall of the place showed it"),
)

_PRODUCT: Final = Column("product", "UINTEGER", "the SKU as its number in `products`: joins are faster by it")
_COST: Final = (
    Column("unit_cost", "BIGINT", "the SKU's moving average then, in `currency`, millionths of a minor unit"),
    Column("cost", "BIGINT", "unit_cost x quantity, rounded half up to minor units; null = not known, never 0"),
)

TABLES: Final[dict[str, tuple[Column, ...]]] = {
    "movements": (
        *_MOVEMENT,
        *_WHEN,
        Column("row", "INTEGER", "the command row behind it in that record; null = the shard itself (an expiry)"),
        Column("kind", "VARCHAR", "as on the feed: receive, sell, reserve, expire, ..."),
        *_GOODS,
        Column("quantity", "BIGINT", "signed, as on the feed"),
        Column("on_hand_delta", "BIGINT", "by how much it changed on_hand"),
        Column("reserved_delta", "BIGINT", "by how much it changed reserved"),
        Column("incoming_delta", "BIGINT", "by how much it changed incoming"),
        Column("on_hand", "BIGINT", "of the cell, after it"),
        Column("reserved", "BIGINT", "of the cell, after it"),
        Column("incoming", "BIGINT", "of the cell, after it"),
        Column("available", "BIGINT", "of the cell, after it: on_hand - reserved - safety_stock"),
        Column("reservation", "UBIGINT", "the reservation's key; a sale over several shards has one of its own"),
        Column("partition", "USMALLINT", "of the reservation: with the key it makes the id that callers see"),
        Column("line", "USMALLINT", "line of the reservation; null = no reservation"),
        Column("state", "VARCHAR", "of the reservation after it; null = no reservation"),
        Column("expires_at", "TIMESTAMPTZ", "reserve and extend: until when the units are held"),
        Column("hidden", "BOOLEAN", "not on the feed: a hold that is prepared on several shards, or was dropped"),
        *_TEXTS,
        Column("reason", "VARCHAR", "as given"),
        Column("source", "VARCHAR", "receive, expect, transfer in transit: what `incoming` comes from"),
        Column("due", "TIMESTAMPTZ", "expect: when it should be there; null = not said"),
        *_PRICE,
    ),
    "holds": (
        *_MOVEMENT,
        Column("made_seq", "BIGINT", "the record that first held the units: earlier than `seq` over several shards"),
        *_WHEN,
        Column("reservation", "UBIGINT", "the reservation's key"),
        Column("partition", "USMALLINT", "of the reservation"),
        Column("line", "USMALLINT", "line of the reservation, from 0"),
        *_GOODS,
        Column("named", "USMALLINT", "the place that the line asked for; null = none, it was sourced"),
        Column("requested", "BIGINT", "of the line, in all its warehouses"),
        Column("quantity", "BIGINT", "held here"),
        Column("reference", "VARCHAR", "the caller's reference; the command is that of the movement"),
        Column("customer", "VARCHAR", "as given"),
        *_PRICE,
        Column("discount", "BIGINT", "minor units for the whole line"),
        Column("tax_rate", "INTEGER", "millionths (0.19 = 190000)"),
    ),
    "sales": (
        *_MOVEMENT,
        *_WHEN,
        *_DAY,
        Column("kind", "VARCHAR", "sell (over the counter) or fulfil (of a reservation)"),
        *_GOODS,
        _PRODUCT,
        Column("order_key", "UBIGINT", "what was sold together: a reservation, a reference, a group or one command"),
        Column("reservation", "UBIGINT", "the reservation's key; null = over the counter"),
        Column("line", "USMALLINT", "line of the reservation; null = over the counter"),
        Column("quantity", "BIGINT", "sold, positive"),
        *_TEXTS,
        Column("customer", "VARCHAR", "as given"),
        *_PRICE,
        Column("tax_rate", "INTEGER", "millionths (0.19 = 190000)"),
        Column("gross", "BIGINT", "unit_price x quantity, tax included, rounded half up to minor units"),
        Column("discount", "BIGINT", "the part of the line's discount that belongs to this quantity"),
        Column("tax", "BIGINT", "the tax in gross - discount, rounded half up"),
        *_COST,
    ),
    "returns": (
        *_MOVEMENT,
        *_WHEN,
        *_DAY,
        *_GOODS,
        _PRODUCT,
        Column("sale_channel", "USMALLINT", "of the sale that `original` names; null = it names none that is known"),
        Column("quantity", "BIGINT", "returned, positive"),
        *_TEXTS,
        Column("original", "VARCHAR", "the sale it belongs to: its command id or reservation"),
        Column("reason", "VARCHAR", "as given"),
        Column("condition", "VARCHAR", "as given"),
        *_PRICE,
        Column("tax_rate", "INTEGER", "millionths (0.19 = 190000)"),
        Column("amount", "BIGINT", "unit_price x quantity, tax included, rounded half up to minor units"),
        Column("tax", "BIGINT", "the tax in it, rounded half up"),
        *_COST,
    ),
    "costs": (
        *_MOVEMENT,
        Column("booked_at", "TIMESTAMPTZ", "when the goods were received, by the shard's clock"),
        Column("sku_key", "BIGINT", "the SKU"),
        Column("currency", "VARCHAR", "of the cost: each has an average of its own"),
        Column("quantity", "BIGINT", "received"),
        Column("unit_price", "BIGINT", "what one written unit of it cost"),
        Column("before", "BIGINT", "of the SKU on hand in all places just before"),
        Column("unit_cost", "HUGEINT", "the SKU's moving average from then on, millionths of a minor unit"),
    ),
    "averages": (
        Column("sku_key", "BIGINT", "the SKU"),
        Column("currency", "VARCHAR", "of the cost"),
        Column("unit_cost", "HUGEINT", "the moving average now, millionths of a minor unit for one written unit"),
        Column("on_hand", "BIGINT", "of the SKU now, in all places"),
    ),
    "refusals": (
        *_PLACE,
        Column("row", "INTEGER", "the command row in that record, from 0"),
        *_WHEN,
        Column("kind", "VARCHAR", "reserve, sell or transfer"),
        *_GOODS,
        Column("outcome", "VARCHAR", "insufficient_stock, group_failed, ...; ok: only a part was there"),
        Column("requested", "BIGINT", "asked for"),
        Column("obtained", "BIGINT", "held or taken all the same"),
        Column("available", "BIGINT", "what there was: of the cell, or of the channel's warehouses together"),
        *_TEXTS,
        Column("customer", "VARCHAR", "as given"),
        *_PRICE,
    ),
    "settings": (
        *_MOVEMENT,
        Column("booked_at", "TIMESTAMPTZ", "from when it holds"),
        Column("sku_key", "BIGINT", "the SKU"),
        Column("warehouse", "USMALLINT", "the place"),
        Column("safety_stock", "BIGINT", "as set; null = left as it was"),
        Column("floor", "BIGINT", "as set; null = left as it was"),
        Column("reorder_point", "BIGINT", "as set; null = left as it was"),
        Column("order_up_to", "BIGINT", "as set; null = left as it was"),
    ),
    "alerts": (
        *_MOVEMENT,
        Column("booked_at", "TIMESTAMPTZ", "when it was raised or cleared, by the shard's clock"),
        Column("sku_key", "BIGINT", "the SKU"),
        Column("warehouse", "USMALLINT", "the place"),
        Column("raised", "BOOLEAN", "false: it was cleared"),
        Column("position", "BIGINT", "on_hand - reserved + incoming then"),
        Column("reorder_point", "BIGINT", "of the cell then"),
        Column("order_up_to", "BIGINT", "of the cell then; 0 = not set"),
    ),
    "alert_marks": (
        Column("alert", "VARCHAR", "id of the alert, as `GET /v1/alerts` gives it"),
        Column("state", "VARCHAR", "acknowledged or snoozed: what was said last"),
        Column("author", "VARCHAR", "who said it"),
        Column("marked_at", "TIMESTAMPTZ", "when"),
        Column("until", "TIMESTAMPTZ", "snoozed: until then"),
    ),
    "products": (
        Column("sku_key", "BIGINT", "fixed hash of the SKU"),
        Column("sku", "VARCHAR", "as people write it"),
        Column("product", "UINTEGER", "its number, for joins; null until the journal has the SKU"),
        Column("decimals", "UTINYINT", "of its quantities"),
        Column("name", "VARCHAR", "null until the document is known"),
        Column("group_path", "VARCHAR[]", "from the widest group to the narrowest; null = none"),
        Column("archived", "BOOLEAN", "taken out of use"),
    ),
    "warehouses": (
        Column("warehouse", "USMALLINT", "its number in the other tables"),
        Column("code", "VARCHAR", "as people write it"),
        Column("name", "VARCHAR", "null until the document is known"),
        Column("kind", "VARCHAR", "warehouse, store, pickup, marketplace, quarantine"),
        Column("priority", "INTEGER", "lower goes first"),
        Column("time_zone", "VARCHAR", "IANA name; UTC unless given"),
        Column("day_start", "INTERVAL", "when its business day begins; 04:00 unless given"),
        Column("archived", "BOOLEAN", "taken out of use"),
    ),
    "channels": (
        Column("channel", "USMALLINT", "its number in the other tables"),
        Column("code", "VARCHAR", "as people write it"),
        Column("name", "VARCHAR", "null until the document is known"),
        Column("kind", "VARCHAR", "as given"),
        Column("warehouses", "VARCHAR[]", "codes in order of preference; null = all, by priority"),
        Column("fee_rate", "INTEGER", "the channel's part of what is sold, millionths (0.15 = 150000); null = none"),
        Column("payment_rate", "INTEGER", "the part that goes to whoever takes the payment, millionths; null = none"),
        Column("fixed_cost", "BIGINT", "of each order, minor units; null = none"),
        Column("fixed_currency", "VARCHAR", "of `fixed_cost`"),
        Column("archived", "BOOLEAN", "taken out of use"),
    ),
    "clients": (
        Column("client", "USMALLINT", "its number in the other tables"),
        Column("name", "VARCHAR", "as its keys were made for"),
    ),
    "closings": (
        Column("day", "DATE", "the business day that was closed"),
        Column("warehouse", "USMALLINT", "the place"),
        Column("channel", "USMALLINT", "the channel"),
        Column("closed_at", "TIMESTAMPTZ", "when"),
        Column("closed_by", "VARCHAR", "the client whose key it was"),
        Column("author", "VARCHAR", "the person, as the client said"),
        Column("records", "BIGINT[]", "for each shard the last record that was counted"),
        Column("currency", "VARCHAR", "of these figures: a row for each; null = lines without a price, or none at all"),
        Column("orders", "BIGINT", "as it was written when the day was closed; so are the following"),
        Column("units", "BIGINT", "sold"),
        Column("returned", "BIGINT", "units"),
        Column("gross", "HUGEINT", "price x quantity"),
        Column("discount", "HUGEINT", "given"),
        Column("returns", "HUGEINT", "price x quantity of what was returned"),
        Column("net", "HUGEINT", "gross - discount - returns"),
        Column("tax", "HUGEINT", "in net"),
    ),
    "interest": (
        Column("day", "DATE", "as the channel said"),
        Column("channel", "USMALLINT", "where customers looked"),
        Column("sku_key", "BIGINT", "at this SKU; null = a search"),
        Column("query", "VARCHAR", "for this; null = a SKU"),
        Column("views", "BIGINT", "how often it was looked at"),
        Column("cart_adds", "BIGINT", "how often it was put into a cart"),
        Column("empty_searches", "BIGINT", "how often it was searched for and nothing was shown"),
    ),
    "positions": (
        Column("shard", "USMALLINT", "of which journal"),
        Column("seq", "BIGINT", "the last record that is in the tables"),
        Column("hash", "BLOB", "of that record: the next one must be chained to it"),
        Column("booked_at", "TIMESTAMPTZ", "the shard's clock in that record"),
    ),
}
"""Every table with its columns, in order."""

KEYS: Final = {"closings": ("day", "warehouse", "channel"), "interest": ("day", "channel", "sku_key", "query")}
"""What a row that comes again is known by, where that is not the first column."""
AMOUNTS: Final = {
    "sales": ("gross", "discount", "tax", "unit_cost", "cost"),
    "returns": ("amount", "tax", "unit_cost", "cost"),
}
"""Columns that become HUGEINT once a price or a quantity has come that no trade has; see `analytics.fold.WIDE_PRICE`.
Until then they are summed three times as fast."""
DIMENSIONS: Final = ("products", "warehouses", "channels", "clients")
"""What the keys and numbers in the other tables stand for."""
