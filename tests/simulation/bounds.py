"""What a journal says about stock, without the oracle: sums, directions, and bounds.

What came in is what is there and what went out; no accepted reserve, sell or transfer takes a cell below its bound,
and a count, a setting or a settled sale that does says `short`.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from engine.kinds import Flag, Kind, MovementFlag, ResultFlag, Setting
from engine.layout import NO_WAREHOUSE
from engine.record import Record
from tests.simulation.evidence import Broken, C, M, R
from tests.simulation.names import SKU_KEYS, WEIGHED

_SEEN: Final = [M[name] for name in (
    "sku_key", "warehouse", "kind", "flags", "row", "on_hand_delta", "reserved_delta", "on_hand", "reserved",
    "available",
)]  # fmt: skip
_STILL: Final = (
    Kind.RESERVE, Kind.CONFIRM, Kind.RELEASE, Kind.EXTEND, Kind.EXPIRE, Kind.SHORT, Kind.EXPECT, Kind.CONFIGURE,
    Kind.ALERT_RAISED, Kind.ALERT_CLEARED,
)  # fmt: skip
_RESERVE, _SELL, _TRANSFER, _CONFIGURE = int(Kind.RESERVE), int(Kind.SELL), int(Kind.TRANSFER), int(Kind.CONFIGURE)
_SHORT, _ADJUST = int(Kind.SHORT), int(Kind.ADJUST)
_HIDDEN, _SETTLED = int(MovementFlag.HIDDEN), int(Flag.SETTLED)
_SAID_SHORT, _FLOOR = int(ResultFlag.SHORT), int(Setting.FLOOR)
_BY_WEIGHT: Final = SKU_KEYS[WEIGHED]


def check_sums(journal: Sequence[Record], shard: int) -> None:
    """Per cell, at every record: what came in is what is there and what went out."""
    movements = [record.movements for record in journal if len(record.movements)]
    if not movements:
        return
    seqs = np.repeat([record.seq for record in journal], [len(record.movements) for record in journal])
    moved = np.concatenate(movements)
    real = moved["warehouse"] != NO_WAREHOUSE
    moved, seqs = moved[real], seqs[real]
    order = np.lexsort((moved["warehouse"], moved["sku_key"]))
    moved, seqs = moved[order], seqs[order]
    same = (moved["sku_key"][1:] == moved["sku_key"][:-1]) & (moved["warehouse"][1:] == moved["warehouse"][:-1])
    begins = np.flatnonzero(np.append(True, ~same))
    lengths = np.diff(np.append(begins, len(moved)))
    for counter in ("on_hand", "reserved", "incoming"):
        total = np.cumsum(moved[counter + "_delta"])
        before = total[begins] - moved[counter + "_delta"][begins]
        wrong = np.flatnonzero(total - np.repeat(before, lengths) != moved[counter])
        if len(wrong):
            raise Broken(f"{counter} does not add up", shard, int(seqs[wrong[0]]), moved[wrong[0]])
    if (moved["reserved"] < 0).any():
        raise Broken("less than nothing is reserved", shard, int(seqs[np.argmin(moved["reserved"])]))
    _check_directions(moved, seqs, shard)


def _check_directions(moved: Any, seqs: Any, shard: int) -> None:
    """Goods come in by arrivals and counts, go out by sales, and only change places by transfers."""
    delta, kind = moved["on_hand_delta"], moved["kind"]
    shown = (moved["flags"] & MovementFlag.HIDDEN) == 0
    wrong = np.isin(kind, _STILL) & (delta != 0)
    wrong |= np.isin(kind, (Kind.RECEIVE, Kind.RETURN)) & (delta <= 0)
    wrong |= np.isin(kind, (Kind.SELL, Kind.FULFIL)) & shown & (delta >= 0)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise Broken("goods came from nowhere or went nowhere", shard, int(seqs[at]), moved[at])
    transfers = moved[kind == Kind.TRANSFER]
    if transfers["on_hand_delta"].sum() + transfers["incoming_delta"].sum():
        raise Broken("transfers do not add up", shard)


def check_bounds(journal: Sequence[Record], shard: int) -> None:
    """Raise Broken where a cell was taken below its bound by a command that may not, or one that may is silent."""
    floors: dict[tuple[int, int], int] = {}
    for record in journal:
        rows, results = record.rows.tolist(), record.results.tolist()
        moved = [[values[at] for at in _SEEN] for values in record.movements.tolist()]
        for at, movement in enumerate(moved):
            sku, place, kind, _, number = movement[:5]
            if kind == _CONFIGURE and rows[number][C["line"]] & _FLOOR:
                floors[sku, place] = rows[number][C["expected"]] // (1 if sku == _BY_WEIGHT else 1000)
            if place == NO_WAREHOUSE or (movement[5] - movement[6] >= 0 and kind != _CONFIGURE):
                continue  # it leaves at least as much room as there was
            below = _below(movement, floors.get((sku, place), 0), rows)
            if below is None:
                raise Broken("units were taken that were not there", shard, record.seq, movement)
            if below and not _says_short(moved[at + 1 :], movement, results[number]):
                raise Broken("a cell is below its bound, and nobody said so", shard, record.seq, movement)


def _below(movement: Sequence[Any], floor: int, rows: Sequence[Sequence[Any]]) -> bool | None:
    """Whether the movement left the cell below its bound; None = and may not have."""
    _, _, kind, flags, number, _, _, on_hand, reserved, available = movement
    settled = bool(rows[number][C["flags"]] & _SETTLED)
    sells = kind == _SELL or (kind == _RESERVE and rows[number][C["kind"]] == _SELL)
    if kind in (_ADJUST, _CONFIGURE):
        return bool(available + floor < 0)
    if sells:
        # Safety stock is kept from reservations, not from sales.
        short = on_hand - reserved + floor < 0
        return None if short and not settled else bool(short) and not flags & _HIDDEN
    if kind == _RESERVE:
        return None if available + floor < 0 else False
    if kind == _TRANSFER:
        return None if available < 0 else False
    return None


def _says_short(behind: Sequence[Sequence[Any]], movement: Sequence[Any], result: Sequence[Any]) -> bool:
    """A SHORT movement of the same cell follows, and the answer is marked."""
    follows = bool(behind) and behind[0][2] == _SHORT and behind[0][:2] == movement[:2]
    return follows and bool(result[R["flags"]] & _SAID_SHORT)
