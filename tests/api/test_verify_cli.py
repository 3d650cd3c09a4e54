"""`omnistock verify` as a person meets it: a table and exit code 0, or the first wrong record and exit code 1."""

from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from api import verify_cli
from engine.record import Record
from tests.actors.histories import history, journaled
from tests.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return history(12, seed=3)


def verified(path: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.callback()(lambda: None)  # names of commands are kept also when there is one
    verify_cli.register(app)
    return CliRunner().invoke(app, ["verify", "--data", str(path)])


def with_other_result(record: Record) -> Record:
    results = record.results.copy()
    results["available"][0] += 1
    return replace(record, results=results)


def test_a_whole_directory_is_shown_as_a_table(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    journaled(tmp_path, world.records)
    result = verified(tmp_path, monkeypatch)
    assert result.exit_code == 0, result.output
    assert f"{sum(len(record.rows) for record in world.records):,}" in result.stdout
    assert world.shard.state_hash().hex()[:16] in result.stdout


def test_the_first_wrong_record_is_named(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    at = next(k for k, record in enumerate(world.records) if len(record.results))
    records = [with_other_result(record) if k == at else record for k, record in enumerate(world.records)]
    journaled(tmp_path, records)
    result = verified(tmp_path, monkeypatch)
    assert result.exit_code == 1
    assert f"shard 0, seq {world.records[at].seq}:" in result.stderr
    assert "wrong" in result.stdout


def test_what_is_no_data_directory_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = verified(tmp_path, monkeypatch)
    assert result.exit_code == 1
    assert result.stderr.strip().startswith("omnistock: ")
    assert "Traceback" not in result.output
