"""From result rows to what a caller reads: plain dicts that orjson writes. Pure; names come from the directory."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from api.numbers import quantity_json, time_json
from api.status import STATUS_OF, Problem, away
from engine.ids import reservation_text
from engine.kinds import Kind, ReservationState, ResultFlag
from engine.layout import NO_WAREHOUSE
from engine.outcomes import Outcome

Array = npt.NDArray[np.void]

OUTCOME_TEXT: Final = {int(outcome): outcome.text for outcome in Outcome}
STATE_TEXT: Final = {int(state): state.text for state in ReservationState}
_OK: Final = int(Outcome.OK)
_SHORT: Final = int(Outcome.INSUFFICIENT_STOCK)
_GROUP_FAILED: Final = int(Outcome.GROUP_FAILED)
FROM_CELL: Final = np.isin(np.arange(max(Outcome) + 1), (Outcome.OK, Outcome.INSUFFICIENT_STOCK, Outcome.CONFLICT))
"""By outcome: whether the row has looked at a cell, so that `available` is a figure."""
_FROM_CELL: Final = frozenset(np.flatnonzero(FROM_CELL).tolist())
_ABOUT_RESERVATION: Final = frozenset((Kind.RESERVE, Kind.CONFIRM, Kind.RELEASE, Kind.FULFIL, Kind.EXTEND))
_NO_FIGURES: Final = frozenset((Kind.CONFIRM, Kind.EXTEND))
_REPLAYED: Final = int(ResultFlag.REPLAYED)


class ResultRow(NamedTuple):
    """One row of RESULT as plain integers: a field of a numpy record costs 100 ns, one of these 20."""

    available: int
    quantity: int
    reservation: int
    expires_at_ms: int
    position: int
    made_at: int
    lines_at: int
    lines_n: int
    partition: int
    channel: int
    warehouse: int
    outcome: int
    flags: int
    decimals: int
    state: int
    requested: int


class Names(Protocol):
    """The part of the directory that rendering needs."""

    def warehouse_code(self, number: int) -> str:
        """The code of a registered warehouse."""

    def sku_text(self, sku_key: int) -> str | None:
        """The SKU behind a key."""


def results_json(ids: Sequence[str], kinds: Sequence[int], results: Array, names: Names) -> Iterator[dict[str, Any]]:
    """One entry of `results` for each command."""
    columns: list[list[Any]] = [
        results[column].tolist()
        for column in (
            "outcome",
            "quantity",
            "available",
            "requested",
            "decimals",
            "warehouse",
            "reservation",
            "partition",
            "expires_at_ms",
            "state",
        )
    ]
    for command_id, kind, outcome, quantity, available, requested, decimals, warehouse, key, home, until, state in zip(
        ids, kinds, *columns, strict=True
    ):
        entry: dict[str, Any] = {"id": command_id, "outcome": OUTCOME_TEXT[outcome]}
        if kind in _ABOUT_RESERVATION and state:
            if key:
                entry["reservation"] = reservation_text(home, key)
            entry["state"] = STATE_TEXT[state]
            if until:
                entry["expires_at"] = time_json(until)
        if outcome in _FROM_CELL and kind not in _NO_FIGURES:
            if warehouse != NO_WAREHOUSE:
                entry["warehouse"] = names.warehouse_code(warehouse)
            if outcome == _SHORT:
                entry["requested"] = quantity_json(requested, decimals)
            entry["quantity"] = quantity_json(quantity, decimals)
            entry["available"] = quantity_json(available, decimals)
        yield entry


def row_of(results: Array, at: int) -> ResultRow:
    """One row, as plain integers."""
    return ResultRow._make(results[at].item())


def lines_json(lines: Iterable[tuple[int, ...]], names: Names) -> list[dict[str, Any]]:
    """The lines of one reservation, one entry per (line, warehouse); `lines` is a LINE array's tolist()."""
    return [
        {
            "line": line,
            "sku": names.sku_text(sku_key),
            "warehouse": names.warehouse_code(warehouse) if warehouse != NO_WAREHOUSE else None,
            "requested": quantity_json(requested, decimals),
            "quantity": quantity_json(quantity, decimals),
            "fulfilled": quantity_json(fulfilled, decimals),
            "released": quantity_json(released, decimals),
            "remaining": quantity_json(quantity - fulfilled - released, decimals),
            "outcome": OUTCOME_TEXT[outcome],
        }
        for _, sku_key, requested, quantity, fulfilled, released, line, warehouse, outcome, decimals in lines
    ]


def reservation_json(
    reservation: str,
    state: int,
    expires_at_ms: int,
    channel: str,
    texts: tuple[str, str],
    lines: list[dict[str, Any]],
) -> dict[str, Any]:
    """A reservation; `texts` are its reference and its customer, empty when not given."""
    shown: dict[str, Any] = {"reservation": reservation, "state": STATE_TEXT[state]}
    if expires_at_ms and state == ReservationState.HELD:
        shown["expires_at"] = time_json(expires_at_ms)
    shown["channel"] = channel
    if texts[0]:
        shown["reference"] = texts[0]
    if texts[1]:
        shown["customer"] = texts[1]
    shown["lines"] = lines
    return shown


def overall(outcomes: Iterable[int]) -> Outcome:
    """The outcome of a command over several rows: the first refusal by precedence, or OK.

    A row that fell with its group says nothing by itself; a row of an away shard rules.
    """
    seen = set(outcomes)
    for not_pinned in (Outcome.UNAVAILABLE, Outcome.OVERLOADED):
        if not_pinned in seen:
            return not_pinned
    return Outcome(min(seen - {_GROUP_FAILED}, default=_GROUP_FAILED))


def is_replayed(results: Array) -> bool:
    """Whether every row was answered from the journal."""
    if len(results) == 1:
        return bool(int(results["flags"][0]) & _REPLAYED)
    return bool(len(results)) and bool((results["flags"] & _REPLAYED).all())


def refusal(outcome: Outcome, lines: list[dict[str, Any]], results: Array, retry_after_ms: int) -> Problem:
    """The problem of a single call that was refused with `outcome`."""
    if outcome in (Outcome.UNAVAILABLE, Outcome.OVERLOADED):
        return away(outcome, retry_after_ms)
    extra: dict[str, Any] = {}
    if lines:
        extra["lines"] = lines
    if outcome in (Outcome.RESERVATION_CLOSED, Outcome.RESERVATION_EXPIRED):
        at = int(np.flatnonzero(results["outcome"] == outcome)[0])
        extra["state"] = STATE_TEXT[int(results["state"][at])]
    return Problem(STATUS_OF[outcome], outcome.text, "", extra)


def failed_lines(skus: Sequence[str], results: Array) -> list[dict[str, Any]]:
    """Every line of a new reservation that failed by itself, with its figures where it was short."""
    failed = []
    for at in np.flatnonzero((results["outcome"] != _OK) & (results["outcome"] != _GROUP_FAILED)).tolist():
        row = results[at]
        outcome = int(row["outcome"])
        entry: dict[str, Any] = {"line": at, "sku": skus[at], "outcome": OUTCOME_TEXT[outcome]}
        if outcome == _SHORT:
            decimals = int(row["decimals"])
            entry["requested"] = quantity_json(int(row["requested"]), decimals)
            entry["available"] = quantity_json(int(row["available"]), decimals)
        failed.append(entry)
    return failed
