"""Money is taken once and a fiscal document issued once, whatever is lost or dies in the middle of a sale."""

import itertools

import pytest

from devices.ports.binding import FINDS_MAX, Declined, InDoubt
from devices.ports.fiscal import FiscalRegistrar, Registered, Shift
from devices.ports.moments import Bill, Moment, Till, finish
from devices.ports.payment import Paid, PaymentTerminal
from devices.receipts.document import Document, Text
from devices.simulators.binding import SimulatedRegistrar, SimulatedTerminal, Wire, lossy

BILL = Bill("sale-17", 1290, "EUR", Document((Text("Tea"),)))
ALL = [Moment.INTENDED, Moment.PAID, Moment.REGISTERED, Moment.SOLD, Moment.PRINTED]


class Died(BaseException):
    """The program ended here."""


class Shop:
    """A till whose program may die before or after any step, and goes on from what it wrote down."""

    def __init__(self, terminal: Wire | None = None, registrar: Wire | None = None, dies_at: int = 0) -> None:
        self.terminal = SimulatedTerminal(terminal or Wire())
        self.registrar = SimulatedRegistrar(registrar or Wire())
        self.reached = [Moment.HELD]
        self.sold: set[str] = set()
        self.papers: list[tuple[Paid | None, Registered | None]] = []
        self._steps = itertools.count(1)
        self._dies_at = dies_at

    def sell(self) -> None:
        """Ends at the end of the sale, or at nothing."""
        till = Till(self._note, self._sell, self._print, self.terminal, self.registrar)
        finish(BILL, till, self.reached[-1])

    def _note(self, moment: Moment) -> None:
        self._step()
        self.reached.append(moment)
        self._step()

    def _sell(self) -> None:
        self._step()
        self.sold.add(BILL.key)
        self._step()

    def _print(self, paid: Paid | None, registered: Registered | None) -> None:
        self._step()
        self.papers.append((paid, registered))
        self._step()

    def _step(self) -> None:
        if next(self._steps) == self._dies_at:
            raise Died

    def is_right(self) -> bool:
        once = len(self.terminal.taken) == len(self.registrar.issued) == len(self.sold) == 1
        printed = {(paid, registered) for paid, registered in self.papers}
        return once and printed == {(self.terminal.taken[0], self.registrar.issued[0])}


def test_the_moments_come_in_their_order() -> None:
    shop = Shop()
    shop.sell()
    assert shop.reached[1:] == ALL
    assert shop.is_right()
    shop.sell()
    assert shop.is_right()


@pytest.mark.parametrize("step", range(1, 15))
def test_a_program_that_dies_at_any_step_takes_money_once(step: int) -> None:
    shop = Shop(dies_at=step)
    with pytest.raises(Died):
        shop.sell()
    shop.sell()
    assert shop.is_right()
    assert shop.reached[-1] is Moment.PRINTED


@pytest.mark.parametrize("lost", [(1,), (2,), (1, 2), (1, 3), (2, 3), (1, 2, 3)])
@pytest.mark.parametrize("way", ["lost", "unanswered"])
@pytest.mark.parametrize("device", ["terminal", "registrar"])
@pytest.mark.parametrize("step", [0, 2, 3, 6])
def test_lost_questions_and_answers_do_nothing_twice(lost: tuple[int, ...], way: str, device: str, step: int) -> None:
    wire = lossy(**{way: lost})
    shop = Shop(**{device: wire}, dies_at=step)
    for _ in range(5):
        try:
            shop.sell()
        except (InDoubt, Died):
            continue
    assert shop.is_right()


def test_a_device_that_never_says_leaves_the_sale_to_a_person() -> None:
    shop = Shop(terminal=lossy(unanswered=range(1, 100)))
    for _ in range(3):
        with pytest.raises(InDoubt):
            shop.sell()
    assert shop.reached[-1] is Moment.INTENDED
    assert len(shop.terminal.taken) == 1
    assert shop.terminal.wire.calls == 1 + FINDS_MAX + 2 * FINDS_MAX
    assert not shop.sold


def test_what_is_declined_is_not_sold_and_what_was_paid_is_given_back() -> None:
    shop = Shop()
    shop.registrar.close_shift("Anna")
    with pytest.raises(Declined, match="closed"):
        shop.sell()
    assert (shop.terminal.reversed, shop.sold, shop.papers) == ([BILL.key], set(), [])
    poor = Shop()
    poor.terminal.credit = 10
    with pytest.raises(Declined, match="not covered"):
        poor.sell()
    assert (poor.terminal.taken, poor.registrar.issued) == ([], [])


def test_cash_without_a_registrar_is_a_sale_too() -> None:
    noted: list[Moment] = []
    printed: list[object] = []
    finish(BILL, Till(noted.append, lambda: None, lambda *both: printed.append(both)), Moment.HELD)
    assert (noted, printed) == (ALL, [(None, None)])


def test_the_simulators_are_what_the_ports_ask_for() -> None:
    terminal: PaymentTerminal = SimulatedTerminal()
    registrar: FiscalRegistrar = SimulatedRegistrar(state=Shift.CLOSED)
    registrar.open_shift("Anna")
    assert registrar.shift() is Shift.OPEN
    assert registrar.move_cash("cash-1", -500, "to the bank").number == 1
    terminal.pay("a", 100, "EUR")
    assert terminal.close_day() == ("1 payments", "total 100")
    assert registrar.close_shift("Anna").blocks[0] == Text("1 documents")
