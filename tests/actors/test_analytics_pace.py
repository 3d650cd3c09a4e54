"""How often the tables are moved on: at once, gathered, or with rests for those who serve."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.analytics_actor import GATHER_MUCH_S, GATHER_S, PAUSE_S, AnalyticsActor, AnalyticsFile
from actors.machine import Queueing
from analytics.following import Following
from tests.actors.histories import history, journaled
from tests.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return history(200, seed=3)


@pytest.fixture
def file(tmp_path: Path, world: World) -> Iterator[AnalyticsFile]:
    file = AnalyticsFile.of(journaled(tmp_path / "data", world.records), None)
    yield file
    file.close()


@pytest.fixture
def actor(tmp_path: Path, file: AnalyticsFile, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnalyticsActor]:
    monkeypatch.setattr("actors.analytics_actor.processors", lambda: 2)
    actor = AnalyticsActor(file, tmp_path / "a.socket")
    yield actor
    actor.stop()
    actor.run()  # lets go of the socket


def in_pieces(following: Following) -> None:
    following._rows_max = 20


def test_while_processors_are_free_it_goes_on_at_once(
    actor: AnalyticsActor, file: AnalyticsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queueing, "share", lambda _: 0.0)
    in_pieces(file.following)
    assert actor._turn(time.monotonic()) == 0.0
    assert file.following.left_some


def test_where_others_want_them_it_rests_as_long_as_it_took(
    actor: AnalyticsActor, file: AnalyticsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it read is in the tables before it rests."""
    monkeypatch.setattr(Queueing, "share", lambda _: 1.0)
    in_pieces(file.following)
    began = time.monotonic()
    pause_s = actor._turn(began)
    assert 0.0 < pause_s <= time.monotonic() - began
    assert file.following.positions[0].seq > 0


def test_what_is_little_is_gathered_and_what_is_much_for_a_shorter_time(
    actor: AnalyticsActor, file: AnalyticsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queueing, "share", lambda _: 0.0)
    at_some_time = time.monotonic() + 3600.0  # no time at all was taken
    assert actor._turn(at_some_time) >= GATHER_S
    assert actor._turn(at_some_time) == PAUSE_S
    monkeypatch.setattr("actors.analytics_actor.MUCH_ROWS", 0)
    assert actor._gather_s() == GATHER_MUCH_S
