"""What `omnistock serve` refuses before it starts anything: in words, with the exit code for it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.datadir import DataDir
from api import cli


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite:///file", "host:5432"])
def test_a_database_that_is_no_postgresql_is_wrong_usage(tmp_path: Path, url: str) -> None:
    result = CliRunner().invoke(cli.app, ["serve", "--data", str(tmp_path / "data"), "--port", "0", "--database", url])
    assert result.exit_code == 2
    assert "postgresql://" in result.output
    assert not (tmp_path / "data").exists()


def test_a_directory_that_cannot_be_written_to_is_refused_in_words(tmp_path: Path) -> None:
    data = DataDir.make_or_open(tmp_path / "data", shards=1, default_shards=1)
    (data.path / "run").mkdir()  # stands in the way of a file, even for root
    result = CliRunner().invoke(cli.app, ["serve", "--data", str(data.path), "--port", "0", "--transport", "local"])
    assert result.exit_code == 1
    assert result.output.startswith(f"omnistock: {data.path} cannot be used: ")
    assert result.exception is None or isinstance(result.exception, SystemExit)
