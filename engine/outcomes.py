"""What a command can be answered with, in order of precedence.

When several refusals apply to one row, the one with the smallest number is given. Numbers are in the
journal for ever: none is reused, none is changed.
"""

from enum import IntEnum


class Outcome(IntEnum):
    """The answer to one row; `text` is its name on the wire."""

    ID_REUSED = 1
    ID_TOO_OLD = 2
    TOO_LATE = 3
    UNKNOWN_SKU = 4
    UNKNOWN_WAREHOUSE = 5
    UNKNOWN_CHANNEL = 6
    UNKNOWN_RESERVATION = 7
    INVALID_QUANTITY = 8
    RESERVATION_CLOSED = 9
    RESERVATION_EXPIRED = 10
    CONFLICT = 11
    INSUFFICIENT_STOCK = 12
    GROUP_FAILED = 13
    LIMIT_EXCEEDED = 14
    QUARANTINED = 15
    OK = 16
    # Never decided by a shard, so never pinned to an id.
    UNAVAILABLE = 17
    OVERLOADED = 18

    @property
    def text(self) -> str:
        """The wire name, such as `insufficient_stock`."""
        return self.name.lower()


PINNED_MAX = Outcome.OK
"""Outcomes up to this one were decided by a shard and are pinned to the command's id."""
