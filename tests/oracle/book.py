"""The book that the rules read and write: finding things, quantities in smallest units, and moving."""

from engine.kinds import Kind, WarehouseKind
from engine.layout import QUANTITY_SCALE, Limits
from engine.outcomes import Outcome
from tests.oracle.words import Cell, CellKey, Movement, Refused, Reservation, Result, Sku, State
from tests.rows import Hold, Row

# Kept at hand: in Python 3.11 an enumeration looks a member up by a function of its own, and these are asked per row.
_OK, _QUARANTINE = Outcome.OK, WarehouseKind.QUARANTINE


class Book:
    """The state, the batch being decided, and the reservation that the group being decided would make."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.state = State()
        self.now_ms = 0
        self.movements: list[Movement] = []
        self.changed: list[CellKey] = []
        """cells with a reorder point or an alert whose counters or settings the batch has changed, in that order"""
        self.row: int | None = None
        self.draft = Reservation("", "", 0, 0)
        self.draft_hold: Hold = ("", "")

    # Finding things; each refuses what it cannot find

    def sku(self, sku: str) -> Sku:
        found = self.state.skus.get(sku)
        if found is None or found.archived:
            raise Refused(Outcome.UNKNOWN_SKU)
        return found

    def warehouse(self, code: str) -> str:
        found = self.state.warehouses.get(code)
        if found is None or found.archived:
            raise Refused(Outcome.UNKNOWN_WAREHOUSE)
        return code

    def channel(self, code: str) -> str:
        found = self.state.channels.get(code)
        if found is None or found.archived:
            raise Refused(Outcome.UNKNOWN_CHANNEL)
        return code

    def cell_key(self, row: Row) -> CellKey:
        self.sku(row.sku)
        return row.sku, self.warehouse(row.warehouse)

    def look(self, key: CellKey) -> Cell:
        """The cell, or zeros; a row that is refused must not make one."""
        return self.state.cells.get(key) or Cell()

    # Where sourced lines may be taken from

    def places(self, channel: str) -> list[str]:
        """A channel's warehouses, best first."""
        known, warehouses = self.state.channels[channel], self.state.warehouses
        if known.every_warehouse:
            codes = sorted(warehouses, key=lambda code: (warehouses[code].priority, warehouses[code].number))
        else:
            codes = [code for _, code in sorted(known.ranks)]
        return [code for code in codes if not warehouses[code].archived and not self.is_quarantine(code)]

    def is_quarantine(self, code: str) -> bool:
        return self.state.warehouses[code].kind == _QUARANTINE

    def sellable(self, sku: str, channel: str) -> int:
        """What a channel could promise of a SKU, over all its warehouses."""
        return sum(max(0, self.look((sku, place)).room) for place in self.places(channel))

    # Quantities

    def exact(self, sku: str, thousandths: int) -> int:
        """Smallest units of the SKU."""
        factor: int = QUANTITY_SCALE // 10 ** self.state.skus[sku].decimals
        if thousandths % factor:
            raise Refused(Outcome.INVALID_QUANTITY)
        return thousandths // factor

    def units(self, sku: str, thousandths: int) -> int:
        """Smallest units of the SKU, within the bounds of one row."""
        units = self.exact(sku, thousandths)
        if abs(units) > self.limits.quantity_max:
            raise Refused(Outcome.INVALID_QUANTITY)
        return units

    def positive(self, row: Row) -> int:
        units = self.units(row.sku, row.quantity)
        if units <= 0:
            raise Refused(Outcome.INVALID_QUANTITY)
        return units

    def within(self, counter: int) -> None:
        if abs(counter) > self.limits.stock_max:
            raise Refused(Outcome.LIMIT_EXCEEDED)

    # Writing: from here everything succeeds

    def move(
        self,
        key: CellKey,
        kind: Kind,
        quantity: int,
        *,
        on_hand: int = 0,
        reserved: int = 0,
        incoming: int = 0,
        source: str = "",
        hold: Hold | None = None,
        line: int = 0,
    ) -> Cell:
        """Change a cell's counters and write down what moved."""
        cell = self.state.cells.get(key)
        if cell is None:
            cell = self.state.cells[key] = Cell()
        cell.on_hand += on_hand
        cell.reserved += reserved
        if incoming:
            cell.sources[source] = cell.sources.get(source, 0) + incoming
            if not cell.sources[source]:
                del cell.sources[source]
        if on_hand or reserved or incoming or kind in (Kind.ADJUST, Kind.CONFIGURE):
            self.note_changed(key)
        self.movements.append(
            Movement(
                kind, key[0], key[1], quantity, cell.on_hand, cell.reserved, cell.incoming, cell.available, self.row,
                hold, line,
            )
        )  # fmt: skip
        return cell

    def note_changed(self, key: CellKey) -> None:
        """Remember that the cell's alert is to be judged, if it can have one."""
        cell = self.state.cells[key]
        if cell.reorder_point or cell.alert:
            self.changed.append(key)

    def note_short(self, key: CellKey, bound: int) -> bool:
        """A SHORT movement when a count, a setting or a settled sale left the cell below its bound."""
        if bound >= 0:
            return False
        self.move(key, Kind.SHORT, self.look(key).room)
        return True

    def done(self, key: CellKey, quantity: int, *, requested: int = 0, short: bool = False) -> Result:
        return Result(_OK, quantity, self.look(key).available, requested, key[1], short=short)
