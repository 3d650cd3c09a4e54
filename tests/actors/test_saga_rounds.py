"""What the steps of a command over shards say to a shard, and what is made of the shards' answers. No shard is here.

The rows are the protocol: any coordinator, and the scan for what was left, must be able to go on from them.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from actors.gathering import Answered, no_results
from actors.routing import shard_of_row, units_of
from actors.saga import NEVER_MS, Round, Step, derived_id
from actors.spanning import CommandId, Held
from engine.ids import finish_rows, partition_of, sku_key
from engine.kinds import Flag, Kind, ReservationState, ResultFlag
from engine.layout import LINE, NO_LINE, NO_WAREHOUSE, SPANS
from engine.outcomes import Outcome
from engine.wire import Array
from tests.actors.shop import CLIENT, SECRET, Spec, encode, labelled, reserve, sell, settle, together
from tests.actors.test_saga import MAP, A, B, C, sku_on

OK, SHORT, FAILED = Outcome.OK, Outcome.INSUFFICIENT_STOCK, Outcome.GROUP_FAILED
LOST, FULL, LATE = Outcome.UNAVAILABLE, Outcome.OVERLOADED, Outcome.TOO_LATE
HELD, CONFIRMED, RELEASED = ReservationState.HELD, ReservationState.CONFIRMED, ReservationState.RELEASED
EXPIRED, NONE = ReservationState.EXPIRED, ReservationState.NONE
DUE_MS = 50_000
OLD = 77
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

    def vote(self, *votes: dict[str, int], lines: Array | None = None) -> "Steps":
        """A vote for each row of the first step: OK unless it says otherwise."""
        results = no_results(len(self.first.rows), OK)
        fill(results, votes)
        self.second = self.round.decide(Answered(results, np.empty(0, LINE) if lines is None else lines))
        return self

    def decided(self, **said: int) -> "Steps":
        """The home's decisions, all alike."""
        assert self.second is not None
        results = no_results(len(self.second.rows), OK)
        fill(results, [{"state": HELD, "expires_at_ms": DUE_MS} | said] * len(results))
        self.third = self.round.apply(Answered(results, np.empty(0, LINE)))
        return self

    def undecided(self) -> "Steps":
        self.third = self.round.apply(None)
        return self

    def applied(self, *outcomes: Outcome) -> "Steps":
        assert self.third is not None
        results = no_results(len(self.third.rows), OK)
        fill(results, [{"outcome": outcome} for outcome in outcomes])
        self.round.applied(Answered(results, np.empty(0, LINE)))
        return self

    @property
    def answer(self) -> Array:
        return self.round.answered()[1]

    def whole(self, *votes: dict[str, int]) -> Array:
        """Through all steps, whatever is asked of them."""
        self.vote(*votes)
        self.decided() if self.second is not None else self.undecided()
        return self.answer


def fill(results: Array, said: Sequence[dict[str, int]]) -> None:
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
    made = no_results(1, OK)[0]
    made["reservation"], made["partition"] = OLD, AT_HOME
    return settle(kind, made, **more)


def basket(flags: int = 0) -> list[Spec]:
    """Four lines on three shards; the first one's reference goes with all."""
    specs = [reserve(sku, n, flags=flags) for n, sku in enumerate((A, B, A, C), 1)]
    return together(specs[0] | {"id": "basket", "reference": "order-7"}, *specs[1:])


def replacing() -> list[Spec]:
    """The old reservation is let go, a new one over two shards takes its place."""
    return together(step_on_old(Kind.RELEASE, flags=Flag.REPLACES, id="r"), reserve(A, 1), reserve(B, 1), reserve(A, 2))


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
    assert column(rows, "due_ms") == [0, 0, OLD, OLD, OLD]
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


@pytest.mark.parametrize(
    ("votes", "told"),
    [
        ((OK, OK, OK, OK), [OK] * 4),
        ((OK, SHORT, OK, OK), [FAILED, SHORT, FAILED, FAILED]),
        ((OK, LOST, OK, OK), [LOST] * 4),
        ((FULL, FULL, FULL, FULL), [FULL] * 4),
        ((FULL, FULL, FULL, LOST), [LOST] * 4),
    ],
)
def test_all_rows_of_a_command_are_told_what_became_of_it(votes: tuple[Outcome, ...], told: list[Outcome]) -> None:
    steps = Steps(basket())
    answer = steps.whole(*({"outcome": vote, "quantity": 3, "made_at": 9, "state": HELD} for vote in votes))
    assert column(answer, "outcome") == told
    done = told[0] == OK
    key, home = (int(steps.rows[name][0]) for name in ("reservation", "partition"))
    for name, value in (("reservation", key), ("partition", home), ("state", HELD), ("expires_at_ms", DUE_MS)):
        assert column(answer, name) == [value if done else 0] * 4, name
    assert column(answer, "made_at") == [9 if done else 0] * 4
    assert column(answer, "quantity") == [3 if done else 0] * 4


