from actors.clock import ShardClock, system_readings
from actors.settings import CLOCK_ALARM_MS

S = 1_000_000_000
WALL = 1_700_000_000 * S


def test_it_starts_at_the_later_of_journal_and_wall() -> None:
    assert ShardClock(0, 5 * S, WALL).now_ms(5 * S, WALL) == WALL // 1_000_000
    ahead = WALL // 1_000_000 + 60_000
    clock = ShardClock(ahead, 5 * S, WALL)
    assert clock.now_ms(5 * S, WALL) == ahead
    assert clock.alarm


def test_it_advances_with_the_monotonic_clock() -> None:
    clock = ShardClock(0, 0, WALL)
    assert clock.now_ms(3 * S, WALL + 3 * S) == WALL // 1_000_000 + 3_000
    assert not clock.alarm


def test_a_wall_clock_that_jumps_forward_expires_nothing_and_raises_an_alarm() -> None:
    clock = ShardClock(0, 0, WALL)
    hour = 3_600 * S
    now = clock.now_ms(10 * S, WALL + 10 * S + hour)
    assert now - WALL // 1_000_000 == 10_050, "half a per cent faster, no more"
    assert clock.alarm
    assert clock.ahead_ms < -CLOCK_ALARM_MS


def test_a_wall_clock_that_jumps_back_never_turns_time_back() -> None:
    clock = ShardClock(0, 0, WALL)
    before = clock.now_ms(10 * S, WALL + 10 * S)
    after = clock.now_ms(11 * S, WALL - 3_600 * S)
    assert after - before == 995
    assert clock.now_ms(11 * S, WALL - 7_200 * S) == after


def test_a_small_difference_is_slewed_away_and_then_it_keeps_step() -> None:
    clock = ShardClock(WALL // 1_000_000 + 1_000, 0, WALL)
    times = [clock.now_ms(s * S, WALL + s * S) for s in range(400)]
    assert times == sorted(times)
    assert clock.ahead_ms == 0
    assert times[-1] == WALL // 1_000_000 + 399_000


def test_a_monotonic_clock_that_steps_back_is_ignored() -> None:
    clock = ShardClock(0, 10 * S, WALL)
    now = clock.now_ms(12 * S, WALL + 2 * S)
    assert clock.now_ms(11 * S, WALL + 2 * S) == now


def test_the_machine_has_both_clocks() -> None:
    mono, wall = system_readings()
    assert mono > 0
    assert wall > WALL
