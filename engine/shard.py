"""The state machine of one shard: batches in, results and movements out, and the fold of its journal.

The shard actor calls `decide` and journals what comes back before anybody sees it; recovery, the
standby and `verify` call `apply` with the same records. Nothing here knows a file, a clock or a network.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.kernels.decide import decide_rows
from engine.kernels.read import answer_questions
from engine.kernels.replay import apply_record, shift_deadlines
from engine.layout import (
    ALERT_POLICY,
    ALERT_SCAN_CELLS,
    ANSWER,
    CELL_VIEW,
    COMMAND,
    LINE,
    MOVEMENT,
    QUESTION,
    RESERVATION_VIEW,
    RESULT,
    Limits,
)
from engine.record import ALERTS_SINCE, RULES_VERSION, Record, RecordKind
from engine.state import (
    ALERTS_JUDGED,
    ALERTS_SCANNED,
    CELLS,
    DEADLINES_N,
    ENTRIES_MAX,
    ID_BLOCK,
    ID_WINDOW_MS,
    IDS,
    IDS_FORGOTTEN,
    IDS_MADE,
    LAST_NOW_MS,
    LAST_SEQ,
    LINES,
    MASK,
    OPERATIONS,
    RAISED,
    RESERVATIONS,
    SKUS,
    SOURCES,
    SPILL_USED,
    SPLIT,
    USED,
    Reserve,
    make_state,
    movements_room,
    reserve_array,
)

Array = npt.NDArray[np.void]
ANSWER_LINES_MAX: Final = 1 << 20
ANSWER_ITEMS_MAX: Final = 1 << 18
_TABLES: Final = {
    "skus": SKUS,
    "cells": CELLS,
    "planning": CELLS,
    "reservations": RESERVATIONS,
    "lines": LINES,
    "sources": SOURCES,
    "operations": OPERATIONS,
}
_HASHED: Final = {
    "sku": SKUS,
    "cell": CELLS,
    "reservation": RESERVATIONS,
    "source": SOURCES,
    "id": IDS,
    "operation": OPERATIONS,
}
_WHOLE: Final = ("warehouses", "channels", "channel_ranks", "clients", "tables", "marks")


Add = Callable[..., None]


class ReplayMismatch(Exception):
    """A record does not fit the state it is folded into: the journal or the state is not what it was."""

    def __init__(self, seq: int, movement: int) -> None:
        super().__init__(seq, movement)
        self.seq = seq
        self.movement = movement

    def __str__(self) -> str:
        return f"record {self.seq}: movement {self.movement} does not fit the state"


def _frozen(array: Array) -> Array:
    """A read-only view, which messages deliver anyway: the kernels are compiled for one type of array."""
    view = array.view()
    view.flags.writeable = False
    return view


def _copied(array: Array) -> Array:
    """A copy by bytes: numpy copies records field by field, which takes twenty times as long."""
    copy = np.empty(len(array), array.dtype)
    if len(array):
        copy.view(np.uint8)[:] = array.view(np.uint8)
    return copy


@dataclass(frozen=True, slots=True)
class Decision:
    """What a batch came to; the arrays are the caller's."""

    results: Array
    """RESULT[n], one per row"""
    movements: Array
    """MOVEMENT[m], expiries first, alerts last"""
    lines: Array
    """LINE[k] of the rows that asked for them"""
    changed: bool
    """whether there is anything to journal; if not, the same seq is used again"""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers to questions, with the arrays that their `items_at` and `lines_at` point into."""

    answers: Array
    cells: Array
    reservations: Array
    lines: Array


class Shard:
    """One shard's stock, single writer, in memory."""

    def __init__(self, limits: Limits | None = None, reserve: Reserve = reserve_array) -> None:
        """`reserve` gives the tables' memory: of this process alone, unless others are to read it."""
        self.limits = limits or Limits()
        assert self.limits.quantity_max <= self.limits.stock_max, self.limits
        self._state = make_state(self.limits, reserve)
        self._memory = self._state.memory
        self._room = movements_room(self.limits)
        self._movements = reserve_array(MOVEMENT, 2 * self._room + ALERT_SCAN_CELLS)
        self._lines = reserve_array(LINE, max(ANSWER_LINES_MAX, 2 * ENTRIES_MAX))
        self._answer_lines = reserve_array(LINE, ANSWER_LINES_MAX)
        self._cells = reserve_array(CELL_VIEW, ANSWER_ITEMS_MAX)
        self._views = reserve_array(RESERVATION_VIEW, ANSWER_ITEMS_MAX)

    @property
    def seq(self) -> int:
        """The last record that was decided or folded."""
        return int(self._state.marks[LAST_SEQ])

    @property
    def now_ms(self) -> int:
        """The shard's time at its last record."""
        return int(self._state.marks[LAST_NOW_MS])

    @property
    def counts(self) -> dict[str, int]:
        """How full the tables are, for metrics.

        Of reservations, lines and operations the most there were at once, for what is free is used again.
        """
        tables, marks = self._state.tables, self._state.marks
        return {
            "skus": int(tables[SKUS, USED]) - 1,
            "cells": int(tables[CELLS, USED]) - 1,
            "reservations": int(tables[RESERVATIONS, USED]) - 1,
            "lines": int(tables[LINES, USED]) - 1,
            "sources": int(tables[SOURCES, USED]) - 1,
            "operations": int(tables[OPERATIONS, USED]) - 1,
            "ids": int(marks[IDS_MADE] - marks[IDS_FORGOTTEN]),
            "deadlines": int(marks[DEADLINES_N]),
        }

    @property
    def room(self) -> dict[str, int]:
        """The most that `counts` can come to."""
        limits = self.limits
        return {
            "skus": limits.skus_max,
            "cells": limits.cells_max,
            "reservations": limits.reservations_max,
            "lines": limits.lines_max,
            "sources": limits.sources_max,
            "operations": limits.operations_max,
            "ids": limits.ids_max,
            "deadlines": limits.reservations_max,
        }

    @property
    def cells(self) -> Array:
        """The cells in use (records of engine.state.CELL), a view; for planning kernels, which only read."""
        view = self._state.cells[1 : int(self._state.tables[CELLS, USED])]
        view.flags.writeable = False
        return view

    def next_due_ms(self) -> int:
        """When the earliest hold expires, 0 when nothing is held with a deadline."""
        if self._state.marks[DEADLINES_N] == 0:
            return 0
        return int(self._state.deadlines["at_ms"][1])

    @property
    def scan_due(self) -> bool:
        """Whether there are cells to be judged by another policy of alerts: some in each batch that comes."""
        return bool(self._state.marks[ALERTS_JUDGED] != ALERT_POLICY and self._state.tables[CELLS, USED] > 1)

    def decide(
        self, rows: Array, heap: npt.NDArray[np.uint8], *, now_ms: int, seq: int, id_window_ms: int = 0,
        rules: int = RULES_VERSION,
    ) -> Decision:  # fmt: skip
        """Expire what is due and decide the rows in order, then judge alerts; the state changes at once.

        rows: COMMAND[n], finished by `engine.ids.finish_rows`; `heap` is not needed to decide, it travels with
        the rows. now_ms must not go down, seq must be the last one + 1 when anything changes. When a record is
        decided again, id_window_ms and rules are those that it was decided with; a window of 0 = that of the limits.
        """
        self._state.bounds[ID_WINDOW_MS] = id_window_ms or self.limits.id_window_ms
        assert rows.dtype == COMMAND and len(rows) <= self.limits.batch_rows_max, (rows.dtype, len(rows))
        assert now_ms >= self.now_ms and seq == self.seq + 1, (now_ms, self.now_ms, seq, self.seq)
        rows = _frozen(rows)
        results = np.zeros(len(rows), RESULT)
        movements_n, lines_n, changed = decide_rows(
            self._memory, rows, results, self._movements, self._lines, self._room, now_ms, seq, rules >= ALERTS_SINCE
        )
        return Decision(results, _copied(self._movements[:movements_n]), _copied(self._lines[:lines_n]), bool(changed))

    def answer(self, questions: Array) -> Answers:
        """Answer QUESTION[q] from the state as it is; holds that are due must have been expired by `decide`."""
        assert questions.dtype == QUESTION, questions.dtype
        answers = np.zeros(len(questions), ANSWER)
        cells_n, views_n, lines_n = answer_questions(
            self._memory, _frozen(questions), answers, self._cells, self._views, self._answer_lines
        )
        return Answers(
            answers,
            _copied(self._cells[:cells_n]),
            _copied(self._views[:views_n]),
            _copied(self._answer_lines[:lines_n]),
        )

    def apply(self, record: Record) -> None:
        """Fold one journaled record; raises ReplayMismatch when it does not fit."""
        marks = self._state.marks
        if record.seq != self.seq + 1 or record.now_ms < self.now_ms:
            raise ReplayMismatch(record.seq, -1)
        self._state.bounds[ID_WINDOW_MS] = record.id_window_ms or self.limits.id_window_ms
        if record.kind == RecordKind.BATCH:
            rows, results, movements = _frozen(record.rows), _frozen(record.results), _frozen(record.movements)
            alerts = record.rules >= ALERTS_SINCE
            bad = apply_record(self._memory, rows, results, movements, record.now_ms, record.seq, alerts)
            if bad >= 0:
                raise ReplayMismatch(record.seq, bad)
            return
        if record.kind == RecordKind.OPEN and record.downtime_ms:
            shift_deadlines(self._memory, self.now_ms, record.now_ms, record.downtime_ms)
        marks[LAST_SEQ] = record.seq
        marks[LAST_NOW_MS] = record.now_ms

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The state as plain arrays, for a snapshot: read-only views of what is in use, valid until the next call."""
        state = self._state
        found: dict[str, npt.NDArray[np.generic]] = {}
        for name, table in _TABLES.items():
            found[name] = getattr(state, name)[: int(state.tables[table, USED])]
        for name, table in _HASHED.items():
            buckets = int(state.tables[table, MASK] + state.tables[table, SPLIT]) + 1
            found[name + "_buckets"] = getattr(state, name + "_buckets")[:buckets]
            found[name + "_spill"] = getattr(state, name + "_spill")[: int(state.tables[table, SPILL_USED]) + 1]
        ids_n = min(int(state.marks[IDS_MADE]) + 1, len(state.ids))
        found["ids"] = state.ids[:ids_n]
        found["id_times"] = state.id_times[: ids_n // ID_BLOCK + 1]
        found["deadlines"] = state.deadlines[: int(state.marks[DEADLINES_N]) + 1]
        for name in _WHOLE:
            found[name] = getattr(state, name)
        for name, array in found.items():
            found[name] = array.view()
            found[name].flags.writeable = False
        return found

    def tables(self) -> dict[str, npt.NDArray[np.generic]]:
        """The whole memory of each of `arrays`: what is in use, and behind it what is reserved."""
        return {name: getattr(self._state, name) for name in self.arrays()}

    @classmethod
    def from_arrays(
        cls, limits: Limits, arrays: Mapping[str, npt.NDArray[np.generic]], reserve: Reserve = reserve_array
    ) -> "Shard":
        """The shard that `arrays` describes; limits may be larger than they were, except `ids_max` once full.

        Raises ValueError when an array does not fit.
        """
        shard = cls(limits, reserve)
        for name, array in arrays.items():
            target = shard.room_for(name, array.dtype, array.shape)
            if target.flags.c_contiguous and array.flags.c_contiguous:
                # By bytes: numpy copies records field by field, which takes twenty times as long.
                target.reshape(-1).view(np.uint8)[:] = array.reshape(-1).view(np.uint8)
            else:
                target[...] = array
        return shard

    @classmethod
    def over(cls, limits: Limits, arrays: Mapping[str, npt.NDArray[Any]], id_window_ms: int) -> "Shard":
        """A shard whose tables are these arrays where they lie, for `state_hash` alone."""
        shard = cls(limits)
        shard._state = replace(shard._state, **arrays)
        shard._state.bounds[ID_WINDOW_MS] = id_window_ms
        return shard

    @property
    def id_window_ms(self) -> int:
        """As of the last record."""
        return int(self._state.bounds[ID_WINDOW_MS])

    def room_for(self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
        """The part of a new shard's table that an array of another shard's `arrays` goes to; ValueError: no such."""
        table: npt.NDArray[Any] | None = getattr(self._state, name, None)
        if table is None or table.dtype != dtype or table.ndim != len(shape) or min(shape, default=0) < 0:
            raise ValueError(f"no table {name} of {dtype} and {shape}")
        if any(size > most for size, most in zip(shape, table.shape, strict=True)):
            raise ValueError(f"{name}: {shape} where there is room for {table.shape}")
        return table[tuple(slice(0, size) for size in shape)]

    def state_hash(self) -> bytes:
        """SHA-256 of everything that decides later answers, in an order that does not depend on slots."""
        state = self._state
        digest = hashlib.sha256()

        def add(*columns: npt.NDArray[np.generic]) -> None:
            for column in columns:
                digest.update(np.ascontiguousarray(column).reshape(-1).view(np.uint8).data)

        skus = state.skus[: int(state.tables[SKUS, USED])]
        order = np.argsort(skus["key"][1:], kind="stable") + 1
        add(*(skus[name][order] for name in ("key", "decimals", "archived")))
        cells_n = int(state.tables[CELLS, USED])
        cells, planning = state.cells[1:cells_n], state.planning[1:cells_n]
        sku_keys, warehouses = skus["key"][cells["key"] >> 16], cells["key"] & 0xFFFF
        cell_order = np.lexsort((warehouses, sku_keys))
        add(sku_keys[cell_order], warehouses[cell_order])
        add(*(cells[name][cell_order] for name in ("on_hand", "reserved", "safety_stock", "floor", "incoming")))
        add(*(planning[name][cell_order] for name in ("reorder_point", "order_up_to")))
        self._hash_sources(add, sku_keys, warehouses)
        self._hash_reservations(add, skus)
        self._hash_operations(add)
        self._hash_ids(add)
        judged = state.marks[[ALERTS_JUDGED, ALERTS_SCANNED]]
        if judged.any():  # else no alert was ever judged: the hash of such a state is that of earlier versions
            add(cells["next"][cell_order] & np.uint32(RAISED), judged)
        add(state.warehouses["priority"], state.warehouses["kind"], state.warehouses["archived"])
        add(state.channels["mode"], state.channels["archived"], state.channel_ranks, state.clients)
        add(state.marks[[LAST_SEQ, LAST_NOW_MS]])
        return digest.digest()

    def _hash_sources(self, add: Add, sku_keys: npt.NDArray[np.int64], warehouses: npt.NDArray[np.int64]) -> None:
        state = self._state
        sources = state.sources[1 : int(state.tables[SOURCES, USED])]
        sources = sources[sources["remaining"] != 0]
        at = sources["cell"].astype(np.int64) - 1
        order = np.lexsort((sources["key"], warehouses[at], sku_keys[at]))
        add(sku_keys[at][order], warehouses[at][order], sources["key"][order], sources["remaining"][order])

    def _hash_reservations(self, add: Add, skus: Array) -> None:
        state = self._state
        buckets = int(state.tables[RESERVATIONS, MASK] + state.tables[RESERVATIONS, SPLIT]) + 1
        spilled = int(state.tables[RESERVATIONS, SPILL_USED]) + 1
        entries = np.concatenate(
            [state.reservation_buckets[:buckets, :7].ravel(), state.reservation_spill[:spilled, :7].ravel()]
        )
        records = state.reservations
        slots = (entries[entries != 0] & np.uint64(0xFFFFFFFF)).astype(np.int64)
        slots = slots[np.argsort(records["ordinal"][slots], kind="stable")]
        names = ("key", "made_at", "reference_key", "closed_at_ms", "client", "channel", "partition", "state")
        add(*(records[name][slots] for name in names), records["fulfilled_any"][slots])
        add(np.where(records["heap_at"][slots] != 0, records["expires_at_ms"][slots], 0))
        lines = state.lines
        line = records["first_line"][slots].astype(np.int64)
        while len(line):
            line = line[line != 0]
            cell = lines["cell"][line].astype(np.int64)
            add(
                *(
                    lines[name][line]
                    for name in ("requested", "quantity", "fulfilled", "released", "pending", "line", "outcome")
                )
            )
            add(skus["key"][lines["sku"][line]], np.where(cell != 0, state.cells["key"][cell] & 0xFFFF, -1))
            line = lines["next"][line].astype(np.int64)

    def _hash_operations(self, add: Add) -> None:
        state = self._state
        operations = state.operations[1 : int(state.tables[OPERATIONS, USED])]
        reservations = state.reservations[operations["key"]]
        noted = reservations["pending"] != 0
        operations, keys = operations[noted], reservations["key"][noted]
        order = np.argsort(keys, kind="stable")
        add(keys[order], *(operations[name][order] for name in ("operation", "position", "expires_at_ms", "kind")))

    def _hash_ids(self, add: Add) -> None:
        state = self._state
        capacity = len(state.ids) - 1
        first, end = int(state.marks[IDS_FORGOTTEN]), int(state.marks[IDS_MADE])
        # When an entry leaves the ring changes no answer: only what is still remembered counts.
        oldest_ms = self.now_ms - int(state.bounds[ID_WINDOW_MS])
        while first < end and state.id_times[first % capacity // ID_BLOCK] < oldest_ms:
            first = min(end, (first // ID_BLOCK + 1) * ID_BLOCK)
        while first < end:
            place = first % capacity
            count = min(end - first, capacity - place)
            part = state.ids[1 + place : 1 + place + count]
            add(part["key"], part["hi"], part["position"], part["content"])
            first += count
