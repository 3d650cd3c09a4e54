"""Limits as whoever starts the engine sets them: `OMNISTOCK_LIMIT_COMMANDS=20000`, by the names of `/v1/limits`.

Where something else counts on a limit it has bounds: the command line and the console ask for pages of 1,000, an
import sends 8,000 rows at a time, and a line of a reservation has a number below 1,000. Imports nothing of the API:
the supervisor looks at them before it starts anything.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final, TypeVar

PREFIX: Final = "OMNISTOCK_LIMIT_"
_MB: Final = 1 << 20
BOUNDS: Final = {
    "single_body_bytes": (65_536, 8 * _MB),
    "array_body_bytes": (8 * _MB, 32 * _MB),
    "commands": (8_000, 100_000),
    "reservation_lines": (1, 1_000),
    "page": (1_000, 10_000),
    "feed_page": (50_000, 200_000),
    "query_skus": (1, 10_000),
    "streams": (0, 65_536),
    "connections": (1, 65_536),
    "head_bytes": (4_096, _MB),
    "head_s": (1, 600),
    "body_s": (1, 3_600),
    "bodies_bytes": (32 * _MB, 1 << 40),
    "arrays_bytes": (8 * _MB, 1 << 40),
    "unread_s": (1, 3_600),
    "unread_bytes": (_MB, 1 << 40),
    "queue_rows": (1, 10_000_000),
    "queue_bytes": (_MB, 1 << 40),
    "client_rows_per_s": (0, 1_000_000_000),
    "client_burst_rows": (1, 1_000_000_000),
}
_FIELDS: Final = {"queue_rows": "queue_rows_max", "queue_bytes": "queue_bytes_max"}
"""Where a limit has another name inside."""

T = TypeVar("T")


class LimitRefused(Exception):
    """A limit that cannot be set so; carries why, in words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why


def limits_given(environment: Mapping[str, str]) -> dict[str, int]:
    """The limits that are set, by their names; raises LimitRefused."""
    given = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or not text:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in BOUNDS:
            raise LimitRefused(f"{variable}: the limits that can be set are {', '.join(BOUNDS)}")
        least, most = BOUNDS[name]
        # isdecimal() accepts the digits of other scripts, and so does int().
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            raise LimitRefused(f"{variable}={text}: a whole number from {least} to {most}")
        given[name] = int(text)
    return given


def as_set(limits: T, environment: Mapping[str, str]) -> T:
    """`limits`, a dataclass, with those of its fields that the environment sets; raises LimitRefused."""
    own = {field.name for field in fields(limits)}  # type: ignore[arg-type]
    given = {_FIELDS.get(name, name): value for name, value in limits_given(environment).items()}
    changed: Any = replace(limits, **{name: value for name, value in given.items() if name in own})  # type: ignore[type-var]
    return changed  # type: ignore[no-any-return]
