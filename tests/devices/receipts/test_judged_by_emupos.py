"""Somebody else's decoder reads what we print: the same text, codes that scan, no command that we did not mean."""

import base64
import io
import json
import subprocess
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from devices.printer_settings import PrinterSettings
from devices.receipts.document import Document, Drawer, Row, Text, document_from
from devices.receipts.escpos import Slip, kick, kick_now, slip
from devices.receipts.preview import read_back
from devices.receipts.profiles import PrinterProfile, printer_profile, printer_profiles
from devices.receipts.reading import Printed
from devices.receipts.templates.samples import LANGUAGES, SAMPLES, sample
from tests.devices.judges import homes
from tests.devices.receipts.corpus import HOSTILE, WRITTEN

SCRIPT = Path(homes.__file__).with_name("emupos_reads.py")
ALLOWED_UNKNOWN = {"1b 52 00"}
"""`ESC R 0` has no effect on a simulated printer."""
Read = Callable[[list[tuple[bytes, PrinterProfile]]], list[dict[str, Any]]]
TEXT_ONLY = ("KATAKANA", "TCVN-3-1", "TCVN-3-2", "CP3011", "CP3012")
"""Pages that Python has no codec for, so that emupos cannot say what they hold."""


@pytest.fixture(scope="module")
def emupos() -> Read:
    python = homes.emupos_python()

    def read(jobs: list[tuple[bytes, PrinterProfile]], png: bool = True) -> list[dict[str, Any]]:
        lines = [
            json.dumps(
                {
                    "data": base64.b64encode(data).decode(),
                    "dots": profile.dots,
                    "cell": profile.cell.width,
                    "code_pages": {page.slot: named(page.name) for page in profile.pages.pages},
                    "png": png,
                }
            )
            for data, profile in jobs
        ]
        done = subprocess.run(
            [python, SCRIPT], input="\n".join(lines), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return read


def named(page: str) -> str:
    """A page as emupos calls it; what is left is the name of a codec."""
    if page.startswith("CP125"):
        return f"W{page.replace('CP', 'PC')}"
    return page.replace("CP", "PC") if page.startswith("CP") else page.replace("_", "-").replace("ISO-", "ISO")


def letters(made: Slip, profile: PrinterProfile) -> list[str]:
    """The lines that we believe to have printed as letters."""
    lines = [item.text.rstrip() for item in read_back(made, profile) if isinstance(item, Printed)]
    return [line for line in lines if line]


def seen(answer: dict[str, Any]) -> list[str]:
    """The lines that emupos saw, without pictures and codes."""
    return [line for line in answer["text"].splitlines() if line and not line.startswith(("[image", "[barcode", "[qr"))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_papers_read_as_we_wrote_them(emupos: Read, language: Any) -> None:
    for name in ("TM-T20II", "TM-T88IV", "POS-5890"):
        profile = printer_profile(PrinterSettings(name))
        slips = [slip(sample(each, language), profile) for each in SAMPLES]
        for made, answer in zip(slips, emupos([(made.data, profile) for made in slips]), strict=True):
            assert seen(answer) == letters(made, profile)
            assert set(answer["unknown"]) <= ALLOWED_UNKNOWN
            assert answer["kicks"] == []


def test_every_printer_shows_every_letter_and_opens_no_drawer(emupos: Read) -> None:
    """The table of the README: printers x texts, and what went wrong."""
    jobs: list[tuple[Slip, PrinterProfile]] = []
    for name in printer_profiles():
        profile = printer_profile(PrinterSettings(name))
        for texts in (WRITTEN, HOSTILE):
            blocks = [(Text(text), Text(text, bold=True, size="big"), Row([text, "179,80"])) for text in texts]
            document = Document(tuple(chain.from_iterable(blocks)))
            jobs.append((slip(document, profile), profile))
    answers = emupos([(made.data, profile) for made, profile in jobs])
    assert len(answers) == 2 * 32
    for (made, profile), answer in zip(jobs, answers, strict=True):
        assert answer["kicks"] == []
        assert set(answer["unknown"]) <= ALLOWED_UNKNOWN
        if not {page.name for page in profile.pages.pages} & set(TEXT_ONLY):
            assert seen(answer) == letters(made, profile)
        assert "?" not in answer["text"]


def test_a_drawer_opens_when_it_is_told_to(emupos: Read) -> None:
    profile = printer_profile(PrinterSettings("TM-T20II"))
    made = slip(Document((Text("a"), Drawer(2))), profile)
    answers = emupos([(made.data, profile), (kick_now(), profile), (b"plain\n", profile)])
    assert [answer["kicks"] for answer in answers] == [[kick(2).hex()], [kick_now().hex()], []]


CODES = (
    ("EAN13", "4006381333931"),
    ("EAN8", "96385074"),
    ("UPC-A", "036000291452"),
    ("CODE39", "AB-123"),
    ("CODE128", "order{1}~x"),
    ("CODE128", "2026112100423"),
    ("CODE128", "20261121"),
    ("ITF", "12345678"),
)


@pytest.mark.parametrize("name", ["TM-T20II", "POS-5890", "TH230", "TM-T88V", "NT-5890K", "simple"])
def test_codes_scan_from_the_paper_that_emupos_prints(emupos: Read, name: str) -> None:
    profile = printer_profile(PrinterSettings(name))
    texts = ["t=20180819T1644&s=1.23&fn=9999999999999051&i=4&fp=259844891&n=1", "Привет, żółw €", "x" * 700]
    blocks = [*({"barcode": code, "symbology": kind} for kind, code in CODES), *({"qr": text} for text in texts)]
    slips = [slip(document_from({"blocks": [block]}), profile) for block in blocks]
    wanted = [*(code for _, code in CODES), *texts]
    for answer, code in zip(emupos([(made.data, profile) for made in slips]), wanted, strict=True):
        picture = Image.open(io.BytesIO(base64.b64decode(answer["png"][0]))).convert("L")
        found = [each.text for each in zxingcpp.read_barcodes(picture, try_rotate=False)]
        assert [each.lstrip("0") for each in found] == [code.lstrip("0")], code
