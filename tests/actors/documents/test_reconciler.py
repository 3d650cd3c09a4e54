"""When what stayed pending is tried again."""

import pytest

from actors.documents.reconciler import WAIT_FIRST_S, WAIT_MAX_S, Reconciler


def test_first_try_is_at_once() -> None:
    assert Reconciler(100.0).wait_s(100.0) == 0


def test_nothing_left_is_nothing_to_do() -> None:
    reconciler = Reconciler(0.0)
    reconciler.tried(0.0, finished=True)
    assert reconciler.wait_s(1e9) is None


def test_waits_grow_to_their_limit_and_begin_anew_after_success() -> None:
    reconciler = Reconciler(0.0)
    now_s, waits = 0.0, []
    for _ in range(10):
        reconciler.tried(now_s, finished=False)
        wait_s = reconciler.wait_s(now_s)
        assert wait_s is not None
        waits.append(wait_s)
        now_s += wait_s
    assert waits[0] == WAIT_FIRST_S
    assert waits == sorted(waits)
    assert waits[-1] == WAIT_MAX_S
    reconciler.tried(now_s, finished=True)
    reconciler.left_behind(now_s)
    assert reconciler.wait_s(now_s) == pytest.approx(WAIT_FIRST_S)


def test_more_left_behind_does_not_put_the_next_try_off() -> None:
    reconciler = Reconciler(0.0)
    reconciler.tried(0.0, finished=False)
    reconciler.left_behind(WAIT_FIRST_S / 2)
    assert reconciler.wait_s(WAIT_FIRST_S) == 0
