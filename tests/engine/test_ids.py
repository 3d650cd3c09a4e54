"""The same id twice is normal: the same answer, and nothing moves."""

from dataclasses import replace

import numpy as np
import pytest

from engine import ids
from engine.kernels import finish
from engine.kinds import Flag, QuestionKind
from engine.layout import COMMAND, Limits
from engine.outcomes import Outcome
from tests.builders import confirm, labelled, receive, reserve, sell, together
from tests.engine.tables import Case, check_twice, table
from tests.engine.twins import Twins, outcomes
from tests.rows import Row
from tests.world import SECRET, START_MS, Counters, World

WINDOW_MS = Limits().id_window_ms
FIVE = receive("A-1", "north", 5)
OVER = START_MS + 1000

TIMES = [
    Case("in time", receive("A-1", "north", 1, not_after_ms=OVER), Outcome.OK, given=[], later_ms=1000),
    Case(
        "too late by a millisecond",
        receive("A-1", "north", 1, not_after_ms=OVER),
        Outcome.TOO_LATE,
        {"A-1@north": Counters()},
        later_ms=1001,
    ),
    Case("no deadline said", receive("A-1", "north", 1), Outcome.OK, later_ms=10**9),
    Case("just young enough", receive("A-1", "north", 1, issued_at_ms=START_MS - WINDOW_MS), Outcome.OK),
    Case(
        "older than the window",
        receive("A-1", "north", 1, issued_at_ms=START_MS - WINDOW_MS - 1),
        Outcome.ID_TOO_OLD,
        {"A-1@north": Counters()},
    ),
    Case("issued in the future", receive("A-1", "north", 1, issued_at_ms=START_MS + 10**9), Outcome.OK),
    Case(
        "too old is said before too late",
        receive("A-1", "north", 1, issued_at_ms=1, not_after_ms=1),
        Outcome.ID_TOO_OLD,
    ),
    Case("too late is said before unknown SKU", receive("C-3", "north", 1, not_after_ms=1), Outcome.TOO_LATE),
    Case(
        "quarantined",
        receive("A-1", "north", 1, flags=Flag.QUARANTINE),
        Outcome.QUARANTINED,
        {"A-1@north": Counters()},
    ),
    Case(
        "all rows of a command are too late",
        together(reserve("A-1", 1, not_after_ms=1), reserve("A-1", 9, not_after_ms=1)),
        Outcome.TOO_LATE,
        given=[FIVE],
    ),
    Case(
        "all rows of a command are too old",
        together(reserve("A-1", 1, issued_at_ms=1), reserve("A-1", 9)),
        Outcome.ID_TOO_OLD,
        given=[FIVE],
    ),
    Case(
        "all rows of a command are quarantined",
        together(reserve("A-1", 1, flags=Flag.QUARANTINE), reserve("C-3", 9)),
        Outcome.QUARANTINED,
        given=[FIVE],
    ),
    Case(
        "a late row fells its group",
        labelled("basket", reserve("A-1", 1), reserve("A-1", 1, not_after_ms=1), reserve("A-1", 9)),
        [Outcome.GROUP_FAILED, Outcome.TOO_LATE, Outcome.INSUFFICIENT_STOCK],
        {"A-1@north": Counters(on_hand=5)},
        given=[FIVE],
    ),
]


@pytest.mark.parametrize(**table(TIMES))
def test_times(case: Case) -> None:
    check_twice(case)


def test_a_retry_gets_the_answer_that_was_given_however_the_stock_is_now() -> None:
    world = World.furnished()
    world.send(receive("A-1", "north", 5))
    asked, refused = reserve("A-1", 5), reserve("A-1", 1)
    first = world.send(asked, refused)
    world.send(receive("A-1", "north", 5))
    again = world.send(refused, asked)
    for before, after in ((first[0], again[1]), (first[1], again[0])):
        for name in ("outcome", "available", "quantity", "reservation", "expires_at_ms", "state", "warehouse"):
            assert before[name] == after[name]


