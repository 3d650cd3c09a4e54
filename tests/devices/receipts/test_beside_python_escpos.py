"""The same texts on the same printers, by python-escpos alone and by us: what is published beside each other."""

from typing import Any

from devices.printer_settings import PrinterSettings
from devices.receipts.document import Document, Text
from devices.receipts.escpos import slip
from devices.receipts.preview import read_back
from devices.receipts.profiles import printer_profile, printer_profiles
from devices.receipts.reading import Kicked, Printed
from tests.conftest import Tell
from tests.devices.receipts.corpus import HOSTILE, WRITTEN

CHINESE = "日本語 한국어 中文"
"""python-escpos sends the whole text in another encoding when it meets a Chinese character: not counted."""
KICKS = (b"\x1bp", b"\x10\x14\x01")


def test_question_marks_and_kicks_beside_python_escpos(anchor: Any, tell: Tell) -> None:
    texts = [text for text in WRITTEN if text != CHINESE]
    theirs = ours = their_kicks = our_kicks = letters = 0
    bad: set[str] = set()
    for name in printer_profiles():
        profile = printer_profile(PrinterSettings(name))
        for text in texts:
            letters += len(text)
            printer = anchor(profile=name)
            printer.text(text)
            lost = printer.output.count(b"?")
            theirs += lost
            bad |= {name} if lost else set()
            items = read_back(slip(Document((Text(text),)), profile), profile)
            ours += sum(item.text.count("?") for item in items if isinstance(item, Printed))
        for text in HOSTILE:
            if not text.isprintable() and not any("\ud800" <= char <= "\udfff" for char in text):
                printer = anchor(profile=name)
                printer.text(text)
                their_kicks += any(kick in printer.output for kick in KICKS)
                items = read_back(slip(Document((Text(text),)), profile), profile)
                our_kicks += any(isinstance(item, Kicked) for item in items)
    tell(
        f"{len(texts)} texts of {letters // 32} characters on 32 printers: python-escpos {theirs} question marks on "
        f"{len(bad)} of them and {their_kicks} drawers opened by a name; here {ours} and {our_kicks}"
    )
    assert (ours, our_kicks) == (0, 0)
    assert theirs > 0
    assert their_kicks > 0
