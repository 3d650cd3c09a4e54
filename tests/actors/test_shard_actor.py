import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from actors.journal import JournalFull
from actors.memory_journal import MemoryStore
from actors.settings import Settings
from actors.shard_actor import ShardActor, ShardConfig, ShardDied
from actors.transport import ShardStatus
from engine.ids import finish_rows
from engine.kinds import Kind, QuestionKind, ReservationState, ResultFlag
from engine.layout import Limits
from engine.outcomes import Outcome
from engine.record import Record, RecordKind
from engine.wire import Array, Batch, Bytes, Reply, ShardState, WireError
from tests.actors.histories import before_alerts
from tests.actors.shop import SECRET, Spec, ask, definitions, encode, receive, reserve, settle, together

LIMITS = Limits(skus_max=1 << 10, cells_max=1 << 10, ids_max=1 << 16, reservations_max=1 << 12, lines_max=1 << 14)
START_NS = 1_760_000_000_000_000_000
S = 1_000_000_000


class House:
    """A store, a clock that the test turns, and the shard actor that lives there now."""

    def __init__(self, tmp_path: Path, **settings: Any) -> None:
        self.store = MemoryStore()
        self.passed_ns = 0
        self.deaths: list[str] = []
        self.config = ShardConfig(
            shard=0,
            limits=LIMITS,
            settings=Settings(**settings),
            known_seq_path=str(tmp_path / "known"),
            note_path=str(tmp_path / "note"),
        )
        self.actor = self.restarted()
        self.send(definitions(["A", "B"]))

    def restarted(self) -> ShardActor:
        self.actor = ShardActor(
            self.config,
            self.store.journal,
            lambda journal: self.store.recover(LIMITS),
            die=self.die,
            readings=lambda: (self.passed_ns, START_NS + self.passed_ns),
            background=False,
        )
        self.actor.try_open()
        return self.actor

    def die(self, reason: str) -> NoReturn:
        self.deaths.append(reason)
        raise ShardDied(reason)

    def send(self, *specs: Spec | list[Spec], questions: Array | None = None, **more: Any) -> Reply:
        return self.submit(*finished(*specs), questions=questions, **more)

    def submit(self, rows: Array, heap: Bytes, *, questions: Array | None = None, **more: Any) -> Reply:
        batch = Batch(rows, heap, **more) if questions is None else Batch(rows, heap, questions, **more)
        return Reply.from_bytes(self.actor.submit(batch.to_bytes()))

    def ask(self, question: Array) -> Reply:
        return self.send(questions=question)

    def pass_s(self, seconds: float) -> None:
        self.passed_ns += int(seconds * S)

    def status(self) -> ShardStatus:
        return ShardStatus.from_bytes(self.actor.probe())


def finished(*specs: Spec | list[Spec]) -> tuple[Array, Bytes]:
    rows, heap = encode(*specs)
    finish_rows(rows, heap, SECRET)
    return rows, heap


def outcomes(reply: Reply) -> list[Outcome]:
    return [Outcome(number) for number in reply.results["outcome"].tolist()]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.actor.stop()


def test_what_is_answered_is_in_the_journal(house: House) -> None:
    reply = house.send(receive("A", 10), reserve("A", 3), reserve("A", 8))
    assert outcomes(reply) == [Outcome.OK, Outcome.OK, Outcome.INSUFFICIENT_STOCK]
    record = house.store.records[-1]
    assert (reply.seq, record.seq, record.kind, record.epoch) == (3, 3, RecordKind.BATCH, reply.epoch)
    assert record.results.tobytes() == reply.results.tobytes()
    assert bytes(record.heap).startswith(b"c-")


def test_nothing_to_decide_writes_nothing(house: House) -> None:
    before = len(house.store.records)
    house.ask(ask(QuestionKind.STOCK, sku="A"))
    house.actor.tick()
    assert len(house.store.records) == before


def test_a_row_that_comes_again_gets_the_very_same_answer(house: House) -> None:
    sent = finished(
        receive("A", 10), together(reserve("A", 3), reserve("B", 0)), together(reserve("A", 1), receive("B", 1))
    )
    first = house.submit(*sent)
    second = house.submit(*sent)
    assert (second.results["flags"] & ResultFlag.REPLAYED).all()
    for name in ("outcome", "quantity", "available", "reservation", "expires_at_ms", "requested", "state", "lines_n"):
        assert second.results[name].tolist() == first.results[name].tolist(), name
    assert lines_of(second) == lines_of(first)
    assert len(house.store.records) == 3, "definitions and the first time"


def lines_of(reply: Reply) -> list[Any]:
    return [reply.lines[r["lines_at"] : r["lines_at"] + r["lines_n"]].tolist() for r in reply.results]


