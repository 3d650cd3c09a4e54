import asyncio
import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from actors.answers import Answers, of_reply
from actors.gathering import Answered, no_results
from actors.over_shards import Entry, OverShards
from actors.packing import pick, place
from actors.partitions import PartitionMap
from actors.routing import by_shard, shard_of_row, units_of
from actors.saga import Step
from actors.settings import Settings
from engine.ids import finish_rows, sku_key
from engine.kinds import Flag, Kind, ReservationState
from engine.layout import SPANS
from engine.outcomes import Outcome
from engine.wire import Array
from tests.actors.fake_shard import FakeShard, total
from tests.actors.shop import SECRET, Spec, encode, labelled, reserve, sell, settle, together

SHARDS = 3
MAP = PartitionMap.even(SHARDS)
SETTINGS = Settings(undecided_ms=5_000)
OF_A_HOLD = ("reservation", "partition", "state", "expires_at_ms", "made_at")
"""of a result, when it says nothing of one"""


def sku_on(shard: int, nth: int = 0) -> str:
    found = (name for name in (f"SKU-{n}" for n in range(10_000)) if MAP.shard_of_sku(sku_key(name)) == shard)
    return [next(found) for _ in range(nth + 1)][nth]


A, B, C = (sku_on(shard) for shard in range(SHARDS))


class Lost(Exception):
    """The coordinator died."""


class World:
    """Three fake shards, and a network that the test can spoil."""

    def __init__(self, stock: int = 10) -> None:
        self.shards = [
            FakeShard(shard, {sku_key(sku_on(shard, nth)): stock for nth in range(3)}) for shard in range(SHARDS)
        ]
        self.now_ms = 1_000
        self.calls = 0
        self.reaches: Callable[[int, str], bool] = lambda shard, way: True
        """(shard, "there" | "back") -> whether the message arrives"""
        self.dies_at: Iterator[bool] = iter(())
        self.trace: list[list[int]] = []
        """kinds of each step's rows"""
        self.coordinator = self.new_coordinator()

    def new_coordinator(self) -> OverShards:
        return OverShards(SETTINGS, MAP, self._decide, self._ask_all, lambda: self.now_ms)

    async def _decide(self, step: Step, entry: Entry) -> Answered:
        if next(self.dies_at, False):
            raise Lost
        self.trace.append(sorted(step.rows["kind"].tolist()))
        results = no_results(len(step.rows), Outcome.UNAVAILABLE)
        lines: list[Array] = []
        for shard, index in by_shard(step.shard_of):
            if self.reaches(shard, "there"):
                own, _ = pick(step.rows, step.heap, index)
                answer, own_lines = self.shards[shard].decide(own)
                if self.reaches(shard, "back"):
                    answer["lines_at"] += np.uint32(sum(map(len, lines)))
                    lines.append(own_lines)
                    place(results, index, answer)
        if next(self.dies_at, False):
            raise Lost
        return Answered(results, np.concatenate([np.empty(0, self.shards[0].decide(step.rows[:0])[1].dtype), *lines]))

    async def _ask_all(self, questions: Array) -> list[Answers]:
        answers = [of_reply(shard.ask(questions), 0, len(questions)) for shard in self.shards]
        for shard, answer in enumerate(answers):
            answer.shard = shard
        return answers

    def send(self, *specs: Spec | list[Spec], by: OverShards | None = None) -> Answered:
        rows, heap = encode(*specs)
        finish_rows(rows, heap, SECRET)
        shard_of = shard_of_row(rows, MAP)
        coordinator = by or self.coordinator
        results, lines, _ = asyncio.run(coordinator.decided(rows, heap, shard_of, units_of(rows, shard_of)))
        return Answered(results, lines)

    def scan(self, by: OverShards | None = None) -> None:
        asyncio.run((by or self.coordinator).scan())

    def settle_down(self) -> None:
        """Scan until the limit of undecided commands has passed."""
        self.reaches = lambda shard, way: True
        self.dies_at = iter(())
        coordinator = self.new_coordinator()
        for _ in range(2):
            self.scan(by=coordinator)
            self.now_ms += SETTINGS.undecided_ms
        self.scan(by=coordinator)

    def parts(self) -> list[ReservationState]:
        return [part.state for shard in self.shards for part in shard.parts.values()]

    def pending(self) -> int:
        return sum(bool(part.pending) for shard in self.shards for part in shard.parts.values())


def finished(*specs: Spec) -> Array:
    rows, heap = encode(*specs)
    finish_rows(rows, heap, SECRET)
    return rows


