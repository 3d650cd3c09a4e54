"""One request in one round of a saga, step by step and without any shard: what was sent, and what is made of votes."""

from collections.abc import Mapping, Sequence

import numpy as np

from actors.gathering import Answered, no_results
from actors.routing import shard_of_row, units_of
from actors.saga import Round, Step
from actors.spanning import CommandId, Held
from engine.ids import finish_rows
from engine.kinds import Flag, Kind, ReservationState
from engine.layout import LINE, SPANS
from engine.outcomes import Outcome
from engine.wire import Array
from tests.actors.shop import SECRET, Spec, encode, reserve, settle, together
from tests.actors.test_saga import MAP, A, B, C

DUE_MS = 50_000
"""the deadline that the home decides on"""
OLD = (1 << 64) - 77
"""behind every other key"""
AT_HOME = 3 | SPANS
Id = tuple[int, int]


class Steps:
    """One request in one round, and what it sent."""

    def __init__(
        self, *specs: Spec | list[Spec], holdings: Mapping[int, Sequence[Held]] | None = None,
        voted: Mapping[CommandId, Sequence[int]] | None = None,
    ) -> None:  # fmt: skip
        self.rows, heap = encode(*specs)
        finish_rows(self.rows, heap, SECRET)
        shard_of = shard_of_row(self.rows, MAP)
        units = units_of(self.rows, shard_of)
        chosen = range(len(units.begins))
        self.round = Round(self.rows, heap, shard_of, units, chosen, holdings or {}, MAP, voted or {})
        self.first = self.round.prepare()
        self.second: Step | None = None
        self.third: Step | None = None

    def vote(self, *votes: Mapping[str, int], lines: Array | None = None) -> "Steps":
        """A vote for each row of the first step: OK unless it says otherwise."""
        results = no_results(len(self.first.rows), Outcome.OK)
        fill(results, votes)
        self.second = self.round.decide(Answered(results, np.empty(0, LINE) if lines is None else lines))
        return self

    def decided(self, **said: int) -> "Steps":
        """The home's decisions, all alike."""
        assert self.second is not None
        results = no_results(len(self.second.rows), Outcome.OK)
        fill(results, [{"state": ReservationState.HELD, "expires_at_ms": DUE_MS} | said] * len(results))
        self.third = self.round.apply(Answered(results, np.empty(0, LINE)))
        return self

    def undecided(self) -> "Steps":
        self.third = self.round.apply(None)
        return self

    def applied(self, *outcomes: Outcome) -> "Steps":
        assert self.third is not None
        results = no_results(len(self.third.rows), Outcome.OK)
        fill(results, [{"outcome": outcome} for outcome in outcomes])
        self.round.applied(Answered(results, np.empty(0, LINE)))
        return self

    @property
    def answer(self) -> Array:
        return self.round.answered()[1]

    def whole(self, *votes: Mapping[str, int]) -> Array:
        """Through all steps, whatever is asked of them."""
        self.vote(*votes)
        self.decided() if self.second is not None else self.undecided()
        return self.answer


def fill(results: Array, said: Sequence[Mapping[str, int]]) -> None:
    for result, each in zip(results, said, strict=False):
        for name, value in each.items():
            result[name] = value


def column(rows: Array, name: str) -> list[int]:
    found: list[int] = rows[name].tolist()
    return found


def ids_of(rows: Array) -> list[Id]:
    return list(zip(column(rows, "id_hi"), column(rows, "id_lo"), strict=True))


def signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def held(shard: int, state: ReservationState, *lines: int, due_ms: int = 0) -> Held:
    own = np.zeros(len(lines), LINE)
    own["line"], own["quantity"], own["warehouse"] = lines, 1, shard
    return Held(shard, state, due_ms, own)


def step_on_old(kind: Kind, **more: object) -> Spec:
    made = no_results(1, Outcome.OK)[0]
    made["reservation"], made["partition"] = OLD, AT_HOME
    return settle(kind, made, **more)


def basket(flags: int = 0) -> list[Spec]:
    """Four lines on three shards; the first one's reference goes with all."""
    specs = [reserve(sku, n, flags=flags) for n, sku in enumerate((A, B, A, C), 1)]
    return together(specs[0] | {"id": "basket", "reference": "order-7"}, *specs[1:])


def replacing() -> list[Spec]:
    """The old reservation is let go, a new one over two shards takes its place."""
    return together(step_on_old(Kind.RELEASE, flags=Flag.REPLACES, id="r"), reserve(A, 1), reserve(B, 1), reserve(A, 2))


def lines_of(*numbers: int) -> Array:
    lines = np.zeros(len(numbers), LINE)
    lines["line"] = numbers
    return lines
