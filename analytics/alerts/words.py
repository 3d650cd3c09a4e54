"""The words of alerts: kinds, states, groupings, and how a moment is written. Knows no DuckDB."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final


class Odd(StrEnum):
    """What may be odd about a channel."""

    SILENT = "channel_silent"
    REFUSALS = "refusal_peak"
    RETURNS = "return_peak"
    RELEASES = "release_peak"
    UNPAID = "unpaid_sales"


REORDER: Final = "reorder"
KINDS: Final = (REORDER, *(odd.value for odd in Odd))
STATES: Final = ("open", "acknowledged", "snoozed")
GROUPINGS: Final = ("group", "warehouse")
"""What reorder alerts may be grouped by."""


def moment_text(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"