def outcomes(answered: Answered) -> list[Outcome]:
    return [Outcome(number) for number in answered.results["outcome"].tolist()]


def basket() -> list[Spec]:
    return together(reserve(A, 2, id="basket"), reserve(B, 3), reserve(A, 1), reserve(C, 4))


@pytest.fixture
def world() -> World:
    return World()


def test_a_reservation_over_three_shards_is_held_on_all_of_them(world: World) -> None:
    answered = world.send(basket())
    assert outcomes(answered) == [Outcome.OK] * 4
    results = answered.results
    assert len(set(results["reservation"].tolist())) == len(set(results["expires_at_ms"].tolist())) == 1
    assert results["state"].tolist() == [ReservationState.HELD] * 4
    assert results["partition"][0] & SPANS
    lines = answered.lines[results["lines_at"][0] :][: results["lines_n"][0]]
    assert lines["line"].tolist() == [0, 1, 2, 3]
    assert lines["quantity"].tolist() == [2, 3, 1, 4]
    assert world.parts() == [ReservationState.HELD] * 3
    assert total(world.shards, "reserved") == 10
    deadlines = {part.expires_at_ms for shard in world.shards for part in shard.parts.values()}
    assert deadlines == {int(results["expires_at_ms"][0])}
    assert world.trace == [[Kind.RESERVE] * 4, [Kind.DECIDE], [Kind.APPLY] * 3]


def test_one_short_line_fails_all_and_holds_nothing(world: World) -> None:
    answered = world.send(together(reserve(A, 2), reserve(B, 11), reserve(C, 4)))
    assert outcomes(answered) == [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK, Outcome.GROUP_FAILED]
    assert answered.results["quantity"].tolist() == [0, 0, 0]
    assert not any(answered.results[name].any() for name in OF_A_HOLD)
    assert len(answered.lines) == 0
    assert (world.parts(), total(world.shards, "reserved")) == ([], 0)
    assert world.trace[-1] == [Kind.APPLY] * 2, "no decision is needed: a no is pinned"


def test_a_partial_reservation_takes_what_there_is(world: World) -> None:
    specs = together(*(reserve(sku, n, flags=Flag.PARTIAL) for sku, n in ((A, 2), (B, 11), (C, 4))))
    answered = world.send(specs)
    assert outcomes(answered) == [Outcome.OK, Outcome.INSUFFICIENT_STOCK, Outcome.OK]
    assert world.parts() == [ReservationState.HELD] * 2
    nothing = together(*(reserve(sku, 99, flags=Flag.PARTIAL) for sku in (A, B)))
    assert outcomes(world.send(nothing)) == [Outcome.INSUFFICIENT_STOCK] * 2


@pytest.mark.parametrize(
    ("kinds", "state", "sold"),
    [
        ([Kind.CONFIRM], ReservationState.CONFIRMED, 0),
        ([Kind.CONFIRM, Kind.FULFIL], ReservationState.FULFILLED, 10),
        ([Kind.RELEASE], ReservationState.RELEASED, 0),
        ([Kind.CONFIRM, Kind.RELEASE], ReservationState.RELEASED, 0),
        ([Kind.EXTEND], ReservationState.HELD, 0),
    ],
)
def test_every_step_is_taken_on_all_shards(world: World, kinds: list[Kind], state: ReservationState, sold: int) -> None:
    made = world.send(basket()).results[0]
    for kind in kinds:
        answered = world.send(settle(kind, made, ttl_s=9_000))
        assert outcomes(answered) == [Outcome.OK]
        assert answered.results["quantity"].tolist() == [10]
        assert answered.lines["line"].tolist() == [0, 1, 2, 3]
    assert world.parts() == [state] * 3
    assert answered.results["state"].tolist() == [state]
    assert (answered.results["expires_at_ms"] != 0).tolist() == [state == ReservationState.HELD]
    assert total(world.shards, "sold") == sold
    if kinds == [Kind.EXTEND]:
        due = {part.expires_at_ms for shard in world.shards for part in shard.parts.values()}
        assert due == {int(answered.results["expires_at_ms"][0])}


def test_a_wrong_step_is_refused_as_a_whole(world: World) -> None:
    made = world.send(basket()).results[0]
    world.send(settle(Kind.CONFIRM, made))
    answered = world.send(settle(Kind.CONFIRM, made))
    assert outcomes(answered) == [Outcome.RESERVATION_CLOSED]
    assert world.parts() == [ReservationState.CONFIRMED] * 3
    assert world.pending() == 0


