"""Which commands of a request span shards, which shards they concern, and what must not overlap. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from actors.routing import SETTLING, Units
from engine.kinds import Flag, Kind, ReservationState
from engine.layout import NO_LINE, NO_WAREHOUSE, SPANS, TEXTS
from engine.outcomes import Outcome
from engine.wire import Array

SETTLING_NUMBERS: Final = frozenset(int(kind) for kind in SETTLING)
_SETTLES: Final = np.isin(np.arange(256), tuple(SETTLING_NUMBERS))
_LABEL: Final = TEXTS.index("label")


class Held(NamedTuple):
    """What a shard has of a reservation."""

    shard: int
    state: int
    expires_at_ms: int
    lines: Array


Holdings = Mapping[int, Sequence[Held]]
"""By reservation key, what each shard has of it; only of reservations that span partitions."""


def whole_state(states: Sequence[int]) -> int:
    """The state of a reservation whose parts are in `states`: open while something remains anywhere."""
    for state in (
        *(ReservationState.CONFIRMED, ReservationState.EXPIRED, ReservationState.HELD, ReservationState.PREPARED),
        *(ReservationState.FULFILLED, ReservationState.RELEASED),
    ):
        # Nothing can be done any more once a part has missed the deadline; then what is held elsewhere is about to.
        if state in states:
            return state
    return ReservationState.NONE


def tell_aborted(rows: Array, results: Array) -> None:
    """What rows are answered whose command came to nothing (results are modified); refusals stay.

    Where all agreed, a scan has ended it: too late. But the rows of a group have ids of their own and are found again
    one by one, without the others' votes: they fell with their group, whatever ended it.
    """
    outcomes = results["outcome"]
    agreed = outcomes == Outcome.OK
    found_alone = bool(rows["text_lengths"][:, _LABEL].any())
    outcomes[agreed] = Outcome.TOO_LATE if agreed.all() and not found_alone else Outcome.GROUP_FAILED


def settled_reservations(rows: Array) -> list[int]:
    """Reservations that span partitions and that some row confirms, releases, fulfils or extends."""
    settles = _SETTLES[rows["kind"]] & ((rows["partition"] & SPANS) != 0)
    found: list[int] = np.unique(rows["reservation"][settles]).tolist()
    return found


def named_reservations(rows: Array) -> list[int]:
    """Every reservation that some row confirms, releases, fulfils or extends, on one shard or on several."""
    found: list[int] = np.unique(rows["reservation"][_SETTLES[rows["kind"]]]).tolist()
    return found


def settling_ids(rows: Array) -> list[int]:
    """Which rows settle a reservation that spans partitions, and have an id of their own."""
    settles = _SETTLES[rows["kind"]] & ((rows["partition"] & SPANS) != 0)
    return np.flatnonzero(settles & ((rows["flags"] & np.uint16(Flag.CONTINUES)) == 0)).tolist()


CommandId = tuple[int, int]
"""(id_hi, id_lo)"""
Key = tuple[str, int]
"""A SKU or a reservation."""


def touched_by(rows: Array, units: Units, holdings: Holdings) -> list[set[Key]]:
    """For each unit, the SKUs and reservations that it is about."""
    kinds = rows["kind"].tolist()
    skus = rows["sku_key"].tolist()
    reservations = rows["reservation"].tolist()
    touched: list[set[Key]] = []
    for begin, end in zip(units.begins.tolist(), units.ends.tolist(), strict=True):
        keys: set[Key] = set()
        for r in range(begin, end):
            if kinds[r] in SETTLING_NUMBERS:
                keys.add(("reservation", reservations[r]))
                for held in holdings.get(reservations[r], ()):
                    keys.update(("sku", key) for key in held.lines["sku_key"].tolist())
            else:
                keys.add(("sku", skus[r]))
        touched.append(keys)
    return touched


def rounds_of(units: Units, touched: Sequence[set[Key]]) -> list[list[int]]:
    """The units in rounds, to be carried out one after another; within a round, in order."""
    rounds: list[list[int]] = []
    # The first round in which the next unit on this may be.
    free_in: dict[Key, int] = {}
    for unit, spans in enumerate(units.spanning.tolist()):
        at = max((free_in.get(key, 0) for key in touched[unit]), default=0)
        for key in touched[unit]:
            free_in[key] = at + spans
        while len(rounds) <= at:
            rounds.append([])
        rounds[at].append(unit)
    return rounds


def concerned(row: np.void, held: Sequence[Held]) -> list[int]:
    """The shards whose part of a reservation a settling row is about; none = only its home can say why not."""
    # A part of which nothing remains has nothing to say, but one that expired refuses for all.
    alive = [each for each in held if each.state not in (ReservationState.RELEASED, ReservationState.FULFILLED)]
    if row["kind"] in (Kind.CONFIRM, Kind.EXTEND) or row["flags"] & Flag.REPLACES:
        chosen = alive
    elif row["line"] != NO_LINE:
        chosen = [each for each in held if (each.lines["line"] == row["line"]).any()]
    elif row["flags"] & Flag.HAS_QUANTITY:
        chosen = []  # a quantity without a line has no unit: refused by any shard
    elif row["warehouse"] != NO_WAREHOUSE:
        chosen = [each for each in alive if (each.lines["warehouse"] == row["warehouse"]).any()]
    else:
        chosen = alive
    return [each.shard for each in chosen]
