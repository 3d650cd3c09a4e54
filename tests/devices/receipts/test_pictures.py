"""Pictures that somebody sends: black and white on the paper, or refused; nothing else, whatever is in the file."""

import io
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from devices.receipts.document import DocumentRefused
from devices.receipts.pictures import FORMATS, black_and_white, picture_commands


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


def test_importing_receipts_sets_nothing_up() -> None:
    """python-escpos configures logging and leaves a pickle when its capabilities are imported; its data do not."""
    code = (
        "import sys, logging, devices.receipts.escpos, devices.receipts.page, devices.receipts.templates.samples;"
        "sys.exit(bool(logging.root.handlers) or 'escpos.capabilities' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
