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
    """Told from missing references: who paid what nobody tells the engine. The name stays: programs ask for it."""


REORDER: Final = "reorder"
KINDS: Final = (REORDER, *(odd.value for odd in Odd))
ABOUT: Final[dict[str, str]] = {
    REORDER: "a cell has fallen to its reorder point",
    Odd.SILENT: "no order for longer than usual",
    Odd.REFUSALS: "many more refused customers than usual",
    Odd.RETURNS: "many more returned orders than usual",
    Odd.RELEASES: "many more released reservations than usual",
    Odd.UNPAID: "sales without a payment reference: neither the sale nor the reservation behind it carries a "
    "`reference`, in a channel where nearly all do; whether it was paid is not known here",
}
"""What each kind means, for whoever asks by its name."""
STATES: Final = ("open", "acknowledged", "snoozed")
GROUPINGS: Final = ("group", "warehouse")
"""What reorder alerts may be grouped by."""


def moment_text(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"
