"""What exists: SKUs, warehouses, channels and clients, as the documents writer tells it."""

from engine.kinds import Flag, WarehouseKind
from engine.outcomes import Outcome
from tests.oracle.book import Book
from tests.oracle.words import Channel, Refused, Result, Sku, Warehouse
from tests.rows import Row


def define_sku(book: Book, row: Row) -> Result:
    skus = book.state.skus
    cells = [cell for (sku, _), cell in book.state.cells.items() if sku == row.sku]
    if row.has(Flag.ARCHIVED):
        if row.sku not in skus:
            raise Refused(Outcome.UNKNOWN_SKU)
        if not all(cell.empty for cell in cells):
            raise Refused(Outcome.CONFLICT)
        skus[row.sku].archived = True
        return Result(Outcome.OK)
    if not 0 <= row.quantity <= 3:
        raise Refused(Outcome.INVALID_QUANTITY)
    if row.sku in skus and skus[row.sku].decimals != row.quantity and cells:
        raise Refused(Outcome.CONFLICT)
    skus[row.sku] = Sku(row.quantity)
    return Result(Outcome.OK)


def define_warehouse(book: Book, row: Row) -> Result:
    warehouses = book.state.warehouses
    known = warehouses.get(row.warehouse)
    if row.has(Flag.ARCHIVED):
        if known is None:
            raise Refused(Outcome.UNKNOWN_WAREHOUSE)
        if not all(cell.empty for (_, place), cell in book.state.cells.items() if place == row.warehouse):
            raise Refused(Outcome.CONFLICT)
        known.archived = True
        return Result(Outcome.OK)
    number = known.number if known is not None else len(warehouses)
    warehouses[row.warehouse] = Warehouse(number, row.priority, WarehouseKind(row.place_kind))
    return Result(Outcome.OK)


def define_channel(book: Book, row: Row) -> Result:
    channels = book.state.channels
    if not row.has(Flag.ARCHIVED):
        channels[row.channel] = Channel(row.has(Flag.ALL_WAREHOUSES))
    elif row.channel in channels:
        channels[row.channel].archived = True
    else:
        raise Refused(Outcome.UNKNOWN_CHANNEL)
    return Result(Outcome.OK)


def define_channel_warehouse(book: Book, row: Row) -> Result:
    warehouse = book.warehouse(row.warehouse)
    book.state.channels[book.channel(row.channel)].ranks.append((row.priority, warehouse))
    return Result(Outcome.OK)


def define_client(book: Book, row: Row) -> Result:
    return Result(Outcome.OK)
