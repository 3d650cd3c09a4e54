"""`omnistock receipt preview`: samples, facts and documents of one's own, and what is refused."""

import json
from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from api.receipt_cli import register
from devices.receipts.templates.samples import LANGUAGES, SAMPLES, sample_sale


def run(*arguments: object) -> Result:
    app = typer.Typer()
    app.command("other")(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["receipt", "preview", *map(str, arguments)])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", SAMPLES)
def test_every_sample_is_shown(template: str, language: str) -> None:
    done = run("--template", template, "--language", language, "--profile", "POS-5890")
    assert done.exit_code == 0, done.output
    assert len(done.output.splitlines()) > 5


def test_it_writes_a_picture_a_page_and_the_bytes(tmp_path: Path) -> None:
    png, html, data = tmp_path / "a.png", tmp_path / "a.html", tmp_path / "a.bin"
    done = run("--language", "ru", "--png", png, "--html", html, "--bytes", data)
    assert done.exit_code == 0, done.output
    assert png.read_bytes().startswith(b"\x89PNG")
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert data.read_bytes().startswith(b"\x1b@")


def test_facts_and_documents_of_ones_own(tmp_path: Path) -> None:
    facts, document = tmp_path / "facts.json", tmp_path / "document.json"
    facts.write_bytes(msgspec.json.encode(sample_sale("pl")))
    assert "KOPIA" in run(facts, "--copy").output
    assert "PREZENTOWY" in run(facts, "--template", "gift").output
    document.write_text(json.dumps({"blocks": [{"text": "Dzień dobry"}, {"drawer": 1}]}))
    done = run(document, "--columns", "32")
    assert done.output == "Dzień dobry\n[drawer 1 opens]\n"
    copy = run(document, "--columns", "48", "--copy").output.splitlines()
    assert [line.strip() for line in copy] == ["КОПИЯ / KOPIA / COPY", "Dzień dobry", "КОПИЯ / KOPIA / COPY"]


def test_the_printers_are_listed() -> None:
    assert len(run("--profiles").output.split()) == 32


@pytest.mark.parametrize(
    ("content", "arguments", "code", "says"),
    [
        ("{", [], 1, "refused"),
        ('{"blocks": [{"raw": "x"}]}', [], 1, "blocks[0]"),
        ("{}", [], 1, "missing required field"),
        ("{}", ["--template", "poem"], 1, "one of sale"),
        (None, ["--template", "poem"], 2, "one of sale"),
        (None, ["--profile", "TM-T9999"], 2, "TM-T9999"),
        (None, ["--columns", "7"], 2, "columns"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str | None, arguments: list[str], code: int, says: str) -> None:
    given: list[object] = list(arguments)
    if content is not None:
        (tmp_path / "file.json").write_text(content)
        given.insert(0, tmp_path / "file.json")
    done = run(*given)
    assert done.exit_code == code
    assert says in done.output