def test_the_same_answer_after_a_crash_and_beside_new_rows(house: House) -> None:
    sent = finished(receive("A", 10), reserve("A", 3))
    first = house.submit(*sent)
    house.restarted()
    rows, heap = encode(reserve("A", 1))
    finish_rows(rows, heap, SECRET)
    both = np.concatenate([rows, sent[0]])
    both["text_at"][1:] += np.uint32(len(heap))
    again = house.submit(both, np.concatenate([heap, sent[1]]))
    assert again.epoch == first.epoch + 1
    assert lines_of(again)[1:] == lines_of(first)
    assert lines_of(again)[0] != lines_of(first)[1]
    assert again.results["quantity"].tolist() == [1, 10, 3]


def test_the_same_id_twice_in_one_batch_is_decided_once(house: House) -> None:
    row = receive("A", 5, id="same")
    reply = house.send(row, row)
    assert outcomes(reply) == [Outcome.OK, Outcome.OK]
    assert reply.results["quantity"].tolist() == [5, 5]
    assert reply.results["flags"].tolist()[1] & ResultFlag.REPLAYED
    assert int(house.ask(ask(QuestionKind.STOCK, sku="A")).answers["on_hand"][0]) == 5


def test_questions_are_answered_after_the_rows_of_their_batch(house: House) -> None:
    reply = house.send(receive("A", 4), questions=ask(QuestionKind.STOCK, sku="A"))
    assert int(reply.answers["on_hand"][0]) == 4
    assert int(reply.cells["on_hand"][0]) == 4


def test_a_command_can_be_looked_up_with_rows_results_lines_and_texts(house: House) -> None:
    house.send(receive("A", 10))
    basket = together(reserve("A", 2, reference="order-7", customer="ann"), reserve("A", 1, 1))
    sent, _ = finished(basket)
    first = house.send(basket)
    hi, lo = int(sent["id_hi"][0]), int(sent["id_lo"][0])
    reply = house.ask(ask(QuestionKind.COMMAND, key=hi, key_lo=lo))
    answer = reply.answers[0]
    assert (int(answer["items_at"]), int(answer["items_n"])) == (0, 2)
    assert reply.command_results["outcome"].tolist() == first.results["outcome"].tolist()
    assert bytes(reply.heap).count(b"order-7") == 1
    assert reply.commands["quantity"].tolist() == [2_000, 1_000]
    unknown = house.ask(ask(QuestionKind.COMMAND, key=1, key_lo=2))
    assert Outcome(int(unknown.answers["outcome"][0])) != Outcome.OK


def test_a_reservation_is_read_with_the_texts_of_the_command_that_made_it(house: House) -> None:
    house.send(receive("A", 10))
    (made,) = house.send(reserve("A", 2, reference="order-7", customer="ann")).results
    reply = house.ask(ask(QuestionKind.RESERVATION, key=int(made["reservation"])))
    assert len(reply.reservations) == len(reply.reservation_commands) == 1
    row = reply.reservation_commands[0]
    lengths = row["text_lengths"].tolist()
    texts = bytes(reply.heap)[int(row["text_at"]) :]
    assert texts[lengths[0] : lengths[0] + lengths[1]] == b"order-7"
    assert reply.reservation_lines["quantity"].tolist() == [2]


def test_a_hold_expires_by_itself_when_nobody_asks(house: House) -> None:
    house.send(receive("A", 3))
    (made,) = house.send(reserve("A", 3, ttl_s=10)).results
    assert house.status().due_ms == int(made["expires_at_ms"])
    house.pass_s(9)
    house.actor.tick()
    assert house.store.records[-1].seq == 4
    house.pass_s(1)
    house.actor.tick()
    (expired,) = house.store.records[-1].movements
    assert (int(expired["kind"]), int(expired["reserved_delta"])) == (Kind.EXPIRE, -3)
    assert house.status().due_ms == 0


def test_a_hold_whose_deadline_fell_into_the_downtime_is_given_that_time_back(house: House) -> None:
    house.send(receive("A", 3))
    (made,) = house.send(reserve("A", 3, ttl_s=60)).results
    house.pass_s(120)
    house.restarted()
    opened = house.store.records[-1]
    assert (opened.kind, opened.downtime_ms) == (RecordKind.OPEN, 120_000)
    reply = house.ask(ask(QuestionKind.RESERVATION, key=int(made["reservation"])))
    assert int(reply.reservations["state"][0]) == ReservationState.HELD
    assert int(reply.reservations["expires_at_ms"][0]) == int(made["expires_at_ms"]) + 120_000
    assert outcomes(house.send(settle(Kind.CONFIRM, made))) == [Outcome.OK]


def test_the_downtime_that_is_given_back_is_capped(tmp_path: Path) -> None:
    house = House(tmp_path, downtime_max_ms=5_000)
    house.pass_s(3_600)
    house.restarted()
    assert house.store.records[-1].downtime_ms == 5_000


