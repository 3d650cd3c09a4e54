"""What `omnistock serve` refuses before it starts anything: in words, with the exit code for it."""

from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.datadir import DataDir
from actors.settings import Settings
from api import cli
from api.deps import ApiLimits
from api.schemas import LINES_MAX
from api.set_limits import BOUNDS, as_set


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite:///file", "host:5432"])
def test_a_database_that_is_no_postgresql_is_wrong_usage(tmp_path: Path, url: str) -> None:
    result = CliRunner().invoke(cli.app, ["serve", "--data", str(tmp_path / "data"), "--port", "0", "--database", url])
    assert result.exit_code == 2
    assert "postgresql://" in result.output
    assert not (tmp_path / "data").exists()


def test_without_ray_there_is_no_second_process(tmp_path: Path) -> None:
    words = ["serve", "--data", str(tmp_path / "data"), "--port", "0", "--transport", "local", "--workers", "2"]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 2
    assert "one process" in result.output
    assert not (tmp_path / "data").exists()


def test_a_directory_that_cannot_be_written_to_is_refused_in_words(tmp_path: Path) -> None:
    data = DataDir.make_or_open(tmp_path / "data", shards=1, default_shards=1)
    (data.path / "run").mkdir()  # stands in the way of a file, even for root
    result = CliRunner().invoke(cli.app, ["serve", "--data", str(data.path), "--port", "0", "--transport", "local"])
    assert result.exit_code == 1
    assert result.output.startswith(f"omnistock: {data.path} cannot be used: ")
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("variable", "said"),
    [("OMNISTOCK_LIMIT_PAGES", "limits that can be set are"), ("OMNISTOCK_LIMIT_PAGE", "from 1000 to 10000")],
)
def test_a_limit_that_cannot_be_set_so_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, said: str
) -> None:
    monkeypatch.setenv(variable, "5")
    result = CliRunner().invoke(cli.app, ["serve", "--data", str(tmp_path / "data"), "--port", "0"])
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("\u2502", " ").split())
    assert not (tmp_path / "data").exists()


def test_limits_are_set_by_the_environment() -> None:
    environment = {"OMNISTOCK_LIMIT_COMMANDS": "20000", "OMNISTOCK_LIMIT_QUEUE_ROWS": "7", "HOME": "/"}
    assert as_set(ApiLimits(), environment) == ApiLimits(commands=20_000)
    assert as_set(Settings(), environment) == Settings(queue_rows_max=7)
    for name, value in {**asdict(ApiLimits()), "client_rows_per_s": Settings().client_rows_per_s}.items():
        assert BOUNDS[name][0] <= value <= BOUNDS[name][1], name
    assert BOUNDS["reservation_lines"][1] == LINES_MAX
