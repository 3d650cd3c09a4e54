"""Pictures that somebody sends: black and white on the paper, or refused; nothing else, whatever is in the file."""

import io
import subprocess
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from devices.codecs.escpos_commands import REAL_TIME
from devices.printer_settings import PrinterSettings
from devices.receipts.document import DocumentRefused, document_from
from devices.receipts.escpos import slip
from devices.receipts.pictures import FORMATS, black_and_white, harmless, picture_commands
from devices.receipts.profiles import printer_profile
from devices.simulators.receipt_printer import PrinterSimulator


def drawn(form: str) -> bytes:
    picture = Image.new("RGB", (40, 30), "white")
    picture.paste("black", (5, 5, 20, 25))
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


FILES = [drawn(form) for form in FORMATS]


@pytest.mark.parametrize("data", FILES, ids=FORMATS)
def test_black_stays_black_and_white_white(data: bytes) -> None:
    picture = black_and_white(data, 384)
    assert picture.shape == (30, 40)
    assert picture[10, 10] == 1
    assert picture[2, 35] == 0


def test_what_is_seen_through_is_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (16, 16), (0, 0, 0, 0)).save(out, "PNG")
    assert not black_and_white(out.getvalue(), 384).any()


def test_a_picture_is_no_wider_than_the_paper() -> None:
    out = io.BytesIO()
    Image.new("1", (1000, 500)).save(out, "PNG")
    assert black_and_white(out.getvalue(), 384).shape == (192, 384)


def test_a_long_picture_goes_in_parts() -> None:
    parts = list(picture_commands(np.ones((600, 16), np.uint8), "raster"))
    assert [part[:8] for part in parts] == [
        b"\x1dv0\0\x02\0\x00\x01",
        b"\x1dv0\0\x02\0\x00\x01",
        b"\x1dv0\0\x02\0\x58\x00",
    ]
    assert {len(part) for part in parts} == {8 + 2 * 256, 8 + 2 * 88}


def test_a_picture_in_columns_has_the_top_dot_first() -> None:
    picture = np.zeros((9, 2), np.uint8)
    picture[0, 0] = picture[8, 1] = 1
    eight = b"\x1b*\x01\x02\0\x80\0\n" + b"\x1b*\x01\x02\0\0\x80\n"
    assert b"".join(picture_commands(picture, "columns8")) == b"\x1b3\x10" + eight + b"\x1b2"
    twenty_four = b"\x1b*\x21\x02\0" + b"\x80\0\0" + b"\0\x80\0" + b"\n"
    assert b"".join(picture_commands(picture, "columns24")) == b"\x1b3\x10" + twenty_four + b"\x1b2"


@pytest.mark.parametrize("sides", [(20_000, 20_000), (2_001, 2_000), (65_535, 1), (1, 65_535)])
def test_a_small_file_that_unpacks_to_a_large_picture_is_refused_before_it_is_unpacked(sides: tuple[int, int]) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = sides[0].to_bytes(4, "big") + sides[1].to_bytes(4, "big") + b"\x01\0\0\0\0"
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(DocumentRefused):
        black_and_white(data, 384)


@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    st.integers(0, 9),
)
def test_a_broken_file_is_a_picture_or_refused(data: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    broken = bytearray(data[: len(data) - cut * len(data) // 10])
    for at, value in changes:
        broken[at % len(broken)] = value
    try:
        picture = black_and_white(bytes(broken), 384)
    except DocumentRefused:
        return
    assert set(picture.ravel().tolist()) <= {0, 1}
    assert picture.shape[1] <= 384


DANGEROUS = (0x10, 0x04, 0x05, 0x14, 0x01, 0x00, 0x08)
"""What real-time commands are made of; `10 14 01 00 01` opens the drawer."""


@pytest.mark.parametrize("pictures", ["raster", "columns24", "columns8"])
@pytest.mark.parametrize("seed", range(20))
def test_no_picture_is_heard_as_a_command(pictures: Any, seed: int) -> None:
    """Dots that say commands, and dots by chance; at most one is added, beside a black one, where it would be heard."""
    chance = np.random.default_rng(seed)
    values = np.array(DANGEROUS if seed % 2 else range(256), np.uint8)
    packed = chance.choice(values, (48, 24))
    across = pictures == "raster"
    picture = np.unpackbits(packed, axis=1) if across else np.unpackbits(packed.T, axis=0)
    sent = b"".join(picture_commands(picture, pictures))
    assert REAL_TIME.search(sent) is None
    printer = PrinterSimulator(bytes_per_s=1e9, memory_bytes=1 << 20)
    assert printer.receive(sent) == len(sent)
    printer.pass_time(1.0)
    assert (printer.drawer.kicks, printer.say()) == (0, b"")
    assert bytes(printer.printed) == sent


@given(st.lists(st.sampled_from((*DANGEROUS, 0x18, 0xFF)), max_size=60).map(bytes))
def test_dots_are_added_only_where_a_command_would_be_heard(packed: bytes) -> None:
    changed = harmless(packed)
    assert REAL_TIME.search(changed) is None
    for at, (before, after) in enumerate(zip(packed, changed, strict=True)):
        heard = REAL_TIME.match(packed, at) is not None
        assert (before, after) == (0x10, 0x18) if heard else before == after


@pytest.mark.parametrize("profile", ["TM-T20II", "simple", "TM-U220"])
@pytest.mark.parametrize(
    "block",
    [
        {"qr": "a\x10\x14\x01\x00\x01b"},
        {"qr": "\x10\x05\x02"},
        {"barcode": "1620010099", "symbology": "CODE128"},
        {"barcode": "99160499", "symbology": "CODE128"},
        {"barcode": "16051605", "symbology": "ITF"},
    ],
)
def test_no_code_is_heard_as_a_command(block: dict[str, str], profile: str) -> None:
    """QR codes and bar codes that the printer draws itself carry their data as it is."""
    made = slip(document_from({"blocks": [block]}), printer_profile(PrinterSettings(profile)))
    printer = PrinterSimulator(bytes_per_s=1e9, memory_bytes=1 << 20)
    printer.receive(made.data)
    printer.pass_time(1.0)
    assert (printer.drawer.kicks, printer.say()) == (0, b"")
    assert printer.printed_bytes > 0


def test_importing_receipts_sets_nothing_up() -> None:
    """python-escpos configures logging and leaves a pickle when its capabilities are imported; its data do not."""
    code = (
        "import sys, logging, devices.receipts.escpos, devices.receipts.page, devices.receipts.templates.samples;"
        "sys.exit(bool(logging.root.handlers) or 'escpos.capabilities' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
