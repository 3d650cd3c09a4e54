"""From an Arrow table of commands to COMMAND rows: the same rules and the same rows as `api.encode`, by columns.

A test sends the same commands both ways and compares every byte of the rows.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from actors.documents.keys import Principal
from api.arrow_columns import Bools, Bytes, Columns, Int64s, check_texts, path_of, text_bytes, text_offsets
from api.encode import NOT_AFTER_DEFAULT_MS, Names, currency_number, place_crc
from api.numbers import DECIMALS_MAX, MONEY_MAX, TAX_RATE_MAX
from api.schemas import LINES_MAX
from api.status import Problem, invalid
from api.texts import check_code, is_code, known_sku
from engine.ids import parse_reservation
from engine.kinds import Flag, Kind, Setting
from engine.layout import COMMAND, NO_LINE, NO_WAREHOUSE, TEXTS, UNKNOWN_NUMBER, Limits

Array = npt.NDArray[np.void]

ALWAYS: Final = frozenset(("id", "kind", "not_after", "issued_at", "occurred_at", "reference"))
_CELL: Final = frozenset(("sku", "warehouse"))
_SOLD: Final = frozenset(("unit_price", "currency", "tax_rate"))
NEEDS: Final[dict[Kind, frozenset[str]]] = {
    Kind.RECEIVE: _CELL | {"quantity"},
    Kind.EXPECT: _CELL | {"delta", "source"},
    Kind.ADJUST: _CELL | {"reason"},
    Kind.SELL: _CELL | {"quantity", "channel"},
    Kind.RETURN: _CELL | {"quantity", "channel"},
    Kind.RESERVE: frozenset(("sku", "quantity", "channel", "ttl_s")),
    Kind.CONFIRM: frozenset(("reservation",)),
    Kind.RELEASE: frozenset(("reservation",)),
    Kind.FULFIL: frozenset(("reservation",)),
    Kind.EXTEND: frozenset(("reservation", "ttl_s")),
    Kind.TRANSFER: _CELL | {"to_warehouse", "quantity"},
    Kind.CONFIGURE: _CELL,
}
MAY: Final[dict[Kind, frozenset[str]]] = {
    Kind.RECEIVE: frozenset(("unit_cost", "currency", "source", "reason")),
    Kind.EXPECT: frozenset(("due",)),
    Kind.ADJUST: frozenset(("delta", "set_to", "expected_on_hand")),
    Kind.SELL: _SOLD | {"discount", "group", "settled"},
    Kind.RETURN: _SOLD | {"original", "reason", "condition"},
    Kind.RESERVE: _SOLD | {"warehouse", "partial", "reservation", "discount", "customer"},
    Kind.CONFIRM: frozenset(),
    Kind.RELEASE: frozenset(("line", "warehouse", "quantity", "reason")),
    Kind.FULFIL: frozenset(("line", "warehouse", "quantity")),
    Kind.EXTEND: frozenset(),
    Kind.TRANSFER: frozenset(("in_transit", "reason")),
    Kind.CONFIGURE: frozenset(("safety_stock", "floor", "reorder_point", "order_up_to")),
}
"""Beside ALWAYS and NEEDS; a test compares both tables with the structs of `api.schemas`."""

_KINDS: Final = {kind.text: int(kind) for kind in NEEDS}
_PLACES: Final = ("warehouse", "to_warehouse", "channel")
_HEX: Final = np.full(256, -1, np.int64)
_HEX[np.frombuffer(b"0123456789abcdef", np.uint8)] = range(16)
_HEX[np.frombuffer(b"ABCDEF", np.uint8)] = range(10, 16)
_UUID_BYTES: Final = 36
_UUID_TIME: Final = np.array([0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12])


class CommandTable(NamedTuple):
    """What an Arrow body asks."""

    ids: pa.Array
    rows: Array
    heap: Bytes
    unknown_warehouses: set[str]
    unknown_channels: set[str]


def command_rows(table: pa.Table, names: Names, principal: Principal, arrived_ms: int) -> CommandTable:
    """The rows of a table of commands, else 400 `id_missing`, 403 `forbidden` or 422 `invalid_request`."""
    columns = Columns(table)
    rows = np.zeros(table.num_rows, COMMAND)
    ids = columns.ids()
    if not len(rows):
        return CommandTable(ids, rows, np.empty(0, np.uint8), set(), set())
    _require("kind", np.ones(len(rows), np.bool_), columns)
    kinds = columns.mapped("kind", _kind_number)
    _check_fields(columns, kinds)
    rows["kind"] = kinds
    rows["client"] = principal.client
    rows["flags"] = Flag.ADMIN if principal.admin else 0
    rows["line"] = NO_LINE
    unknown_warehouses, unknown_channels = _places(rows, columns, names, principal)
    _figures(rows, columns, kinds)
    _money(rows, columns, kinds)
    _reservations(rows, columns, kinds)
    labels = _groups(rows, columns, kinds)
    _times(rows, columns, ids, arrived_ms)
    heap = _texts(rows, columns, ids, labels)
    return CommandTable(ids, rows, heap, unknown_warehouses, unknown_channels)


def _kind_number(text: str) -> int:
    kind = _KINDS.get(text)
    if kind is None:
        raise ValueError(text)
    return kind


def _require(name: str, where: Bools, columns: Columns, why: str = "missing required field") -> None:
    missing = where & ~columns.valid(name)
    if missing.any():
        raise invalid(path_of(missing, name), why)


def _check_fields(columns: Columns, kinds: Int64s) -> None:
    """Every row has the columns that its kind needs, and none that its kind does not know."""
    for number in np.flatnonzero(np.bincount(kinds)).tolist():
        kind = Kind(number)
        of_kind = kinds == number
        for name in sorted(NEEDS[kind]):
            _require(name, of_kind, columns)
        for name in sorted(set(columns.names) - NEEDS[kind] - MAY[kind] - ALWAYS):
            too_much = of_kind & columns.valid(name)
            if too_much.any():
                raise invalid(path_of(too_much, name), f"{kind.text} has no such field")


def _places(rows: Array, columns: Columns, names: Names, principal: Principal) -> tuple[set[str], set[str]]:
    """SKUs, warehouses and channels as numbers, and the checksum of the places' texts.

    Gives the warehouses and the channels that have no number.
    """
    unknown: dict[str, set[str]] = {name: set() for name in _PLACES}
    rows["sku_key"] = columns.mapped("sku", known_sku)
    mixed = np.zeros(len(rows), np.int64)
    for name, number, allowed in (
        ("warehouse", names.warehouse_number, principal.warehouses),
        ("to_warehouse", names.warehouse_number, principal.warehouses),
        ("channel", names.channel_number, principal.channels),
    ):
        index, texts = columns.coded(name)
        numbers = np.full(len(texts) + 1, NO_WAREHOUSE, np.int64)
        for at, text in enumerate(texts):
            numbers[at] = number(text)
            if numbers[at] == UNKNOWN_NUMBER:
                unknown[name].add(text)
                if not is_code(text):
                    check_code(text, path_of(index == at, name))
            if allowed is not None and text not in allowed:
                extra = {"path": path_of(index == at, name)}
                raise Problem(403, "forbidden", f"the key is limited to other {name}s", extra)
        rows[name] = numbers[index]
        mixed = mixed * (len(texts) + 1) + index
    sourced = (rows["kind"] == Kind.RESERVE) & (rows["warehouse"] == NO_WAREHOUSE)
    if principal.warehouses is not None and sourced.any():
        extra = {"path": path_of(sourced, "warehouse")}
        raise Problem(403, "forbidden", "the key is limited to warehouses: name one", extra)
    # One checksum for each combination of places that occurs.
    _, first, back = np.unique(mixed, return_index=True, return_inverse=True)
    coded = [(columns.coded(name)[0][first].tolist(), [*columns.coded(name)[1], ""]) for name in _PLACES]
    sums = [place_crc(*(texts[index[at]] for index, texts in coded)) for at in range(len(first))]
    rows["content"] = np.array(sums, np.uint32)[back]
    return unknown["warehouse"] | unknown["to_warehouse"], unknown["channel"]


def _figures(rows: Array, columns: Columns, kinds: Int64s) -> None:
    """Quantities and settings in thousandths, and the flags that say which are given."""
    delta, set_to = columns.valid("delta"), columns.valid("set_to")
    adjust = kinds == Kind.ADJUST
    unclear = adjust & (delta == set_to)
    if unclear.any():
        raise invalid(path_of(unclear, "delta"), "either delta or set_to")
    expected = columns.valid("expected_on_hand")
    if (expected & ~set_to).any():
        raise invalid(path_of(expected & ~set_to, "expected_on_hand"), "only with set_to")
    configure = kinds == Kind.CONFIGURE
    # No row has more than one of these.
    quantity = sum(columns.exact(name, DECIMALS_MAX) for name in ("quantity", "delta", "set_to", "safety_stock"))
    rows["quantity"] = quantity
    rows["expected"] = columns.exact("expected_on_hand", DECIMALS_MAX) + columns.exact("floor", DECIMALS_MAX)
    if configure.any():
        rows["unit_price"][configure] = columns.exact("reorder_point", DECIMALS_MAX)[configure]
        rows["discount"][configure] = columns.exact("order_up_to", DECIMALS_MAX)[configure]
        bits = sum(columns.valid(str(setting.name).lower()) * int(setting) for setting in Setting)
        nothing = configure & (bits == 0)
        if nothing.any():
            raise invalid(path_of(nothing, "safety_stock"), "nothing to set")
        rows["line"][configure] = np.asarray(bits)[configure]
    parts = (kinds == Kind.RELEASE) | (kinds == Kind.FULFIL)
    _flag(rows, Flag.SET_TO, set_to)
    _flag(rows, Flag.HAS_EXPECTED, expected)
    _flag(rows, Flag.HAS_QUANTITY, parts & columns.valid("quantity"))
    _flag(rows, Flag.PARTIAL, columns.flags("partial"))
    _flag(rows, Flag.SETTLED, columns.flags("settled"))
    _flag(rows, Flag.IN_TRANSIT, columns.flags("in_transit"))
    lines = columns.valid("line")
    rows["line"][lines] = columns.whole("line", 0, LINES_MAX - 1)[lines]
    rows["ttl_s"] = columns.whole("ttl_s", 1, Limits().ttl_s_max)


def _flag(rows: Array, flag: Flag, where: Bools) -> None:
    rows["flags"] |= where * np.uint16(flag)


def _money(rows: Array, columns: Columns, kinds: Int64s) -> None:
    """Prices in minor units with their currency, and tax rates."""
    priced = columns.valid("unit_price") | columns.valid("unit_cost")
    discounted = columns.valid("discount")
    _require("currency", priced | discounted, columns, "an amount needs its currency")
    alone = columns.valid("currency") & ~priced & ~discounted
    if alone.any():
        raise invalid(path_of(alone, "currency"), "a currency without an amount")
    money = kinds != Kind.CONFIGURE
    amounts = columns.whole("unit_price", -MONEY_MAX, MONEY_MAX) + columns.whole("unit_cost", -MONEY_MAX, MONEY_MAX)
    rows["unit_price"][money] = amounts[money]
    rows["discount"][money] = columns.whole("discount", -MONEY_MAX, MONEY_MAX)[money]
    rows["currency"] = columns.mapped("currency", _currency)
    _flag(rows, Flag.HAS_PRICE, priced)
    rates = columns.exact("tax_rate", 6)
    wrong = (rates < 0) | (rates > TAX_RATE_MAX * 10**6)
    if wrong.any():
        raise invalid(path_of(wrong, "tax_rate"), f"0 to {TAX_RATE_MAX}")
    rows["tax_rate"] = rates


def _currency(text: str) -> int:
    if len(text) != 3 or not text.isascii() or not text.isalpha() or not text.isupper():
        raise ValueError(text)
    return currency_number(text)


def _reservations(rows: Array, columns: Columns, kinds: Int64s) -> None:
    """The reservation that a step is about; one that cannot exist is a key that nobody has."""
    steps = columns.valid("reservation") & (kinds != Kind.RESERVE)
    at = np.flatnonzero(steps)
    if not len(at):
        return
    keys, partitions = [], []
    for row, text in zip(at.tolist(), columns.text("reservation").take(pa.array(at)).to_pylist(), strict=True):
        meant = parse_reservation(text)
        if meant is None:
            check_code(text, f"$[{row}].reservation")
            meant = (0, 0)
        partitions.append(meant[0])
        keys.append(meant[1])
    rows["reservation"][at] = np.array(keys, np.uint64)
    rows["partition"][at] = partitions


def _groups(rows: Array, columns: Columns, kinds: Int64s) -> Any:
    """Number the groups of adjacent rows with one label, and the lines of their reservations; gives the labels."""
    reserve, sell = kinds == Kind.RESERVE, kinds == Kind.SELL
    rows["line"][reserve] = 0
    labelled = (reserve & columns.valid("reservation")) | (sell & columns.valid("group"))
    if not labelled.any():
        return None
    labels = pc.if_else(pa.array(reserve), columns.text("reservation"), columns.text("group"))
    labels = pc.if_else(pa.array(labelled), labels, "")
    codes = labels.dictionary_encode().indices.to_numpy().astype(np.int64) * 2 + sell
    begins = labelled.copy()
    begins[1:] &= ~labelled[:-1] | (codes[1:] != codes[:-1])
    numbers = np.cumsum(begins)
    rows["group"] = np.where(labelled, numbers, 0)
    check_texts(labels, begins & reserve, "reservation")
    check_texts(labels, begins & sell, "group")
    again = sell & begins
    seen, counts = np.unique(codes[again], return_counts=True)
    if (counts > 1).any():
        twice = np.flatnonzero(again & np.isin(codes, seen[counts > 1]))
        later = next(at for at in twice.tolist() if codes[at] in codes[twice[twice < at]])
        raise invalid(f"$[{later}].group", "the rows of a group must stand together")
    starts = np.flatnonzero(begins)
    line = np.arange(len(rows)) - starts[np.maximum(numbers - 1, 0)]
    inside = labelled & reserve
    rows["line"][inside] = line[inside]
    goes_on = inside & ~begins
    goes_on[0] = False
    for name, why in (("channel", "one channel in a reservation"), ("ttl_s", "one ttl_s in a reservation")):
        differs = goes_on.copy()
        differs[1:] &= rows[name][1:] != rows[name][:-1]
        if differs.any():
            raise invalid(path_of(differs, name), why)
    return labels


def _times(rows: Array, columns: Columns, ids: Any, arrived_ms: int) -> None:
    """When it was said, happened, is due and is too late."""
    not_after = columns.times_ms("not_after")
    rows["not_after_ms"] = np.where(columns.valid("not_after"), not_after, arrived_ms + NOT_AFTER_DEFAULT_MS)
    rows["occurred_at_ms"] = columns.times_ms("occurred_at")
    rows["due_ms"] = columns.times_ms("due")
    said = columns.times_ms("issued_at")
    by_id = uuid7_times_ms(ids)
    both = (said != 0) & (by_id != 0)
    rows["issued_at_ms"] = np.where(both, np.minimum(said, by_id), said + by_id)


def uuid7_times_ms(ids: Any) -> Int64s:
    """The time that each UUIDv7 among the ids carries, 0 for other ids."""
    offsets = text_offsets(ids)
    data = text_bytes(ids)
    times = np.zeros(len(ids), np.int64)
    at = np.flatnonzero(np.diff(offsets) == _UUID_BYTES)
    begins = offsets[at]
    at = at[(data[begins + 14] == ord("7")) & (data[begins + 8] == ord("-")) & (data[begins + 13] == ord("-"))]
    digits = _HEX[data[offsets[at][:, None] + _UUID_TIME]]
    values = np.zeros(len(at), np.int64)
    for digit in range(_UUID_TIME.size):
        values = values * 16 + digits[:, digit]
    times[at] = np.where((digits >= 0).all(axis=1), values, 0)
    return times


def _texts(rows: Array, columns: Columns, ids: Any, labels: Any) -> Bytes:
    """The heap: the texts of each row end to end, as Arrow joins them."""
    texts = {
        "id": ids,
        "reference": columns.free_text("reference"),
        "label": labels,
        "reason": columns.free_text("reason"),
        "source": columns.free_text("source"),
        "customer": columns.free_text("customer"),
        "original": columns.free_text("original"),
        "name": columns.free_text("condition"),
    }
    given = [texts[name] for name in TEXTS if texts[name] is not None]
    joined = pc.binary_join_element_wise(*given, "") if len(given) > 1 else ids
    for at, name in enumerate(TEXTS):
        if texts[name] is not None:
            rows["text_lengths"][:, at] = np.diff(text_offsets(texts[name]))
    rows["text_at"] = text_offsets(joined)[:-1]
    return text_bytes(joined)
