"""A fiscal registrar, as a till needs it: a shift, a document for each sale with a key, reports, cash in and out."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from devices.receipts.document import Document


class Shift(StrEnum):
    """A registrar's working day."""

    CLOSED = "closed"
    OPEN = "open"
    EXPIRED = "expired"
    """open for more than a day: nothing is registered before it is closed"""


@dataclass(frozen=True, slots=True)
class Registered:
    """A fiscal document was issued, once, for this key; what must stand on the receipt."""

    key: str
    storage: str
    """number of the fiscal storage, or of the registrar"""
    number: int
    sign: str
    at_ms: int
    shift: int
    qr: str = ""


class FiscalRegistrar(Protocol):
    """Every call that writes may raise InDoubt and Declined (`devices.ports.binding`)."""

    def shift(self) -> Shift:
        """How its day is."""

    def open_shift(self, cashier: str) -> None:
        """Begin the day."""

    def close_shift(self, cashier: str) -> Document:
        """End it, with the Z report."""

    def report(self) -> Document:
        """The X report: the day so far."""

    def register(self, key: str, receipt: Document) -> Registered:
        """Issue the document of a sale, a return or a correction."""

    def find(self, key: str) -> Registered | None:
        """The document of a key; None when none was issued, for certain."""

    def move_cash(self, key: str, amount: int, reason: str) -> Registered:
        """Cash put in, or taken out when negative."""
