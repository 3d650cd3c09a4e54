"""The supervisor's decisions, without a process: what is started, killed and given up, and when."""

from actors.serve_settings import GIVE_UP
from actors.supervision import (
    Effect,
    Finish,
    KillChild,
    KillStack,
    Phase,
    Start,
    StopListening,
    Supervision,
    SupervisionLimits,
    Terminate,
)

LIMITS = SupervisionLimits(
    retry_ms_min=200, retry_ms_max=5_000, settled_ms=30_000, first_starts_max=3, silent_ms_max=10_000,
    silent_at_start_ms_max=120_000, drain_ms_max=15_000, close_ms_max=20_000,
)  # fmt: skip


def running(workers: int = 2) -> Supervision:
    """A stack with Ray that has answered once, at time 0."""
    supervision = Supervision(workers, ray=True, limits=LIMITS)
    supervision.begin(0)
    supervision.ready(0)
    return supervision


def test_keeper_and_workers_start_together_and_those_beside_when_all_is_ready() -> None:
    supervision = Supervision(2, ray=True, limits=LIMITS)
    assert supervision.begin(0) == [Start("keeper"), Start("worker-0"), Start("worker-1")]
    assert supervision.ready(6_000) == [Start("standby"), Start("analytics")]
    assert supervision.tick(6_500) == []


def test_local_transport_is_one_worker_without_keeper() -> None:
    supervision = Supervision(1, ray=False, limits=LIMITS)
    assert supervision.begin(0) == [Start("worker-0")]
    assert supervision.ready(900) == [Start("standby"), Start("analytics")]


def test_a_dead_worker_is_started_again_alone() -> None:
    supervision = running()
    assert supervision.exited("worker-1", -9, 1_000) == []
    assert supervision.tick(1_199) == []
    assert supervision.tick(1_200) == [Start("worker-1")]
    assert supervision.phase is Phase.RUNNING


def test_pauses_double_up_to_a_limit_and_begin_anew_for_a_child_that_lived() -> None:
    supervision = running()
    now_ms, pauses = 0, []
    for _ in range(7):
        supervision.exited("standby", 1, now_ms)
        died_ms = now_ms
        while supervision.tick(now_ms) != [Start("standby")]:
            now_ms += 100
        pauses.append(now_ms - died_ms)
    assert pauses == [200, 400, 800, 1_600, 3_200, 5_000, 5_000]
    supervision.exited("standby", 1, now_ms + 30_000)
    assert supervision.tick(now_ms + 30_200) == [Start("standby")]


def test_when_ray_is_lost_the_stack_is_killed_and_built_again() -> None:
    supervision = running()
    assert supervision.lost("gcs_server is gone", 60_000) == [KillStack("gcs_server is gone")]
    # The deaths that follow from it are no news.
    assert supervision.exited("keeper", -9, 60_010) == []
    assert supervision.exited("worker-0", -9, 60_010) == []
    assert supervision.lost("raylet is gone", 60_020) == []
    assert supervision.tick(60_100) == []
    assert supervision.tick(60_200) == [Start("keeper"), Start("worker-0"), Start("worker-1")]
    assert supervision.ready(66_000) == [Start("standby"), Start("analytics")]


def test_the_keepers_death_is_the_stacks() -> None:
    assert running().exited("keeper", 1, 60_000) == [KillStack("the keeper ended with code 1")]


def test_a_child_that_was_heard_and_falls_silent_is_killed() -> None:
    supervision = running(1)
    for name in ("keeper", "worker-0"):
        supervision.beat(name, 1_000)
    supervision.beat("keeper", 11_000)
    assert supervision.tick(11_000) == []
    assert supervision.tick(11_001) == [KillChild("worker-0", "it has been silent for 10001 ms")]
    assert supervision.tick(11_501) == []  # once is enough
    assert supervision.exited("worker-0", -9, 11_502) == []
    assert supervision.tick(11_702) == [Start("worker-0")]


def test_a_stopped_standby_is_replaced_too_but_may_be_silent_for_long() -> None:
    supervision = running(1)
    supervision.beat("standby", 1_000)
    for now_ms in range(9_000, 121_001, 8_000):
        supervision.beat("keeper", now_ms)
        supervision.beat("worker-0", now_ms)
        supervision.beat("analytics", now_ms)
        assert supervision.tick(now_ms) == []
    supervision.beat("keeper", 121_001)
    supervision.beat("worker-0", 121_001)
    supervision.beat("analytics", 121_001)
    assert supervision.tick(121_001) == [KillChild("standby", "it has been silent for 120001 ms")]


def test_a_child_may_take_long_before_its_first_beat_but_not_for_ever() -> None:
    supervision = Supervision(1, ray=True, limits=LIMITS)
    supervision.begin(0)
    assert supervision.tick(120_000) == []
    reason = "it has been silent for 120001 ms"
    assert supervision.tick(120_001) == [KillChild("keeper", reason), KillChild("worker-0", reason)]