def test_a_refusal_is_pinned_too() -> None:
    twins = Twins.furnished()
    twins.send(refused := sell("A-1", "south", 1))
    twins.send(receive("A-1", "south", 5))
    (result,) = twins.send(refused)
    assert result.replays is not None
    assert twins.world.outcomes(refused) == [Outcome.INSUFFICIENT_STOCK]


def test_twice_in_one_batch_runs_once() -> None:
    twins = Twins.furnished()
    one = receive("A-1", "north", 5)
    results = twins.send(one, sell("A-1", "north", 1), one, one)
    assert [r.replays for r in results] == [None, None, (twins.model.seq, 0), (twins.model.seq, 0)]
    assert twins.world.stock("A-1", "north") == Counters(on_hand=4)


OTHER_CONTENT = [
    {"quantity": 6000},
    {"sku": "B-2"},
    {"warehouse": "south"},
    {"warehouse": "nowhere"},
    {"source": "po-1"},
    {"reason": "found"},
    {"reference": "order-1"},
    {"unit_price": 1},
    {"currency": "EUR"},
    {"occurred_at_ms": 5},
    {"flags": Flag.HAS_PRICE},
]


@pytest.mark.parametrize("change", OTHER_CONTENT, ids=lambda change: next(iter(change)))
def test_the_same_id_with_other_content_is_refused_and_not_pinned(change: dict[str, object]) -> None:
    twins = Twins.furnished()
    twins.send(one := receive("A-1", "north", 5))
    other = replace(one, **change)  # type: ignore[arg-type]
    assert outcomes(twins.send(other, other)) == [Outcome.ID_REUSED] * 2
    (again,) = twins.send(one)
    assert again.replays is not None
    assert twins.world.stock("A-1", "north") == Counters(on_hand=5)


@pytest.mark.parametrize(
    "change",
    [{"not_after_ms": 2**62}, {"issued_at_ms": 1}, {"flags": Flag.WANT_LINES | Flag.ADMIN}, {"flags": Flag.QUARANTINE}],
    ids=str,
)
def test_how_a_command_travels_is_not_its_content(change: dict[str, object]) -> None:
    twins = Twins.furnished()
    twins.send(one := receive("A-1", "north", 5))
    (again,) = twins.send(replace(one, **change))  # type: ignore[arg-type]
    assert again.replays is not None


def test_a_known_id_is_answered_even_when_it_is_old_and_late() -> None:
    twins = Twins.furnished()
    twins.send(one := receive("A-1", "north", 5, issued_at_ms=START_MS, not_after_ms=START_MS + 1))
    (again,) = twins.send(one, at_ms=START_MS + WINDOW_MS - 1)
    assert again.replays is not None


def test_ids_belong_to_their_client() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 5, id="x", client="shop"), receive("A-1", "north", 5, id="x", client="market"))
    assert twins.world.stock("A-1", "north") == Counters(on_hand=10)


def test_the_lines_of_a_command_are_its_content() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 9))
    rows = together(reserve("A-1", 1), reserve("A-1", 2), reserve("A-1", 3))
    first = twins.send(rows)
    more = together(*rows[:1], reserve("A-1", 2), reserve("A-1", 4))
    fewer = together(*rows[:1], reserve("A-1", 2))
    assert outcomes(twins.send(more)) == [Outcome.ID_REUSED] * 3
    assert outcomes(twins.send(fewer)) == [Outcome.ID_REUSED] * 2
    assert [r.replays for r in twins.send(receive("A-1", "north", 1), rows)[1:]] == [
        (2 + 1, n) for n in range(len(first))
    ]


def test_a_labelled_row_that_is_known_fells_the_new_rows_beside_it() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 9))
    rows = labelled("basket", sell("A-1", "north", 1), sell("A-1", "north", 2))
    twins.send(rows)
    wider = labelled("basket", *rows, sell("A-1", "north", 3))
    results = twins.send(wider)
    assert [r.replays is not None for r in results] == [True, True, False]
    assert results[2].outcome == Outcome.GROUP_FAILED
    assert twins.world.outcomes(wider) == [Outcome.OK, Outcome.OK, Outcome.GROUP_FAILED]
    assert twins.world.stock("A-1", "north") == Counters(on_hand=6)


