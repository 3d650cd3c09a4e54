"""States from before there were alerts, and other policies of them: every cell is looked through, a part at a time."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from engine.kernels.alerts import scan_alerts
from engine.kinds import Flag, Kind, Setting
from engine.layout import ALERT_SCAN_CELLS, COMMAND, NO_WAREHOUSE, Limits
from engine.record import Record, RecordKind
from engine.shard import Shard
from engine.state import RAISED, TOUCHED_N, WATCHED
from tests.engine.test_alerts import copied
from tests.world import START_MS

PLACES = 100
HALF = ALERT_SCAN_CELLS // 2 // PLACES * PLACES


class Bare:
    """A shard of very many cells, written by numbers."""

    def __init__(self, skus: int) -> None:
        self.shard = Shard(Limits(cells_max=1 << 18, skus_max=1 << 12, ids_max=1 << 20, sources_max=16))
        self.records: list[Record] = []
        self._ids = 0
        self.send(self.rows(Kind.DEFINE_WAREHOUSE, PLACES, warehouse=np.arange(PLACES), place_kind=1))
        self.send(self.rows(Kind.DEFINE_SKU, skus, sku_key=1 + np.arange(skus)))
        self.skus = skus

    def rows(self, kind: Kind, count: int, **columns: object) -> np.ndarray:
        rows = np.zeros(count, COMMAND)
        rows["kind"], rows["warehouse"] = kind, NO_WAREHOUSE
        rows["id_lo"] = 1 + self._ids + np.arange(count, dtype=np.uint64)
        rows["id_hi"] = rows["content"] = 7
        self._ids += count
        for name, values in columns.items():
            rows[name] = values
        return rows

    def on_cells(self, kind: Kind, **columns: object) -> np.ndarray:
        """A row for each cell."""
        cells = np.arange(self.skus * PLACES)
        return self.rows(kind, len(cells), sku_key=1 + cells // PLACES, warehouse=cells % PLACES, **columns)

    def send(self, rows: np.ndarray, rules: int = 1) -> Sequence[int]:
        """In batches; gives how many movements each made."""
        moved = []
        for begin in range(0, max(len(rows), 1), 16_384):
            part, heap = rows[begin : begin + 16_384], np.empty(0, np.uint8)
            seq = self.shard.seq + 1
            decision = self.shard.decide(part, heap, now_ms=START_MS, seq=seq, rules=rules)
            moved.append(len(decision.movements))
            if decision.changed:
                self.records.append(
                    Record(
                        RecordKind.BATCH, 0, 0, seq, 1, START_MS, rules, id_window_ms=self.shard.id_window_ms,
                        rows=part, results=decision.results, movements=decision.movements, heap=heap,
                    )
                )  # fmt: skip
        return moved


@pytest.fixture(scope="module")
def old() -> Bare:
    """98,300 cells, of which the later half is at its reorder point, decided by rules without alerts."""
    bare = Bare(3 * ALERT_SCAN_CELLS // 2 // PLACES)
    cells = bare.skus * PLACES
    stock = np.where(np.arange(cells) < HALF, 9000, 5000)
    bare.send(bare.on_cells(Kind.RECEIVE, quantity=stock))
    bare.send(bare.on_cells(Kind.CONFIGURE, line=int(Setting.REORDER_POINT), unit_price=5000))
    return bare


def without_watch(shard: Shard) -> Shard:
    """As a snapshot of an earlier version gives it."""
    arrays = copied(shard)
    arrays["cells"]["next"] = 0
    return Shard.from_arrays(shard.limits, arrays)


def test_rules_without_alerts_say_nothing_and_their_state_has_the_hash_that_it_had(old: Bare) -> None:
    assert not any((record.movements["kind"] >= Kind.ALERT_RAISED).any() for record in old.records)
    earlier = without_watch(old.shard)
    assert earlier.state_hash() == old.shard.state_hash()
    assert earlier.scan_due


def test_an_old_state_is_looked_through_a_part_at_a_time_and_the_fold_and_the_decision_agree(old: Bare) -> None:
    shard, folded, again = without_watch(old.shard), Shard(old.shard.limits), Shard(old.shard.limits)
    for record in old.records:
        folded.apply(record)
        again.decide(record.rows, record.heap, now_ms=record.now_ms, seq=record.seq, rules=record.rules)
    nothing, heap, found = np.zeros(0, COMMAND), np.empty(0, np.uint8), []
    while shard.scan_due:
        seq = shard.seq + 1
        decision = shard.decide(nothing, heap, now_ms=START_MS, seq=seq)
        assert decision.changed
        found.append(len(decision.movements))
        folded.apply(Record(RecordKind.BATCH, 0, 0, seq, 1, START_MS, movements=decision.movements))
        same = again.decide(nothing, heap, now_ms=START_MS, seq=seq)
        assert same.movements.tobytes() == decision.movements.tobytes()
        assert shard.state_hash() == folded.state_hash() == again.state_hash()
    cells = old.skus * PLACES
    assert found == [ALERT_SCAN_CELLS - HALF, cells - ALERT_SCAN_CELLS]
    assert not shard.decide(nothing, heap, now_ms=START_MS, seq=shard.seq + 1).changed
    watch = shard.cells["next"]
    assert (watch == folded.cells["next"]).all()
    assert watch.tolist() == [WATCHED] * HALF + [WATCHED | RAISED] * (cells - HALF)


def test_rows_that_come_before_all_is_looked_through_are_judged_at_once(old: Bare) -> None:
    shard = without_watch(old.shard)
    row = np.zeros(1, COMMAND)
    row["kind"], row["id_lo"], row["sku_key"], row["flags"] = Kind.ADJUST, 1 << 40, 1, Flag.SET_TO
    row["quantity"] = 4000
    decision = shard.decide(row, np.empty(0, np.uint8), now_ms=START_MS, seq=shard.seq + 1)
    kinds = decision.movements["kind"].tolist()
    assert kinds == [Kind.ADJUST] + [Kind.ALERT_RAISED] * (1 + ALERT_SCAN_CELLS - HALF)
    named = decision.movements[["sku_key", "warehouse"]][1:].tolist()
    assert len(set(named)) == len(named)


def test_a_scan_stops_where_the_list_of_what_is_due_is_full_and_goes_on_from_there(old: Bare) -> None:
    arrays = copied(old.shard)
    shard = Shard.from_arrays(replace(old.shard.limits, movements_max=1), arrays)
    end = old.skus * PLACES + 1
    stopped = scan_alerts(shard._memory, 1, end)
    assert stopped == 1 + HALF + ALERT_SCAN_CELLS
    assert scan_alerts(shard._memory, stopped, end) == stopped
    shard._state.marks[TOUCHED_N] = 0
    assert scan_alerts(shard._memory, stopped, end) == end
    assert shard._state.marks[TOUCHED_N] == end - stopped
