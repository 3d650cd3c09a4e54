"""What the README tells a newcomer to type is typed here, and answers what the README says."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.served import Served

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README speaks curl")
def test_the_first_reservation(local_served: Served) -> None:
    text = README.read_text(encoding="utf-8")
    script = next(block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "Idempotency-Key" in block)
    script = script.replace("http://127.0.0.1:8000", local_served.url)
    script = script.replace("cat data/admin.key", f"cat '{local_served.data}/admin.key'")
    typed = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    warehouse, channel, product, received, reserved, stock = map(json.loads, typed.stdout.splitlines())
    assert (warehouse["code"], channel["code"], product["sku"]) == ("berlin", "web", "mug")
    assert received["results"][0]["outcome"] == "ok"
    assert reserved["state"] == "held"
    assert (stock["on_hand"], stock["reserved"], stock["available"]) == (5, 2, 3)


def test_every_promise_has_a_figure_and_a_command_that_there_is() -> None:
    """Rows are whole, tests that are named exist, and so do the targets of `make`."""
    text = README.read_text(encoding="utf-8")
    made = set(re.findall(r"^([a-z-]+):", (README.parent / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    section = text.partition("## PROMISES")[2].partition("\n## ")[0]
    _, _, table = section.partition("| promise | how it is tried |")
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) > 30
    for row in rows:
        assert len(row) == 4, row
        assert all(cell.strip() for cell in row), row
        commands = re.findall(r"`([^`]+)`", row[3])
        assert commands, row
        for path in re.findall(r"\b(?:tests|benchmarks)/[\w./]+", " ".join(commands)):
            assert (README.parent / path).exists(), path
        assert set(re.findall(r"\bmake ([a-z-]+)", " ".join(commands))) <= made
