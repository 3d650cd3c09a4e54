"""The watchdog's decisions, without a process: time is a number."""

from actors.process_group import Process
from actors.settings import Settings
from actors.transport import ShardStatus
from actors.watchdog import Kill, Watchdog
from engine.wire import ShardState

SETTINGS = Settings(probe_period_ms=500, probe_silence_max_ms=3_000, busy_max_ms=30_000, starting_max_ms=60_000)


def report(shard: int, *, seq: int = 1, pid: int = 7, busy_ms: int = 0) -> ShardStatus:
    return ShardStatus(shard=shard, state=ShardState.READY, epoch=1, seq=seq, pid=pid, started=70, busy_ms=busy_ms)


def watched(shards: int = 1) -> Watchdog:
    return Watchdog(shards, 0, SETTINGS)


def test_every_shard_is_probed_at_once_and_one_probe_at_a_time() -> None:
    watchdog = watched(3)
    assert watchdog.due(0) == [0, 1, 2]
    assert watchdog.due(10_000) == []
    watchdog.answered(report(1), 100)
    assert watchdog.due(599) == []
    assert watchdog.due(600) == [1]


def test_a_silent_process_is_killed_by_its_identity() -> None:
    watchdog = watched()
    watchdog.due(0)
    watchdog.answered(report(0), 0)
    watchdog.due(500)
    assert watchdog.overdue(3_000) == []
    assert watchdog.overdue(3_001) == [Kill(0, Process(7, 70), "it has not answered for 3001 ms")]


def test_a_killed_process_is_not_killed_again_while_the_next_one_starts() -> None:
    watchdog = watched()
    watchdog.due(0)
    watchdog.answered(report(0), 0)
    watchdog.due(500)
    assert len(watchdog.overdue(4_000)) == 1
    watchdog.failed(0, 4_100)
    assert watchdog.due(4_600) == [0]
    assert watchdog.overdue(60_000) == []
    watchdog.answered(report(0, pid=8), 60_500)
    watchdog.due(61_000)
    assert watchdog.overdue(64_000) == [Kill(0, Process(8, 70), "it has not answered for 3500 ms")]


def test_a_process_that_holds_the_lock_must_answer_although_it_never_has() -> None:
    watchdog = watched()
    watchdog.due(0)
    assert watchdog.unknown() == [0]
    watchdog.owned(0, Process(9, 90), 10_000)
    assert watchdog.unknown() == []
    assert watchdog.overdue(13_000) == []
    assert watchdog.overdue(13_001) == [Kill(0, Process(9, 90), "it has not answered for 3001 ms")]


def test_a_process_that_nobody_ever_heard_of_is_nobody_to_kill() -> None:
    watchdog = watched()
    watchdog.due(0)
    assert watchdog.overdue(60_000) == []
    assert watchdog.overdue(60_001) == [Kill(0, None, "it has not answered for 60001 ms")]


def test_failing_probes_do_not_prolong_the_time_for_starting() -> None:
    watchdog = watched()
    for now_ms in range(0, 60_001, 500):
        assert watchdog.due(now_ms) == [0]
        watchdog.failed(0, now_ms)
    assert len(watchdog.overdue(60_500)) == 1


def test_a_batch_that_never_ends_is_ended() -> None:
    watchdog = watched()
    watchdog.due(0)
    assert watchdog.answered(report(0, busy_ms=30_000), 0) == []
    watchdog.due(500)
    (kill,) = watchdog.answered(report(0, busy_ms=30_500), 500)
    assert kill.process == Process(7, 70)


def test_the_highest_seq_ever_seen_outlives_the_process() -> None:
    watchdog = watched(2)
    watchdog.due(0)
    watchdog.answered(report(1, seq=41), 0)
    watchdog.due(500)
    watchdog.failed(1, 600)
    watchdog.due(1_100)
    watchdog.answered(report(1, seq=40, pid=8), 1_200)
    assert watchdog.seqs() == [0, 41]


def test_a_shard_that_is_away_has_no_report() -> None:
    watchdog = watched(2)
    watchdog.due(0)
    watchdog.answered(report(0), 0)
    assert [found is not None for found in watchdog.reports()] == [True, False]
    watchdog.due(500)
    watchdog.failed(0, 600)
    assert list(watchdog.reports()) == [None, None]
