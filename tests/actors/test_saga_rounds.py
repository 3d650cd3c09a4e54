"""What the steps of a command over shards say to a shard, from votes to what is carried out. No shard is here.

The rows are the protocol: any coordinator, and the scan for what was left, must be able to go on from them.
"""

import pytest

from actors.saga import NEVER_MS, derived_id
from engine.ids import partition_of, sku_key
from engine.kinds import Flag, Kind, ReservationState
from engine.layout import NO_LINE, NO_WAREHOUSE, SPANS
from engine.outcomes import Outcome
from tests.actors.saga_steps import (
    AT_HOME,
    DUE_MS,
    OLD,
    Steps,
    basket,
    column,
    held,
    ids_of,
    replacing,
    signed,
    step_on_old,
)
from tests.actors.shop import CLIENT, labelled, reserve, sell, together
from tests.actors.test_saga import MAP, A, B, C, sku_on

OK, SHORT, FAILED = Outcome.OK, Outcome.INSUFFICIENT_STOCK, Outcome.GROUP_FAILED
LOST, FULL = Outcome.UNAVAILABLE, Outcome.OVERLOADED
HELD, RELEASED = ReservationState.HELD, ReservationState.RELEASED


def test_a_prepared_part_says_where_its_decision_will_be_found() -> None:
    steps = Steps(basket())
    rows, head = steps.first.rows, steps.rows[0]
    key, home, op = int(head["reservation"]), int(head["partition"]), int(head["id_hi"])
    assert home == partition_of(sku_key(A)) | SPANS
    assert steps.first.shard_of.tolist() == [0, 1, 0, 2]
    for name, value in (("reservation", key), ("partition", home), ("priority", home)):
        assert column(rows, name) == [value] * 4, name
    assert column(rows, "source_key") == [signed(op)] * 4
    assert column(rows, "expected") == [signed(key)] * 4
    assert column(rows, "due_ms") == [0] * 4
    assert len(set(column(rows, "group"))) == 1


def test_each_shard_s_first_row_is_the_head_of_its_part_and_is_told_of_all_its_lines() -> None:
    steps = Steps(basket())
    rows, head = steps.first.rows, steps.rows[0]
    prepare, wants = Flag.PREPARE, Flag.WANT_LINES
    assert column(rows, "flags") == [prepare | wants, prepare | wants, prepare | Flag.CONTINUES, prepare | wants]
    assert [each == ids_of(steps.rows)[0] for each in ids_of(rows)] == [True, True, False, True]
    for name in ("content", "reference_key", "text_at", "issued_at_ms"):
        assert [column(rows, name)[at] for at in (0, 1, 3)] == [int(head[name])] * 3, name
    assert rows["text_lengths"][[1, 3]].tolist() == [head["text_lengths"].tolist()] * 2


def test_lines_that_nobody_wants_are_not_asked_for() -> None:
    sales = Steps(labelled(sell(A, 1), sell(B, 1))).first.rows
    assert column(sales, "flags") == [Flag.PREPARE] * 2


def test_sales_keep_their_own_ids_and_are_held_under_a_key_that_follows_from_the_first() -> None:
    steps = Steps(labelled(sell(B, 1), sell(A, 1)))
    op = int(steps.rows["id_hi"][0])
    assert ids_of(steps.first.rows) == ids_of(steps.rows)
    assert column(steps.first.rows, "reservation") == [derived_id(op, 0, b"sell")[0]] * 2
    assert column(steps.first.rows, "partition") == [partition_of(sku_key(B)) | SPANS] * 2


def test_what_is_replaced_is_an_operation_of_its_own_that_the_new_reservation_may_take_from() -> None:
    steps = Steps(replacing(), holdings={OLD: [held(0, HELD, 0), held(2, HELD, 1)]})
    rows, new = steps.first.rows, int(steps.rows["reservation"][-1])
    op = int(steps.rows["id_hi"][0])
    assert steps.first.shard_of.tolist() == [0, 2, 0, 1, 0]
    assert column(rows, "reservation") == [OLD, OLD, new, new, new]
    assert column(rows, "partition") == [AT_HOME] * 2 + [partition_of(sku_key(A)) | SPANS] * 3
    assert [group == 0 for group in column(rows, "group")] == [True, True, False, False, False]
    assert column(rows, "due_ms") == [0, 0, *[signed(OLD)] * 3]
    assert not any(flags & Flag.REPLACES for flags in column(rows, "flags"))
    assert [bool(flags & Flag.WANT_LINES) for flags in column(rows, "flags")] == [False, False, True, True, False]
    assert column(rows, "expected") == [signed(new)] * 5
    head, derived = ids_of(steps.rows)[0], derived_id(op, new, b"reserve")
    assert ids_of(rows)[:4] == [head, head, derived, derived]


