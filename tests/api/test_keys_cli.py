"""`omnistock keys`, on a directory that is served and on one that is not."""

import asyncio
import json
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from actors.documents.database import DocumentsSettings
from api import keys_cli
from tests.actors.documents.house import NOW_MS, looking, writing
from tests.actors.documents.shards import MemoryShards
from tests.api.box import Box


def command_line() -> typer.Typer:
    app = typer.Typer()
    keys_cli.register(app)
    return app


def keys(*words: str) -> Result:
    return CliRunner().invoke(command_line(), ["keys", *words])


@pytest.fixture(params=["served", "stopped"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A data directory, as the command line sees it."""
    if request.param == "served":
        box: Box = request.getfixturevalue("box")
        (tmp_path / "admin.key").write_text(box.admin)
        (tmp_path / "serve.json").write_text(json.dumps({"url": box.url, "pid": os.getpid()}))
    return tmp_path


def test_key_is_made_listed_and_revoked(data: Path) -> None:
    where = ["--data", str(data)]
    made = keys(
        "create", "--client", "tills", "--scopes", "sell,store", "--channels", "till", "--expires", "90d", *where
    )
    assert made.exit_code == 0, made.output
    text = made.stdout.strip()
    key_id = text.split("_")[1]
    listed = keys("list", *where)
    line = next(line for line in listed.stdout.splitlines() if key_id in line)
    assert line.split()[:4] == [key_id, "tills", "sell,store", "till"]
    assert text.split("_")[2] not in listed.stdout
    assert keys("revoke", key_id, *where).exit_code == 0
    after = next(line for line in keys("list", *where).stdout.splitlines() if key_id in line)
    assert len(after.split()) == len(line.split()) + 1
    assert keys("revoke", "nobody", *where).exit_code == 1


def test_key_made_while_nobody_serves_works_at_the_next_start(tmp_path: Path) -> None:
    made = keys("create", "--client", "web", "--scopes", "read", "--data", str(tmp_path))
    assert made.exit_code == 0, made.output

    async def scene() -> None:
        settings, shards = DocumentsSettings(tmp_path), MemoryShards()
        async with writing(settings, shards), looking(settings) as directory:

            async def known() -> None:
                while True:
                    await directory.refresh()
                    principal = directory.principal(made.stdout.strip(), NOW_MS)
                    # The documents know of it first; the shards are told right after.
                    if principal is not None and "web" in {name for _, names in shards.calls for name in names}:
                        assert principal.name == "web"
                        return
                    await asyncio.sleep(0.02)

            await asyncio.wait_for(known(), 20)

    asyncio.run(scene())


def test_key_made_while_an_engine_serves_works_at_once(box: Box) -> None:
    made = keys("create", "--client", "web", "--scopes", "read", "--url", box.url, "--key", box.admin)
    assert made.exit_code == 0, made.output
    assert box.call("GET", "/v1/products", key=made.stdout.strip()).status_code == 200


def test_engine_that_holds_the_documents_but_does_not_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        async with writing(DocumentsSettings(tmp_path), MemoryShards()):
            refused = await asyncio.to_thread(keys, "list", "--data", str(tmp_path))
            assert refused.exit_code == 1
            assert "try again" in refused.stderr

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["create", "--client", "a b", "--scopes", "read"], "--client"),
        (["create", "--client", "web", "--scopes", "fly"], "fly"),
        (["create", "--client", "web", "--scopes", ""], "none of"),
        (["create", "--client", "web", "--scopes", "read", "--expires", "soon"], "soon"),
        (["create", "--client", "web", "--scopes", "read", "--expires", "2001-01-01"], "over already"),
        (["create", "--client", "web", "--scopes", "read", "--channels", "a b"], "--channels"),
        (["revoke", "a b"], "no such id"),
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: Path, words: list[str], said: str) -> None:
    refused = keys(*words, "--data", str(tmp_path))
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_directory_must_be_said_and_be_there(tmp_path: Path) -> None:
    assert keys("list").exit_code == 2
    missing = keys("list", "--data", str(tmp_path / "nowhere"))
    assert missing.exit_code == 1
    assert "no data directory" in missing.stderr
    broken = keys("list", "--data", str(tmp_path), "--database", "postgresql://nobody@127.0.0.1:1/none")
    assert broken.exit_code == 1
    assert "cannot be opened" in broken.stderr
