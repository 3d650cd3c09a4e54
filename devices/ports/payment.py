"""A payment terminal, as a till needs it: pay with a key, and after a lost line ask for that key, before all else."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Paid:
    """Money moved, once, for this key."""

    key: str
    amount: int
    """in the smallest coin"""
    currency: str
    reference: str
    """of the terminal, for a reversal and for the bank"""
    slip: tuple[str, ...] = ()
    """lines for the customer's receipt"""


class PaymentTerminal(Protocol):
    """Every call may raise InDoubt and Declined (`devices.ports.binding`)."""

    def pay(self, key: str, amount: int, currency: str) -> Paid:
        """Take money; the same key twice is one payment where the terminal knows keys, and is never sent twice here."""

    def find(self, key: str) -> Paid | None:
        """What became of the key; None when nothing was taken for it, for certain."""

    def reverse(self, key: str) -> None:
        """Give it back: the whole payment of a key, on the day of it."""

    def close_day(self) -> tuple[str, ...]:
        """The day's reconciliation with the bank, as lines."""
