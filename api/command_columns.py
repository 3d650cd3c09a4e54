"""From columns of commands to COMMAND rows: the same rules and the same rows as `api.encode`, a column at a time.

Nothing here is done once per row in Python: texts that repeat become numbers once for each different one. A test
sends the same commands as structs, as columns of structs and as Arrow, and compares every byte of the rows.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from actors.documents.keys import Principal
from api.columns import MONEY, Bools, Bytes, Columns, Int64s, TextColumn, mapped, path_of, used, uuid7_times_ms
from api.labels import Labels
from api.numbers import DECIMALS_MAX, MONEY_MAX, TAX_RATE_MAX
from api.rows import NOT_AFTER_DEFAULT_MS, Names, place_crc
from api.schemas import LINES_MAX
from api.status import Problem, invalid
from api.texts import check_code, currency_number, is_code
from engine.ids import parse_reservation
from engine.kinds import Flag, Kind, Setting
from engine.layout import COMMAND, NO_LINE, NO_WAREHOUSE, TEXTS, UNKNOWN_NUMBER, Limits

Array = npt.NDArray[np.void]

_PLACES: Final = ("warehouse", "to_warehouse", "channel")
_COMBINATIONS_MAX: Final = 1 << 16
_SETTINGS: Final = {str(setting.name).lower(): int(setting) for setting in Setting}
_FREE_TEXTS: Final = {
    "reference": "reference",
    "reason": "reason",
    "source": "source",
    "customer": "customer",
    "original": "original",
    "condition": "name",
}
"""By field: which of layout.TEXTS it becomes."""
_FLAGS: Final = {"partial": Flag.PARTIAL, "settled": Flag.SETTLED, "in_transit": Flag.IN_TRANSIT}


class CommandRows:
    """Collects the rows of one request, piece by piece."""

    def __init__(self, names: Names, principal: Principal, arrived_ms: int) -> None:
        self._names = names
        self._principal = principal
        self._not_after_ms = arrived_ms + NOT_AFTER_DEFAULT_MS
        self._rows: list[Array] = []
        self._heaps: list[Bytes] = []
        self._heap_size = 0
        self._labels = Labels()
        self.unknown_warehouses: set[str] = set()
        self.unknown_channels: set[str] = set()

    def add(self, columns: Columns) -> None:
        """Add rows, else 400 `id_missing`, 403 `forbidden` or 422 `invalid_request`.

        The problem's path counts the rows from the first of `columns`.
        """
        rows = np.zeros(columns.count, COMMAND)
        kinds = columns.kinds()
        rows["kind"] = kinds
        rows["client"] = self._principal.client
        rows["line"] = NO_LINE
        self._places(rows, columns)
        flags = _figures(rows, columns, kinds) | _money(rows, columns, kinds)
        rows["flags"] = flags | np.uint16(Flag.ADMIN if self._principal.admin else 0)
        _reservations(rows, columns, kinds)
        self._times(rows, columns)
        label = self._labels.of(rows, columns, kinds)
        self._texts(rows, columns, label)
        self._rows.append(rows)

    def finished(self) -> tuple[Array, Bytes]:
        """(the rows, writable; their heap), else 422 where groups are torn."""
        if len(self._rows) == 1:
            rows, heap = self._rows[0], self._heaps[0]
        else:
            rows = np.frombuffer(bytearray().join(self._rows), COMMAND)  # type: ignore[arg-type]
            heap = np.frombuffer(b"".join(self._heaps), np.uint8)  # type: ignore[arg-type]
        self._labels.number(rows)
        return rows, heap

    def _places(self, rows: Array, columns: Columns) -> None:
        """SKUs, warehouses and channels as numbers, and the checksum of the places' texts."""
        if "sku" in columns.names:
            rows["sku_key"] = columns.sku_keys()
        who, names = self._principal, self._names
        mixed = np.zeros(len(rows), np.int64)
        combinations = 1
        coded: list[list[str]] = []
        for name, number, allowed, unknown in (
            ("warehouse", names.warehouse_number, who.warehouses, self.unknown_warehouses),
            ("to_warehouse", names.warehouse_number, who.warehouses, self.unknown_warehouses),
            ("channel", names.channel_number, who.channels, self.unknown_channels),
        ):
            if name not in columns.names:
                rows[name] = NO_WAREHOUSE
                coded.append([""])
                continue
            index, texts = columns.coded(name)
            numbers = np.full(len(texts) + 1, NO_WAREHOUSE, np.int64)
            for at in used(index, texts):
                text = texts[at]
                numbers[at] = number(text)
                if numbers[at] == UNKNOWN_NUMBER:
                    unknown.add(text)
                    if not is_code(text):
                        check_code(text, path_of(index == at, name))
                if allowed is not None and text not in allowed:
                    extra = {"path": path_of(index == at, name)}
                    raise Problem(403, "forbidden", f"the key is limited to other {name}s", extra)
            rows[name] = numbers[index]
            mixed = mixed * (len(texts) + 1) + index
            combinations *= len(texts) + 1
            coded.append([*texts, ""])
        sourced = (rows["kind"] == Kind.RESERVE) & (rows["warehouse"] == NO_WAREHOUSE)
        if who.warehouses is not None and sourced.any():
            extra = {"path": path_of(sourced, "warehouse")}
            raise Problem(403, "forbidden", "the key is limited to warehouses: name one", extra)
        rows["content"] = _checksums(mixed, combinations, coded)

    def _times(self, rows: Array, columns: Columns) -> None:
        """When it was said, happened, is due and is too late."""
        rows["not_after_ms"] = self._not_after_ms
        if "not_after" in columns.names:
            given = columns.valid("not_after")
            rows["not_after_ms"] = np.where(given, columns.times_ms("not_after"), self._not_after_ms)
        if "occurred_at" in columns.names:
            rows["occurred_at_ms"] = columns.times_ms("occurred_at")
        if "due" in columns.names:
            rows["due_ms"] = columns.times_ms("due")
        by_id = uuid7_times_ms(columns.ids())
        if "issued_at" in columns.names:
            said = columns.times_ms("issued_at")
            both = (said != 0) & (by_id != 0)
            by_id = np.where(both, np.minimum(said, by_id), said + by_id)
        rows["issued_at_ms"] = by_id

    def _texts(self, rows: Array, columns: Columns, label: TextColumn | None) -> None:
        """The heap: the texts of each row end to end."""
        texts = {"id": columns.ids(), "label": label}
        for field, name in _FREE_TEXTS.items():
            texts[name] = columns.free_text(field) if field in columns.names else None
        given = []
        sizes = np.zeros(len(rows), np.int64)
        for at, name in enumerate(TEXTS):
            text = texts[name]
            if text is not None:
                lengths = text.lengths
                rows["text_lengths"][:, at] = lengths
                sizes += lengths
                given.append(text)
        heap = columns.joined(given)
        rows["text_at"] = np.cumsum(sizes) - sizes + self._heap_size
        self._heaps.append(heap)
        self._heap_size += len(heap)


