"""Whoever asks of tables that are empty is told so; of such as are made anew, when they have caught up."""

import threading

import orjson
import pytest

from analytics.alerts.lookout import Lookout
from analytics.answering import Answering
from analytics.following import Following
from analytics.questions import MEDIA, ReportAsked
from analytics.reports import REPORTS
from analytics.store import Store
from tests.analytics.tables import Records
from tests.builders import receive
from tests.world import World

BOUND_S = 30.0


class Behind(Following):
    """Says when somebody has looked whether it has caught up."""

    looked = threading.Event()

    @property
    def caught_up(self) -> bool:
        self.looked.set()
        return self._caught_up

    @caught_up.setter
    def caught_up(self, value: bool) -> None:
        self._caught_up = value


def test_a_report_waits_for_tables_that_are_made_anew() -> None:
    world = World.furnished()
    world.send(receive("A-1", "north", 7))
    store = Store(None, era=0, shards=1)
    following = Behind(store, [Records(world.records)], rows_max=1)
    answering = Answering(following, Lookout(following))
    answer: list[bytes] = []
    asking = threading.Thread(target=lambda: answer.extend(answering.answer(ReportAsked("stock_as_of", {}))))
    asking.start()
    assert following.looked.wait(BOUND_S)
    while following.advance():
        answering.moved(0.0)
    asking.join(BOUND_S)
    store.close()
    assert orjson.loads(b"{" + b"".join(answer[1:]))["rows"] == [["A-1", "north", 7, 0, 0, 7]]


def test_tables_that_have_been_behind_for_long_answer_at_once_from_what_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A shop that sells faster than its tables follow: nobody can wait for them again and again."""
    monkeypatch.setattr("analytics.answering.WAIT_S_MAX", 0.0)
    world = World.furnished()
    world.send(receive("A-1", "north", 7))
    store = Store(None, era=0, shards=1)
    following = Following(store, [Records(world.records)], rows_max=1)
    following.advance()
    assert not following.caught_up
    head, *body = Answering(following, Lookout(following)).answer(ReportAsked("stock_as_of", {}))
    store.close()
    assert b'"problem":null' in head
    assert orjson.loads(b"{" + b"".join(body))["rows"] == []


@pytest.mark.parametrize("world", [World(), World.furnished()], ids=["nothing", "names"])
def test_every_report_of_a_shop_in_which_nothing_has_happened_is_empty(world: World) -> None:
    store = Store(None, era=0, shards=1)
    following = Following(store, [Records(world.records)])
    answering = Answering(following, Lookout(following))
    following.advance()
    for name in REPORTS:
        for format_ in MEDIA:
            head, *body = answering.answer(ReportAsked(name, {"from": "2026-06-01", "to": "2026-06-02"}, format_))
            assert b'"problem":null' in head, (name, head)
            if format_ == "json":
                assert orjson.loads(b"{" + b"".join(body))["rows"] == [], name
    store.close()