def test_what_lies_on_one_shard_alone_is_sent_as_it_is_between_plain_rows() -> None:
    extend = step_on_old(Kind.EXTEND, ttl_s=9)
    steps = Steps(sell(C, 1), extend, sell(B, 1), holdings={OLD: [held(1, HELD, 0)]})
    assert steps.first.rows.tobytes() == steps.rows.tobytes()
    assert steps.first.shard_of.tolist() == [2, 1, 1]
    told = steps.whole({"quantity": 5}, {"quantity": 6, "state": HELD, "expires_at_ms": 70}, {"quantity": 7})
    assert (steps.second, steps.third) == (None, None)
    assert column(told, "quantity") == [5, 6, 7]
    assert column(told, "expires_at_ms") == [0, 70, 0]


def test_a_step_on_what_nobody_has_is_put_to_its_home() -> None:
    assert Steps(step_on_old(Kind.CONFIRM)).first.shard_of.tolist() == [MAP.shard_of(AT_HOME)]
    plain = step_on_old(Kind.CONFIRM) | {"partition": 700}
    assert Steps(plain, holdings={OLD: [held(0, HELD, 0)]}).first.shard_of.tolist() == [MAP.shard_of(700)]


def test_every_row_but_a_step_on_a_reservation_over_shards_goes_to_its_own_shard() -> None:
    """Also when the same request is about that reservation, of which something is there already."""
    first = basket()
    made = int(Steps(first).rows["reservation"][0])
    steps = Steps(first, holdings={made: [held(1, HELD, 0), held(2, HELD, 0)]})
    assert steps.first.shard_of.tolist() == [0, 1, 0, 2]
    old, *new = replacing()
    steps = Steps([old | {"partition": 700}, *new], holdings={OLD: [held(0, HELD, 0), held(1, HELD, 1)]})
    assert steps.first.shard_of.tolist() == [MAP.shard_of(700), 0, 1, 0]


@pytest.mark.parametrize(
    ("more", "shards"), [({}, [0, 1, 2]), ({"line": 0}, [0]), ({"flags": Flag.REPLACES}, [0, 1, 2])]
)
def test_a_step_sent_again_goes_also_to_the_shards_that_know_it(more: dict[str, int], shards: list[int]) -> None:
    spec = step_on_old(Kind.RELEASE, id="again", **more)
    specs = together(spec, reserve(sku_on(0, 1), 1)) if "flags" in more else spec
    command = ids_of(Steps(specs).rows)[0]
    holdings = {OLD: [held(1, HELD, 1), held(0, RELEASED if not more.get("line", 1) else HELD, 0)]}
    steps = Steps(specs, holdings=holdings, voted={command: [2]})
    settling = steps.first.rows["kind"] == Kind.RELEASE
    assert steps.first.shard_of[settling].tolist() == shards


def test_the_home_is_asked_once_for_what_all_agreed_to() -> None:
    steps = Steps(basket(), labelled(sell(sku_on(0, 1), 1), sell(sku_on(1, 1), 1)))
    steps.vote(*({"expires_at_ms": due} for due in (10, DUE_MS, 20, 30)))
    assert steps.second is not None
    rows = steps.second.rows
    op, key = int(steps.rows["id_hi"][0]), int(steps.rows["reservation"][0])
    of_sales = int(steps.rows["id_hi"][4])
    sales_key = derived_id(of_sales, 0, b"sell")[0]
    assert column(rows, "kind") == [Kind.DECIDE] * 2
    assert column(rows, "flags") == [Flag.COMMIT] * 2
    assert column(rows, "client") == [CLIENT] * 2
    assert column(rows, "reservation") == [key, sales_key]
    assert column(rows, "source_key") == [signed(op), signed(of_sales)]
    assert column(rows, "due_ms") == [DUE_MS, 0], "the latest that a shard gave"
    assert column(rows, "not_after_ms") == [NEVER_MS] * 2
    assert column(rows, "line") == [NO_LINE] * 2
    assert column(rows, "warehouse") == column(rows, "channel") == column(rows, "to_warehouse") == [NO_WAREHOUSE] * 2
    assert ids_of(rows) == [derived_id(op, key, b"decide"), derived_id(of_sales, sales_key, b"decide")]
    assert steps.second.shard_of.tolist() == [0, 0]
    assert len(steps.second.heap) == 0