def _checksums(mixed: Int64s, combinations: int, coded: list[list[str]]) -> npt.NDArray[np.uint32]:
    """`place_crc` once for each combination of places that occurs; the last place counts fastest in `mixed`."""
    if combinations <= _COMBINATIONS_MAX:
        codes, back = np.flatnonzero(np.bincount(mixed)), mixed
        sums = np.zeros(combinations, np.uint32)
        at = codes
    else:
        codes, back = np.unique(mixed, return_inverse=True)
        sums = np.zeros(len(codes), np.uint32)
        at = np.arange(len(codes))
    for place, code in zip(at.tolist(), codes.tolist(), strict=True):
        found = []
        for texts in reversed(coded):
            code, index = divmod(code, len(texts))
            found.append(texts[index])
        sums[place] = place_crc(*reversed(found))
    return sums[back]


def _figures(rows: Array, columns: Columns, kinds: Int64s) -> npt.NDArray[np.uint16]:
    """Quantities and settings in thousandths; gives the flags that say which are given."""
    names = columns.names
    flags = np.zeros(len(rows), np.uint16)
    # No row has more than one of these.
    for name in ("quantity", "delta", "set_to", "safety_stock"):
        if name in names:
            rows["quantity"] += columns.exact(name, DECIMALS_MAX)
    for name in ("expected_on_hand", "floor"):
        if name in names:
            rows["expected"] += columns.exact(name, DECIMALS_MAX)
    for name, flag in _FLAGS.items():
        if name in names:
            flags |= columns.flags(name) * np.uint16(flag)
    adjust = kinds == Kind.ADJUST
    if adjust.any():
        set_to, expected = columns.valid("set_to"), columns.valid("expected_on_hand")
        unclear = adjust & (columns.valid("delta") == set_to)
        if unclear.any():
            raise invalid(path_of(unclear, "delta"), "either delta or set_to")
        if (expected & ~set_to).any():
            raise invalid(path_of(expected & ~set_to, "expected_on_hand"), "only with set_to")
        flags |= set_to * np.uint16(Flag.SET_TO) | expected * np.uint16(Flag.HAS_EXPECTED)
    parts = (kinds == Kind.RELEASE) | (kinds == Kind.FULFIL)
    if "quantity" in names and parts.any():
        flags |= (parts & columns.valid("quantity")) * np.uint16(Flag.HAS_QUANTITY)
    configure = kinds == Kind.CONFIGURE
    if configure.any():
        for name, column in (("reorder_point", "unit_price"), ("order_up_to", "discount")):
            if name in names:
                rows[column] = columns.exact(name, DECIMALS_MAX)
        bits = np.zeros(len(rows), np.int64)
        for name, bit in _SETTINGS.items():
            bits += columns.valid(name) * bit
        nothing = configure & (bits == 0)
        if nothing.any():
            raise invalid(path_of(nothing, "safety_stock"), "nothing to set")
        rows["line"][configure] = bits[configure]
    if "line" in names:
        lines = columns.valid("line")
        rows["line"][lines] = columns.whole("line", 0, LINES_MAX - 1)[lines]
    if "ttl_s" in names:
        rows["ttl_s"] = columns.whole("ttl_s", 1, Limits().ttl_s_max)
    return flags


