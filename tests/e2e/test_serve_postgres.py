"""The same stack with journals and documents on a PostgreSQL server instead of files."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.served import Served
from tests.e2e.test_serve import calls_going_on, reserve, stock, stock_up

if TYPE_CHECKING:
    from tests.actors.postgres_server import PostgresServer

pytest_plugins = ["tests.actors.postgres_server"]


@pytest.mark.long
def test_journals_and_documents_on_a_server_survive_a_shard_and_the_whole_stack(
    postgres_server: "PostgresServer", tmp_path: Path
) -> None:
    url = postgres_server.new_schema()
    with Served(tmp_path / "data", "--shards", "1", "--database", url) as first:
        stock_up(first, "mug", 100_000)
        with calls_going_on(first, "mug") as answers:
            assert first.process("ray::ListeningShard").send(signal.SIGKILL)
        assert {answer.status_code for answer in answers} == {201}
        assert stock(first, "mug")["reserved"] == len(answers)
        assert list((tmp_path / "data" / "shards").rglob("*.journal")) == []
        assert first.stop() == 0
    with Served(tmp_path / "data", "--transport", "local", "--database", url) as second:
        assert stock(second, "mug")["reserved"] == len(answers)
        assert reserve(second, "mug", 1).status_code == 201
        assert second.stop() == 0
