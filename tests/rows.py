"""A command row as the tests write it: the wire's names, with texts where the wire has numbers and hashes.

Both the oracle (`tests.model`) and the encoder (`tests.builders`) read it, so neither sees the other's mistakes.
"""

from dataclasses import dataclass

from engine.kinds import Flag, Kind

Hold = tuple[str, str]
"""A reservation by what made it: (client, id of the reserving command)."""

NOT_CONTENT = Flag.ADMIN | Flag.WANT_LINES | Flag.QUARANTINE | Flag.CONTINUES
"""Flags that say how a command travels or who sends it, not what it asks for."""
NO_FLAGS = Flag(0)
# Kept at hand: in Python 3.11 an enumeration looks a member up by a function of its own, and this is asked per row.
_RESERVE = Kind.RESERVE
_CONTENT_BITS = ~int(NOT_CONTENT)


@dataclass(unsafe_hash=True, slots=True, kw_only=True)
class Row:
    """One row of a batch; nobody changes it. Quantities are thousandths, like on the wire; `line` -1 means all lines.

    Not frozen, for that makes one cost three times as much, and histories are made of millions."""

    kind: Kind
    id: str = ""
    client: str = "shop"
    sku: str = ""
    warehouse: str = ""
    to_warehouse: str = ""
    channel: str = ""
    quantity: int = 0
    expected: int = 0
    unit_price: int = 0
    discount: int = 0
    reservation: Hold | None = None
    source: str = ""
    not_after_ms: int = 0
    issued_at_ms: int = 0
    occurred_at_ms: int = 0
    due_ms: int = 0
    reference: str = ""
    label: str = ""
    reason: str = ""
    customer: str = ""
    original: str = ""
    group: int = 0
    ttl_s: int = 0
    tax_rate: int = 0
    currency: str = ""
    priority: int = 0
    line: int = -1
    flags: Flag = NO_FLAGS
    place_kind: int = 0

    def has(self, flag: Flag) -> bool:
        """Whether a bit of `flags` is set."""
        # As plain numbers: an enumeration's own operators take twenty times as long.
        return bool(int(self.flags) & flag._value_)

    @property
    def sourced(self) -> bool:
        """A line whose warehouse the shard chooses."""
        return self.kind == _RESERVE and not self.warehouse

    @property
    def content(self) -> tuple[object, ...]:
        """What must be equal for two rows with one id to be the same command."""
        return (
            self.kind, self.sku, self.warehouse, self.to_warehouse, self.channel, self.quantity, self.expected,
            self.unit_price, self.discount, self.reservation, self.source, self.occurred_at_ms, self.due_ms,
            self.reference, self.label, self.reason, self.customer, self.original, self.ttl_s, self.tax_rate,
            self.currency, self.priority, self.line, int(self.flags) & _CONTENT_BITS, self.place_kind,
        )  # fmt: skip
