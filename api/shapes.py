"""The shapes of answers, for the OpenAPI page; tests decode every answer with them, strictly.

Answers are written as plain dicts (`api.render`, `api.events`): these structs only say what they look like.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from api.schemas import Money

Number = Annotated[int | float, Meta(description="exact, with at most the SKU's decimals")]
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
OutcomeText = Literal[
    "id_reused",
    "id_too_old",
    "too_late",
    "unknown_sku",
    "unknown_warehouse",
    "unknown_channel",
    "unknown_reservation",
    "invalid_quantity",
    "reservation_closed",
    "reservation_expired",
    "conflict",
    "insufficient_stock",
    "group_failed",
    "limit_exceeded",
    "quarantined",
    "ok",
    "unavailable",
    "overloaded",
]
StateText = Literal["held", "confirmed", "fulfilled", "released", "expired"]


class Answered(Struct, forbid_unknown_fields=True, kw_only=True):
    """All answers: no field that is not written down."""


class FailedLine(Answered, kw_only=True):
    """A line that stood in the way."""

    line: int
    outcome: OutcomeText
    sku: str | UnsetType = UNSET
    warehouse: str | UnsetType = UNSET
    requested: Number | UnsetType = UNSET
    available: Number | UnsetType = UNSET


class Result(Answered, kw_only=True):
    """What became of one command; figures are there when its row came to look at a cell."""

    id: str
    outcome: OutcomeText
    reservation: str | UnsetType = UNSET
    state: StateText | UnsetType = UNSET
    expires_at: Moment | UnsetType = UNSET
    warehouse: str | UnsetType = UNSET
    requested: Number | UnsetType = UNSET
    quantity: Number | UnsetType = UNSET
    available: Number | UnsetType = UNSET
    short: Annotated[bool, Meta(description="it was applied and left the cell below its bound")] | UnsetType = UNSET


class Results(Answered, kw_only=True):
    """One entry for each command, in their order."""

    results: list[Result]


class Problem(Answered, kw_only=True):
    """RFC 9457: every error."""

    type: str
    title: str
    status: int
    code: str
    detail: str | UnsetType = UNSET
    path: str | UnsetType = UNSET
    lines: list[FailedLine] | UnsetType = UNSET
    state: StateText | UnsetType = UNSET
    retry_after_ms: int | UnsetType = UNSET
    results: list[Result] | UnsetType = UNSET


class Line(Answered, kw_only=True):
    """One line of a reservation at one warehouse; null when nothing could be held for it."""

    line: int
    sku: str
    warehouse: str | None
    requested: Number
    quantity: Number
    fulfilled: Number
    released: Number
    remaining: Number
    outcome: OutcomeText


class Reservation(Answered, kw_only=True):
    """Lines that are held together."""

    reservation: str
    state: StateText
    channel: str
    lines: list[Line]
    expires_at: Moment | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    customer: str | UnsetType = UNSET


class ReservationPage(Answered, kw_only=True):
    """Some reservations, and where the next ones are."""

    items: list[Reservation]
    next_cursor: str | None


class CommandAnswer(Result, kw_only=True):
    """What a command id got, whenever it was sent."""

    kind: str
    lines: list[Line] | UnsetType = UNSET
    failed_lines: list[FailedLine] | UnsetType = UNSET


class Cell(Answered, kw_only=True):
    """One SKU at one warehouse."""

    warehouse: str
    on_hand: Number
    reserved: Number
    safety_stock: Number
    floor: Number
    incoming: Number
    available: Number


class Stock(Answered, kw_only=True):
    """One SKU everywhere; `available` leaves out quarantine."""

    sku: str
    on_hand: Number
    reserved: Number
    available: Number
    incoming: Number
    cells: list[Cell]
    sellable: Number | UnsetType = UNSET
    outcome: OutcomeText | UnsetType = UNSET


class StockItems(Answered, kw_only=True):
    """SKUs in the order asked."""

    items: list[Stock]


class Event(Answered, kw_only=True):
    """One thing that changed; counters are those after it."""

    cursor: str
    shard: int
    seq: int
    at: Moment
    kind: str
    client: str
    command_id: str | None
    sku: str
    warehouse: str | None
    quantity: Number
    on_hand: Number
    reserved: Number
    available: Number
    incoming: Number
    occurred_at: Moment | UnsetType = UNSET
    position: Annotated[Number, Meta(description="alerts: on_hand - reserved + incoming")] | UnsetType = UNSET
    reorder_point: Number | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    reservation: str | UnsetType = UNSET
    reference: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    unit_price: Money | UnsetType = UNSET


class FeedPage(Answered, kw_only=True):
    """Events, and the cursor to go on with."""

    events: list[Event]
    next_cursor: str