def test_what_was_given_up_meanwhile_is_too_late_and_is_let_go_everywhere() -> None:
    steps = Steps(basket()).vote().decided(state=RELEASED)
    assert steps.third is not None
    assert not steps.third.rows["flags"].any()
    assert column(steps.answer, "outcome") == [LATE] * 4


def test_a_decision_that_did_not_come_is_carried_out_nowhere() -> None:
    steps = Steps(basket()).vote().decided(outcome=LOST)
    assert steps.third is None
    assert column(steps.answer, "outcome") == [LOST] * 4


@pytest.mark.parametrize("lost", range(3))
def test_a_command_is_done_when_every_part_is_carried_out(lost: int) -> None:
    steps = Steps(basket()).vote().decided()
    steps.applied(*(LOST if at == lost else OK for at in range(3)))
    assert column(steps.answer, "outcome") == [LOST] * 4
    assert column(Steps(basket()).vote().decided().applied(OK, OK, OK).answer, "outcome") == [OK] * 4


def test_a_sale_is_told_without_the_hold_that_it_was() -> None:
    of_a_hold = {"reservation": 5, "partition": 5, "state": HELD, "expires_at_ms": 5, "made_at": 5}
    told = Steps(labelled(sell(A, 1), sell(B, 1))).whole(of_a_hold, of_a_hold)
    assert not any(told[name].any() for name in of_a_hold)


REPLAYED, SAME_BATCH = ResultFlag.REPLAYED, ResultFlag.SAME_BATCH


@pytest.mark.parametrize(
    ("votes", "decision", "told"),
    [
        ([REPLAYED] * 4, REPLAYED, REPLAYED),
        ([REPLAYED, SAME_BATCH, REPLAYED, SAME_BATCH], REPLAYED, REPLAYED),
        ([REPLAYED, REPLAYED, 0, REPLAYED], REPLAYED, 0),
        ([REPLAYED] * 4, 0, 0),
        ([ResultFlag.SPLIT] * 4, ResultFlag.SPLIT, ResultFlag.SPLIT),
        ([REPLAYED | ResultFlag.SPLIT] * 4, REPLAYED, REPLAYED | ResultFlag.SPLIT),
    ],
)
def test_an_answer_is_a_replay_when_all_of_it_was_known_before(votes: list[int], decision: int, told: int) -> None:
    steps = Steps(basket()).vote(*({"flags": flags} for flags in votes)).decided(flags=decision)
    assert column(steps.answer, "flags") == [told] * 4


def settled_votes(*states: tuple[ReservationState, int]) -> list[dict[str, int]]:
    return [{"state": state, "expires_at_ms": due, "quantity": 2} for state, due in states]


@pytest.mark.parametrize(
    ("parts", "votes", "state", "due_ms"),
    [
        ([held(0, HELD, 0), held(1, HELD, 1)], [(HELD, 40), (HELD, 60)], HELD, 60),
        ([held(0, HELD, 0, due_ms=60), held(1, HELD, 1, due_ms=60)], [(RELEASED, 0), (HELD, 60)], HELD, 60),
        ([held(0, HELD, 0), held(1, HELD, 1)], [(RELEASED, 0), (RELEASED, 0)], RELEASED, 0),
        ([held(0, HELD, 0, due_ms=9), held(1, HELD, 1, due_ms=9)], [(CONFIRMED, 9), (CONFIRMED, 9)], CONFIRMED, 0),
        ([held(0, HELD, 0), held(1, HELD, 1), held(2, RELEASED, 2)], [(HELD, 5), (HELD, 5)], HELD, 5),
    ],
)
def test_a_settled_reservation_is_told_as_a_whole(
    parts: list[Held], votes: list[tuple[ReservationState, int]], state: ReservationState, due_ms: int
) -> None:
    steps = Steps(step_on_old(Kind.RELEASE), holdings={OLD: parts})
    told = steps.whole(*settled_votes(*votes))[0]
    assert (int(told["state"]), int(told["expires_at_ms"])) == (state, due_ms)
    assert int(told["quantity"]) == 4, "of all shards together"


