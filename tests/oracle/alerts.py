"""Reorder alerts, judged when a batch is decided: what its cells come to in the end counts."""

from engine.kinds import Kind
from engine.layout import REORDER_HYSTERESIS
from tests.oracle.book import Book
from tests.oracle.words import Cell


def judge(book: Book) -> None:
    """Raise and clear the alerts of the cells that the batch has changed, in the order in which it first did."""
    book.row = None
    for key in dict.fromkeys(book.changed):
        cell = book.look(key)
        if cell.alert != should_be_raised(cell):
            cell.alert = not cell.alert
            book.move(key, Kind.ALERT_RAISED if cell.alert else Kind.ALERT_CLEARED, 0)


def should_be_raised(cell: Cell) -> bool:
    """Raised at the reorder point or below; once it is, only well above is it over."""
    if cell.reorder_point == 0:
        return False
    if not cell.alert:
        return cell.position <= cell.reorder_point
    over = cell.reorder_point + cell.reorder_point // REORDER_HYSTERESIS + 1
    if cell.order_up_to > cell.reorder_point:
        over = min(over, cell.order_up_to)
    return cell.position < over