def test_a_reservation_that_expired_on_one_shard_is_not_confirmed_on_another(world: World) -> None:
    made = world.send(basket()).results[0]
    world.shards[1].expire(int(made["expires_at_ms"]))
    assert outcomes(world.send(settle(Kind.CONFIRM, made))) == [Outcome.RESERVATION_CLOSED]
    assert ReservationState.CONFIRMED not in world.parts()


def test_a_line_is_released_where_it_is_and_all_lines_are_shown(world: World) -> None:
    made = world.send(basket()).results[0]
    world.trace.clear()
    answered = world.send(settle(Kind.RELEASE, made, line=1))
    assert outcomes(answered) == [Outcome.OK]
    assert world.trace == [[Kind.RELEASE]], "one shard: one step"
    assert answered.results["quantity"].tolist() == [3]
    assert answered.results["state"].tolist() == [ReservationState.HELD]
    assert answered.results["expires_at_ms"].tolist() == [int(made["expires_at_ms"])]
    assert answered.lines["released"].tolist() == [0, 3, 0, 0]
    assert world.parts() == [ReservationState.HELD, ReservationState.RELEASED, ReservationState.HELD]
    confirmed = world.send(settle(Kind.CONFIRM, made))
    assert outcomes(confirmed) == [Outcome.OK]
    assert confirmed.lines["released"].tolist() == [0, 3, 0, 0]
    assert world.parts() == [ReservationState.CONFIRMED, ReservationState.RELEASED, ReservationState.CONFIRMED]


def test_a_reservation_is_replaced_over_shards_or_kept(world: World) -> None:
    old = world.send(basket()).results[0]
    place_of_old = {"reservation": int(old["reservation"]), "partition": int(old["partition"])}
    first = settle(Kind.RELEASE, old, flags=Flag.REPLACES) | place_of_old
    too_much = world.send(together(first, reserve(A, 1), reserve(B, 11)))
    assert Outcome.OK not in outcomes(too_much)
    assert too_much.results["state"].tolist() == [ReservationState.HELD, 0, 0]
    assert not any(too_much.results[name][1:].any() for name in OF_A_HOLD)
    assert world.parts() == [ReservationState.HELD] * 3
    again = settle(Kind.RELEASE, old, flags=Flag.REPLACES) | place_of_old
    answered = world.send(together(again, reserve(A, 1), reserve(B, 2)))
    assert outcomes(answered) == [Outcome.OK] * 3
    new = answered.results[1:]
    assert len({*new["reservation"].tolist(), int(old["reservation"])}) == 2
    assert new["state"].tolist() == [ReservationState.HELD] * 2
    assert total(world.shards, "reserved") == 3
    assert world.pending() == 0


def test_lines_are_found_where_the_results_point_also_in_later_rounds(world: World) -> None:
    answered = world.send(basket(), reserve(A, 1), reserve(A, 11), [*together(reserve(A, 2), reserve(B, 1))])
    results = answered.results
    found = [
        answered.lines["quantity"][at : at + n].tolist()
        for at, n in zip(results["lines_at"], results["lines_n"], strict=True)
    ]
    assert [quantities for quantities in found if quantities] == [[2, 3, 1, 4], [1], [2, 1]]
    assert not results["lines_at"][results["lines_n"] == 0].any()


def test_sales_of_one_basket_stand_or_fall_together(world: World) -> None:
    sold = world.send(labelled(sell(A, 2), sell(B, 3)), labelled(sell(A, 1), sell(C, 11)))
    assert outcomes(sold) == [Outcome.OK, Outcome.OK, Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK]
    assert not sold.results["reservation"].any(), "the sale's own hold is nobody's reservation"
    assert (total(world.shards, "sold"), total(world.shards, "reserved")) == (5, 0)


def test_rows_of_one_array_take_effect_in_order_for_each_sku(world: World) -> None:
    """The second basket fails; the row behind it must not find its units held."""
    answered = world.send(
        sell(A, 8),
        labelled(sell(A, 2), sell(B, 11)),
        sell(A, 2),
        labelled(sell(A, 1), sell(C, 1)),
        sell(B, 10),
    )
    assert outcomes(answered) == [
        Outcome.OK,
        *(Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK),
        Outcome.OK,
        *(Outcome.INSUFFICIENT_STOCK, Outcome.GROUP_FAILED),
        Outcome.OK,
    ]


def test_baskets_that_share_no_goods_go_side_by_side(world: World) -> None:
    others = [sku_on(shard, 1) for shard in range(SHARDS)]
    world.send(labelled(sell(A, 1), sell(B, 1)), labelled(*(sell(sku, 1) for sku in others)))
    assert world.trace == [[Kind.SELL] * 5, [Kind.DECIDE] * 2, [Kind.APPLY] * 5]


