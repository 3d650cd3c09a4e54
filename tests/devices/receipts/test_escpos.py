"""Exact bytes: our own golden ones, and those of python-escpos for what both can do."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from devices.printer_settings import PrinterSettings
from devices.receipts.document import Document, DocumentRefused, document_from
from devices.receipts.escpos import kick, kick_now, slip
from devices.receipts.profiles import PrinterProfile, ProfileUnknown, printer_profile

EPSON = printer_profile(PrinterSettings("TM-T20II"))
BEGIN = b"\x1b@\x1bR\0"


def document(*blocks: dict[str, Any]) -> Document:
    return document_from({"blocks": list(blocks)})


def bytes_of(*blocks: dict[str, Any], profile: PrinterProfile = EPSON) -> bytes:
    data = slip(document(*blocks), profile).data
    assert data.startswith(BEGIN)
    return data.removeprefix(BEGIN)


def png(image: Image.Image) -> str:
    out = io.BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        ({"text": "Hi"}, b"\x1bt\0Hi\n"),
        ({"text": ""}, b"\n"),
        ({"text": "Привет"}, b"\x1bt\x11\x8f\xe0\xa8\xa2\xa5\xe2\n"),
        ({"text": "Zażółć"}, b"\x1bt\x12Za\xbe\xa2\x88\x86\n"),
        ({"text": "a", "bold": True}, b"\x1b!\x08\x1bt\0a\n"),
        ({"text": "a", "size": "big", "bold": True}, b"\x1b!\x38\x1bt\0a\n"),
        ({"text": "ab", "align": "right"}, b"\x1bt\0" + b" " * 46 + b"ab\n"),
        ({"rule": True}, b"\x1bt\0" + b"\xc4" * 48 + b"\n"),
        ({"cut": True}, b"\x1bd\x06\x1dV\x01"),
        ({"drawer": 2}, b"\x1bp\x01\x19\xfa"),
        (
            {"barcode": "400638133393"},
            b"\x1ba\x01\x1dh\x50\x1dw\x03\x1df\0\x1dH\x02\x1dk\x024006381333931\0\x1ba\0",
        ),
        (
            {"barcode": "A{1", "symbology": "CODE128"},
            b"\x1ba\x01\x1dh\x50\x1dw\x03\x1df\0\x1dH\x02\x1dk\x49\x06{BA{{1\x1ba\0",
        ),
        (
            {"barcode": "123456", "symbology": "CODE128"},
            b"\x1ba\x01\x1dh\x50\x1dw\x03\x1df\0\x1dH\x02\x1dk\x49\x05{C\x0c\x22\x38\x1ba\0",
        ),
        (
            {"barcode": "12345", "symbology": "CODE128"},
            b"\x1ba\x01\x1dh\x50\x1dw\x03\x1df\0\x1dH\x02\x1dk\x49\x07{C\x0c\x22{B5\x1ba\0",
        ),
        (
            {"qr": "hi", "size": "small"},
            b"\x1ba\x01\x1d(k\x04\x001A2\0\x1d(k\x03\x001C\x07\x1d(k\x03\x001E1\x1d(k\x05\x001P0hi\x1d(k\x03\x001Q0\x1ba\0",
        ),
    ],
)
def test_a_block_is_these_bytes(block: dict[str, Any], wanted: bytes) -> None:
    assert bytes_of(block) == wanted


def test_the_page_is_said_once_and_again_when_it_changes() -> None:
    made = bytes_of({"text": "да"}, {"text": "нет"}, {"text": "tak, więc"}, {"text": "no"})
    assert made == b"\x1bt\x11\xa4\xa0\n\xad\xa5\xe2\n\x1bt\x12tak, wi\xa9c\nno\n"


def test_one_line_may_need_two_pages() -> None:
    assert bytes_of({"text": "żółw и жук"}) == b"\x1bt\x12\xbe\xa2\x88w \x1bt\x11\xa8 \xa6\xe3\xaa\n"


def test_style_goes_back_to_plain() -> None:
    assert bytes_of({"text": "a", "bold": True}, {"text": "b"}) == b"\x1b!\x08\x1bt\0a\n\x1b!\0b\n"


def test_a_printer_of_two_byte_letters_is_told_that_a_byte_is_a_letter() -> None:
    data = slip(document({"text": "a"}), printer_profile(PrinterSettings("POS-5890"))).data
    assert data == b"\x1b@\x1c.\x1bR\0\x1bt\0a\n"


def test_a_drawer_is_kicked_in_order_or_at_once() -> None:
    assert kick() == b"\x1bp\x00\x19\xfa"
    assert kick(2, on_ms=100) == b"\x1bp\x01\x32\xfa"
    assert kick_now() == b"\x10\x14\x01\x00\x01"
    assert kick_now(2, on_ms=500) == b"\x10\x14\x01\x01\x05"


def test_what_is_lacking_is_drawn_and_the_rest_printed() -> None:
    made = slip(document(*[{"text": "plain"}] * 3, {"text": "日本"}), EPSON)
    assert [each.lines for each in made.drawn] == [("日本",)]
    # 4 columns of 12 dots, 24 high with 6 of white below.
    assert made.data[made.drawn[0].at :].startswith(b"\x1dv0\0\x06\x00\x1e\x00")
    assert len(made.data) - made.drawn[0].at == 8 + 6 * 30


def test_when_much_is_lacking_everything_is_drawn_so_that_it_looks_like_one_receipt() -> None:
    made = slip(document({"text": "plain"}, {"text": "日本"}), EPSON)
    assert [each.lines for each in made.drawn] == [("plain", "日本")]
    always = slip(document({"text": "plain"}), printer_profile(PrinterSettings("TM-T20II", text="drawn")))
    assert [each.lines for each in always.drawn] == [("plain",)]


def test_settings_overrule_the_profile() -> None:
    profile = printer_profile(PrinterSettings("simple", columns=32, code_pages={7: "CP866"}))
    assert bytes_of({"text": "да", "align": "right"}, profile=profile) == b"\x1bt\x07" + b" " * 30 + b"\xa4\xa0\n"
    assert profile.dots == 384
    for wrong in (PrinterSettings("TM-T9999"), PrinterSettings("OCD-100"), PrinterSettings(code_pages={1: "CP932"})):
        with pytest.raises(ProfileUnknown):
            printer_profile(wrong)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ({"barcode": "4006381333932"}, "wrong check digit: 1 is right"),
        ({"barcode": "12"}, "13 digits"),
        ({"barcode": "123", "symbology": "ITF"}, "cannot be written as ITF"),
        ({"barcode": "żółw", "symbology": "CODE128"}, "cannot be written as CODE128"),
        ({"barcode": "a\x1bp", "symbology": "CODE128"}, "cannot be written as CODE128"),
        ({"image": base64.b64encode(b"no picture").decode()}, "not a picture"),
        ({"image": png(Image.new("1", (1, 900)))}, "too long"),
        ({"image": png(Image.new("1", (2001, 2001)))}, "too large"),
    ],
)
def test_what_cannot_be_printed_is_refused_before_a_byte_is_made(block: dict[str, Any], reason: str) -> None:
    with pytest.raises(DocumentRefused, match=reason):
        slip(document(block), EPSON)


def test_a_bar_code_that_no_scanner_could_read_is_printed_as_text() -> None:
    small = printer_profile(PrinterSettings("POS-5890"))
    code = "a" * 40
    assert bytes_of({"barcode": code, "symbology": "CODE128"}) == b"\x1bt\0" + code.encode() + b"\n"
    made = slip(document({"barcode": code, "symbology": "CODE128"}), small).data
    assert made.endswith(b"\x1bt\0" + b"a" * 32 + b"\n" + b"a" * 8 + b"\n")


def said_by(anchor: Any, profile: str, *calls: tuple[str, tuple[Any, ...], dict[str, Any]]) -> bytes:
    printer = anchor(profile=profile)
    for name, given, named in calls:
        getattr(printer, name)(*given, **named)
    return bytes(printer.output)


@pytest.mark.parametrize("text", ["Hello 123", "Привет, мир", "Zażółć", "Größe"])
@pytest.mark.parametrize("profile", ["TM-T88V", "TM-T20II", "default"])
def test_letters_are_those_of_python_escpos_where_one_page_has_them(anchor: Any, profile: str, text: str) -> None:
    ours = bytes_of({"text": text}, profile=printer_profile(PrinterSettings(profile)))
    theirs = said_by(anchor, profile, ("text", (text + "\n",), {}))
    # It writes the beginning of a Polish word in CP437 and the rest in CP852; the letters are the same.
    assert decoded(ours, profile) == decoded(theirs, profile) == text + "\n"


def decoded(data: bytes, profile: str) -> str:
    from devices.receipts.code_pages import upper_half

    pages = {page.slot: page.name for page in printer_profile(PrinterSettings(profile)).pages.pages}
    upper, out, at = upper_half("CP437") or "", "", 0
    while at < len(data):
        if data[at : at + 2] == b"\x1bt":
            upper = upper_half(pages[data[at + 2]]) or ""
            at += 3
        else:
            out += chr(data[at]) if data[at] < 0x80 else upper[data[at] - 0x80]
            at += 1
    return out


def test_codes_cuts_and_drawers_are_those_of_python_escpos(anchor: Any, capsys: pytest.CaptureFixture[str]) -> None:
    qr = said_by(anchor, "TM-T20II", ("qr", ("hello",), {"native": True, "ec": 1, "size": 7}))
    assert b"\x1ba\x01" + qr + b"\x1ba\0" == bytes_of({"qr": "hello", "size": "small"})
    bars = said_by(
        anchor, "TM-T20II", ("barcode", ("4006381333931", "EAN13", 80, 3, "BELOW", "A"), {"align_ct": False})
    )
    ours = bytes_of({"barcode": "4006381333931"})
    assert sorted(split(bars)) == sorted(split(ours.removeprefix(b"\x1ba\x01").removesuffix(b"\x1ba\0")))
    assert said_by(anchor, "TM-T20II", ("cut", (), {"mode": "PART"})) == bytes_of({"cut": True})
    assert said_by(anchor, "TM-T20II", ("cashdraw", ([0x1B, 0x70, 0, 0x19, 0xFA],), {})) == kick()
    capsys.readouterr()  # it prints


def split(data: bytes) -> list[bytes]:
    return [b"\x1d" + part for part in data.split(b"\x1d")[1:]]


def test_a_picture_is_that_of_python_escpos(anchor: Any, tmp_path: Path) -> None:
    picture = Image.new("RGBA", (50, 40), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (3, 5, 20, 30))
    ours = bytes_of({"image": png(picture)})
    theirs = said_by(anchor, "TM-T20II", ("image", (picture,), {}))
    assert ours == b"\x1ba\x01" + theirs + b"\x1ba\0"