def test_the_decision_goes_to_every_part_and_what_is_let_go_goes_first() -> None:
    steps = Steps(replacing(), holdings={OLD: [held(0, HELD, 0), held(2, HELD, 1)]}).vote().decided()
    assert steps.third is not None
    rows, new = steps.third.rows, int(steps.rows["reservation"][-1])
    assert steps.third.shard_of.tolist() == [0, 0, 1, 2]
    assert column(rows, "reservation") == [OLD, new, new, OLD]
    assert column(rows, "kind") == [Kind.APPLY] * 4
    assert column(rows, "flags") == [Flag.COMMIT] * 4
    assert column(rows, "due_ms") == [DUE_MS] * 4
    assert column(rows, "client") == [CLIENT] * 4
    assert len(steps.third.heap) == 0
    op = int(steps.rows["id_hi"][0])
    assert ids_of(rows) == [derived_id(op, key, b"apply") for key in (OLD, new, new, OLD)]


@pytest.mark.parametrize(
    ("votes", "asked", "let_go"),
    [
        ((OK, OK, OK, OK), True, []),
        ((OK, SHORT, OK, OK), False, [0, 2]),
        ((FAILED, OK, SHORT, OK), False, [1, 2]),
        ((OK, LOST, OK, OK), False, []),
        ((OK, FULL, OK, OK), False, []),
        ((SHORT, LOST, FAILED, OK), False, [2]),
        ((SHORT, FAILED, FAILED, SHORT), False, []),
    ],
)
def test_one_no_is_enough_to_let_go_and_every_yes_is_needed_to_ask(
    votes: tuple[Outcome, ...], asked: bool, let_go: list[int]
) -> None:
    steps = Steps(basket()).vote(*({"outcome": vote} for vote in votes))
    assert (steps.second is not None) is asked
    if not asked:
        steps.undecided()
        sent = [] if steps.third is None else steps.third.shard_of.tolist()
        assert sent == let_go
        assert steps.third is None or not steps.third.rows["flags"].any()


@pytest.mark.parametrize(
    ("votes", "asked"),
    [
        ([(OK, 1), (SHORT, 0), (OK, 1), (SHORT, 0)], True),
        ([(SHORT, 0), (SHORT, 0), (SHORT, 0), (OK, 4)], True),
        ([(SHORT, 0), (SHORT, 0), (SHORT, 0), (SHORT, 0)], False),
        ([(SHORT, 0), (LOST, 0), (SHORT, 0), (SHORT, 0)], False),
        ([(OK, 1), (Outcome.UNKNOWN_SKU, 0), (FAILED, 0), (OK, 1)], False),
    ],
)
def test_short_lines_of_what_may_be_partial_refuse_only_when_all_are_short(
    votes: list[tuple[Outcome, int]], asked: bool
) -> None:
    steps = Steps(basket(Flag.PARTIAL)).vote(*({"outcome": vote, "quantity": n} for vote, n in votes))
    assert (steps.second is not None) is asked
    if asked:
        steps.decided()
        assert steps.third is not None
        assert steps.third.shard_of.tolist() == [0, 1, 2], "a part that got nothing is carried out too: it has lines"


def test_a_new_reservation_of_which_nothing_is_to_be_had_does_not_take_the_place_of_the_old_one() -> None:
    """Though the old one's shards agree to let it go."""
    old, *new = replacing()
    specs = [old, *(line | {"flags": line["flags"] | Flag.PARTIAL} for line in new)]
    steps = Steps(specs, holdings={OLD: [held(0, HELD, 0), held(2, HELD, 1)]})
    agreed, short = {"outcome": OK, "quantity": 5}, {"outcome": SHORT}
    steps.vote(agreed, agreed, short, short, short).undecided()
    assert steps.second is None
    assert steps.third is not None
    assert steps.third.shard_of.tolist() == [0, 0, 1, 2]
    assert not steps.third.rows["flags"].any()
    assert column(steps.answer, "outcome") == [FAILED, SHORT, SHORT, SHORT]