def test_a_reused_id_in_a_label_fells_the_new_rows_beside_it() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 9))
    rows = labelled("basket", sell("A-1", "north", 1, id="used"), sell("A-1", "north", 2))
    twins.send(sell("A-1", "north", 3, id="used"))
    assert outcomes(twins.send(rows)) == [Outcome.ID_REUSED, Outcome.GROUP_FAILED]
    assert twins.world.stock("A-1", "north") == Counters(on_hand=6)


def test_one_id_twice_in_a_label_is_not_sold_twice() -> None:
    twins = Twins.furnished()
    twins.send(receive("A-1", "north", 9))
    one = sell("A-1", "north", 1)
    twins.send(labelled("basket", one, one))
    assert twins.world.stock("A-1", "north").on_hand == 9


def test_ids_are_forgotten_after_the_window_and_never_before() -> None:
    world = World.furnished(Limits(id_window_ms=1000))
    first = receive("A-1", "north", 1)
    world.send(first)
    start_ms = world.now_ms
    for n in range(1, 40):
        world.send([receive("A-1", "north", 1) for _ in range(500)], at_ms=start_ms + 25 * n)
    assert world.decide(first).results[0]["flags"] != 0
    for n in range(40, 200):
        world.send([receive("A-1", "north", 1) for _ in range(100)], at_ms=start_ms + 25 * n)
    old = replace(first, issued_at_ms=start_ms)
    assert world.outcomes(old) == [Outcome.ID_TOO_OLD]


def test_a_command_can_be_asked_about() -> None:
    world = World.furnished()
    world.send(receive("A-1", "north", 1), asked := receive("A-1", "north", 2))
    hi, lo = ids.command_key(world.clients["shop"], asked.id, SECRET)
    (answer,) = world.ask(QuestionKind.COMMAND, key=hi, key_lo=lo).answers
    assert (answer["outcome"], answer["position"]) == (Outcome.OK, 2 << 24 | 1)
    (answer,) = world.ask(QuestionKind.COMMAND, key=hi, key_lo=lo ^ 1).answers
    assert answer["outcome"] == Outcome.ID_TOO_OLD


def test_an_unchanged_batch_needs_no_record() -> None:
    world = World.furnished()
    one = receive("A-1", "north", 1)
    assert world.decide(one).changed
    assert not world.decide(one, one).changed
    assert not world.decide().changed


def test_the_reservation_key_follows_from_the_first_id_and_partition_from_the_sku() -> None:
    world = World.furnished()
    rows, _ = world.encode(together(reserve("A-1", 1, id="x"), reserve("B-2", 1)))
    again, _ = world.encode(together(reserve("B-2", 9, id="x"), reserve("A-1", 1)))
    assert rows["reservation"].tolist() == [rows["reservation"][0]] * 2 == again["reservation"].tolist()
    other, _ = world.encode([reserve("A-1", 1, id="y"), replace(Row(kind=confirm(reserve("A-1", 1)).kind), id="x")])
    assert other["reservation"][0] != rows["reservation"][0]
    assert rows.dtype == COMMAND


def test_texts_that_may_be_written_to_are_no_new_type_to_compile_for() -> None:
    # What pyarrow puts together is writable; a worker that compiles in the middle of a request is silent for too long.
    offsets = np.array([0, 1, 2], np.int32)
    compiled = []
    for texts in (np.frombuffer(b"ab", np.uint8), np.array([97, 98], np.uint8)):
        ids.finish_rows(np.zeros(1, COMMAND), texts, SECRET)
        assert ids.text_keys(texts, offsets).tolist() == [ids.text_key("a"), ids.text_key("b")]
        compiled.append([getattr(kernel, "signatures", [])[:] for kernel in (finish.finish_rows, finish.text_keys)])
    assert compiled[0] == compiled[1]
