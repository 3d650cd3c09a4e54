"""npm's encoders for the same printers, written by somebody else: the same byte for the same letter."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from devices.printer_settings import PrinterSettings
from devices.receipts.code_pages import upper_half
from devices.receipts.document import Document, Text
from devices.receipts.escpos import slip
from devices.receipts.profiles import printer_profile
from tests.devices.judges import homes

PAGES = {
    **{f"CP{number}": f"cp{number}" for number in (437, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863)},
    **{f"CP{number}": f"cp{number}" for number in (865, 866, 869, 1125)},
    **{f"CP{number}": f"windows{number}" for number in range(1250, 1259)},
    **{f"ISO_8859-{part}": f"iso8859-{part}" for part in (1, 2, 7, 15)},
}
RECEIPTS = (
    ("Молоко 3,2% 1 л", "cp866", "CP866"),
    ("Zażółć gęślą jaźń", "cp852", "CP852"),
    ("Größe 5 €", "windows1252", "CP1252"),
)


@pytest.fixture(scope="module")
def answer() -> Any:
    where = homes.npm_modules()
    script = where / "encode.mjs"
    script.write_bytes(Path(homes.__file__).with_name("encode.mjs").read_bytes())
    asked = {
        "pages": {theirs: (upper_half(ours) or "").replace("\ufffd", "") for ours, theirs in PAGES.items()},
        "receipts": [{"text": text, "codepage": page, "columns": 42} for text, page, _ in RECEIPTS],
    }
    done = subprocess.run(
        ["node", str(script)],
        cwd=where,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("page", PAGES)
def test_a_letter_has_the_same_byte(answer: Any, page: str) -> None:
    upper = upper_half(page)
    assert upper
    theirs = answer["pages"].get(PAGES[page])
    if theirs is None:
        pytest.skip(f"npm's encoder has no {page}")
    letters = upper.replace("\ufffd", "")
    ours = [0x80 + upper.index(letter) for letter in letters]
    # What it does not know it writes as a question mark; where both know a letter they must agree.
    known = [each for each in zip(letters, ours, theirs, strict=True) if each[2] != ord("?")]
    assert len(known) > 60
    assert [each for each in known if each[1] != each[2] and each[0].isalpha()] == []


@pytest.mark.parametrize("index", range(len(RECEIPTS)))
def test_a_line_has_the_same_bytes(answer: Any, index: int) -> None:
    text, _, page = RECEIPTS[index]
    theirs = base64.b64decode(answer["receipts"][index])
    slot = theirs[theirs.index(b"\x1bt") + 2]
    ours = slip(Document((Text(text),)), printer_profile(PrinterSettings(code_pages={slot: page}))).data
    line = ours[ours.index(b"\x1bt") :].rstrip(b"\n")
    assert line in theirs
