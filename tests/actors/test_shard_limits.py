"""What shards are built with, and how the environment changes it."""

import pytest

from actors.shard_limits import ID_WINDOW_VARIABLE, IDS_MAX_VARIABLE, shard_limits
from engine.layout import Limits


def test_without_a_word_shards_are_as_the_engine_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ID_WINDOW_VARIABLE, IDS_MAX_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    assert shard_limits() == Limits()


def test_the_environment_may_have_ids_forgotten_sooner_and_room_for_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ID_WINDOW_VARIABLE, "90")
    monkeypatch.setenv(IDS_MAX_VARIABLE, "1000000")
    assert (shard_limits().id_window_ms, shard_limits().ids_max) == (90_000, 1_000_000)


def test_a_batch_always_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IDS_MAX_VARIABLE, "1")
    assert shard_limits().ids_max == Limits().batch_rows_max
