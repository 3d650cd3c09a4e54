"""What customers ask for: every kind of command, on few goods, so that they meet; and what became of it.

A `Customer` knows only what a caller of the API would know: its own commands and the answers to them.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Final

from engine.kinds import Flag, Kind, Setting
from engine.outcomes import Outcome
from tests.rows import Hold, Row
from tests.simulation.goods import Goods
from tests.simulation.names import CHANNELS, PLACES, WEIGHED, Packed

ANSWER_COLUMNS: Final = ("outcome", "quantity", "reservation")
"""What must be the same whenever a command is answered, whoever asks and however often."""
NEVER_MS: Final = 1 << 62
_SOLD_AT: Final = PLACES[:2]
_NO_FLAGS: Final = Flag(0)
_HELD_MAX: Final = 30
# Kept at hand: in Python 3.11 an enumeration looks a member up by a function of its own, and operates slowly.
_OK, _RESERVE = Outcome.OK, Kind.RESERVE
_RESERVE_FLAGS: Final = (
    (Flag.WANT_LINES, Flag.WANT_LINES | Flag.CONTINUES),
    (Flag.WANT_LINES | Flag.PARTIAL, Flag.WANT_LINES | Flag.PARTIAL | Flag.CONTINUES),
)
"""of the first line and of the others; all in part or none"""


@dataclass(slots=True, eq=False)
class Command:
    """One command: rows that share an id, or a single row; labelled rows are commands beside one another."""

    rows: list[Row]
    at: int
    """where its rows begin in its request"""
    ids: list[tuple[int, int]] = field(default_factory=list)
    """of each row; (0, 0) where it continues"""
    answers: list[tuple[int, ...]] = field(default_factory=list)
    """pinned outcome, quantity and reservation of each row, as first answered"""
    answered_at_ns: int = 0
    tries: int = 0
    packed: list[Packed] = field(default_factory=list)
    """its rows as they are sent, each time"""
    contradiction: str = ""

    @property
    def known(self) -> bool:
        """Whether its caller knows what became of it."""
        return bool(self.answers)

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return any(answer[0] == _OK for answer in self.answers)


@dataclass(slots=True, eq=False)
class Held:
    """A reservation as its owner knows it."""

    hold: Hold
    lines: int
    skus: list[str]
    confirmed: bool = False


class Customer:
    """Thinks of commands; remembers what it holds."""

    def __init__(self, number: int, client: str, chance: random.Random, goods: Goods) -> None:
        self.number = number
        self.client = client
        self.chance = chance
        self._held_on_one: list[Held] = []
        self._held_over_shards: list[Held] = []
        """few: they are kept apart lest nobody comes back to them"""
        self.commands: list[Command] = []
        self._goods = goods
        self._may_span = False
        self._made = 0
        self._groups = 0

    def ask(self, count: int, *, may_span: bool) -> list[Command]:
        """So many commands, as one request; `may_span`: some of them may concern several shards."""
        self._may_span = may_span
        commands: list[Command] = []
        at = 0
        while len(commands) < count:
            for rows in self.chance.choices(_ASKS, cum_weights=_WEIGHTS)[0](self):
                commands.append(Command(rows, at))
                at += len(rows)
        self.commands += commands
        return commands

    def learn(self, command: Command) -> None:
        """An answer came: what was reserved can be confirmed, what was confirmed fulfilled."""
        if not command.ok:
            return
        head = next((row for row in command.rows if row.kind == Kind.RESERVE), command.rows[0])
        if head.kind == Kind.RESERVE and not head.label:
            lines = [row for row in command.rows if row.kind == Kind.RESERVE]
            hold = (command.rows[0].client, command.rows[0].id)
            skus = [row.sku for row in lines]
            held = self._held_over_shards if self._goods.spans(skus) else self._held_on_one
            held.append(Held(hold, len(lines), skus))
            del held[:-_HELD_MAX]
        elif head.kind == Kind.CONFIRM:
            for each in (*self._held_on_one, *self._held_over_shards):
                each.confirmed |= each.hold == head.reservation
        elif head.kind in (Kind.FULFIL, Kind.RELEASE) and head.line < 0:
            for held in (self._held_on_one, self._held_over_shards):
                held[:] = [each for each in held if each.hold != head.reservation]

    # Parts of commands

    def row(self, kind: Kind, **more: Any) -> Row:
        return Row(kind=kind, id=self.new_id(), client=self.client, **more)

    def new_id(self) -> str:
        self._made += 1
        return f"{self.number}-{self._made}"

    def group(self) -> int:
        self._groups += 1
        return self._groups

    def quantity(self, sku: str, most: int = 6) -> int:
        """Thousandths: whole pieces, or kilograms in grams."""
        pieces = self.chance.randint(1, most)
        return pieces * 1000 - (self.chance.randrange(1000) if sku == WEIGHED else 0)

    def lines(self, count: int, beside: str = "", **common: Any) -> list[dict[str, Any]]:
        """Lines of a reservation: named or sourced places; sometimes one SKU twice."""
        skus = self.some(count, beside)
        if count > 1 and self.chance.random() < 0.15:
            skus[1] = skus[0]
        return [
            {
                "sku": sku,
                "quantity": self.quantity(sku),
                "warehouse": self.chance.choice(("", *_SOLD_AT)),
                "line": line,
                **common,
            }
            for line, sku in enumerate(skus)
        ]

    def some(self, count: int, beside: str = "") -> list[str]:
        """So many SKUs; `beside`: on one shard with this one, unless this request may span shards."""
        return self._goods.some(self.chance, count, self._may_span, beside)

    def pick_held(self, confirmed: bool | None = None) -> Held | None:
        over_shards = self._may_span and self.chance.random() < 0.5
        for held in (self._held_over_shards, self._held_on_one)[not over_shards :]:
            if found := [each for each in held if confirmed is None or each.confirmed == confirmed]:
                return self.chance.choice(found)
        return None


def _reserve(customer: Customer, beside: str = "") -> list[list[Row]]:
    chance = customer.chance
    count = chance.choice((1, 1, 1, 2, 3))
    first, rest = _RESERVE_FLAGS[chance.random() < 0.2]
    common = {
        "client": customer.client, "channel": chance.choice(("web", "web", "till")),
        "ttl_s": chance.choice((2, 5, 15, 600)), "group": customer.group() if count > 1 else 0,
    }  # fmt: skip
    head, *others = customer.lines(count, beside, **common)
    made = Row(kind=_RESERVE, id=customer.new_id(), flags=first, **head)
    return [[made, *(Row(kind=_RESERVE, flags=rest, **line) for line in others)]]


def _replace(customer: Customer) -> list[list[Row]]:
    held = customer.pick_held()
    if held is None:
        return _reserve(customer)
    (rows,) = _reserve(customer, held.skus[0])
    group = rows[0].group or customer.group()
    release = customer.row(Kind.RELEASE, reservation=held.hold, flags=Flag.REPLACES, group=group)
    first = replace(rows[0], id="", group=group, flags=rows[0].flags | Flag.CONTINUES)
    return [[release, first, *rows[1:]]]


def _labelled(customer: Customer) -> list[list[Row]]:
    """Sales, each with its own id, that stand or fall together."""
    group = customer.group()
    skus = customer.some(customer.chance.choice((2, 3)))
    flags = Flag.SETTLED if customer.chance.random() < 0.2 else _NO_FLAGS
    return [[_sale(customer, sku, group=group, label="sale", flags=flags) for sku in skus]]


def _settling(kind: Kind, confirmed: bool | None) -> "Ask":
    def ask(customer: Customer) -> list[list[Row]]:
        chance = customer.chance
        held = customer.pick_held(confirmed)
        if held is None:
            return _reserve(customer)
        more: dict[str, Any] = {"reservation": held.hold, "flags": Flag.WANT_LINES}
        if kind == Kind.EXTEND:
            more["ttl_s"] = chance.choice((5, 30))
        if kind in (Kind.FULFIL, Kind.RELEASE) and chance.random() < 0.3:
            more["line"] = chance.randrange(held.lines)
            if chance.random() < 0.5:
                more["quantity"] = customer.quantity(held.skus[more["line"]], 3)
                more["flags"] |= Flag.HAS_QUANTITY
        return [[customer.row(kind, **more)]]

    return ask


def _cell(customer: Customer, sku: str = "") -> dict[str, Any]:
    sku = sku or customer.some(1)[0]
    return {"sku": sku, "warehouse": customer.chance.choice(_SOLD_AT), "quantity": customer.quantity(sku)}


def _sell(customer: Customer) -> list[list[Row]]:
    flags = Flag.SETTLED if customer.chance.random() < 0.1 else _NO_FLAGS
    return [[_sale(customer, flags=flags)]]


def _sale(customer: Customer, sku: str = "", **more: Any) -> Row:
    return customer.row(Kind.SELL, channel=customer.chance.choice(CHANNELS), **_cell(customer, sku), **more)


def _receive(customer: Customer) -> list[list[Row]]:
    cell = _cell(customer)
    cell["quantity"] *= 3
    return [[customer.row(Kind.RECEIVE, source=customer.chance.choice(("", "", "po-1")), **cell)]]


def _expect(customer: Customer) -> list[list[Row]]:
    return [[customer.row(Kind.EXPECT, source="po-1", **_cell(customer))]]


def _adjust(customer: Customer) -> list[list[Row]]:
    cell = _cell(customer)
    flags = customer.chance.choice((_NO_FLAGS, Flag.SET_TO))
    cell["quantity"] *= 1 if flags else customer.chance.choice((1, -1))
    return [[customer.row(Kind.ADJUST, flags=flags, **cell)]]


def _give_back(customer: Customer) -> list[list[Row]]:
    cell = _cell(customer) | {"warehouse": customer.chance.choice(PLACES)}
    return [[customer.row(Kind.RETURN, channel="till", **cell)]]


def _transfer(customer: Customer) -> list[list[Row]]:
    cell = _cell(customer) | {"to_warehouse": customer.chance.choice(PLACES)}
    flags = Flag.IN_TRANSIT if customer.chance.random() < 0.2 else _NO_FLAGS
    return [[customer.row(Kind.TRANSFER, flags=flags, **cell)]]


def _configure(customer: Customer) -> list[list[Row]]:
    cell = _cell(customer)
    planned = {"unit_price": 3 * cell["quantity"], "discount": 4 * cell["quantity"]}
    settings = {"quantity": customer.chance.randrange(3) * 1000, "expected": customer.chance.randrange(3) * 1000}
    return [[customer.row(Kind.CONFIGURE, line=int(~Setting(0)), **cell | planned | settings)]]


Ask = Callable[[Customer], list[list[Row]]]
_ASK: Final[dict[str, Ask]] = {
    "reserve": _reserve,
    "replace": _replace,
    "confirm": _settling(Kind.CONFIRM, False),
    "release": _settling(Kind.RELEASE, None),
    "fulfil": _settling(Kind.FULFIL, True),
    "extend": _settling(Kind.EXTEND, False),
    "sell": _sell,
    "sell together": _labelled,
    "receive": _receive,
    "expect": _expect,
    "adjust": _adjust,
    "give back": _give_back,
    "transfer": _transfer,
    "configure": _configure,
}
_OFTEN: Final = {
    "reserve": 26, "replace": 2, "confirm": 14, "release": 6, "fulfil": 10, "extend": 3, "sell": 10,
    "sell together": 3, "receive": 12, "expect": 1, "adjust": 3, "give back": 2, "transfer": 3, "configure": 1,
}  # fmt: skip
_ASKS: Final = [_ASK[kind] for kind in _OFTEN]
_WEIGHTS: Final = list(accumulate(_OFTEN.values()))
