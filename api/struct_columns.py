"""The columns of a JSON array: of the structs that it was decoded to, with little work for each and no loop over rows.

What the structs' own types say (whole numbers in their ranges, flags, times with a zone) is not checked again.
"""

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np

from api import schemas as s
from api.columns import MONEY, Bools, Bytes, Int64s, TextColumn, check_ids, check_texts, keys_of_skus
from api.numbers import DECIMALS_MAX, THOUSANDTHS_MAX, millionths, thousandths, time_ms
from api.status import invalid

_KIND: Final = {command: int(kind) for command, kind in s.KIND_OF.items()}
_WHOLE_MAX: Final = THOUSANDTHS_MAX // 10**DECIMALS_MAX
_values_of: Final = msgspec.structs.astuple
_OPTIONAL: Final = {
    command: {field.name for field in msgspec.structs.fields(command) if field.default is None}
    for command in s.COMMANDS
}
"""By command: the fields that may be None."""
_NEEDED: Final = {
    command: {field.name for field in msgspec.structs.fields(command) if field.required} & {"quantity", "delta"}
    for command in s.COMMANDS
}
"""By command: the fields that are decoded untyped, and must not be None all the same."""

Values = Sequence[Any]


class StructColumns:
    """The columns of some commands; an absent value is None."""

    def __init__(self, commands: Sequence[s.AnyCommand]) -> None:
        self.count = len(commands)
        self._columns: dict[str, Values] = {}
        self._full: set[str] = set()
        """the columns without None"""
        types = list(map(type, commands))
        if len(set(types)) == 1:
            self._kinds = np.full(self.count, _KIND[types[0]], np.int64)
            self._columns.update(_columns_of(types[0], commands))
            self._full.update(name for name, column in self._columns.items() if self._is_full(types[0], name, column))
        else:
            self._kinds = np.array([_KIND[command] for command in types], np.int64)
            for command in set(types):
                self._spread(command, [at for at, own in enumerate(types) if own is command], commands)
        self._split_money()
        self._ids: TextColumn | None = None

    @property
    def names(self) -> Collection[str]:
        """The columns that have any value."""
        return self._columns.keys()

    def kinds(self) -> Int64s:
        """The kind of each command."""
        return self._kinds

    def valid(self, name: str) -> Bools:
        """Where the column has a value."""
        if name in self._full:
            return np.ones(self.count, np.bool_)
        column = self._columns.get(name)
        if column is None:
            return np.zeros(self.count, np.bool_)
        return np.fromiter([value is not None for value in column], np.bool_, self.count)

    def whole(self, name: str, least: int, most: int) -> Int64s:
        """Whole numbers."""
        return np.array(self._filled(name, 0), np.int64)

    def exact(self, name: str, decimals: int) -> Int64s:
        """Numbers in units of 10^-decimals; what is too large for anything is cut to THOUSANDTHS_MAX."""
        column = self._columns[name]
        if decimals == DECIMALS_MAX and set(map(type, column)) == {int}:
            try:
                whole = np.array(column, np.int64)
            except OverflowError:
                pass
            else:
                if np.abs(whole).max() <= _WHOLE_MAX:
                    return whole * 10**DECIMALS_MAX
        number = thousandths if decimals == DECIMALS_MAX else millionths
        # Equal decimals are mostly one object (`schemas.decoder`), and that is faster to look up than to compare.
        if column[0] is column[-1] and column.count(column[0]) == len(column):
            return np.full(self.count, number(column[0], name), np.int64)
        which = list(map(id, column))
        different = dict(zip(which, column, strict=True))
        numbers = {at: 0 if value is None else number(value, name) for at, value in different.items()}
        return np.fromiter(map(numbers.__getitem__, which), np.int64, self.count)

    def flags(self, name: str) -> Bools:
        """Booleans."""
        return np.array(self._filled(name, False), np.bool_)

    def times_ms(self, name: str) -> Int64s:
        """Milliseconds since 1970."""
        return np.array([time_ms(moment, name) for moment in self._columns[name]], np.int64)

    def coded(self, name: str) -> tuple[Int64s, list[str]]:
        """(index, texts): the text of row i is texts[index[i]]; len(texts) stands for none."""
        column = self._columns.get(name)
        if column is None:
            return np.zeros(self.count, np.int64), []
        texts = list(dict.fromkeys(column))
        if len(texts) == 1:
            return np.zeros(self.count, np.int64), texts
        if None in texts:
            texts.remove(None)
        places = {text: at for at, text in enumerate(texts)}
        places[None] = len(texts)
        return np.fromiter(map(places.__getitem__, column), np.int64, self.count), texts

    def sku_keys(self) -> Int64s:
        """The keys of the SKUs."""
        return keys_of_skus(_text_column(self._filled("sku", "")), self)

    def ids(self) -> TextColumn:
        """The command ids, all there and well formed."""
        if self._ids is None:
            self._ids = check_ids(_text_column(self._filled("id", "") if "id" in self._columns else [""] * self.count))
        return self._ids

    def free_text(self, name: str) -> TextColumn | None:
        """Texts as `api.texts.check_text` wants them."""
        texts = _text_column(self._filled(name, ""))
        check_texts(texts, self.valid(name), name)
        return texts

    def chosen(self, places: Sequence[tuple[str, Bools]]) -> TextColumn:
        """For each row the text of the column that is true for it, or the empty one."""
        texts = [""] * self.count
        for name, where in places:
            column = self._columns[name]
            for at in np.flatnonzero(where).tolist():
                texts[at] = column[at]
        return _text_column(texts)

    def joined(self, texts: Sequence[TextColumn]) -> Bytes:
        """The texts of the first row end to end, then those of the second, and so on."""
        if len(texts) == 1:
            return texts[0].data
        return _bytes("".join(chain.from_iterable(zip(*(each.own for each in texts), strict=True))))

    def _filled(self, name: str, value: Any) -> Values:
        """The column with `value` for None."""
        column = self._columns[name]
        return column if name in self._full else [value if own is None else own for own in column]

    @staticmethod
    def _is_full(command: type[s.AnyCommand], name: str, column: Values) -> bool:
        return name not in _OPTIONAL[command] or None not in column

    def _spread(self, command: type[s.AnyCommand], places: list[int], commands: Sequence[s.AnyCommand]) -> None:
        """Take in the columns of the commands at `places`, which are all of one type."""
        for name, own in _columns_of(command, [commands[at] for at in places]).items():
            column = self._columns.setdefault(name, [None] * self.count)
            assert isinstance(column, list)
            for at, value in zip(places, own, strict=True):
                column[at] = value

    def _split_money(self) -> None:
        """Amounts where the money was, and their currencies as one column."""
        currencies: Values | None = None
        for name in MONEY:
            column = self._columns.get(name)
            if column is None:
                continue
            own: Values
            if name in self._full:
                self._columns[name], own = zip(*map(_values_of, column), strict=True)
            else:
                self._columns[name] = [None if money is None else money.amount for money in column]
                own = [None if money is None else money.currency for money in column]
            if currencies is not None:
                if any(one != other and one and other for one, other in zip(currencies, own, strict=True)):
                    raise invalid(name, "another currency than the price")
                own = [one or other for one, other in zip(currencies, own, strict=True)]
            currencies = own
        if currencies is not None:
            self._columns["currency"] = currencies


def _columns_of(command: type[s.AnyCommand], own: Sequence[s.AnyCommand]) -> dict[str, Values]:
    """The columns of commands of one type that have any value."""
    columns = dict(zip(command.__struct_fields__, zip(*map(_values_of, own), strict=True), strict=True))
    for name in _NEEDED[command]:
        if None in columns[name]:
            raise invalid(name, "a number")
    return {name: column for name, column in columns.items() if any(column) or column.count(None) < len(column)}


def _text_column(texts: Values) -> TextColumn:
    joined = "".join(texts)
    lengths = list(map(len, texts if joined.isascii() else map(str.encode, texts)))
    offsets = np.zeros(len(texts) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return TextColumn(_bytes(joined), offsets, texts)


def _bytes(text: str) -> Bytes:
    return np.frombuffer(text.encode(), np.uint8)
