"""What texts from outside may be: codes (ids, SKUs, warehouses, channels) and free texts (names, references).

A free text that ends up on screens and receipts must not be able to move the cursor or turn the writing
direction, so control, bidirectional and separator characters are refused.
"""

import re
from functools import lru_cache
from typing import Final

from api.status import invalid
from engine.ids import sku_key

CODE_PATTERN: Final = "^[A-Za-z0-9._:-]{1,64}$"
CODE_MAX: Final = 64
CURRENCY_PATTERN: Final = "^[A-Z]{3}$"
TEXT_BYTES_MAX: Final = 255
"""UTF-8 bytes of one text of a command: its length travels in one byte."""

_code = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z").match
_currency = re.compile(r"[A-Z]{3}\Z").match
_refused = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
).search


def is_code(text: str) -> bool:
    """1 to 64 of `A-Z a-z 0-9 . _ : -`."""
    return _code(text) is not None


def check_code(text: str, path: str) -> str:
    """`text` if it is a code, else 422 `invalid_request`."""
    if _code(text) is None:
        raise invalid(path, "1 to 64 of A-Z a-z 0-9 . _ : -")
    return text


@lru_cache(maxsize=1024)
def currency_number(currency: str) -> int:
    """Three letters as a number, the first in the lowest byte; raises ValueError for another text."""
    if _currency(currency) is None:
        raise ValueError(currency)
    return int.from_bytes(currency.encode(), "little")


def check_text(text: str, path: str, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """`text` if people can read it and it is not too long, else 422 `invalid_request`."""
    if not text.isprintable() and _refused(text):
        raise invalid(path, "control or bidirectional character")
    if not 0 < len(text) <= bytes_max or len(text.encode()) > bytes_max:
        raise invalid(path, f"1 to {bytes_max} bytes of UTF-8")
    return text


def check_name(text: str, path: str) -> str:
    """A document's name: a free text with something to see in it."""
    if not text.strip():
        raise invalid(path, "a name without a visible character")
    return check_text(text, path)


@lru_cache(maxsize=1 << 18)
def known_sku(sku: str) -> int:
    """The sku_key of a well-formed SKU, remembered with the check; raises ValueError for another text."""
    if _code(sku) is None:
        raise ValueError(sku)
    return sku_key(sku)