def test_before_all_was_ready_once_a_machine_that_compiles_may_hold_a_child_up() -> None:
    supervision = Supervision(1, ray=True, limits=LIMITS)
    supervision.begin(0)
    for name in ("keeper", "worker-0"):
        supervision.beat(name, 1_000)
    assert supervision.tick(60_000) == []
    supervision.ready(60_000)
    reason = "it has been silent for 59001 ms"
    assert supervision.tick(60_001) == [KillChild("keeper", reason), KillChild("worker-0", reason)]


def test_a_stack_that_never_worked_is_given_up_after_three_deaths() -> None:
    supervision = Supervision(1, ray=False, limits=LIMITS)
    supervision.begin(0)
    seen: list[Effect] = []
    for now_ms in (0, 10_000, 20_000):
        seen += supervision.exited("worker-0", 1, now_ms)
        seen += supervision.tick(now_ms + 5_000)
    assert seen[:2] == [Start("worker-0"), Start("worker-0")]
    assert isinstance(seen[2], Finish)
    assert seen[2].code == 1


def test_a_child_that_cannot_start_ends_the_run_at_once() -> None:
    supervision = Supervision(1, ray=False, limits=LIMITS)
    supervision.begin(0)
    assert supervision.exited("worker-0", GIVE_UP, 100) == [Finish(1, "the worker-0 cannot start")]


def test_a_stop_drains_the_workers_then_closes_the_keeper_then_is_done() -> None:
    supervision = running()
    assert supervision.stop(1_000) == [StopListening(), Terminate("worker-0"), Terminate("worker-1")]
    assert supervision.exited("worker-0", 0, 1_100) == []
    assert supervision.exited("worker-1", 0, 1_200) == [
        Terminate("keeper"),
        Terminate("standby"),
        Terminate("analytics"),
    ]
    assert supervision.exited("standby", -15, 1_300) == []
    assert supervision.exited("analytics", 0, 1_400) == []
    assert supervision.exited("keeper", 0, 2_000) == [Finish(0)]


def test_workers_that_do_not_finish_in_time_are_killed_and_a_stuck_keeper_is_left_behind() -> None:
    supervision = running(1)
    supervision.stop(0)
    assert supervision.tick(15_000) == [KillChild("worker-0", "it did not finish in time")]
    assert supervision.exited("worker-0", -9, 15_010) == [
        Terminate("keeper"),
        Terminate("standby"),
        Terminate("analytics"),
    ]
    assert supervision.tick(35_009) == []
    assert supervision.tick(35_010) == [Finish(0, "not everything ended in time")]


def test_a_second_stop_means_at_once() -> None:
    supervision = running()
    supervision.stop(0)
    assert supervision.stop(100) == [Finish(0, "stopped at once, as asked")]


def test_a_stop_while_the_stack_is_being_rebuilt_ends_the_run() -> None:
    supervision = running()
    supervision.lost("gcs_server is gone", 0)
    assert supervision.stop(10) == [StopListening(), Finish(0)]


def test_the_caller_may_sleep_until_something_is_due() -> None:
    supervision = running()
    assert supervision.next_ms(1_000) == 1_500
    supervision.exited("worker-0", 1, 1_000)
    assert supervision.next_ms(1_000) == 1_200


def test_the_console_starts_when_somebody_comes_and_only_once() -> None:
    supervision = running(1)
    assert supervision.wanted("console", 1_000) == [Start("console")]
    assert supervision.wanted("console", 1_001) == []
    assert supervision.exited("console", 1, 2_000) == []
    assert supervision.wanted("console", 2_001) == [], "it comes back by itself, after its pause"
    supervision.beat("keeper", 2_200)
    supervision.beat("worker-0", 2_200)
    assert supervision.tick(2_200) == [Start("console")]


def test_nobody_is_let_in_before_the_stack_is_ready_or_while_it_ends() -> None:
    supervision = Supervision(1, ray=True, limits=LIMITS)
    supervision.begin(0)
    assert supervision.wanted("console", 100) == []
    supervision.ready(200)
    supervision.stop(300)
    assert supervision.wanted("console", 400) == []


def test_a_console_that_dies_again_and_again_never_ends_the_run() -> None:
    supervision = running(1)
    supervision.wanted("console", 0)
    now_ms = 0
    for _ in range(20):
        assert supervision.exited("console", 1, now_ms) == []
        now_ms += 5_000
        for name in ("keeper", "worker-0", "standby", "analytics"):
            supervision.beat(name, now_ms)
        assert supervision.tick(now_ms) == [Start("console")]


def test_the_console_ends_after_the_workers() -> None:
    supervision = Supervision(1, ray=False, beside=(), limits=LIMITS)
    supervision.begin(0)
    supervision.ready(0)
    supervision.wanted("console", 0)
    assert supervision.stop(1_000) == [StopListening(), Terminate("worker-0")]
    assert supervision.exited("worker-0", 0, 1_100) == [Terminate("console")]
    assert supervision.exited("console", 0, 1_200) == [Finish(0)]
