from actors.admission import Admission, Share
from actors.settings import Settings

CLIENT = 3


def test_a_full_queue_refuses_at_once_and_takes_again_when_rows_are_answered() -> None:
    admission = Admission(Settings(queue_rows_max=10), shards=2)
    first = Share(0, 8, 800)
    assert admission.admit([first], CLIENT, 0) == [True]
    assert admission.admit([Share(0, 3, 300)], CLIENT, 0) == [False]
    assert admission.refused_rows == 3
    assert 50 <= admission.retry_after_ms <= 5_000
    admission.release(first, 5)
    assert admission.admit([Share(0, 3, 300)], CLIENT, 6) == [True]
    assert admission.queued_rows(0) == 3


def test_one_full_shard_does_not_refuse_rows_of_another() -> None:
    admission = Admission(Settings(queue_rows_max=10), shards=2)
    assert admission.admit([Share(0, 10, 1)], CLIENT, 0) == [True]
    assert admission.admit([Share(0, 1, 1), Share(1, 1, 1)], CLIENT, 0) == [False, True]


def test_bytes_and_the_whole_are_bounded_too() -> None:
    by_bytes = Admission(Settings(queue_bytes_max=1_000), shards=1)
    assert by_bytes.admit([Share(0, 1, 900)], CLIENT, 0) == [True]
    assert by_bytes.admit([Share(0, 1, 200)], CLIENT, 0) == [False]
    whole = Admission(Settings(total_rows_max=10), shards=2)
    assert whole.admit([Share(0, 9, 1)], CLIENT, 0) == [True]
    assert whole.admit([Share(1, 2, 1)], CLIENT, 0) == [False]


def test_a_request_larger_than_the_queue_passes_when_nothing_waits() -> None:
    admission = Admission(Settings(queue_rows_max=10), shards=1)
    assert admission.admit([Share(0, 50, 1)], CLIENT, 0) == [True]
    assert admission.admit([Share(0, 1, 1)], CLIENT, 0) == [False]


def test_a_client_over_its_rate_is_told_when_to_come_back_and_others_are_not_touched() -> None:
    admission = Admission(Settings(client_rows_per_s=1_000, client_burst_rows=100), shards=1)
    assert admission.admit([Share(0, 100, 1)], CLIENT, 0) == [True]
    assert admission.admit([Share(0, 60, 1)], CLIENT, 10) == [False]
    assert admission.retry_after_ms == 51
    assert admission.admit([Share(0, 60, 1)], CLIENT + 1, 10) == [True]
    assert admission.admit([Share(0, 60, 1)], CLIENT, 61) == [True]


def test_a_request_larger_than_the_burst_passes_with_a_full_bucket_and_leaves_a_debt() -> None:
    admission = Admission(Settings(client_rows_per_s=1_000, client_burst_rows=100), shards=1)
    assert admission.admit([Share(0, 300, 1)], CLIENT, 0) == [True]
    assert admission.admit([Share(0, 1, 1)], CLIENT, 150) == [False]
    assert admission.admit([Share(0, 1, 1)], CLIENT, 201) == [True]


def test_the_time_to_come_back_follows_the_rate_of_answers() -> None:
    admission = Admission(Settings(queue_rows_max=1_000), shards=1)
    for now_ms in range(0, 1_100, 100):
        share = Share(0, 100, 1)
        admission.admit([share], CLIENT, now_ms)
        admission.release(share, now_ms)
    admission.admit([Share(0, 1_000, 1)], CLIENT, 1_100)
    assert admission.admit([Share(0, 1, 1)], CLIENT, 1_100) == [False]
    assert 200 <= admission.retry_after_ms <= 260, "a quarter of 1,000 rows at about one row per ms"
