"""The soak for half a minute: that it works. Whether anything grows is for longer ones to say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.soak.run import Size, soak


@pytest.mark.long
def test_half_a_minute_of_everything_works(tmp_path: Path, tell: Callable[[str], None]) -> None:
    report = soak(tmp_path / "data", Size(20.0, 1, 1, 2))
    tell(report.table())
    assert {line.name for line in report.lines} >= {"shard", "API worker", "keeper", "supervisor", "gcs_server"}
    assert all(per_s > 0 for _, per_s, _, _ in report.parts)
    # So soon nothing is warm: what grows is for longer runs to say, but nobody may have died.
    assert [words for words in report.complaints if "died" in words] == []
    assert "rows/s" in report.table()
