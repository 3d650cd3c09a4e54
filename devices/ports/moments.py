"""When in a sale money is taken, the fiscal document is issued, goods leave and paper is printed; and where to go on.

    held -> intended -> paid -> registered -> sold -> printed

Each moment is written down when it has come, before the next begins; a program that died goes on behind the last that
is written down, and asks the device about the one that may have begun. Money before the document, because a payment can
be reversed and a document only be corrected; the document before the goods, because a sale without it may not be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from devices.ports.binding import Declined, once
from devices.ports.fiscal import FiscalRegistrar, Registered
from devices.ports.payment import Paid, PaymentTerminal
from devices.receipts.document import Document


class Moment(IntEnum):
    """What is behind a sale, in order."""

    HELD = 0
    """the goods are reserved"""
    INTENDED = 1
    """the keys are written down: from here on devices may have been asked"""
    PAID = 2
    REGISTERED = 3
    SOLD = 4
    """the stock is lower: the reservation was fulfilled"""
    PRINTED = 5
    """the print job and the drawer's are in their journals"""


@dataclass(frozen=True, slots=True)
class Bill:
    """What is sold."""

    key: str
    """of the sale; payment and document have it too"""
    total: int
    currency: str
    receipt: Document


@dataclass(frozen=True, slots=True)
class Till:
    """The devices that bind this till's sales (None: cash, or no registrar), and the book it keeps."""

    note: Callable[[Moment], None]
    """durable when it returns"""
    sell: Callable[[], None]
    print: Callable[[Paid | None, Registered | None], None]
    """both may be called again with the same content: their ids are the sale's"""
    terminal: PaymentTerminal | None = None
    registrar: FiscalRegistrar | None = None


def finish(bill: Bill, till: Till, reached: Moment) -> None:
    """Bring a sale from the moment it has reached to its end.

    Raises Declined when it cannot be: what was paid is given back, and another try is another sale with another key.
    Raises InDoubt when a device cannot say what it did: the sale stays where it is. Called again after that, or after a
    death, it goes on.
    """
    if reached < Moment.INTENDED:
        till.note(Moment.INTENDED)
    begun = reached >= Moment.INTENDED
    paid = _paid(bill, till, reached, begun=begun)
    if reached < Moment.PAID:
        till.note(Moment.PAID)
    registered = _registered(bill, till, reached, begun=begun)
    if reached < Moment.REGISTERED:
        till.note(Moment.REGISTERED)
    if reached < Moment.SOLD:
        till.sell()
        till.note(Moment.SOLD)
    if reached < Moment.PRINTED:
        till.print(paid, registered)
        till.note(Moment.PRINTED)


def _paid(bill: Bill, till: Till, reached: Moment, *, begun: bool) -> Paid | None:
    terminal = till.terminal
    if terminal is None:
        return None
    if reached >= Moment.PAID:
        return terminal.find(bill.key)
    return once(lambda: terminal.pay(bill.key, bill.total, bill.currency), lambda: terminal.find(bill.key), begun=begun)


def _registered(bill: Bill, till: Till, reached: Moment, *, begun: bool) -> Registered | None:
    registrar = till.registrar
    if registrar is None:
        return None
    if reached >= Moment.REGISTERED:
        return registrar.find(bill.key)
    try:
        return once(lambda: registrar.register(bill.key, bill.receipt), lambda: registrar.find(bill.key), begun=begun)
    except Declined:
        if till.terminal is not None:
            till.terminal.reverse(bill.key)
        raise
