"""Commands on one cell, or on two: goods that come, go, move, are counted and are configured."""

from engine.kinds import Flag, Setting
from engine.outcomes import Outcome
from tests.oracle.book import Book
from tests.oracle.words import Cell, Refused, Result
from tests.rows import Row


def receive(book: Book, row: Row) -> Result:
    key = book.cell_key(row)
    quantity = book.positive(row)
    cell = book.look(key)
    arrived = min(quantity, cell.sources.get(row.source, 0)) if row.source else 0
    book.within(cell.on_hand + quantity)
    book.move(key, row.kind, quantity, on_hand=quantity, source=row.source, incoming=-arrived)
    return book.done(key, quantity)


def expect(book: Book, row: Row) -> Result:
    key = book.cell_key(row)
    delta = book.units(row.sku, row.quantity)
    cell = book.look(key)
    if not row.source or delta == 0 or cell.sources.get(row.source, 0) + delta < 0:
        raise Refused(Outcome.INVALID_QUANTITY)
    book.within(cell.incoming + delta)
    book.move(key, row.kind, delta, source=row.source, incoming=delta)
    return book.done(key, abs(delta))


def adjust(book: Book, row: Row) -> Result:
    key = book.cell_key(row)
    units = book.units(row.sku, row.quantity)
    cell = book.look(key)
    delta = units - cell.on_hand if row.has(Flag.SET_TO) else units
    expected = book.exact(row.sku, row.expected) if row.has(Flag.HAS_EXPECTED) else cell.on_hand
    counted = row.has(Flag.SET_TO)
    # Adding to a cell that owes goods is fine, even when it still owes some afterwards.
    if (cell.on_hand + delta < 0 and (counted or delta < 0)) or (delta == 0 and not counted):
        raise Refused(Outcome.INVALID_QUANTITY)
    if cell.on_hand != expected:
        raise Refused(Outcome.CONFLICT, cell.available)
    book.within(cell.on_hand + delta)
    after = book.move(key, row.kind, delta, on_hand=delta)
    return book.done(key, abs(delta), short=book.note_short(key, after.room))


def sell(book: Book, row: Row) -> Result:
    key = book.cell_key(row)
    book.channel(row.channel)
    quantity = book.positive(row)
    cell = book.look(key)
    settled = row.has(Flag.SETTLED)
    if not settled and cell.on_hand - cell.reserved + cell.floor < quantity:
        raise Refused(Outcome.INSUFFICIENT_STOCK, cell.available, quantity)
    book.within(cell.on_hand - quantity)
    after = book.move(key, row.kind, -quantity, on_hand=-quantity)
    short = settled and book.note_short(key, after.on_hand - after.reserved + after.floor)
    return book.done(key, quantity, requested=quantity, short=short)


def give_back(book: Book, row: Row) -> Result:
    key = book.cell_key(row)
    book.channel(row.channel)
    quantity = book.positive(row)
    book.within(book.look(key).on_hand + quantity)
    book.move(key, row.kind, quantity, on_hand=quantity)
    return book.done(key, quantity)


def transfer(book: Book, row: Row) -> Result:
    key = book.cell_key(row)
    target = (row.sku, book.warehouse(row.to_warehouse))
    quantity = book.positive(row)
    if key == target:
        raise Refused(Outcome.CONFLICT)
    cell, to = book.look(key), book.look(target)
    if cell.available < quantity:
        raise Refused(Outcome.INSUFFICIENT_STOCK, cell.available, quantity)
    in_transit = row.has(Flag.IN_TRANSIT)
    book.within(cell.on_hand - quantity)
    book.within((to.incoming if in_transit else to.on_hand) + quantity)
    book.move(key, row.kind, -quantity, on_hand=-quantity)
    if in_transit:
        book.move(target, row.kind, quantity, source=row.id, incoming=quantity)
    else:
        book.move(target, row.kind, quantity, on_hand=quantity)
    return book.done(key, quantity, requested=quantity)


def configure(book: Book, row: Row) -> Result:
    key = book.cell_key(row)
    settings = {
        Setting.SAFETY_STOCK: ("safety_stock", row.quantity),
        Setting.FLOOR: ("floor", row.expected),
        Setting.REORDER_POINT: ("reorder_point", row.unit_price),
        Setting.ORDER_UP_TO: ("order_up_to", row.discount),
    }
    new = {name: book.units(row.sku, value) for bit, (name, value) in settings.items() if row.line & bit}
    if not new or min(new.values()) < 0:
        raise Refused(Outcome.INVALID_QUANTITY)
    cell = book.state.cells.setdefault(key, Cell())
    for name, value in new.items():
        setattr(cell, name, value)
    book.move(key, row.kind, 0)
    return book.done(key, 0, short=book.note_short(key, cell.room))
