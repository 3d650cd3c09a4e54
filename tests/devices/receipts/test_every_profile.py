"""Any text on any printer: nothing becomes `?`, nothing becomes a command, nothing is wider than the paper."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.printer_settings import PrinterSettings
from devices.receipts.characters import cleaned, columns_of
from devices.receipts.document import Document, Row, Text
from devices.receipts.escpos import Slip, laid_for, slip
from devices.receipts.layout import Line
from devices.receipts.preview import as_text, read_back
from devices.receipts.profiles import printer_profile, printer_profiles
from devices.receipts.reading import Item, Kicked, Pictured, Printed, Unknown
from tests.devices.receipts.corpus import HOSTILE, WRITTEN


def blocks(text: str) -> Document:
    return Document(
        (
            Text(text),
            Text(text, align="center", bold=True, size="big"),
            Row([text, "2 × 89,90", "179,80"]),
            Row(["x", text], weights=[1, 1], size="wide"),
        )
    )


def said(items: list[Item]) -> list[str]:
    """The lines on the paper, printed or drawn."""
    lines: list[str] = []
    for item in items:
        match item:
            case Printed(text=text):
                lines.append(text)
            case Pictured(lines=drawn):
                assert drawn
                lines += drawn
    return lines


def test_there_are_the_32_printers_and_no_displays() -> None:
    assert len(printer_profiles()) == 32


@pytest.mark.parametrize("name", printer_profiles())
def test_no_letter_becomes_a_question_mark_and_none_is_lost(name: str) -> None:
    profile = printer_profile(PrinterSettings(name))
    for text in WRITTEN:
        document = blocks(text)
        laid, all_drawn = laid_for(document, profile)
        wanted = [line.text for line in laid if isinstance(line, Line)]
        lines = said(read_back(slip(document, profile), profile))
        assert lines == wanted
        assert not {"?", "\ufffd"} & set("".join(lines))
        # It reads as it was written, with nothing but look-alikes exchanged, and none when it is drawn.
        words = cleaned(text) if all_drawn else profile.pages.spelled(cleaned(text))
        assert words.split()[0] in lines[0]


@pytest.mark.parametrize("name", printer_profiles())
def test_a_name_is_never_a_command(name: str) -> None:
    profile = printer_profile(PrinterSettings(name))
    for text in HOSTILE:
        items = read_back(slip(blocks(text), profile), profile)
        assert {type(item) for item in items} <= {Printed, Pictured}


@given(
    st.text(st.one_of(st.characters(), st.sampled_from("\x1b\x10\x14\x1d\x1cp@V(kA0\x00\x01 \u0301\u202e"))),
    st.sampled_from(printer_profiles()),
    st.integers(20, 48),
)
def test_whatever_is_typed_only_text_comes_out(text: str, name: str, columns: int) -> None:
    profile = printer_profile(PrinterSettings(name, columns=columns))
    document = blocks(text)
    for line in laid_for(document, profile)[0]:
        assert isinstance(line, Line)
        assert columns_of(line.text) * (2 if line.wide else 1) <= columns
        assert "\n" not in line.text
    printed = slip(document, profile)
    items = read_back(printed, profile)
    assert not [item for item in items if isinstance(item, Kicked | Unknown)]
    for item in items:
        assert not isinstance(item, Pictured) or item.picture.width <= profile.dots + 7


@given(st.binary(max_size=400), st.sampled_from(printer_profiles()))
def test_the_reader_takes_any_bytes(data: bytes, name: str) -> None:
    as_text(Slip(data, ()), printer_profile(PrinterSettings(name)))
