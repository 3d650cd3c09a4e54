"""The oracle's words: what it keeps, what it answers, and the one way to refuse."""

from dataclasses import dataclass, field
from typing import NamedTuple

from engine.kinds import Kind, ReservationState, WarehouseKind
from engine.outcomes import Outcome
from tests.rows import Hold

CellKey = tuple[str, str]
"""(sku, warehouse)"""


@dataclass
class Cell:
    """One SKU at one warehouse."""

    on_hand: int = 0
    reserved: int = 0
    safety_stock: int = 0
    floor: int = 0
    reorder_point: int = 0
    order_up_to: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    alert: bool = False

    def copy(self) -> "Cell":
        return Cell(
            self.on_hand, self.reserved, self.safety_stock, self.floor, self.reorder_point, self.order_up_to,
            dict(self.sources), self.alert,
        )  # fmt: skip

    @property
    def incoming(self) -> int:
        return sum(self.sources.values()) if self.sources else 0

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved - self.safety_stock

    @property
    def room(self) -> int:
        return self.available + self.floor

    @property
    def position(self) -> int:
        return self.on_hand - self.reserved + self.incoming

    @property
    def empty(self) -> bool:
        return self.on_hand == self.reserved == self.incoming == 0


@dataclass
class Entry:
    """One (line, warehouse) of a reservation; no warehouse when nothing could be held for the line."""

    line: int
    sku: str
    warehouse: str
    requested: int
    quantity: int
    outcome: Outcome = Outcome.OK
    fulfilled: int = 0
    released: int = 0

    @property
    def key(self) -> CellKey:
        return self.sku, self.warehouse

    @property
    def remaining(self) -> int:
        return self.quantity - self.fulfilled - self.released

    def copy(self) -> "Entry":
        return Entry(
            self.line, self.sku, self.warehouse, self.requested, self.quantity, self.outcome, self.fulfilled,
            self.released,
        )  # fmt: skip


@dataclass
class Reservation:
    """Lines held together."""

    client: str
    channel: str
    expires_at_ms: int
    ordinal: int
    state: ReservationState = ReservationState.HELD
    entries: list[Entry] = field(default_factory=list)
    pending: bool = False
    """a command over several shards is prepared on it: it waits, and nothing else may touch it"""

    def copy(self) -> "Reservation":
        entries = [entry.copy() for entry in self.entries]
        return Reservation(
            self.client, self.channel, self.expires_at_ms, self.ordinal, self.state, entries, self.pending
        )


@dataclass
class Sku:
    decimals: int
    archived: bool = False


@dataclass
class Warehouse:
    number: int
    priority: int
    kind: WarehouseKind
    archived: bool = False


@dataclass
class Channel:
    every_warehouse: bool
    ranks: list[tuple[int, str]] = field(default_factory=list)
    archived: bool = False


@dataclass
class State:
    """Everything that a group can change, and that is put back when it falls."""

    cells: dict[CellKey, Cell] = field(default_factory=dict)
    reservations: dict[Hold, Reservation] = field(default_factory=dict)
    skus: dict[str, Sku] = field(default_factory=dict)
    warehouses: dict[str, Warehouse] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)


class Movement(NamedTuple):
    """One thing that changed, with the cell's counters after it; `row` is None for what the shard did by itself."""

    kind: Kind
    sku: str
    warehouse: str
    quantity: int
    on_hand: int
    reserved: int
    incoming: int
    available: int
    row: int | None
    hold: Hold | None = None
    line: int = 0


class Result(NamedTuple):
    """The answer to one row. `replays` is (seq, row) of the pinned answer."""

    outcome: Outcome
    quantity: int = 0
    available: int = 0
    requested: int = 0
    warehouse: str = ""
    hold: Hold | None = None
    state: ReservationState = ReservationState.NONE
    expires_at_ms: int = 0
    short: bool = False
    split: bool = False
    replays: tuple[int, int] | None = None
    lines: tuple[Entry, ...] = ()


class Refused(Exception):
    """A row cannot be done; nothing was changed."""

    def __init__(
        self,
        outcome: Outcome,
        available: int = 0,
        requested: int = 0,
        state: ReservationState = ReservationState.NONE,
    ) -> None:
        super().__init__(outcome, available, requested, state)
        self.result = Result(outcome, available=available, requested=requested, state=state)
