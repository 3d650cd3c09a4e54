"""Typed columns of an untrusted Arrow table, as `api.columns` wants them.

A table has columns, but no shapes of commands: that each row has the fields of its kind, and no others, is checked
here, by the same structs that JSON is decoded with.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api import schemas as s
from api.columns import (
    MONEY,
    Bools,
    Bytes,
    Int64s,
    TextColumn,
    check_ids,
    check_texts,
    keys_of_skus,
    mapped,
    path_of,
)
from api.numbers import THOUSANDTHS_MAX, TIME_MAX_MS, TIME_MIN_MS
from api.status import Problem, invalid
from api.texts import known_sku
from engine.kinds import Kind

QUANTITIES: Final = frozenset(
    (
        "quantity",
        "delta",
        "set_to",
        "expected_on_hand",
        "safety_stock",
        "floor",
        "reorder_point",
        "order_up_to",
        "tax_rate",
    )
)
WHOLE: Final = frozenset(("ttl_s", "line", "unit_price", "unit_cost", "discount"))
BOOLEANS: Final = frozenset(("partial", "settled", "in_transit"))
TIMES: Final = frozenset(("not_after", "issued_at", "occurred_at", "due"))
CODES: Final = frozenset(("kind", "sku", "warehouse", "to_warehouse", "channel", "currency"))
TEXTS: Final = frozenset(
    ("id", "reference", "reservation", "group", "reason", "source", "customer", "original", "condition")
)

ALWAYS: Final = frozenset(s.Command.__struct_fields__)


def _fields_of(command: type[s.Command]) -> tuple[frozenset[str], frozenset[str]]:
    """(those it needs, those it may have beside these and ALWAYS): money has its currency in a column of its own."""
    fields = msgspec.structs.fields(command)
    needs = frozenset(field.name for field in fields if field.required)
    may = {field.name for field in fields} - needs - ALWAYS
    return needs, frozenset(may | {"currency"} if may & set(MONEY) else may)


FIELDS: Final = {int(kind): _fields_of(command) for command, kind in s.KIND_OF.items()}
_KINDS: Final = {kind.text: int(kind) for kind in s.KIND_OF.values()}


def _kind_number(text: str) -> int:
    kind = _KINDS.get(text)
    if kind is None:
        raise ValueError(text)
    return kind


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _fits(name: str, kind: pa.DataType) -> bool:
    """Whether a column may have this type."""
    if name in QUANTITIES:
        return bool(pa.types.is_integer(kind) or (pa.types.is_decimal128(kind) and kind.scale >= 0))
    if name in WHOLE:
        return bool(pa.types.is_integer(kind))
    if name in BOOLEANS:
        return bool(pa.types.is_boolean(kind))
    if name in TIMES:
        return bool(pa.types.is_timestamp(kind) and kind.unit == "ms" and kind.tz in ("UTC", "Etc/UTC", "+00:00", "Z"))
    if name in CODES:
        return _is_text(kind) or bool(pa.types.is_dictionary(kind) and _is_text(kind.value_type))
    return _is_text(kind)


class ArrowColumns:
    """The columns of one table whose rows are shaped as commands are; an absent column is all null."""

    def __init__(self, table: pa.Table) -> None:
        self.count: int = table.num_rows
        self._columns: dict[str, Any] = {}
        self._coded: dict[str, tuple[Int64s, list[str]]] = {}
        known = QUANTITIES | WHOLE | BOOLEANS | TIMES | CODES | TEXTS
        for name, column in zip(table.column_names, table.columns, strict=True):
            if name not in known:
                raise invalid(name[:64], "no such column")
            if name in self._columns:
                raise invalid(name, "the column is there twice")
            if not _fits(name, column.type):
                raise invalid(name, f"a column of type {column.type}"[:200])
            chunks = column.chunks
            self._columns[name] = chunks[0] if chunks else pa.array([], column.type)
        self._names = frozenset(name for name, column in self._columns.items() if column.null_count < self.count)
        self._ids = self._checked_ids()
        self._require("kind", np.ones(self.count, np.bool_))
        self._kinds = mapped(self, "kind", _kind_number)
        self._check_fields()
        self._check_money()

    @property
    def names(self) -> Collection[str]:
        """The columns that have any value."""
        return self._names

    def kinds(self) -> Int64s:
        """The kind of each command."""
        return self._kinds

    def ids(self) -> TextColumn:
        """The command ids."""
        return self._ids

    def valid(self, name: str) -> Bools:
        """Where the column has a value."""
        column = self._columns.get(name)
        if column is None:
            return np.zeros(self.count, np.bool_)
        if not column.null_count:
            return np.ones(self.count, np.bool_)
        valid: Bools = column.is_valid().to_numpy(zero_copy_only=False)
        return valid

    def whole(self, name: str, least: int, most: int) -> Int64s:
        """Whole numbers from `least` to `most`."""
        try:
            values: Int64s = _filled(_cast(self._columns[name], pa.int64()), 0).to_numpy()
        except pa.ArrowInvalid:
            raise invalid(name, f"{least} to {most}") from None
        wrong = self.valid(name) & ((values < least) | (values > most))
        if wrong.any():
            raise invalid(path_of(wrong, name), f"{least} to {most}")
        return values

    def exact(self, name: str, decimals: int) -> Int64s:
        """Numbers in units of 10^-decimals; what is too large for anything is cut to THOUSANDTHS_MAX."""
        column = self._columns[name]
        if pa.types.is_decimal(column.type):
            scale = column.type.scale
            if scale > decimals:
                try:
                    column = column.cast(pa.decimal128(38, decimals))
                except pa.ArrowInvalid:
                    raise invalid(name, f"more than {decimals} decimals") from None
                scale = decimals
            words = np.frombuffer(column.buffers()[1], np.int64)[2 * column.offset : 2 * (column.offset + len(column))]
            low, high = words[0::2], words[1::2]
            factor = 10 ** (decimals - scale)
            most = THOUSANDTHS_MAX // factor
            fits = (high == low >> 63) & (low >= -most) & (low <= most)
            values = np.where(fits, low, 0) * factor
            values[~fits] = np.where(high[~fits] < 0, -THOUSANDTHS_MAX, THOUSANDTHS_MAX)
        else:
            most = THOUSANDTHS_MAX // 10**decimals
            wide = _filled(column, 0).to_numpy()
            if wide.dtype == np.uint64:
                wide = np.minimum(wide, np.uint64(most))
            values = np.clip(wide.astype(np.int64), -most, most) * 10**decimals
        if column.null_count:
            values[~self.valid(name)] = 0
        exact: Int64s = values
        return exact

    def flags(self, name: str) -> Bools:
        """Booleans; null is false."""
        values: Bools = _filled(self._columns[name], False).to_numpy(zero_copy_only=False)
        return values

    def times_ms(self, name: str) -> Int64s:
        """Milliseconds since 1970; null is 0."""
        values: Int64s = _filled(_cast(self._columns[name], pa.int64()), 0).to_numpy()
        wrong = (values < TIME_MIN_MS) | (values > TIME_MAX_MS)
        if wrong.any():
            raise invalid(path_of(wrong, name), "a time of the years 1 to 9999 in UTC")
        # As `api.numbers.time_ms` has it: 0 is nothing said.
        return np.where(self.valid(name) & (values == 0), 1, values)

    def coded(self, name: str) -> tuple[Int64s, list[str]]:
        """(index, texts): the text of row i is texts[index[i]]; len(texts) stands for null."""
        if name not in self._coded:
            self._coded[name] = self._encode(name)
        return self._coded[name]

    def _encode(self, name: str) -> tuple[Int64s, list[str]]:
        column = self._columns.get(name)
        if column is None:
            return np.zeros(self.count, np.int64), []
        if pa.types.is_dictionary(column.type) and column.dictionary.null_count:
            column = column.dictionary_decode()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        texts: list[str] = column.dictionary.to_pylist()
        index: Int64s = _filled(column.indices, len(texts)).to_numpy().astype(np.int64)
        return index, texts

    def sku_keys(self) -> Int64s:
        """The keys of the SKUs, 0 for null."""
        if pa.types.is_dictionary(self._columns["sku"].type):
            return mapped(self, "sku", known_sku)
        return keys_of_skus(_text_column(self._text("sku")), self)

    def free_text(self, name: str) -> TextColumn | None:
        """As `api.texts.check_text` wants them; None when no row has one."""
        if name not in self.names:
            return None
        texts = _text_column(self._text(name))
        check_texts(texts, self.valid(name), name)
        return texts

    def chosen(self, places: Sequence[tuple[str, Bools]]) -> TextColumn:
        """For each row the text of the column that is true for it, or the empty one."""
        texts: Any = pa.scalar("", pa.string())
        for name, where in places:
            texts = pc.if_else(pa.array(where), self._text(name), texts)
        return _text_column(texts)

    def joined(self, texts: Sequence[TextColumn]) -> Bytes:
        """The texts of the first row end to end, then those of the second, and so on."""
        if len(texts) == 1:
            return texts[0].data
        return _text_column(pc.binary_join_element_wise(*(each.own for each in texts), "")).data

    def _text(self, name: str) -> Any:
        """The texts as a pa.StringArray without nulls: a null is empty."""
        return _filled(_cast(self._columns[name], pa.string()), "")

    def _checked_ids(self) -> TextColumn:
        missing = ~self.valid("id")
        if missing.any():
            raise Problem(400, "id_missing", "every command carries an id", {"path": path_of(missing, "id")})
        if not self.count:  # there need not be any column
            return check_ids(_text_column(pa.array([], pa.string())))
        return check_ids(_text_column(self._text("id")))

    def _check_fields(self) -> None:
        """Every row has the columns that its kind needs, and none that its kind does not know."""
        for number in np.flatnonzero(np.bincount(self._kinds)).tolist():
            needs, may = FIELDS[number]
            of_kind = self._kinds == number
            for name in sorted(needs):
                self._require(name, of_kind)
            for name in sorted(self._names - needs - may - ALWAYS - {"kind"}):
                too_much = of_kind & self.valid(name)
                if too_much.any():
                    raise invalid(path_of(too_much, name), f"{Kind(number).text} has no such field")

    def _check_money(self) -> None:
        """An amount needs a currency, and a currency an amount."""
        amounts = np.zeros(self.count, np.bool_)
        for name in MONEY:
            if name in self.names:
                amounts |= self.valid(name)
        self._require("currency", amounts, "an amount needs its currency")
        alone = self.valid("currency") & ~amounts
        if alone.any():
            raise invalid(path_of(alone, "currency"), "a currency without an amount")

    def _require(self, name: str, where: Bools, why: str = "missing required field") -> None:
        missing = where & ~self.valid(name)
        if missing.any():
            raise invalid(path_of(missing, name), why)


def _filled(column: Any, value: Any) -> Any:
    return column.fill_null(value) if column.null_count else column


def _cast(column: Any, kind: pa.DataType) -> Any:
    return column if column.type == kind else column.cast(kind)


def _text_column(texts: Any) -> TextColumn:
    """Of a pa.StringArray without nulls."""
    _, bounds, data = texts.buffers()
    offsets = np.frombuffer(bounds, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if data is None:
        return TextColumn(np.frombuffer(b"", np.uint8), offsets - offsets[0], texts)
    return TextColumn(np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]], offsets - offsets[0], texts)
