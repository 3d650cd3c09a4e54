"""Commands over several shards, seen from one of them: prepared, then carried out or dropped.

After every step the fold of the records must have the same state as the shard that decided them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from engine.ids import finish_rows, sku_key
from engine.kinds import Flag, Kind, MovementFlag, QuestionKind, ReservationState, ResultFlag
from engine.layout import COMMAND, NO_LINE, NO_WAREHOUSE, QUESTION, Limits
from engine.outcomes import Outcome
from engine.record import Record, RecordKind, seq_and_row
from engine.shard import Decision, Shard

APPLE = sku_key("apple")
LIMITS = Limits(
    skus_max=60_000, cells_max=64, ids_max=4096, reservations_max=64, lines_max=64, sources_max=64, operations_max=4
)
TTL_S = 10
DUE_MS = 90_000


class Voter:
    """A shard with ten apples in one warehouse, beside the fold of its journal."""

    def __init__(self) -> None:
        self.shard = Shard(LIMITS)
        self.fold = Shard(LIMITS)
        self.now_ms = 1_000
        self._ids = 0
        self.send(
            {"kind": Kind.DEFINE_SKU, "sku_key": APPLE},
            {"kind": Kind.DEFINE_WAREHOUSE, "place_kind": 1, "warehouse": 0},
            {"kind": Kind.DEFINE_CHANNEL, "flags": Flag.ALL_WAREHOUSES},
        )
        self.send({"kind": Kind.RECEIVE, "sku_key": APPLE, "warehouse": 0, "quantity": 10_000})

    def send(self, *rows: dict[str, Any], command_id: str | None = None) -> Decision:
        """Decide rows given by their columns; fold the record; compare the two states."""
        batch = np.zeros(len(rows), COMMAND)
        batch["warehouse"], batch["line"] = NO_WAREHOUSE, NO_LINE
        heap = bytearray()
        for at, columns in zip(batch, rows, strict=True):
            self._ids += 1
            text = (command_id or f"c-{self._ids}").encode()
            at["text_at"] = len(heap)
            at["text_lengths"][0] = len(text)
            heap += text
            for name, value in columns.items():
                at[name] = value
        texts = np.frombuffer(bytes(heap), np.uint8)
        finish_rows(batch, texts, b"0123456789abcdef")
        for at, columns in zip(batch, rows, strict=True):
            if "reservation" in columns:
                at["reservation"] = columns["reservation"]  # as a coordinator does with its own rows
        seq = self.shard.seq + 1
        decision = self.shard.decide(batch, texts, now_ms=self.now_ms, seq=seq)
        if decision.changed:
            self.fold.apply(
                Record(
                    RecordKind.BATCH, 0, 0, seq, 1, self.now_ms,
                    rows=batch, results=decision.results, movements=decision.movements, heap=texts,
                )
            )  # fmt: skip
        assert self.fold.state_hash() == self.shard.state_hash()
        return decision

    def hold(self, quantity: int = 2, **columns: Any) -> int:
        """Reserve apples; the key of the reservation."""
        row = {"kind": Kind.RESERVE, "sku_key": APPLE, "ttl_s": TTL_S, "quantity": quantity * 1000, "line": 0} | columns
        decision = self.send(row)
        assert decision.results["outcome"][0] == Outcome.OK
        return int(decision.results["reservation"][0])

    def apply(self, key: int, operation: int, *, commit: bool) -> Decision:
        """What the coordinator sends when the home shard has decided."""
        flags = Flag.WANT_LINES | (Flag.COMMIT if commit else Flag(0))
        row = {"kind": Kind.APPLY, "reservation": key, "source_key": operation, "due_ms": DUE_MS, "flags": flags}
        return self.send(row)

    @property
    def counters(self) -> tuple[int, int]:
        """(on_hand, reserved) of the apples."""
        cell = self.shard.cells[0]
        return int(cell["on_hand"]), int(cell["reserved"])

    def noted(self) -> npt.NDArray[np.void]:
        """The reservations at which an operation is noted."""
        question = np.zeros(1, QUESTION)
        question["kind"], question["state"] = QuestionKind.RESERVATIONS, ReservationState.PREPARED
        question["limit"], question["channel"] = 10, NO_WAREHOUSE
        return self.shard.answer(question).reservations


@pytest.fixture
def voter() -> Voter:
    return Voter()


def test_a_prepared_hold_is_pinned_and_hidden_until_it_is_committed(voter: Voter) -> None:
    decision = voter.send(
        {"kind": Kind.RESERVE, "sku_key": APPLE, "ttl_s": TTL_S, "quantity": 2_000, "line": 0, "source_key": 7,
         "flags": Flag.PREPARE | Flag.WANT_LINES}
    )  # fmt: skip
    key = int(decision.results["reservation"][0])
    assert decision.results["state"][0] == ReservationState.HELD  # as it will be
    assert all(decision.movements["flags"] == MovementFlag.HIDDEN)
    assert voter.counters == (10, 2)
    assert list(voter.noted()["reservation"]) == [key]

    voter.now_ms += 100 * TTL_S * 1000
    assert voter.send({"kind": Kind.CONFIRM, "reservation": key}).results["outcome"][0] == Outcome.UNKNOWN_RESERVATION
    assert voter.counters == (10, 2)  # no deadline while it waits

    applied = voter.apply(key, 7, commit=True)
    assert [int(kind) for kind in applied.movements["kind"]] == [Kind.RESERVE]
    assert not applied.movements["flags"].any()
    assert seq_and_row(int(applied.movements["prepared_at"][0])) == (3, 0)
    assert voter.shard.next_due_ms() == DUE_MS
    assert not len(voter.noted())


def test_an_aborted_hold_gives_its_units_back_and_leaves_nothing(voter: Voter) -> None:
    key = voter.hold(flags=Flag.PREPARE, source_key=7)
    dropped = voter.apply(key, 7, commit=False)
    assert voter.counters == (10, 0)
    assert all(dropped.movements["flags"] == MovementFlag.HIDDEN)
    assert voter.shard.counts["deadlines"] == 0
    assert voter.apply(key, 7, commit=True).results["outcome"][0] == Outcome.OK  # comes again, changes nothing
    assert voter.counters == (10, 0)


@pytest.mark.parametrize("commit", [True, False])
def test_a_part_that_gets_nothing_is_prepared_and_shows_its_lines_when_committed(voter: Voter, commit: bool) -> None:
    voter.send({"kind": Kind.SELL, "sku_key": APPLE, "warehouse": 0, "quantity": 10_000})
    vote = voter.send(
        {"kind": Kind.RESERVE, "sku_key": APPLE, "ttl_s": TTL_S, "quantity": 99_000, "line": 3, "source_key": 7,
         "flags": Flag.PREPARE | Flag.PARTIAL | Flag.WANT_LINES}
    )  # fmt: skip
    assert vote.results["outcome"][0] == Outcome.INSUFFICIENT_STOCK
    assert [(int(line["line"]), int(line["quantity"])) for line in vote.lines] == [(3, 0)]
    key = int(vote.results["reservation"][0])
    applied = voter.apply(key, 7, commit=commit)
    assert all(applied.movements["flags"] == MovementFlag.HIDDEN)
    assert voter.counters == (0, 0)
    assert voter.shard.counts["deadlines"] == 0
    assert not len(voter.noted())
    question = np.zeros(1, QUESTION)
    question["kind"], question["key"], question["flags"] = QuestionKind.RESERVATION, key, Flag.ADMIN
    found = voter.shard.answer(question)
    assert [(int(line["line"]), int(line["requested"])) for line in found.lines] == ([(3, 99)] if commit else [])


def test_a_prepared_confirm_lifts_the_deadline_and_an_abort_puts_it_back(voter: Voter) -> None:
    key = voter.hold()
    due_ms = voter.shard.next_due_ms()
    vote = voter.send({"kind": Kind.CONFIRM, "reservation": key, "source_key": 8, "flags": Flag.PREPARE})
    assert vote.results["state"][0] == ReservationState.CONFIRMED
    assert voter.shard.next_due_ms() == 0
    assert voter.send({"kind": Kind.RELEASE, "reservation": key}).results["outcome"][0] == Outcome.CONFLICT
    assert voter.send({"kind": Kind.EXTEND, "reservation": key, "ttl_s": 5}).results["outcome"][0] == Outcome.CONFLICT
    voter.apply(key, 8, commit=False)
    assert voter.shard.next_due_ms() == due_ms


def test_another_operation_s_answer_is_not_taken(voter: Voter) -> None:
    key = voter.hold()
    voter.send({"kind": Kind.CONFIRM, "reservation": key, "source_key": 8, "flags": Flag.PREPARE})
    assert not len(voter.apply(key, 9, commit=True).movements)
    assert len(voter.noted()) == 1
    confirmed = voter.apply(key, 8, commit=True)
    assert confirmed.results["state"][0] == ReservationState.CONFIRMED


@pytest.mark.parametrize("kind", [Kind.RELEASE, Kind.FULFIL])
def test_part_of_a_line_is_pinned_and_then_taken(voter: Voter, kind: Kind) -> None:
    key = voter.hold()
    voter.send({"kind": Kind.CONFIRM, "reservation": key})
    flags = Flag.PREPARE | Flag.WANT_LINES | Flag.HAS_QUANTITY
    row = {"kind": kind, "reservation": key, "line": 0, "quantity": 1_000, "source_key": 9, "flags": flags}
    vote = voter.send(row)
    done = "released" if kind == Kind.RELEASE else "fulfilled"
    assert vote.lines[done][0] == 1  # as it will be
    assert voter.counters == (10, 2)
    applied = voter.apply(key, 9, commit=True)
    assert applied.lines[done][0] == 1
    assert voter.counters == ((10, 1) if kind == Kind.RELEASE else (9, 1))
    voter.send({"kind": kind, "reservation": key})
    assert voter.shard.counts["deadlines"] == 0
    assert voter.counters == ((10, 0) if kind == Kind.RELEASE else (8, 0))


def test_an_extension_counts_from_when_it_is_carried_out(voter: Voter) -> None:
    key = voter.hold()
    voter.send({"kind": Kind.EXTEND, "reservation": key, "ttl_s": 60, "source_key": 8, "flags": Flag.PREPARE})
    voter.apply(key, 8, commit=True)
    assert voter.shard.next_due_ms() == DUE_MS


@pytest.mark.parametrize(("commit", "after"), [(True, (7, 0)), (False, (10, 0))])
def test_a_prepared_sale_is_held_and_then_gone(voter: Voter, commit: bool, after: tuple[int, int]) -> None:
    sale = {"kind": Kind.SELL, "sku_key": APPLE, "warehouse": 0, "quantity": 3_000, "reservation": 4242}
    voter.send(sale | {"source_key": 9, "flags": Flag.PREPARE})
    assert voter.counters == (10, 3)
    applied = voter.apply(4242, 9, commit=commit)
    assert voter.counters == after
    visible = applied.movements[applied.movements["flags"] == 0]
    assert [int(kind) for kind in visible["kind"]] == ([Kind.SELL] if commit else [])


def test_what_cannot_be_done_is_refused_at_once_and_pins_nothing(voter: Voter) -> None:
    row = {"kind": Kind.RESERVE, "sku_key": APPLE, "ttl_s": TTL_S, "quantity": 11_000, "line": 0}
    refused = voter.send(row | {"flags": Flag.PREPARE, "source_key": 7})
    assert refused.results["outcome"][0] == Outcome.INSUFFICIENT_STOCK
    assert voter.counters == (10, 0)
    assert not len(voter.noted())


def test_the_first_decision_stands(voter: Voter) -> None:
    decide = {"kind": Kind.DECIDE, "reservation": 4242, "due_ms": DUE_MS}
    first = voter.send(decide | {"flags": Flag.COMMIT}, command_id="decision")
    assert first.results["state"][0] == ReservationState.HELD
    second = voter.send(decide | {"due_ms": 0}, command_id="decision")
    assert not second.changed
    assert seq_and_row(int(second.results["position"][0])) == (voter.shard.seq, 0)


@pytest.mark.parametrize("kind", [Kind.CONFIRM, Kind.EXTEND])
def test_a_prepared_step_moves_nothing_and_hides_what_it_says(voter: Voter, kind: Kind) -> None:
    key = voter.hold()
    vote = voter.send({"kind": kind, "reservation": key, "ttl_s": 60, "source_key": 8, "flags": Flag.PREPARE})
    assert [int(movement["flags"]) for movement in vote.movements] == [MovementFlag.HIDDEN]
    assert vote.results["quantity"][0] == 2
    expires_at_ms = voter.now_ms + 60_000 if kind == Kind.EXTEND else 0
    assert vote.results["expires_at_ms"][0] == expires_at_ms
    assert vote.movements["value"][0] == expires_at_ms
    assert vote.movements["state"][0] == ReservationState.HELD


def test_what_is_dropped_is_gone_for_the_rows_behind_it(voter: Voter) -> None:
    key = voter.hold(flags=Flag.PREPARE, source_key=7)
    decision = voter.send(
        {"kind": Kind.APPLY, "reservation": key, "source_key": 7},
        {"kind": Kind.CONFIRM, "reservation": key},
        {"kind": Kind.RELEASE, "reservation": key},
    )
    assert list(decision.results["outcome"]) == [Outcome.OK, *[Outcome.UNKNOWN_RESERVATION] * 2]
    assert voter.counters == (10, 0)


def test_an_operation_on_a_full_table_is_refused_and_pins_nothing(voter: Voter) -> None:
    prepared = [voter.hold(1, flags=Flag.PREPARE, source_key=n) for n in range(1, 5)]
    row = {"kind": Kind.RESERVE, "sku_key": APPLE, "ttl_s": TTL_S, "quantity": 1_000, "line": 0}
    more = voter.send(row | {"flags": Flag.PREPARE, "source_key": 9})
    assert more.results["outcome"][0] == Outcome.LIMIT_EXCEEDED
    assert voter.counters == (10, 4)
    key = voter.hold(1)
    for kind in (Kind.CONFIRM, Kind.EXTEND, Kind.RELEASE):
        step = {"kind": kind, "reservation": key, "ttl_s": 5, "source_key": 9, "flags": Flag.PREPARE}
        assert voter.send(step).results["outcome"][0] == Outcome.LIMIT_EXCEEDED
    assert voter.shard.next_due_ms() == voter.now_ms + TTL_S * 1000
    voter.apply(prepared[1], 2, commit=False)
    voter.hold(1, flags=Flag.PREPARE, source_key=9)
    assert len(voter.noted()) == 4


def test_part_of_a_hold_is_released_and_the_rest_keeps_its_deadline(voter: Voter) -> None:
    key = voter.hold()
    due_ms = voter.shard.next_due_ms()
    row = {"kind": Kind.RELEASE, "reservation": key, "line": 0, "quantity": 1_000, "source_key": 9}
    vote = voter.send(row | {"flags": Flag.PREPARE | Flag.HAS_QUANTITY})
    assert (int(vote.results["state"][0]), int(vote.results["expires_at_ms"][0])) == (ReservationState.HELD, due_ms)
    assert voter.shard.next_due_ms() == 0
    applied = voter.apply(key, 9, commit=True)
    assert int(applied.results["expires_at_ms"][0]) == voter.shard.next_due_ms() == due_ms


def test_a_settled_sale_that_leaves_its_cell_short_says_so_when_it_is_prepared_and_moves_when_carried_out(
    voter: Voter,
) -> None:
    sale = {"kind": Kind.SELL, "sku_key": APPLE, "warehouse": 0, "quantity": 8_000, "reservation": 4242}
    flags = Flag.PREPARE | Flag.SETTLED
    votes = voter.send(*(sale | {"source_key": 9, "flags": flags, "group": 1} for _ in range(2)))
    assert list(votes.results["outcome"]) == [Outcome.OK] * 2
    assert list(votes.results["flags"]) == [0, ResultFlag.SHORT]
    assert all(votes.movements["flags"] == MovementFlag.HIDDEN)
    applied = voter.apply(4242, 9, commit=True)
    assert [(int(m["kind"]), int(m["quantity"]), int(m["line"])) for m in applied.movements] == [
        (Kind.SELL, -8, 0),
        (Kind.SHORT, -6, 0),
        (Kind.SELL, -8, 1),
        (Kind.SHORT, -6, 1),
    ]
    assert voter.counters == (-6, 0)
    assert len(set(applied.movements["prepared_at"].tolist())) == 1