def test_time_never_goes_back_over_a_restart(house: House) -> None:
    house.pass_s(100)
    house.send(receive("A", 1))
    house.pass_s(-90)
    house.restarted()
    reply = house.send(receive("A", 1))
    assert outcomes(reply) == [Outcome.OK]
    times = [record.now_ms for record in house.store.records]
    assert times == sorted(times)
    assert house.status().clock_alarm


def test_without_room_rows_are_not_run_and_reads_go_on_until_there_is_room(house: House) -> None:
    house.store.full = True
    last = house.send(receive("A", 5))
    assert outcomes(last) == [Outcome.OK], "its room was allocated before"
    reply = house.send(receive("A", 1), questions=ask(QuestionKind.STOCK, sku="A"))
    assert reply.state == ShardState.READ_ONLY
    assert outcomes(reply) == [Outcome.UNAVAILABLE]
    assert int(reply.answers["on_hand"][0]) == 5
    assert house.status().state == ShardState.READ_ONLY
    house.actor.tick()
    assert house.status().state == ShardState.READ_ONLY
    house.store.full = False
    house.actor.tick()
    assert house.status().state == ShardState.READY
    assert outcomes(house.send(receive("A", 1))) == [Outcome.OK]


def test_a_shard_that_opens_on_a_full_disk_decides_nothing_before_it_has_looked(house: House) -> None:
    """Or its first batch might not fit into what was kept for opening, and end it: then there are no reads either."""
    house.store.full = True
    house.restarted()
    assert house.status().state == ShardState.READ_ONLY
    assert outcomes(house.send(receive("A", 1))) == [Outcome.UNAVAILABLE]
    assert house.deaths == []
    house.store.full = False
    house.actor.tick()
    assert outcomes(house.send(receive("A", 1))) == [Outcome.OK]


def test_due_holds_wait_while_there_is_no_room(house: House) -> None:
    house.store.full = True
    house.send(receive("A", 3), reserve("A", 3, ttl_s=10))
    house.pass_s(20)
    house.actor.tick()
    assert house.status().state == ShardState.READ_ONLY
    assert len(house.store.records) == 3
    house.actor.tick()
    assert house.status().state == ShardState.READ_ONLY
    house.store.full = False
    house.actor.tick()
    assert house.store.records[-1].movements["kind"].tolist() == [Kind.EXPIRE]


def test_a_shard_from_before_alerts_looks_through_its_cells_though_nobody_asks_anything(house: House) -> None:
    house.actor.stop()
    house.store = MemoryStore()
    house.store.records = before_alerts().records
    house.restarted()
    assert house.status().state == ShardState.READY
    house.actor.tick()
    assert house.store.records[-1].movements["kind"].tolist() == [Kind.ALERT_RAISED]
    count = len(house.store.records)
    house.actor.tick()
    house.restarted().tick()
    assert [record.kind for record in house.store.records[count:]] == [RecordKind.OPEN]


def test_an_append_that_fails_ends_the_shard_and_nothing_is_answered(house: House) -> None:
    house.send(receive("A", 5))
    house.store.broken = "fsync: input/output error"
    with pytest.raises(ShardDied):
        house.send(reserve("A", 5))
    assert "input/output error" in house.deaths[0]
    assert house.status().state == ShardState.AWAY
    house.store.broken = ""
    house.restarted()
    assert outcomes(house.send(reserve("A", 5))) == [Outcome.OK], "what was not durable never happened"


def test_an_append_that_was_durable_though_it_failed_is_answered_from_the_journal(house: House) -> None:
    house.send(receive("A", 5))
    sent = finished(reserve("A", 5))

    def fail_late(record: Record) -> None:
        raise OSError("the power of fsync")

    house.store.after_append = fail_late
    with pytest.raises(ShardDied):
        house.submit(*sent)
    house.store.after_append = lambda record: None
    house.restarted()
    reply = house.submit(*sent)
    assert outcomes(reply) == [Outcome.OK]
    assert reply.results["flags"][0] & ResultFlag.REPLAYED


def test_room_that_vanishes_between_the_question_and_the_append_ends_the_shard(house: House) -> None:
    def refuse(record: Record) -> None:
        raise JournalFull(0)

    house.store.before_append = refuse
    with pytest.raises(ShardDied):
        house.send(receive("A", 5))


def test_a_replaced_shard_ends_when_it_hears_of_its_successor(house: House) -> None:
    with pytest.raises(ShardDied):
        house.send(receive("A", 1), epoch_seen=house.status().epoch + 1)


def test_a_replaced_shard_answers_no_reads_when_its_lease_is_old(house: House) -> None:
    question = ask(QuestionKind.STOCK, sku="A")
    old = house.actor
    house.pass_s(1)
    house.restarted()
    house.actor = old
    assert house.ask(question).epoch == 1, "within the lease nobody can tell; clients drop the lower epoch"
    house.pass_s(3)
    with pytest.raises(ShardDied):
        house.ask(question)


