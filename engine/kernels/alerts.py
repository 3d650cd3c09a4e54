"""Reorder alerts: that a cell's position fell to its reorder point is said once, and once that it is out of danger.

The position is what is there and on its way less what is promised: on_hand - reserved + incoming. Alerts are judged
when all rows of a batch are decided, so one that falls and rises again within a batch says nothing. What was said is
one bit of a cell; it follows from the movements ALERT_RAISED and ALERT_CLEARED, which replay only sets down.
"""

from engine.kernels.cells import ZERO, write_movement
from engine.kernels.jit import Rows, i64, inner, jit
from engine.kernels.memory import (
    Memory,
    cells_of,
    marks_of,
    planning_of,
    tables_of,
    touched_end,
    touched_of,
)
from engine.kinds import Kind
from engine.layout import ALERT_POLICY, ALERT_SCAN_CELLS, NO_ROW, REORDER_HYSTERESIS
from engine.state import ALERTS_JUDGED, ALERTS_SCANNED, CELLS, RAISED, TOUCHED_N, USED, WATCHED

_ALERT_RAISED = i64(Kind.ALERT_RAISED)
_ALERT_CLEARED = i64(Kind.ALERT_CLEARED)
_NO_ROW = i64(NO_ROW)


@inner
def watch(st: Memory, cell: int) -> None:
    """Mark whether the cell has a reorder point: only of such, and of raised ones, alerts are judged."""
    watched = i64(WATCHED) if planning_of(st)[cell].reorder_point != 0 else i64(0)
    cells_of(st)[cell].next = (cells_of(st)[cell].next & RAISED) | watched


@inner
def set_alert(st: Memory, cell: int, raised: bool) -> None:
    """Set down what was decided."""
    said = i64(RAISED) if raised else i64(0)
    cells_of(st)[cell].next = (cells_of(st)[cell].next & WATCHED) | said


@inner
def _leeway(point: int, up_to: int) -> int:
    """How far above the reorder point an alert stays raised."""
    leeway = point // REORDER_HYSTERESIS
    if up_to > point:
        # Whoever orders up to there is out of danger.
        leeway = min(leeway, up_to - point - 1)
    return leeway


@inner
def _due(st: Memory, cell: int) -> int:
    """The kind of the movement that is due, or 0."""
    record = cells_of(st)[cell]
    plan = planning_of(st)[cell]
    position = record.on_hand - record.reserved + record.incoming
    point = plan.reorder_point
    if (record.next & RAISED) == 0:
        return _ALERT_RAISED if point != 0 and position <= point else i64(0)
    return _ALERT_CLEARED if point == 0 or position > point + _leeway(point, plan.order_up_to) else i64(0)


@jit
def raise_and_clear(st: Memory, movements: Rows, m: int) -> int:
    """Say of the touched cells what is due, in the order in which they were touched; returns the next index."""
    for k in range(marks_of(st)[TOUCHED_N]):
        cell = i64(touched_of(st)[k])
        kind = _due(st, cell)
        if kind != 0:
            set_alert(st, cell, kind == _ALERT_RAISED)
            point = planning_of(st)[cell].reorder_point
            m = write_movement(st, movements, m, _NO_ROW, kind, cell, ZERO, ZERO, ZERO, ZERO, point)
            movements[m - 1].requested = planning_of(st)[cell].order_up_to
    marks_of(st)[TOUCHED_N] = 0
    return m


@jit
def forget_touched(st: Memory) -> None:
    """Judge nothing: what is decided again was decided by rules without alerts."""
    marks_of(st)[TOUCHED_N] = 0


# When alerts are judged by another policy, or for the first time, all cells are looked through, some in each batch.
# How far one gets is the same in `scan_some` and in `pass_scanned`, which folds what that decided.


@inner
def scan_due(st: Memory) -> bool:
    """Whether there are cells that were not judged by this policy."""
    return marks_of(st)[ALERTS_JUDGED] != ALERT_POLICY and tables_of(st)[CELLS, USED] > 1


@jit
def scan_alerts(st: Memory, begin: int, end: int) -> int:
    """Put those of the cells [begin, end) of which something is due behind the touched ones.

    Returns where to go on: `end`, unless the list of touched cells was full before. A cell is 80 bytes, which are
    read in the order in which they lie: the rate is the memory's.
    """
    count = marks_of(st)[TOUCHED_N]
    most = touched_end(st)
    for cell in range(begin, end):
        if count == most:
            end = cell
            break
        if (cells_of(st)[cell].next & WATCHED != 0) != (planning_of(st)[cell].reorder_point != 0):
            watch(st, cell)  # written only where it is not so: reading alone is twice as fast
        if _due(st, cell) != 0:
            touched_of(st)[count] = cell
            count += 1
    marks_of(st)[TOUCHED_N] = count
    return end


@inner
def _scan_end(st: Memory) -> int:
    return min(marks_of(st)[ALERTS_SCANNED] + 1 + ALERT_SCAN_CELLS, tables_of(st)[CELLS, USED])


@inner
def _scanned(st: Memory, end: int) -> None:
    if end == tables_of(st)[CELLS, USED]:
        marks_of(st)[ALERTS_JUDGED] = ALERT_POLICY
        marks_of(st)[ALERTS_SCANNED] = 0
    else:
        marks_of(st)[ALERTS_SCANNED] = end - 1


@jit
def scan_some(st: Memory, movements: Rows, m: int) -> int:
    """Judge the next cells, if that is due; returns the next index of movements."""
    if marks_of(st)[ALERTS_JUDGED] == ALERT_POLICY:
        return m
    end = _scan_end(st)
    scan_alerts(st, marks_of(st)[ALERTS_SCANNED] + 1, end)
    _scanned(st, end)
    return raise_and_clear(st, movements, m)


@jit
def pass_scanned(st: Memory) -> None:
    """Fold `scan_some`, whose movements are set down already."""
    if marks_of(st)[ALERTS_JUDGED] == ALERT_POLICY:
        return
    end = _scan_end(st)
    for cell in range(marks_of(st)[ALERTS_SCANNED] + 1, end):
        watch(st, cell)
    _scanned(st, end)
