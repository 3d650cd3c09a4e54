"""QR codes and bar codes as modules, checked: what a printer draws by itself, what a picture shows, what a page shows.

segno and python-barcode draw; the check digits and the characters that each symbology allows are looked at here, once,
for a printer prints a wrong code without a word.
"""

import re
from functools import lru_cache
from typing import Any, Final, cast

import numpy as np
import segno
from barcode import get_barcode_class
from escpos import constants

from devices.codecs.escpos_commands import REAL_TIME
from devices.receipts.document import Barcode, DocumentRefused, Qr
from devices.receipts.dots import Dots, enlarged

QUIET_MODULES: Final = 4
"""of white around a QR code"""
BARCODE_QUIET_MODULES: Final = 10
MODULES_NARROW: Final = {"ITF": 2}
"""python-barcode draws a narrow bar of ITF as two modules, a wide one as five"""
_MASK: Final = 3
"""Trying all eight masks of a QR code takes four times as long; every reader undoes any of them."""
_MILLIMETRES: Final = {"small": 18, "medium": 26, "large": 38}
_QR_BYTES_M: Final = (
    *(14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666),
    *(711, 779, 857, 911, 997, 1059),
)
"""bytes that versions 1, 2, ... hold at error correction M (ISO/IEC 18004, table 7)"""

_DIGITS: Final = {"EAN13": 13, "EAN8": 8, "UPC-A": 12}
_PATTERNS: Final = {
    "CODE39": re.compile(r"[0-9A-Z \-.$/+%]{1,40}"),
    "CODE128": re.compile(r"[ -~]{1,60}"),
    "ITF": re.compile(r"(\d\d){1,20}"),
}
_PYTHON_BARCODE: Final = {"EAN13": "ean13", "EAN8": "ean8", "UPC-A": "upca", "ITF": "itf", "CODE128": "code128"}


def check_digit(digits: str) -> str:
    """The last digit of an EAN or UPC whose other digits these are (modulo 10, weights 3 and 1 from the right)."""
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def checked_barcode(block: Barcode) -> str:
    """The code in full; `DocumentRefused` when it cannot be one of its symbology."""
    code = block.barcode.strip()
    length = _DIGITS.get(block.symbology)
    if length is None:
        if not _PATTERNS[block.symbology].fullmatch(code):
            raise DocumentRefused("barcode", f"{code!r} cannot be written as {block.symbology}")
        return code
    if not re.fullmatch(r"[0-9]+", code) or len(code) not in (length, length - 1):
        raise DocumentRefused("barcode", f"{block.symbology} wants {length} digits, or {length - 1} without the last")
    wanted = check_digit(code[: length - 1])
    if len(code) == length and code[-1] != wanted:
        raise DocumentRefused("barcode", f"{code} has a wrong check digit: {wanted} is right")
    return code[: length - 1] + wanted


@lru_cache(maxsize=512)
def barcode_modules(symbology: str, code: str) -> str:
    """A `1` for each module of black, a `0` for each of white, without the quiet zones."""
    if symbology == "CODE39":
        made: Any = get_barcode_class("code39")(code, add_checksum=False)
    else:
        made = get_barcode_class(_PYTHON_BARCODE[symbology])(code)
    return cast(str, made.build()[0])


def barcode_dots(symbology: str, code: str, width: int, height: int) -> Dots:
    """The bars, a narrow one `width` dots wide (of ITF: two), with their quiet zones."""
    width = max(1, width // MODULES_NARROW.get(symbology, 1))
    modules = np.frombuffer(barcode_modules(symbology, code).encode(), np.uint8) & 1
    return enlarged(np.pad(modules, BARCODE_QUIET_MODULES)[np.newaxis], width, height)


def native_barcode(symbology: str, code: str, functions: frozenset[str]) -> bytes | None:
    """`GS k` with its data, by the printer's function A or B (CODE128 is in B alone); None when it has neither."""
    if symbology == "CODE128":
        if "B" not in functions:
            return None
        data = _code128(code)
        return cast(bytes, constants.BARCODE_TYPE_B[symbology]) + bytes([len(data)]) + data
    data = code.encode("ascii")
    if "A" in functions:
        return cast(bytes, constants.BARCODE_TYPE_A[symbology]) + data + b"\0"
    if "B" in functions:
        return cast(bytes, constants.BARCODE_TYPE_B[symbology]) + bytes([len(data)]) + data
    return None


def _code128(code: str) -> bytes:
    """Digits in set C, a byte a pair, an odd last one in set B; anything else in set B, where a brace is doubled.

    The pairs 16 20 01 would open the drawer: digits in which a printer would hear a command are written in set B, too.
    """
    even = len(code) // 2 * 2
    pairs = bytes(int(code[at : at + 2]) for at in range(0, even, 2)) if re.fullmatch(r"\d{4,}", code) else b""
    if not pairs or REAL_TIME.search(pairs):
        return b"{B" + code.replace("{", "{{").encode("ascii")
    return b"{C" + pairs + (b"{B" + code[even:].encode("ascii") if even < len(code) else b"")


def modules_wide(symbology: str, code: str) -> int:
    """Narrow modules across, without quiet zones, whichever of printer and picture takes more."""
    drawn = len(barcode_modules(symbology, code)) // MODULES_NARROW.get(symbology, 1)
    if symbology != "CODE128":
        return drawn
    data = _code128(code).replace(b"{{", b"{")
    symbols = len(data) - 1 - (1 if b"{B" in data[2:] and data.startswith(b"{C") else 0)
    return max(drawn, 11 * (symbols + 1) + 13)


def qr_payload(block: Qr) -> bytes:
    """What the code holds; half a surrogate pair is nothing that could be held."""
    return block.qr.encode("utf-8", "ignore") or b" "


def qr_modules(payload: bytes) -> int:
    """Modules along a side, as a printer chooses the version for error correction M."""
    for version, room in enumerate(_QR_BYTES_M, 1):
        if len(payload) <= room:
            return 17 + 4 * version
    raise DocumentRefused("qr", f"{len(payload)} bytes do not fit")


def module_dots(modules: int, size: str, dots: int) -> int:
    """How many dots wide a module is, so that the code has about its size and fits the paper."""
    wanted = round(_MILLIMETRES[size] * 8 / modules)
    return max(1, min(max(3, wanted), 16, dots // (modules + 2 * QUIET_MODULES)))


def qr_matrix(payload: bytes) -> list[bytearray]:
    """Rows of modules, 1 is black, without the quiet zone."""
    return [bytearray(row) for row in segno.make_qr(payload, error="m", mask=_MASK, boost_error=False).matrix]


def qr_dots(payload: bytes, width: int, height: int) -> Dots:
    """The code with its quiet zone, a module `width` by `height` dots."""
    return enlarged(np.pad(np.array(qr_matrix(payload), np.uint8), QUIET_MODULES), width, height)
