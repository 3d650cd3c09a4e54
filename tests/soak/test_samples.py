"""That the judge of a soak sees what grows, and nothing else."""

import pytest

from actors.process_group import Process
from tests.soak.samples import Track, line_of

MB = 1 << 20


def track(minutes: float, rss: float, grows_per_hour: float, threads: tuple[int, int] = (9, 9)) -> Track:
    """A sample a second, with some noise."""
    found = Track("shard", Process.this())
    count = int(minutes * 60)
    for second in range(count):
        found.at.append(float(second))
        found.rss.append(int(rss * (1 + grows_per_hour * second / 3600) + (second % 7) * 0.001 * rss))
        found.descriptors.append(40 + second % 3)
        found.threads.append(threads[second > count // 2])
    return found


@pytest.mark.parametrize(("minutes", "per_hour"), [(60.0, 0.0), (60.0, 0.005), (3.0, 0.2)])
def test_what_stays_as_it_is_passes(minutes: float, per_hour: float) -> None:
    assert line_of(track(minutes, 300 * MB, per_hour), 10.0).complaints() == []


@pytest.mark.parametrize(("minutes", "per_hour"), [(60.0, 0.02), (25.0, 0.1), (3.0, 4.0)])
def test_what_grows_is_said(minutes: float, per_hour: float) -> None:
    (complaint,) = line_of(track(minutes, 300 * MB, per_hour), 10.0).complaints()
    assert complaint.startswith("shard g")


def test_threads_that_come_and_stay_are_said() -> None:
    assert line_of(track(3.0, 300 * MB, 0.0, threads=(9, 30)), 10.0).complaints() == ["shard has 30 threads, and had 9"]
