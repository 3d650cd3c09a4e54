"""The report: medians, ratios against the same run, and what was missed is called missed."""

from typing import Any

import pytest

from benchmarks.report import BEGIN, END, README, best, figures_of, report, table, written
from benchmarks.wanted import ROWS


def run_with(**values: float) -> dict[str, Any]:
    noted = {
        key.replace("_", " "): {"value": value, "unit": "rows/s", "rounds": 3, "least": value / 2, "most": value}
        for key, value in values.items()
    }
    return {
        "datetime": "2026-01-02T03:04:05",
        "commit_info": {"id": "0123456789abcdef"},
        "benchmarks": [{"extra_info": noted | {"tigerbeetle version": "1"}}],
    }


def line(run: dict[str, Any], what: str) -> str:
    (found,) = [line for line in table(figures_of(run)) if line.startswith(f"| {what}")]
    return found


def test_a_target_that_was_reached_is_met() -> None:
    assert line(run_with(kernel_reserve=5e6), "kernel, reserve").endswith("| at least 4.00 M rows/s | met |")


def test_a_target_that_was_not_reached_is_missed_with_its_share() -> None:
    assert "**missed** (50%)" in line(run_with(kernel_reserve=2e6), "kernel, reserve")


@pytest.mark.parametrize(("seconds", "verdict"), [(2.0, "met"), (6.0, "**missed** (50%)")])
def test_less_is_better_where_it_says_so(seconds: float, verdict: str) -> None:
    run = run_with(back_after_a_kill=seconds)
    assert verdict in line(run, "killed after another minute")


def test_a_target_may_be_a_share_of_a_peer() -> None:
    found = line(run_with(http_single=4_000, echo=10_000), "HTTP, single reservations")
    assert "0.4 x" in found
    assert "**missed** (89%)" in found


def test_the_best_batch_of_a_peer_counts() -> None:
    figures = figures_of(run_with(postgres_batch_1000=10, postgres_batch_8192=20))
    found = best(figures, ("postgres batch 1000", "postgres batch 8192"))
    assert found is not None
    assert found.value == 20


def test_what_was_not_measured_says_so() -> None:
    assert "not measured" in line(run_with(), "kernel, reserve")
    assert "no peer" in line(run_with(ray_reserve_2=1e6), "through Ray")


def test_every_row_has_its_line() -> None:
    assert len(list(table({}))) == len(ROWS) + 2


def test_only_what_is_between_the_marks_changes() -> None:
    readme = README.read_text()
    changed = written(readme, report(run_with(kernel_reserve=5e6)))
    assert changed.split(BEGIN)[0] == readme.split(BEGIN)[0]
    assert changed.split(END)[1] == readme.split(END)[1]
    assert "at commit 0123456789" in changed
