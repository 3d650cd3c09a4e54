"""Simulated payment terminal and fiscal registrar, that lose questions and answers at the calls that a test names."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from devices.ports.binding import Declined, InDoubt
from devices.ports.fiscal import Registered, Shift
from devices.ports.payment import Paid
from devices.receipts.document import Cut, Document, Text


@dataclass(slots=True)
class Wire:
    """The line to such a device: which calls are lost on the way there, and which on the way back."""

    lost: frozenset[int] = frozenset()
    unanswered: frozenset[int] = frozenset()
    calls: int = 0

    def there(self, key: str) -> None:
        """A call arrives, or does not."""
        self.calls += 1
        if self.calls in self.lost:
            raise InDoubt(key, "no answer: it did not arrive")

    def back(self, key: str) -> None:
        """Its answer does, or does not."""
        if self.calls in self.unanswered:
            raise InDoubt(key, "no answer")


@dataclass(slots=True)
class SimulatedTerminal:
    """Takes money as often as it is asked to, like most real ones: only who asks can be careful."""

    wire: Wire = field(default_factory=Wire)
    credit: int = 1_000_000
    taken: list[Paid] = field(default_factory=list)
    reversed: list[str] = field(default_factory=list)

    def pay(self, key: str, amount: int, currency: str) -> Paid:
        """Take it, if there is as much."""
        self.wire.there(key)
        if amount > self.credit:
            raise Declined(key, "not covered")
        paid = Paid(key, amount, currency, f"auth-{len(self.taken) + 1}")
        self.taken.append(paid)
        self.wire.back(key)
        return paid

    def find(self, key: str) -> Paid | None:
        """The last one of the key."""
        self.wire.there(key)
        found = [paid for paid in self.taken if paid.key == key and key not in self.reversed]
        self.wire.back(key)
        return found[-1] if found else None

    def reverse(self, key: str) -> None:
        """Give it back."""
        self.wire.there(key)
        self.reversed.append(key)
        self.wire.back(key)

    def close_day(self) -> tuple[str, ...]:
        """What was taken."""
        kept = [paid.amount for paid in self.taken if paid.key not in self.reversed]
        return (f"{len(kept)} payments", f"total {sum(kept)}")


@dataclass(slots=True)
class SimulatedRegistrar:
    """Issues a document for every call."""

    wire: Wire = field(default_factory=Wire)
    state: Shift = Shift.OPEN
    issued: list[Registered] = field(default_factory=list)

    def shift(self) -> Shift:
        """As it was set."""
        return self.state

    def open_shift(self, cashier: str) -> None:
        """From now on documents are issued."""
        self.state = Shift.OPEN

    def close_shift(self, cashier: str) -> Document:
        """No more of them."""
        self.state = Shift.CLOSED
        return self.report()

    def report(self) -> Document:
        """How many."""
        return Document((Text(f"{len(self.issued)} documents"), Cut(True)))

    def register(self, key: str, receipt: Document) -> Registered:
        """Another document."""
        self.wire.there(key)
        if self.state is not Shift.OPEN:
            raise Declined(key, f"the shift is {self.state}")
        number = len(self.issued) + 1
        registered = Registered(key, "9999078900000000", number, f"{number:010}", 0, 1, f"t=0&s=0&fn=1&i={number}")
        self.issued.append(registered)
        self.wire.back(key)
        return registered

    def find(self, key: str) -> Registered | None:
        """The last one of the key."""
        self.wire.there(key)
        found = [registered for registered in self.issued if registered.key == key]
        self.wire.back(key)
        return found[-1] if found else None

    def move_cash(self, key: str, amount: int, reason: str) -> Registered:
        """A document of its own."""
        return self.register(key, Document((Text(reason), Cut(True))))


def lossy(lost: Iterable[int] = (), unanswered: Iterable[int] = ()) -> Wire:
    """A line that loses these calls, counted from 1."""
    return Wire(frozenset(lost), frozenset(unanswered))