def test_the_same_command_again_gets_the_same_answer(world: World) -> None:
    first, second = world.send(basket()), world.send(basket())
    flags = second.results["flags"].copy()
    second.results["flags"] = first.results["flags"]
    assert second.results.tobytes() == first.results.tobytes()
    assert second.lines.tobytes() == first.lines.tobytes()
    assert flags.all()
    assert not first.results["flags"].any()
    assert total(world.shards, "reserved") == 10


def test_a_step_sent_again_after_the_next_one_gets_the_answer_that_it_got(world: World) -> None:
    made = world.send(basket())
    again = settle(Kind.CONFIRM, made.results[0])
    first = world.send(again)
    world.send(settle(Kind.FULFIL, made.results[0]))
    second = world.send(again)
    assert outcomes(second) == [Outcome.OK]
    assert second.results["state"].tolist() == first.results["state"].tolist() == [ReservationState.CONFIRMED]
    assert second.lines.tolist() == first.lines.tolist()
    assert total(world.shards, "sold") == 10


def test_a_release_sent_again_is_not_asked_of_a_part_that_had_no_part_in_it(world: World) -> None:
    made = world.send(together(reserve(A, 2), reserve(B, 3)))
    home = MAP.shard_of(int(made.results["partition"][0]))
    line_at_home = next(iter(world.shards[home].parts.values())).lines
    world.send(settle(Kind.RELEASE, made.results[0], line=next(iter(line_at_home))))
    again = settle(Kind.RELEASE, made.results[0])
    assert outcomes(world.send(again)) == [Outcome.OK]
    assert outcomes(world.send(again)) == [Outcome.OK]
    assert total(world.shards, "reserved") == 0


def test_a_step_that_every_shard_agreed_to_is_finished_on_all_before_its_retry_is_answered(world: World) -> None:
    made = world.send(basket())
    world.reaches = lambda shard, way: shard != 1 or Kind.APPLY not in world.trace[-1]
    again = settle(Kind.RELEASE, made.results[0])
    assert outcomes(world.send(again)) == [Outcome.UNAVAILABLE]
    world.reaches = lambda shard, way: True
    assert outcomes(world.send(again)) == [Outcome.OK]
    assert total(world.shards, "reserved") == world.pending() == 0


def test_a_coordinator_that_dies_anywhere_leaves_all_or_nothing(world: World) -> None:
    for dies_at in range(6):
        world = World()
        world.dies_at = iter([False] * dies_at + [True])
        with pytest.raises(Lost):
            world.send(basket())
        world.settle_down()
        assert world.pending() == 0
        assert total(world.shards, "reserved") in (0, 10), dies_at
        after = world.send(basket())
        assert set(outcomes(after)) == {Outcome.OK} if dies_at not in (1, 2) else {Outcome.TOO_LATE}
        held = 10 if Outcome.OK in outcomes(after) else 0
        assert total(world.shards, "reserved") == held


def test_a_lost_vote_is_unavailable_and_a_retry_goes_on(world: World) -> None:
    world.reaches = lambda shard, way: (shard, way) != (1, "back")
    assert outcomes(world.send(basket())) == [Outcome.UNAVAILABLE] * 4
    assert world.pending() == 3
    world.reaches = lambda shard, way: True
    assert outcomes(world.send(basket())) == [Outcome.OK] * 4
    assert (world.pending(), total(world.shards, "reserved")) == (0, 10)


def test_a_short_part_refuses_nothing_while_the_vote_that_may_hold_something_is_lost(world: World) -> None:
    specs = together(*(reserve(sku, n, flags=Flag.PARTIAL, id="b") for sku, n in ((A, 2), (B, 11))))
    world.shards[1].decide(finished(sell(B, 10)))
    world.reaches = lambda shard, way: (shard, way) != (0, "back")
    assert outcomes(world.send(specs)) == [Outcome.UNAVAILABLE] * 2
    assert world.trace == [[Kind.RESERVE] * 2], "nothing is decided, and nothing let go"
    world.reaches = lambda shard, way: True
    assert outcomes(world.send(specs)) == [Outcome.OK, Outcome.INSUFFICIENT_STOCK]
    assert (world.pending(), total(world.shards, "reserved")) == (0, 2)
    assert world.trace[-1] == [Kind.APPLY] * 2, "decided once, and carried out where something is held and where not"


