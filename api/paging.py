"""Query strings and cursors: opaque to callers, checked when they come back."""

import base64
import binascii
import struct
from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from api.status import invalid
from api.texts import is_code

LIMIT_DEFAULT: Final = 100
QUERY_FIELDS_MAX: Final = 32
EVERYONE: Final = "everyone"
"""Asks for what every client has, not only the key's own; wants the scope `reports`, which sees all of it anyway."""
YES_OR_NO: Final = {"true": True, "false": False}
_INTEGER_MAX: Final = 1 << 63

T = TypeVar("T")


class Query:
    """The parameters of a request, each at most once."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str | None:
        """The value, None when it is not there."""
        return self._values.get(name)

    def limit(self, most: int) -> int:
        """`limit`, from 1 to `most`."""
        text = self._values.get("limit")
        if text is None:
            return min(LIMIT_DEFAULT, most)
        # isdecimal() accepts the digits of other scripts, and so does int().
        if not (text.isascii() and text.isdecimal() and len(text) <= 9 and 1 <= int(text) <= most):
            raise invalid("limit", f"1 to {most}")
        return int(text)

    def one_of(self, name: str, values: Mapping[str, T]) -> T | None:
        """What the value stands for."""
        text = self._values.get(name)
        if text is None:
            return None
        if text not in values:
            raise invalid(name, f"one of {', '.join(values)}")
        return values[text]


def query_of(query: bytes, names: Collection[str]) -> Query:
    """The parameters in a query string; 422 for one that the route does not have."""
    if not query:
        return Query({})
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS_MAX
        )
    except ValueError:
        raise invalid("query", "not a query string") from None
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in names:
            raise invalid(name[:64], "no such parameter")
        if name in values:
            raise invalid(name, "given twice")
        values[name] = value
    return Query(values)


def encode_cursor(numbers: Sequence[int]) -> str:
    """Non-negative integers as opaque text."""
    return base64.urlsafe_b64encode(struct.pack(f"<{len(numbers)}Q", *numbers)).rstrip(b"=").decode()


def decode_cursor(path: str, text: str | None, count: int | None = None) -> tuple[int, ...] | None:
    """The integers of a cursor, `count` of them if said; 422 for a text that was never one. None for None."""
    if text is None:
        return None
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise invalid(path, "not a cursor of this list") from None
    if len(data) % 8 or (count is not None and len(data) != 8 * count):
        raise invalid(path, "not a cursor of this list")
    numbers = struct.unpack(f"<{len(data) // 8}Q", data)
    if max(numbers, default=0) >= _INTEGER_MAX:
        raise invalid(path, "not a cursor of this list")
    return numbers


def code_cursor(code: str) -> str:
    """The last code of a page as opaque text."""
    return base64.urlsafe_b64encode(code.encode()).rstrip(b"=").decode()


def code_in_cursor(text: str | None) -> str:
    """The code in such a cursor; empty for None, 422 for a text that was never one."""
    if text is None:
        return ""
    try:
        code = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        code = ""
    if not is_code(code):
        raise invalid("cursor", "not a cursor of this list")
    return code
