"""What many commands look like as columns, wherever they came from: an Arrow table or the structs of a JSON array.

`api.command_columns` turns columns into COMMAND rows and knows only this. An absent value is 0, false or the empty
text, and `valid` says where there is one. A failure names its row with the path that the row of a JSON array has.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from api.status import Problem, invalid
from api.texts import CODE_MAX, TEXT_BYTES_MAX, check_code, check_text
from engine.ids import text_keys

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

MONEY: Final = ("unit_price", "unit_cost", "discount")
"""Each an amount; their one currency is the column `currency`."""

_CODE_BYTE: Final = np.zeros(256, np.bool_)
_CODE_BYTE[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-", np.uint8)] = True
_PLAIN_BYTE: Final = np.zeros(256, np.bool_)
_PLAIN_BYTE[0x20:0x7F] = True
_SPACE, _PLAIN_BYTES = np.uint8(0x20), np.uint8(0x7F - 0x20)
_HEX: Final = np.full(256, -1, np.int64)
_HEX[np.frombuffer(b"0123456789abcdef", np.uint8)] = range(16)
_HEX[np.frombuffer(b"ABCDEF", np.uint8)] = range(10, 16)
_UUID_BYTES: Final = 36
_UUID_TIME: Final = np.array([0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12])


class TextColumn(NamedTuple):
    """One text for each row; row i has the bytes data[offsets[i] : offsets[i + 1]]."""

    data: Bytes
    """read-only, as kernels are compiled for"""
    offsets: Int32s
    own: Any
    """the same as whoever made it likes to have it"""

    @property
    def lengths(self) -> Int32s:
        """Bytes of each text."""
        return np.diff(self.offsets)

    def at(self, row: int) -> str:
        """One text."""
        return self.data[self.offsets[row] : self.offsets[row + 1]].tobytes().decode()


class Columns(Protocol):
    """The columns of some commands."""

    count: int
    """rows"""

    @property
    def names(self) -> Collection[str]:
        """The columns that have any value."""

    def kinds(self) -> Int64s:
        """The kind of each command."""

    def valid(self, name: str) -> Bools:
        """Where the column has a value."""

    def whole(self, name: str, least: int, most: int) -> Int64s:
        """Whole numbers from `least` to `most`."""

    def exact(self, name: str, decimals: int) -> Int64s:
        """Numbers in units of 10^-decimals; what is too large for anything is cut to THOUSANDTHS_MAX."""

    def flags(self, name: str) -> Bools:
        """Booleans."""

    def times_ms(self, name: str) -> Int64s:
        """Milliseconds since 1970."""

    def coded(self, name: str) -> tuple[Int64s, Sequence[str]]:
        """(index, texts): the text of row i is texts[index[i]]; len(texts) stands for none."""

    def sku_keys(self) -> Int64s:
        """The keys of the SKUs, all of them codes."""

    def ids(self) -> TextColumn:
        """The command ids, all there and well formed."""

    def free_text(self, name: str) -> TextColumn | None:
        """Texts as `api.texts.check_text` wants them; None when no row has one."""

    def chosen(self, places: Sequence[tuple[str, Bools]]) -> TextColumn:
        """For each row the text of the column that is true for it, or the empty one."""

    def joined(self, texts: Sequence[TextColumn]) -> Bytes:
        """The texts of the first row end to end, then those of the second, and so on."""


def path_of(wrong: Bools, name: str) -> str:
    """Where the first wrong row is."""
    return f"$[{int(np.argmax(wrong))}].{name}"


def mapped(columns: Columns, name: str, number: Callable[[str], int]) -> Int64s:
    """The number of each row's text, 0 for none; `number` raises ValueError for a text that cannot be."""
    index, texts = columns.coded(name)
    numbers = np.zeros(len(texts) + 1, np.int64)
    for at, text in enumerate(texts):
        try:
            numbers[at] = number(text)
        except ValueError:
            wrong = index == at
            if wrong.any():  # a dictionary may hold texts that no row uses
                raise invalid(path_of(wrong, name), "not a valid value") from None
    return numbers[index]


def used(index: Int64s, texts: Sequence[str]) -> list[int]:
    """Which of the texts any row has."""
    return np.flatnonzero(np.bincount(index, minlength=len(texts) + 1)[: len(texts)]).tolist()


def check_ids(ids: TextColumn) -> TextColumn:
    """Else 400 `id_missing` or 422 `invalid_request`."""
    lengths = ids.lengths
    if not lengths.all():
        raise Problem(400, "id_missing", "every command carries an id", {"path": path_of(lengths == 0, "id")})
    _check_codes(ids, lengths, "id")
    return ids


def keys_of_skus(skus: TextColumn, columns: Columns) -> Int64s:
    """`engine.ids.sku_key` of each, 0 where there is none; else 422 `invalid_request`."""
    lengths = skus.lengths
    if not lengths.all():
        empty = (lengths == 0) & columns.valid("sku")
        if empty.any():
            check_code("", path_of(empty, "sku"))
    _check_codes(skus, lengths, "sku")
    return text_keys(skus.data, skus.offsets)


def _check_codes(texts: TextColumn, lengths: Int32s, name: str) -> None:
    if lengths.max(initial=0) > CODE_MAX or not _CODE_BYTE[texts.data].all():
        at = int(np.argmax((lengths > CODE_MAX) | ~_all_bytes(texts, _CODE_BYTE)))
        check_code(texts.at(at), f"$[{at}].{name}")


def check_texts(texts: TextColumn, given: Bools, name: str) -> None:
    """As `api.texts.check_text` for the texts that are given; only odd ones become Python objects."""
    lengths = texts.lengths
    odd = given & ((lengths == 0) | (lengths > TEXT_BYTES_MAX))
    if not (texts.data - _SPACE < _PLAIN_BYTES).all():
        odd |= given & ~_all_bytes(texts, _PLAIN_BYTE)
    for at in np.flatnonzero(odd).tolist():
        check_text(texts.at(at), f"$[{at}].{name}")


def _all_bytes(texts: TextColumn, allowed: Bools) -> Bools:
    """Where every byte of a text is allowed."""
    wrong = np.concatenate(([0], np.cumsum(~allowed[texts.data])))
    clean: Bools = wrong[texts.offsets[1:]] == wrong[texts.offsets[:-1]]
    return clean


def uuid7_times_ms(ids: TextColumn) -> Int64s:
    """The time that each UUIDv7 among the ids carries, 0 for other ids."""
    data, offsets = ids.data, ids.offsets
    times = np.zeros(len(offsets) - 1, np.int64)
    at = np.flatnonzero(ids.lengths == _UUID_BYTES)
    at = at[data[offsets[at] + 14] == ord("7")]
    begins = offsets[at]
    at = at[(data[begins + 8] == ord("-")) & (data[begins + 13] == ord("-"))]
    if not len(at):
        return times
    digits = _HEX[data[offsets[at][:, None] + _UUID_TIME]]
    values = np.zeros(len(at), np.int64)
    for digit in range(_UUID_TIME.size):
        values = values * 16 + digits[:, digit]
    times[at] = np.where((digits >= 0).all(axis=1), values, 0)
    return times