def test_a_replaced_shard_finds_out_by_itself(house: House) -> None:
    old = house.actor
    house.restarted()
    house.pass_s(3)
    with pytest.raises(ShardDied):
        old.tick()


def test_the_constructor_raises_nothing_and_opening_is_tried_again(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.actor.stop()
    house.store.broken = "the server is down"
    actor = house.restarted()
    assert (house.status().state, "the server is down" in house.status().reason) == (ShardState.STARTING, True)
    reply = house.send(receive("A", 1))
    assert (reply.state, len(reply.results)) == (ShardState.STARTING, 0)
    house.store.broken = ""
    assert actor.try_open()
    assert outcomes(house.send(receive("A", 1))) == [Outcome.OK]


def test_a_journal_that_ends_below_what_was_acknowledged_is_not_opened(tmp_path: Path) -> None:
    house = House(tmp_path)
    Path(house.config.known_seq_path).write_text("99\n")
    house.restarted()
    assert house.status().state == ShardState.STARTING
    assert "99" in house.status().reason


def test_a_clean_stop_seals_the_journal_and_answers_away(house: House) -> None:
    house.actor.stop()
    assert house.store.records[-1].kind == RecordKind.SEAL
    assert house.send(receive("A", 1)).state == ShardState.AWAY
    house.restarted()
    assert outcomes(house.send(receive("A", 1))) == [Outcome.OK]


def test_the_successor_knows_which_batch_its_predecessor_died_on(house: House) -> None:
    house.send(receive("A", 1), call=41)
    house.restarted()
    assert house.status().died_deciding == [], "that batch was durable"
    house.store.before_append = lambda record: (_ for _ in ()).throw(RuntimeError("as if killed"))
    with pytest.raises(ShardDied):
        house.send(receive("A", 1), call=42)
    house.store.before_append = lambda record: None
    house.restarted()
    assert house.status().died_deciding == [42]
    house.restarted()
    assert house.status().died_deciding == []


def test_a_message_of_another_version_is_refused_and_the_shard_lives(house: House) -> None:
    with pytest.raises(WireError):
        house.actor.submit(b"hello")
    assert outcomes(house.send(receive("A", 1))) == [Outcome.OK]


def test_the_probe_counts_what_was_done(house: House) -> None:
    house.send(receive("A", 1), reserve("A", 5))
    metrics = house.status().metrics
    assert metrics["rows"] == 8
    assert metrics["outcomes"][Outcome.INSUFFICIENT_STOCK] == 1
    assert sum(metrics["append_s"]["counts"]) == 2


def test_a_batch_is_decided_while_the_one_before_is_written_and_answered_after_it(house: House) -> None:
    first_writes, second_decided, go_on = threading.Event(), threading.Event(), threading.Event()
    order: list[str] = []

    def hold_first(record: Record) -> None:
        if record.seq == 3:
            first_writes.set()
            go_on.wait(10)
        order.append(f"durable {record.seq}")

    house.store.before_append = hold_first

    def send(name: str, spec: Spec) -> None:
        reply = house.send(spec, questions=ask(QuestionKind.STOCK, sku="A"))
        order.append(f"{name} answered {int(reply.answers['on_hand'][0])} at {reply.seq}")

    first = threading.Thread(target=send, args=("first", receive("A", 1)))
    first.start()
    assert first_writes.wait(10)
    second = threading.Thread(target=send, args=("second", receive("A", 2)))
    second.start()
    while house.status().metrics["batches"] < 3:
        second_decided.wait(0.001)
    assert order == []
    go_on.set()
    first.join()
    second.join()
    assert order.index("durable 3") < order.index("durable 4")
    assert "second answered 3 at 4" in order
    assert order.index("durable 4") < order.index("second answered 3 at 4")


def test_when_a_write_fails_what_was_decided_on_it_is_not_answered(house: House) -> None:
    first_writes, go_on = threading.Event(), threading.Event()

    def fail_first(record: Record) -> None:
        first_writes.set()
        go_on.wait(10)
        raise OSError("no such device")

    house.store.before_append = fail_first
    ended: list[BaseException] = []
    answered: list[int] = []

    def send(spec: Spec) -> None:
        try:
            answered.extend(house.send(spec).results["outcome"].tolist())
        except ShardDied as died:
            ended.append(died)

    threads = [threading.Thread(target=send, args=(receive("A", n),)) for n in (1, 2)]
    threads[0].start()
    assert first_writes.wait(10)
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join()
    # The second one either was decided on the first, and died with it, or came when the shard had ended.
    assert ended
    assert Outcome.OK not in answered
    assert len(house.store.records) == 2
