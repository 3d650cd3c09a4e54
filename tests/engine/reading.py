"""Reads the shard's arrays back into the oracle's words, so that the two can be compared."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine import ids
from engine.kinds import Flag, Kind, MovementFlag, QuestionKind, ReservationState, ResultFlag
from engine.layout import NO_ROW, NO_WAREHOUSE, QUESTION
from engine.outcomes import Outcome
from engine.record import seq_and_row
from engine.shard import Decision
from tests.model import Model
from tests.oracle.words import CellKey, Entry, Movement, Reservation, Result
from tests.rows import Hold
from tests.world import Counters, World

OF_RESERVATIONS = (Kind.RESERVE, Kind.CONFIRM, Kind.RELEASE, Kind.FULFIL, Kind.EXTEND, Kind.EXPIRE)
_U64 = (1 << 64) - 1


class Reader:
    """Knows the numbers of a world and the names of a model."""

    def __init__(self, world: World, model: Model) -> None:
        self._world = world
        self._model = model

    def result(self, decision: Decision, i: int) -> Result:
        """Row i's answer; of a replayed one only where the pinned answer lies."""
        found = decision.results[i]
        flags = ResultFlag(int(found["flags"]))
        if ResultFlag.REPLAYED in flags:
            seq, row = seq_and_row(int(found["position"]))
            if ResultFlag.SAME_BATCH in flags:
                seq = self._model.seq
            return Result(Outcome.OK, replays=(seq, row))
        lines = decision.lines[int(found["lines_at"]) :][: int(found["lines_n"])]
        return Result(
            outcome=Outcome(int(found["outcome"])),
            quantity=int(found["quantity"]),
            available=int(found["available"]),
            requested=int(found["requested"]),
            warehouse=self._warehouse(found),
            hold=self._hold(int(found["reservation"])),
            state=ReservationState(int(found["state"])),
            expires_at_ms=int(found["expires_at_ms"]),
            short=ResultFlag.SHORT in flags,
            split=ResultFlag.SPLIT in flags,
            lines=tuple(self._entry(line) for line in lines),
        )

    def movements(self, decision: Decision) -> list[Movement]:
        """All that moved, in order, as the feed shows it: a line that got nothing is hidden there."""
        return [self._movement(found) for found in decision.movements if not found["flags"] & MovementFlag.HIDDEN]

    def key(self, movement: np.void) -> CellKey:
        """The cell that moved."""
        return self._sku(movement), self._warehouse(movement)

    def state(self) -> tuple[dict[CellKey, Counters], dict[Hold, Reservation]]:
        """Every cell and every reservation that the model knows of, as the shard answers about them now."""
        skus, holds = list(self._model.state.skus), list(self._model.state.reservations)
        questions = np.zeros(len(skus) + len(holds), QUESTION)
        questions["channel"] = NO_WAREHOUSE
        questions["flags"] = int(Flag.ADMIN)
        questions["kind"][: len(skus)] = QuestionKind.STOCK
        questions["kind"][len(skus) :] = QuestionKind.RESERVATION
        questions["key"] = [ids.sku_key(sku) & _U64 for sku in skus] + [self._world.key_of(hold) for hold in holds]
        answers = self._world.shard.answer(questions)
        cells = {
            (sku, self._warehouse(view)): counters_of(view)
            for sku, answer in zip(skus, answers.answers[: len(skus)], strict=True)
            for view in _items(answers.cells, answer)
        }
        reservations = {
            hold: self._reservation(view, answers.lines)
            for hold, answer in zip(holds, answers.answers[len(skus) :], strict=True)
            for view in _items(answers.reservations, answer)
        }
        return cells, reservations

    def _reservation(self, view: np.void, lines: npt.NDArray[np.void]) -> Reservation:
        known = self._model.state.reservations
        hold = self._hold(int(view["reservation"]))
        found = Reservation(
            client=_name(self._world.clients, int(view["client"])),
            channel=_name(self._world.channels, int(view["channel"])),
            expires_at_ms=int(view["expires_at_ms"]),
            ordinal=known[hold].ordinal if hold in known else -1,
            state=ReservationState(int(view["state"])),
        )
        found.entries = [self._entry(line) for line in lines[int(view["lines_at"]) :][: int(view["lines_n"])]]
        return found

    def _movement(self, found: np.void) -> Movement:
        kind = Kind(int(found["kind"]))
        of_reservation = kind in OF_RESERVATIONS
        return Movement(
            kind=kind,
            sku=self._sku(found),
            warehouse=self._warehouse(found),
            quantity=int(found["quantity"]),
            on_hand=int(found["on_hand"]),
            reserved=int(found["reserved"]),
            incoming=int(found["incoming"]),
            available=int(found["available"]),
            row=None if found["row"] == NO_ROW else int(found["row"]),
            hold=self._hold(int(found["reservation"])) if of_reservation else None,
            line=int(found["line"]) if of_reservation else 0,
        )

    def _entry(self, line: np.void) -> Entry:
        return Entry(
            line=int(line["line"]),
            sku=self._sku(line),
            warehouse=self._warehouse(line),
            requested=int(line["requested"]),
            quantity=int(line["quantity"]),
            outcome=Outcome(int(line["outcome"])),
            fulfilled=int(line["fulfilled"]),
            released=int(line["released"]),
        )

    def _warehouse(self, found: Any) -> str:
        number = int(found["warehouse"])
        return "" if number == NO_WAREHOUSE else _name(self._world.warehouses, number)

    def _sku(self, found: Any) -> str:
        return _name({sku: ids.sku_key(sku) for sku in self._model.state.skus}, int(found["sku_key"]))

    def _hold(self, key: int) -> Hold | None:
        if key == 0:
            return None
        holds = (hold for hold in self._model.state.reservations if self._world.key_of(hold) == key)
        return next(holds, ("nobody", f"#{key:x}"))


def counters_of(view: Any) -> Counters:
    """A CELL_VIEW as a test reads it."""
    return Counters(**{name: int(view[name]) for name in Counters.__dataclass_fields__})


def _items(views: npt.NDArray[np.void], answer: Any) -> npt.NDArray[np.void]:
    return views[int(answer["items_at"]) :][: int(answer["items_n"])]


def _name(numbers: dict[str, int], number: int) -> str:
    return next((name for name, n in numbers.items() if n == number), f"#{number}")
