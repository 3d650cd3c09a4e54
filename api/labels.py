"""Rows that stand or fall together: adjacent ones with one label, `group` on sales and `reservation` on reserves.

Labels are seen a piece of the request at a time and become groups when the whole of it is there, because a group
may begin in one piece and end in the next.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from api.columns import Bools, Columns, Int64s, TextColumn, path_of, used
from api.status import invalid
from api.texts import check_text
from engine.kinds import Kind

Array = npt.NDArray[np.void]

_FIELDS: Final = (("reservation", Kind.RESERVE), ("group", Kind.SELL))


class Labels:
    """The labels of one request."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._count = 0
        self._labels: list[tuple[int, Int64s, Int64s]] = []
        """(first row, numbers of labels, numbers of channels) of each piece that has any label"""

    def of(self, rows: Array, columns: Columns, kinds: Int64s) -> TextColumn | None:
        """Take note of the next rows (modified: a reserve alone is line 0); gives the texts of their labels."""
        first, self._count = self._count, self._count + len(rows)
        numbers = np.zeros(len(rows), np.int64)
        places: list[tuple[str, Bools]] = []
        rows["line"][kinds == Kind.RESERVE] = 0
        for name, kind in _FIELDS:
            if name not in columns.names:
                continue
            labelled = (kinds == kind) & columns.valid(name)
            if not labelled.any():
                continue
            index, texts = columns.coded(name)
            own = np.zeros(len(texts) + 1, np.int64)
            for at in used(np.where(labelled, index, len(texts)), texts):
                check_text(texts[at], path_of(labelled & (index == at), name))
                own[at] = self._number(name, texts[at])
            numbers[labelled] = own[index[labelled]]
            places.append((name, labelled))
        if not places:
            return None
        index, texts = columns.coded("channel")
        channels = np.array([*(self._number("channel", text) for text in texts), 0])
        self._labels.append((first, numbers, channels[index]))
        return columns.chosen(places)

    def number(self, rows: Array) -> None:
        """Number the groups of all rows (modified), and the lines of their reservations."""
        if not self._labels:
            return
        labels = np.zeros(len(rows), np.int64)
        channels = np.zeros(len(rows), np.int64)
        for first, numbers, own in self._labels:
            labels[first : first + len(numbers)] = numbers
            channels[first : first + len(own)] = own
        labelled = labels != 0
        reserve = labelled & (rows["kind"] == Kind.RESERVE)
        begins = labelled.copy()
        begins[1:] &= labels[1:] != labels[:-1]
        groups = np.cumsum(begins)
        rows["group"] = np.where(labelled, groups, 0)
        _check_whole(labels, begins & ~reserve)
        starts = np.flatnonzero(begins)
        lines = np.arange(len(rows)) - starts[np.maximum(groups - 1, 0)]
        rows["line"][reserve] = lines[reserve]
        goes_on = reserve & ~begins
        for name, values, why in (
            ("channel", channels, "one channel in a reservation"),
            ("ttl_s", rows["ttl_s"], "one ttl_s in a reservation"),
        ):
            differs = goes_on.copy()
            differs[1:] &= values[1:] != values[:-1]
            if differs.any():
                raise invalid(path_of(differs, name), why)

    def _number(self, name: str, text: str) -> int:
        return self._numbers.setdefault((name, text), len(self._numbers) + 1)


def _check_whole(labels: Int64s, begins: Bools) -> None:
    """No group of sales begins twice."""
    at = np.flatnonzero(begins)
    _, firsts = np.unique(labels[at], return_index=True)
    if len(firsts) < len(at):
        again = np.setdiff1d(np.arange(len(at)), firsts)
        raise invalid(f"$[{at[again[0]]}].group", "the rows of a group must stand together")
