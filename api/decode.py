"""From bytes to structs: strict JSON, in slices where a body may be large, and every failure as its problem.

A body of 8 MB takes some 20 ms to decode; nobody else is served meanwhile. So an array is
cut between two of its objects every SLICE_BYTES, and the caller gives way after each slice. The cut looks for
`}, {`, which in a well-formed array of commands stands only between two of them, or inside a text: then the
slice ends in an open string, cannot be decoded, and the next cut is tried.
"""

import json
import re
from collections.abc import Iterator
from decimal import InvalidOperation
from typing import Any, Final, TypeVar

import msgspec

from api import schemas as s
from api.status import Problem, invalid

SLICE_BYTES: Final = 131_072
"""About 500 rows: 0.4 ms to decode."""
CONSTANT_BYTES_MAX: Final = 262_144
"""A broken body is searched for NaN up to this size: a second, slower parse."""
DETAIL_MAX: Final = 200
_BROKEN: Final = (ValueError, RecursionError, InvalidOperation)

T = TypeVar("T")

_between = re.compile(rb"\}[ \t\r\n]*,[ \t\r\n]*(?=\{)").search
_index = re.compile(r"\$\[(\d+)\]").match
_field = re.compile(r"(?:missing required|contains unknown) field `(.{1,64})`\Z").search
_array = s.decoder(list[s.AnyCommand])
_single = s.decoder(s.AnyCommand)


def is_array(body: bytes) -> bool:
    """Whether the first character that counts is `[`."""
    return body[:64].lstrip(b" \t\r\n")[:1] == b"["


def one_command(body: bytes) -> s.AnyCommand:
    """The one command in `body`."""
    command: s.AnyCommand = decode(_single, body)
    return command


def commands(body: bytes) -> Iterator[list[s.AnyCommand]]:
    """The commands of an array, a slice at a time."""
    at = body.index(b"[") + 1
    count, size = 0, SLICE_BYTES
    while cut := _between(body, at + size) if len(body) - at > size else None:
        piece = b"[" + body[at : cut.start() + 1] + b"]"
        try:
            slice_ = _array.decode(piece)
        except msgspec.ValidationError as error:
            raise _not_valid(error, count) from None
        except _BROKEN as error:
            if _is_number_problem(piece, error):
                raise _not_json(piece, error, count) from None
            size *= 2
        else:
            yield slice_
            count += len(slice_)
            at, size = cut.end(), SLICE_BYTES
    yield decode(_array, b"[" + body[at:], count)


def decode(decoder: msgspec.json.Decoder[T], body: bytes, first: int = 0) -> T:
    """`body` as the decoder's type, else 400 `invalid_json` or 422 `invalid_request`.

    `first`: how many elements of the whole array came before this slice.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _not_valid(error, first) from None
    except _BROKEN as error:
        raise _not_json(body, error, first) from None


def _not_valid(error: msgspec.ValidationError, first: int) -> Problem:
    detail, _, path = str(error).rpartition(" - at `")
    path = path.rstrip("`") if detail else "$"
    detail = detail or str(error)
    if index := _index(path):
        path = f"$[{int(index[1]) + first}]{path[index.end() :]}"
    if field := _field(detail):
        path = f"{path}.{field[1]}"
    return invalid(path, detail[:DETAIL_MAX])


def _not_json(body: bytes, error: Exception, first: int) -> Problem:
    if isinstance(error, InvalidOperation):
        return invalid("$", "a number beyond any size")
    if path := _constant_path(body, first):
        return invalid(path, "NaN and Infinity are not numbers")
    detail = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return Problem(400, "invalid_json", detail[:DETAIL_MAX])


def _is_number_problem(body: bytes, error: Exception) -> bool:
    return isinstance(error, InvalidOperation) or _constant_path(body, 0) is not None


class _Constant:
    """Stands where the body says NaN or Infinity."""


def _constant_path(body: bytes, first: int) -> str | None:
    """Where an otherwise well-formed body has NaN or Infinity."""
    if len(body) > CONSTANT_BYTES_MAX or not (b"NaN" in body or b"Infinity" in body):
        return None
    try:
        document = json.loads(body, parse_constant=lambda _: _Constant())
    except (ValueError, RecursionError):
        return None
    return _find(document, "$", first)


def _find(value: Any, path: str, first: int) -> str | None:
    if isinstance(value, _Constant):
        return path
    if isinstance(value, dict):
        inside = ((f"{path}.{key}", item) for key, item in value.items())
    elif isinstance(value, list):
        inside = ((f"{path}[{at}]", item) for at, item in enumerate(value, first if path == "$" else 0))
    else:
        return None
    return next((found for under, item in inside if (found := _find(item, under, first))), None)
