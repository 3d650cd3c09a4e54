"""From result rows to what a caller reads: plain dicts that orjson writes. Pure; names come from the directory."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import orjson

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
_OF_MANY_CELLS: Final = frozenset((Kind.RELEASE, Kind.FULFIL))
"""What these take lies in several cells, so there is no one `available` to tell."""
HAS_QUANTITY: Final = ~np.isin(np.arange(max(Kind) + 1), tuple(_NO_FIGURES))
HAS_AVAILABLE: Final = HAS_QUANTITY & ~np.isin(np.arange(max(Kind) + 1), tuple(_OF_MANY_CELLS))
"""By kind: which figures its result has."""
_REPLAYED: Final = int(ResultFlag.REPLAYED)
_BELOW: Final = int(ResultFlag.SHORT)
_SHOWN: Final = ("outcome", "quantity", "requested", "decimals", "warehouse", "expires_at_ms", "state")
_KEY: Final = np.dtype([("partition", ">u2"), ("key", ">u8")])
RESERVATION_BYTES: Final = 2 * _KEY.itemsize
_Pieces = tuple[str, str, str | None, str | None]


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


def result_json(command_id: str, kind: int, row: ResultRow, names: Names) -> dict[str, Any]:
    """The entry of `results` for one command, whose first row came to this."""
    return _entry(
        command_id,
        reservation_text(row.partition, row.reservation) if row.reservation else None,
        quantity_json(row.available, row.decimals),
        names,
        kind,
        row.outcome,
        row.quantity,
        row.requested,
        row.decimals,
        row.warehouse,
        row.expires_at_ms,
        row.state,
        row.flags & _BELOW,
    )


def results_bytes(ids: Sequence[str], kinds: Sequence[int], results: Array, names: Names) -> bytes:
    """The entries of many commands as JSON, with commas between them.

    Most rows differ only in id, reservation and `available`. So an entry is written once for all rows that are alike
    in everything else, with marks where these three stand, and cut there: 0.5 us a row, and 2 for a dict of each row.
    An id is a code: it needs no escapes.
    """
    known: dict[tuple[Any, ...], _Pieces] = {}
    held: list[bool] = (results["reservation"] != 0).tolist()
    below: list[bool] = ((results["flags"] & np.uint8(_BELOW)) != 0).tolist()
    shown = zip(held, kinds, *(results[column].tolist() for column in _SHOWN), below, strict=True)
    entries = []
    for command_id, key, available, own in zip(ids, _keys(results), _available(results), shown, strict=True):
        pieces = known.get(own)
        if pieces is None:
            pieces = known[own] = _pieces(names, *own)
        head, middle, tail, end = pieces
        if end is None:
            entries.append(f"{head}{command_id}{middle}" if tail is None else f"{head}{command_id}{middle}{key}{tail}")
        elif tail is None:
            entries.append(f"{head}{command_id}{middle}{available}{end}")
        else:
            entries.append(f"{head}{command_id}{middle}{key}{tail}{available}{end}")
    return ",".join(entries).encode()


def reservation_digits(results: Array) -> str:
    """Of each row the reservation's id, as engine.ids.reservation_text writes it, with a zero for its letter."""
    packed = np.empty(len(results), _KEY)
    packed["partition"], packed["key"] = results["partition"], results["reservation"]
    return packed.tobytes().hex()


def _keys(results: Array) -> list[str]:
    """The reservations' ids without their letters."""
    digits = reservation_digits(results)
    return [digits[at : at + RESERVATION_BYTES - 1] for at in range(1, len(digits), RESERVATION_BYTES)]


def _available(results: Array) -> list[Any]:
    units: list[Any] = results["available"].tolist()
    if not results["decimals"].any():
        return units
    of_rows = zip(units, results["decimals"].tolist(), strict=True)
    return [orjson.dumps(quantity_json(*each)).decode() for each in of_rows]


def _pieces(names: Names, held: bool, kind: int, *shown: int) -> _Pieces:
    """An entry cut where the id, the reservation and `available` stand; the last two, where it has one."""
    entry = _entry("<id>", "r<key>" if held else None, orjson.Fragment(b"<available>"), names, kind, *shown)
    head, _, rest = orjson.dumps(entry).decode().partition("<id>")
    middle, has_key, tail = rest.partition("<key>")
    last, has_available, end = (tail if has_key else middle).partition("<available>")
    return (
        head,
        middle if has_key else last,
        last if has_key else None,
        end if has_available else None,
    )


def _entry(
    command_id: str,
    reservation: str | None,
    available: Any,
    names: Names,
    kind: int,
    outcome: int,
    quantity: int,
    requested: int,
    decimals: int,
    warehouse: int,
    until: int,
    state: int,
    below: int,
) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": command_id, "outcome": OUTCOME_TEXT[outcome]}
    if kind in _ABOUT_RESERVATION and state:
        if reservation:
            entry["reservation"] = reservation
        entry["state"] = STATE_TEXT[state]
        if until:
            entry["expires_at"] = time_json(until)
    if outcome in _FROM_CELL and kind not in _NO_FIGURES:
        if warehouse != NO_WAREHOUSE:
            entry["warehouse"] = names.warehouse_code(warehouse)
        if kind in _OF_MANY_CELLS:
            entry["quantity"] = quantity_json(quantity, decimals)
            return entry
        if outcome == _SHORT:
            entry["requested"] = quantity_json(requested, decimals)
        entry["quantity"] = quantity_json(quantity, decimals)
        entry["available"] = available
        if below:
            entry["short"] = True
    return entry


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
    return Problem(STATUS_OF[outcome], outcome.text, "", extra, replayed=is_replayed(results))


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
