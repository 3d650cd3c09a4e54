"""The shard and the oracle side by side: every batch goes to both, and everything they say is compared."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.kinds import Flag, Kind, MovementFlag, ReservationState
from engine.layout import Limits
from engine.outcomes import Outcome
from engine.shard import Decision
from tests.builders import flat, standard_definitions
from tests.engine.reading import OF_RESERVATIONS, Reader
from tests.model import Model
from tests.oracle.words import CellKey, Reservation, Result
from tests.rows import Hold, Row
from tests.world import Counters, World

OPEN = (ReservationState.HELD, ReservationState.CONFIRMED)
CLOSED = (Outcome.RESERVATION_CLOSED, Outcome.RESERVATION_EXPIRED)
NOT_REMEMBERED = (Outcome.ID_TOO_OLD, Outcome.ID_REUSED)
COUNTERS = ("on_hand", "reserved", "incoming")


class Twins:
    """Sends the same batches to a `World` and to a `Model`; raises AssertionError where they part."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.world = World(limits)
        self.model = Model(limits)
        self._reader = Reader(self.world, self.model)
        self._folded: dict[CellKey, list[int]] = {}

    @classmethod
    def furnished(cls, limits: Limits | None = None) -> "Twins":
        """Both know what `World.furnished` knows."""
        twins = cls(limits)
        twins.send(*standard_definitions())
        return twins

    def send(self, *rows: Row | Iterable[Row], at_ms: int | None = None) -> list[Result]:
        """Decide one batch on both sides, compare, and return what was answered."""
        batch = flat(rows)
        seq = self.world.next_seq
        decision = self.world.decide(batch, at_ms=at_ms)
        expected = self.model.decide(batch, self.world.now_ms, seq)
        assert len(decision.results) == len(batch)
        for i, row in enumerate(batch):
            found = self._reader.result(decision, i)
            assert _said(row, found) == _said(row, expected[i]), f"row {i}: {row}"
        assert self._reader.movements(decision) == self.model.movements
        remembered = any(said.replays is None and said.outcome not in NOT_REMEMBERED for said in expected)
        assert decision.changed == (remembered or bool(self.model.movements))
        self._check_fold(decision)
        self._check_state()
        return expected

    def _check_fold(self, decision: Decision) -> None:
        """Deltas add up to the counters after, movement by movement: what replay and the feed rely on."""
        for movement in decision.movements:
            deltas = [int(movement[name + "_delta"]) for name in COUNTERS]
            if movement["flags"] & MovementFlag.HIDDEN:
                assert deltas == [0, 0, 0]
                continue
            folded = self._folded.setdefault(self._reader.key(movement), [0, 0, 0])
            folded[:] = [before + delta for before, delta in zip(folded, deltas, strict=True)]
            assert folded == [int(movement[name]) for name in COUNTERS]

    def _check_state(self) -> None:
        """Every cell and reservation is the same on both sides, and the shard's own figures add up."""
        cells, reservations = self._reader.state()
        assert cells == {key: _counters(cell) for key, cell in self.model.state.cells.items()}
        assert _open_deadlines(reservations) == _open_deadlines(self.model.state.reservations)
        moved = {key: folded for key, folded in self._folded.items() if any(folded)}
        assert moved == {key: found for key, cell in cells.items() if any(found := _three(cell))}
        held: dict[CellKey, int] = {}
        for reservation in reservations.values():
            for entry in reservation.entries:
                key = (entry.sku, entry.warehouse)
                held[key] = held.get(key, 0) + entry.remaining
        assert {key: n for key, n in held.items() if n} == {k: c.reserved for k, c in cells.items() if c.reserved}


def _said(row: Row, result: Result) -> dict[str, object]:
    """Those fields of a result that have a meaning for its kind and outcome."""
    if result.replays is not None:
        return {"replays": result.replays}
    outcome = result.outcome
    said: dict[str, object] = {"outcome": outcome}
    ok, short = outcome == Outcome.OK, outcome == Outcome.INSUFFICIENT_STOCK
    if ok or short:
        said |= {"quantity": result.quantity, "available": result.available}
    if (ok or short) and row.kind in (Kind.RESERVE, Kind.SELL, Kind.TRANSFER):
        said["requested"] = result.requested
    if ok:
        said |= {"marked short": result.short, "split": result.split}
    if ok and row.kind == Kind.RESERVE:
        said["warehouse"] = result.warehouse
    if (ok and row.kind in OF_RESERVATIONS) or (short and row.kind == Kind.RESERVE):
        said |= {"hold": result.hold, "state": result.state, "expires_at_ms": result.expires_at_ms}
        said["lines"] = result.lines if row.has(Flag.WANT_LINES) else ()
    if outcome in CLOSED:
        said["state"] = result.state
    return said


def _open_deadlines(reservations: dict[Hold, Reservation]) -> dict[Hold, Reservation]:
    """The deadline of a closed reservation means nothing."""
    return {
        hold: found if found.state in OPEN else replace(found, expires_at_ms=0) for hold, found in reservations.items()
    }


def _counters(cell: object) -> Counters:
    return Counters(**{name: getattr(cell, name) for name in Counters.__dataclass_fields__})


def _three(cell: Counters) -> list[int]:
    return [cell.on_hand, cell.reserved, cell.incoming]


def outcomes(results: Sequence[Result]) -> list[Outcome]:
    """Only what the rows were answered."""
    return [result.outcome for result in results]