@pytest.mark.parametrize(
    ("kind", "line", "votes", "state"),
    [
        (Kind.CONFIRM, NO_LINE, [{"outcome": Outcome.RESERVATION_CLOSED}, {"outcome": OK}], HELD),
        (Kind.RELEASE, 1, [{"outcome": Outcome.INVALID_QUANTITY}], HELD),
    ],
)
def test_a_refused_step_tells_in_which_state_the_whole_still_is(
    kind: Kind, line: int, votes: list[dict[str, int]], state: ReservationState
) -> None:
    parts = [held(0, HELD, 0, due_ms=60), held(1, HELD, 1, due_ms=60)]
    steps = Steps(step_on_old(kind, line=line), holdings={OLD: parts})
    told = steps.whole(*(vote | {"state": CONFIRMED, "quantity": 3} for vote in votes))[0]
    assert told["outcome"] == votes[0]["outcome"]
    assert (int(told["state"]), int(told["expires_at_ms"]), int(told["quantity"])) == (state, 60, 0)


def test_the_most_important_refusal_speaks_for_a_row_that_several_shards_refuse() -> None:
    steps = Steps(step_on_old(Kind.CONFIRM), holdings={OLD: [held(shard, HELD, shard) for shard in range(3)]})
    refused = (OK, Outcome.RESERVATION_EXPIRED, Outcome.CONFLICT)
    assert column(steps.whole(*({"outcome": each} for each in refused)), "outcome") == [Outcome.RESERVATION_EXPIRED]


def test_a_refused_replacement_says_what_is_still_held_and_nothing_of_the_new_one() -> None:
    steps = Steps(replacing(), holdings={OLD: [held(0, HELD, 0), held(2, RELEASED, 1)]})
    votes = [{"outcome": OK, "state": RELEASED, "made_at": 3, "reservation": OLD, "quantity": 1}] * 4
    told = steps.whole(votes[0], *({"outcome": SHORT, "made_at": 3, "state": HELD} for _ in range(3)))
    assert column(told, "outcome") == [FAILED, SHORT, SHORT, SHORT]
    assert column(told, "state") == [HELD, 0, 0, 0]
    assert not any(told[name].any() for name in ("reservation", "partition", "expires_at_ms", "made_at", "quantity"))


def lines_of(*numbers: int) -> Array:
    lines = np.zeros(len(numbers), LINE)
    lines["line"] = numbers
    return lines


@pytest.mark.parametrize(
    ("specs", "told"),
    [
        (lambda: step_on_old(Kind.EXTEND), [0, 1, 2, 3, 4]),
        (lambda: step_on_old(Kind.EXTEND) | {"flags": 0}, []),
    ],
)
def test_lines_are_told_in_their_order_from_all_shards_also_of_parts_that_are_closed(
    specs: Callable[[], Spec], told: list[int]
) -> None:
    parts = [held(0, HELD, 8), held(1, HELD, 9), held(2, RELEASED, 2)]
    steps = Steps(specs(), holdings={OLD: parts})
    own = lines_of(4, 0, 3, 1)
    steps.vote({"lines_at": 2, "lines_n": 2}, {"lines_at": 0, "lines_n": 2}, lines=own)
    _, results, lines = steps.decided().round.answered()
    assert column(lines, "line") == told
    assert (int(results["lines_at"][0]), int(results["lines_n"][0])) == (0, len(told))


def test_a_refused_step_shows_the_lines_as_they_were_and_a_refused_hold_none() -> None:
    parts = [held(0, HELD, 1), held(1, HELD, 0)]
    steps = Steps(step_on_old(Kind.CONFIRM), holdings={OLD: parts})
    steps.vote({"outcome": Outcome.CONFLICT, "lines_n": 1}, lines=lines_of(5)).undecided()
    assert column(steps.round.answered()[2], "line") == [0, 1]
    refused = Steps(basket()).vote({"outcome": SHORT}, {"lines_n": 1}, lines=lines_of(5)).undecided()
    assert len(refused.round.answered()[2]) == 0


def test_answers_stand_at_their_rows_and_point_to_their_own_lines() -> None:
    steps = Steps(sell(C, 1), basket(), sell(sku_on(1, 1), 1), labelled(sell(sku_on(0, 2), 1), sell(sku_on(2, 2), 1)))
    votes = [{"quantity": n} for n in range(8)]
    votes[0] |= {"lines_at": 0, "lines_n": 1}
    votes[1] |= {"lines_at": 1, "lines_n": 2}
    votes[5] |= {"lines_at": 3, "lines_n": 1}
    steps.vote(*votes, lines=lines_of(9, 2, 1, 8)).decided()
    at, results, lines = steps.round.answered()
    assert at.tolist() == steps.round.request_rows == list(range(8))
    by_row = np.argsort([int(row) for row in at])
    assert len(by_row) == len(results)
    pointed = [column(lines[result["lines_at"] :][: result["lines_n"]], "line") for result in results]
    assert pointed == [[9], [1, 2], [], [], [], [8], [], []]
    assert column(results, "lines_at")[2] == 0
    assert not results["lines_at"][results["lines_n"] == 0].any()
