"""Channels are looked at whether anybody asks or not: what is odd is said once, and kept for those who ask."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

import orjson
import pytest

from analytics.alerts import lookout
from analytics.alerts.listing import alerts
from analytics.alerts.lookout import Lookout
from analytics.alerts.words import moment_text
from analytics.answering import Answering
from analytics.following import Following
from analytics.questions import AlertsAsked, StatusAsked, decode_status
from api.metrics import exposition
from tests.analytics.tables import Records
from tests.analytics.test_watching import NOW, Shop
from tests.world import World


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    made = Shop()
    yield made
    made.store.close()


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def looking(shop: Shop) -> Lookout:
    """With tables that have caught up with an empty journal."""
    following = Following(shop.store, [Records([])])
    following.advance()
    return Lookout(following)


def test_a_channel_that_goes_dead_is_said_once_in_the_log_and_stays_in_the_metrics_until_it_sells(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = looking(shop)
    with caplog.at_level(logging.WARNING, logger="omnistock.alerts"):
        watcher.look(ms(NOW))
        assert watcher.odd() == []
        watcher.look(ms(NOW + timedelta(minutes=40)))
        watcher.look(ms(NOW + timedelta(minutes=41)))
    assert watcher.odd() == [("web", "channel_silent")]
    assert [record.getMessage().split(":")[:2] for record in caplog.records] == [["channel web", " channel_silent"]]
    following = Following(shop.store, [Records([])])
    _head, body = Answering(following, watcher).answer(StatusAsked())
    text = exposition([], [], decode_status(body)).decode()
    assert 'omnistock_channel_alerts{channel="web",kind="channel_silent"} 1.0' in text
    assert "omnistock_channel_look_age_seconds" in text
    watcher.look(ms(NOW))
    assert watcher.odd() == []


def test_tables_that_have_not_caught_up_are_no_silence(shop: Shop) -> None:
    following = Following(shop.store, [Records(World.furnished().records)])
    watcher = Lookout(following)
    watcher.look(ms(NOW + timedelta(minutes=40)))
    assert watcher.looked_s() is None
    assert watcher.odd() == []


def test_who_asks_is_shown_what_was_found_last_if_looking_is_dear(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    then = NOW + timedelta(minutes=40)
    watcher = looking(shop)
    assert watcher.lately() is None
    monkeypatch.setattr(lookout, "CHEAP_S", 1e9)
    watcher.look(ms(then))
    assert watcher.lately() is None
    monkeypatch.setattr(lookout, "CHEAP_S", 0.0)
    seen = watcher.lately()
    asked = AlertsAsked(now_ms=ms(then), now=moment_text(ms(then)), limit=10)
    cursor = shop.store.cursor()
    judged, shown = (orjson.loads(alerts(cursor, asked, 0, each)) for each in (None, seen))
    again = orjson.loads(alerts(cursor, asked, 0, seen))
    cursor.close()
    assert shown == judged == again
    assert [item["kind"] for item in shown["items"]] == ["channel_silent"]


def test_a_thread_that_looks_ends_at_once_when_it_is_told_to(shop: Shop) -> None:
    watcher = looking(shop)
    watcher.start()
    watcher.stop()
    assert watcher.odd() == []
