"""Typed columns of an untrusted Arrow table, as numpy arrays: nulls are zeros, and every failure names its row.

A path such as `$[17].quantity` is the same as for the row of a JSON array.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from api.numbers import THOUSANDTHS_MAX
from api.status import Problem, invalid
from api.texts import TEXT_BYTES_MAX, check_text

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

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

_CODE_BYTE: Final = np.zeros(256, np.bool_)
_CODE_BYTE[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-", np.uint8)] = True
_PLAIN_BYTE: Final = np.zeros(256, np.bool_)
_PLAIN_BYTE[0x20:0x7F] = True
_LOW_WORD_MAX: Final = 10**15


def path_of(wrong: Bools, name: str) -> str:
    """Where the first wrong row is."""
    return f"$[{int(np.argmax(wrong))}].{name}"


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


class Columns:
    """The columns of one table; an absent one is all null."""

    def __init__(self, table: pa.Table) -> None:
        self.names: list[str] = table.column_names
        self.count: int = table.num_rows
        self._columns: dict[str, Any] = {}
        self._coded: dict[str, tuple[Int64s, list[str]]] = {}
        known = QUANTITIES | WHOLE | BOOLEANS | TIMES | CODES | TEXTS
        for name, column in zip(self.names, table.columns, strict=True):
            if name not in known:
                raise invalid(name[:64], "no such column")
            if name in self._columns:
                raise invalid(name, "the column is there twice")
            if not _fits(name, column.type):
                raise invalid(name, f"a column of type {column.type}"[:200])
            chunks = column.chunks
            self._columns[name] = chunks[0] if chunks else pa.array([], column.type)

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
        column = self._columns.get(name)
        if column is None:
            return np.zeros(self.count, np.int64)
        try:
            values: Int64s = column.cast(pa.int64()).fill_null(0).to_numpy()
        except pa.ArrowInvalid:
            raise invalid(name, f"{least} to {most}") from None
        wrong = self.valid(name) & ((values < least) | (values > most))
        if wrong.any():
            raise invalid(path_of(wrong, name), f"{least} to {most}")
        return values

    def exact(self, name: str, decimals: int) -> Int64s:
        """Numbers in units of 10^-decimals; what is too large for anything is cut to THOUSANDTHS_MAX."""
        column = self._columns.get(name)
        if column is None:
            return np.zeros(self.count, np.int64)
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
            wide = column.fill_null(0).to_numpy()
            if wide.dtype == np.uint64:
                wide = np.minimum(wide, np.uint64(most))
            values = np.clip(wide.astype(np.int64), -most, most) * 10**decimals
        exact: Int64s = np.where(self.valid(name), values, 0)
        return exact

    def flags(self, name: str) -> Bools:
        """Booleans; null is false."""
        column = self._columns.get(name)
        if column is None:
            return np.zeros(self.count, np.bool_)
        values: Bools = column.fill_null(False).to_numpy(zero_copy_only=False)
        return values

    def times_ms(self, name: str) -> Int64s:
        """Milliseconds since 1970; null is 0."""
        column = self._columns.get(name)
        if column is None:
            return np.zeros(self.count, np.int64)
        values: Int64s = column.cast(pa.int64()).fill_null(0).to_numpy()
        return values

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
        index: Int64s = column.indices.fill_null(len(texts)).to_numpy().astype(np.int64)
        return index, texts

    def mapped(self, name: str, number: Callable[[str], int]) -> Int64s:
        """The number of each row's text, 0 for null; `number` raises ValueError for a text that cannot be."""
        index, texts = self.coded(name)
        numbers = np.zeros(len(texts) + 1, np.int64)
        for at, text in enumerate(texts):
            try:
                numbers[at] = number(text)
            except ValueError:
                wrong = index == at
                if wrong.any():  # a dictionary may hold texts that no row uses
                    raise invalid(path_of(wrong, name), "not a valid value") from None
        return numbers[index]

    def text(self, name: str) -> Any:
        """The texts as a pa.StringArray without nulls: a null is empty."""
        column = self._columns.get(name)
        if column is None:
            return pa.array([""] * self.count, pa.string())
        return column.cast(pa.string()).fill_null("")

    def free_text(self, name: str) -> Any:
        """As `text`, checked as `api.texts.check_text` does; None when no row has one."""
        column = self._columns.get(name)
        if column is None or column.null_count == self.count:
            return None
        texts = self.text(name)
        check_texts(texts, self.valid(name), name)
        return texts

    def ids(self) -> Any:
        """The command ids, all there and well formed."""
        missing = ~self.valid("id")
        ids = self.text("id")
        lengths = np.diff(text_offsets(ids))
        missing |= lengths == 0
        if missing.any():
            raise Problem(400, "id_missing", "every command carries an id", {"path": path_of(missing, "id")})
        if lengths.max(initial=0) > 64 or not _CODE_BYTE[text_bytes(ids)].all():
            wrong = (lengths > 64) | ~_all_bytes(ids, _CODE_BYTE)
            raise invalid(path_of(wrong, "id"), "1 to 64 of A-Z a-z 0-9 . _ : -")
        return ids


def check_texts(texts: Any, given: Bools, name: str) -> None:
    """As `api.texts.check_text` for the texts that are given; only odd ones become Python objects."""
    lengths = np.diff(text_offsets(texts))
    odd = given & ((lengths == 0) | (lengths > TEXT_BYTES_MAX))
    if not _PLAIN_BYTE[text_bytes(texts)].all():
        odd |= given & ~_all_bytes(texts, _PLAIN_BYTE)
    for at in np.flatnonzero(odd).tolist():
        check_text(texts[at].as_py(), f"$[{at}].{name}")


def text_offsets(texts: Any) -> npt.NDArray[np.int32]:
    """Where each text begins in `text_bytes`, and where the last one ends."""
    buffer: npt.NDArray[np.int32] = np.frombuffer(texts.buffers()[1], np.int32)
    own = buffer[texts.offset : texts.offset + len(texts) + 1]
    offsets: npt.NDArray[np.int32] = own - own[0]
    return offsets


def text_bytes(texts: Any) -> Bytes:
    """The bytes of all texts, end to end."""
    _, offsets, data = texts.buffers()
    if data is None:
        return np.empty(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int32)
    return np.frombuffer(data, np.uint8)[bounds[texts.offset] : bounds[texts.offset + len(texts)]]


def _all_bytes(texts: Any, allowed: Bools) -> Bools:
    """Where every byte of a text is allowed."""
    wrong = np.concatenate(([0], np.cumsum(~allowed[text_bytes(texts)])))
    offsets = text_offsets(texts)
    clean: Bools = wrong[offsets[1:]] == wrong[offsets[:-1]]
    return clean
