"""Tables of one command: what was there, what is asked, what is answered, the stock after.

Every case agrees with the oracle too, and is sent a second time to prove that nothing moves then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.layout import Limits
from engine.outcomes import Outcome
from tests.engine.twins import NOT_REMEMBERED, Twins, outcomes
from tests.rows import Row
from tests.world import Counters


@dataclass(frozen=True)
class Case:
    """One row of a table. `asked` is one batch; each item of `given` is a batch of its own, sent before."""

    name: str
    asked: Row | Sequence[Row]
    outcome: Outcome | Sequence[Outcome]
    after: Mapping[str, Counters] = field(default_factory=dict)
    """by "SKU@warehouse"; cells not named are only compared with the oracle"""
    given: Sequence[Row | Sequence[Row]] = ()
    later_ms: int = 0
    """how long after `given` it is asked"""
    limits: Limits | None = None


def check_twice(case: Case) -> None:
    """The case gives what it says, agrees with the oracle, and nothing moves the second time."""
    twins = Twins.furnished(case.limits)
    for batch in case.given:
        assert set(outcomes(twins.send(_rows(batch)))) == {Outcome.OK}, batch
    asked = _rows(case.asked)
    first = twins.send(asked, at_ms=twins.world.now_ms + case.later_ms)
    expected = [case.outcome] * len(asked) if isinstance(case.outcome, Outcome) else list(case.outcome)
    assert outcomes(first) == expected
    _check_stock(twins, case)

    second = twins.send(asked)
    for before, again in zip(first, second, strict=True):
        if before.outcome in NOT_REMEMBERED:
            assert again.outcome == before.outcome
        else:
            assert again.replays is not None
    assert twins.model.movements == []
    _check_stock(twins, case)


def table(cases: Sequence[Case]) -> dict[str, Any]:
    """For pytest.mark.parametrize(**table(CASES)): one test per case, named by it."""
    return {"argnames": "case", "argvalues": cases, "ids": [case.name for case in cases]}


def _rows(batch: Row | Sequence[Row]) -> list[Row]:
    return [batch] if isinstance(batch, Row) else list(batch)


def _check_stock(twins: Twins, case: Case) -> None:
    for name, counters in case.after.items():
        sku, _, warehouse = name.partition("@")
        assert twins.world.stock(sku, warehouse) == counters, name