@pytest.mark.parametrize("short", [False, True])
def test_a_command_is_not_answered_before_every_shard_has_carried_it_out(world: World, short: bool) -> None:
    def lose_apply(shard: int, way: str) -> bool:
        return not (shard == 0 and steps_of(world)[-1:] == [Kind.APPLY])

    world.reaches = lose_apply
    specs: list[Spec | list[Spec]] = [
        labelled(sell(A, 2, id="a"), sell(B, 20 if short else 2, id="b")),
        sell(A, 9, id="behind"),
    ]
    answered = world.send(*specs)
    assert outcomes(answered) == [Outcome.UNAVAILABLE] * 3, "nor does the row behind it overtake it"
    world.reaches = lambda shard, way: True
    again = outcomes(world.send(*specs))
    behind = Outcome.OK if short else Outcome.INSUFFICIENT_STOCK
    basket_outcomes = [Outcome.GROUP_FAILED, Outcome.INSUFFICIENT_STOCK] if short else [Outcome.OK] * 2
    assert again == [*basket_outcomes, behind]


def steps_of(world: World) -> list[int]:
    """What the step that is under way is for."""
    return [kinds[0] for kinds in world.trace]


def test_what_stays_undecided_is_aborted_and_the_retry_is_told(world: World) -> None:
    world.reaches = lambda shard, way: shard != 1
    world.send(basket())
    world.settle_down()
    assert (world.parts(), total(world.shards, "reserved")) == ([], 0)
    assert outcomes(world.send(basket())) == [Outcome.TOO_LATE] * 4
    assert (world.parts(), total(world.shards, "reserved")) == ([], 0)


def test_a_prepare_that_arrives_after_the_abort_is_let_go_too(world: World) -> None:
    world.reaches = lambda shard, way: shard != 1
    world.send(basket())
    world.settle_down()
    # As if the message to shard 1 had only been slow: a retry's first step brings it there after the decision.
    world.dies_at = iter([False, True])
    with pytest.raises(Lost):
        world.send(basket())
    assert world.pending() > 0
    world.settle_down()
    assert (world.pending(), total(world.shards, "reserved")) == (0, 0)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_lost_every_command_happens_on_all_shards_or_on_none(seed: int) -> None:
    chance = random.Random(seed)
    world = World(stock=12)
    made: dict[int, list[int]] = {}
    for n in range(12):
        lossy = chance.random() < 0.7
        world.reaches = lambda shard, way, lossy=lossy: not lossy or chance.random() > 0.2  # type: ignore[misc]
        world.dies_at = (chance.random() < 0.05 for _ in iter(int, 1)) if lossy else iter(())
        world.now_ms += chance.randrange(2_000)
        goods = chance.sample([A, B, C], chance.randint(2, 3))
        if made and chance.random() < 0.5:
            key = chance.choice(list(made))
            kind = chance.choice([Kind.CONFIRM, Kind.RELEASE, Kind.FULFIL])
            spec: Spec | list[Spec] = settle_by_key(kind, key, made[key][0], id=f"{seed}-{n}")
        elif chance.random() < 0.3:
            spec = labelled(*(sell(sku, chance.randint(1, 3), id=f"{seed}-{n}-{sku}") for sku in goods))
        else:
            spec = together(*(reserve(sku, chance.randint(1, 3), id=f"{seed}-{n}") for sku in goods))
        for _ in range(chance.randint(1, 3)):
            try:
                answered = world.send(spec, by=world.new_coordinator())
            except Lost:
                continue
            result = answered.results[0]
            if result["outcome"] == Outcome.OK and result["reservation"]:
                made[int(result["reservation"])] = [int(result["partition"])]
        if chance.random() < 0.3:
            world.settle_down()
    world.settle_down()
    check_all_or_nothing(world, seed)


def settle_by_key(kind: Kind, key: int, partition: int, **more: object) -> Spec:
    result = no_results(1, Outcome.OK)[0]
    result["reservation"], result["partition"] = key, partition
    return settle(kind, result, **more)


def check_all_or_nothing(world: World, seed: int) -> None:
    assert world.pending() == 0, seed
    by_key: dict[int, set[ReservationState]] = {}
    for shard in world.shards:
        for key, part in shard.parts.items():
            by_key.setdefault(key, set()).add(part.state)
        reserved = dict.fromkeys(shard.reserved, 0)
        for part in shard.parts.values():
            for line in part.lines.values():
                reserved[line.sku] += line.remaining
        assert reserved == shard.reserved, seed
        assert all(units >= 0 for units in shard.on_hand.values())
    assert all(len(states) == 1 for states in by_key.values()), (seed, by_key)
    parts_of = {key: sum(key in shard.parts for shard in world.shards) for key in by_key}
    assert all(count >= 2 for count in parts_of.values()), (seed, "a part without the others")