def _money(rows: Array, columns: Columns, kinds: Int64s) -> npt.NDArray[np.uint16]:
    """Prices in minor units with their currency, and tax rates; gives the flags of rows with a price."""
    names = columns.names
    priced = np.zeros(len(rows), np.bool_)
    for name in MONEY:
        if name in names:
            # Added: on rows of `configure`, which have no money, these columns hold settings.
            rows["discount" if name == "discount" else "unit_price"] += columns.whole(name, -MONEY_MAX, MONEY_MAX)
            if name != "discount":
                priced |= columns.valid(name)
    if "currency" in names:
        rows["currency"] = mapped(columns, "currency", currency_number)
    if "tax_rate" in names:
        rates = columns.exact("tax_rate", 6)
        wrong = (rates < 0) | (rates > TAX_RATE_MAX * 10**6)
        if wrong.any():
            raise invalid(path_of(wrong, "tax_rate"), f"0 to {TAX_RATE_MAX}")
        rows["tax_rate"] = rates
    return priced * np.uint16(Flag.HAS_PRICE)


def _reservations(rows: Array, columns: Columns, kinds: Int64s) -> None:
    """The reservation that a step is about; one that cannot exist is a key that nobody has."""
    if "reservation" not in columns.names:
        return
    steps: Bools = columns.valid("reservation") & (kinds != Kind.RESERVE)
    at = np.flatnonzero(steps)
    if not len(at):
        return
    index, texts = columns.coded("reservation")
    keys, partitions = [], []
    for row, text_at in zip(at.tolist(), index[at].tolist(), strict=True):
        meant = parse_reservation(texts[text_at])
        if meant is None:
            check_code(texts[text_at], f"$[{row}].reservation")
            meant = (0, 0)
        partitions.append(meant[0])
        keys.append(meant[1])
    rows["reservation"][at] = np.array(keys, np.uint64)
    rows["partition"][at] = partitions
