"""Random histories: what Hypothesis draws, and how it becomes rows.

An `Ask` is plain data, so a failing history prints and shrinks well; what it refers to ("the third reservation
so far", "the command sent last") is looked up when it is its turn.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from hypothesis import strategies as st

from engine.kinds import Flag, Kind, ReservationState, WarehouseKind
from tests.builders import define_channel, labelled, row, together
from tests.model import Model
from tests.rows import Row

KNOWN_SKUS: Final = ("A-1", "B-2", "NUTS")
KNOWN_PLACES: Final = ("north", "south", "bin")
INT64_MAX: Final = 2**63 - 1
HELD, CONFIRMED = ReservationState.HELD, ReservationState.CONFIRMED


@dataclass(frozen=True)
class Ask:
    """One command, or a group, to be."""

    what: str
    sku: str = "A-1"
    place: str = "north"
    to: str = "south"
    channel: str = "web"
    quantity: int = 1000
    number: int = 0
    """a second quantity, settings bits, a ttl or a source, as the kind needs"""
    which: int = 0
    """counts back from the newest reservation or command"""
    line: int = -1
    yes: bool = False
    client: str = "shop"
    lines: tuple["Ask", ...] = ()


class Teller:
    """Turns asks into rows; remembers what was sent, to refer to it and to send it again."""

    def __init__(self, model: Model) -> None:
        self.sent: list[list[Row]] = []
        self._model = model
        self._reserving: list[Row] = []
        self._ids = 0

    def hold(self, ask: Ask) -> Row | None:
        """The row that made the reservation an ask means: nearly always one that exists, best one that is open."""
        if ask.which == 15:
            return self._reserving[-1] if self._reserving else None
        known = self._model.state.reservations
        made = [r for r in self._reserving if (r.client, r.id) in known]
        still_open = [r for r in made if known[r.client, r.id].state in (HELD, CONFIRMED)]
        confirmed = [r for r in still_open if known[r.client, r.id].state == CONFIRMED]
        if ask.which % 4 > 1 and confirmed:
            made = confirmed
        elif ask.which % 4 and still_open:
            made = still_open
        return made[-1 - ask.which % len(made)] if made else None

    def rows(self, ask: Ask) -> list[Row]:
        """The rows of one ask: one command, or one group."""
        rows = TELL[ask.what](self, ask)
        if rows:
            self.sent.append(rows)
            if any(r.kind == Kind.RESERVE for r in rows):
                self._reserving.append(rows[0])
        return rows

    def make(self, kind: Kind, ask: Ask, **more: object) -> Row:
        """A row with the ask's common fields and a fresh id."""
        self._ids += 1
        common = {"id": f"h-{self._ids}", "client": ask.client, "sku": ask.sku, "warehouse": ask.place}
        return row(kind, **(common | {"quantity": ask.quantity} | more))


def _receive(teller: Teller, ask: Ask) -> list[Row]:
    shipments = [r.id for rows in teller.sent for r in rows if r.kind == Kind.TRANSFER]
    sources = ["", "po-1", "po-2", *shipments[-2:]]
    return [teller.make(Kind.RECEIVE, ask, source=sources[ask.which % len(sources)])]


def _expect(teller: Teller, ask: Ask) -> list[Row]:
    return [teller.make(Kind.EXPECT, ask, source=("po-1", "po-2", "")[ask.which % 3])]


def _adjust(teller: Teller, ask: Ask) -> list[Row]:
    flags = (Flag.SET_TO if ask.yes else Flag(0)) | (Flag.HAS_EXPECTED if ask.which % 3 == 0 else Flag(0))
    return [teller.make(Kind.ADJUST, ask, expected=ask.number, flags=flags)]


def _sell(teller: Teller, ask: Ask) -> list[Row]:
    return [teller.make(Kind.SELL, ask, channel=ask.channel, flags=Flag.SETTLED if ask.yes else Flag(0))]


def _give_back(teller: Teller, ask: Ask) -> list[Row]:
    return [teller.make(Kind.RETURN, ask, channel=ask.channel)]


def _transfer(teller: Teller, ask: Ask) -> list[Row]:
    flags = Flag.IN_TRANSIT if ask.yes else Flag(0)
    return [teller.make(Kind.TRANSFER, ask, to_warehouse=ask.to, flags=flags)]


def _configure(teller: Teller, ask: Ask) -> list[Row]:
    values = {"quantity": ask.quantity, "expected": ask.number, "unit_price": ask.quantity, "discount": ask.number}
    return [teller.make(Kind.CONFIGURE, ask, line=ask.which % 16, **values)]


def _reserve(teller: Teller, ask: Ask) -> list[Row]:
    place = "" if ask.which % 2 else ask.place
    flags = Flag.WANT_LINES | (Flag.PARTIAL if ask.yes else Flag(0))
    more = {"warehouse": place, "channel": ask.channel, "ttl_s": ask.number, "line": 0, "flags": flags}
    return [teller.make(Kind.RESERVE, ask, **more)]


def _on_reservation(kind: Kind) -> Callable[[Teller, Ask], list[Row]]:
    def tell(teller: Teller, ask: Ask) -> list[Row]:
        of = teller.hold(ask)
        if of is None:
            return []
        flags = Flag.WANT_LINES | (Flag.HAS_QUANTITY if ask.yes else Flag(0))
        client = of.client if ask.client == "shop" else ask.client
        more = {"sku": "", "client": client, "reservation": (of.client, of.id), "line": ask.line, "flags": flags}
        more |= {"warehouse": ask.place if ask.number % 4 == 3 else "", "ttl_s": ask.number}
        return [teller.make(kind, ask, **more)]

    return tell


def _basket(teller: Teller, ask: Ask) -> list[Row]:
    """Reserve lines together: as one command or labelled, perhaps in place of an older reservation."""
    lines = [
        replace(line, yes=ask.yes, channel=ask.channel, number=ask.number, client=ask.client) for line in ask.lines
    ]
    if ask.which % 7 == 6:
        lines[-1] = replace(lines[-1], number=lines[-1].number + 1)
    rows = [r for line in lines for r in _reserve(teller, line)]
    if ask.which % 3 == 0:
        return labelled("basket", *rows)
    old = _on_reservation(Kind.RELEASE)(teller, replace(ask, yes=False, line=-1, number=0))
    if ask.which % 3 == 1 and old:
        return together(replace(old[0], flags=Flag.REPLACES), *(replace(r, client=old[0].client) for r in rows))
    return together(*rows)


def _sale(teller: Teller, ask: Ask) -> list[Row]:
    return labelled("sale", *(r for line in ask.lines for r in _sell(teller, replace(line, client=ask.client))))


def _several(teller: Teller, ask: Ask) -> list[Row]:
    """Several lines of one release or fulfil, as one command."""
    kind = Kind.FULFIL if ask.yes else Kind.RELEASE
    rows = [
        r
        for line in ask.lines
        for r in _on_reservation(kind)(teller, replace(line, which=ask.which, client=ask.client))
    ]
    return together(*rows) if rows else []


def _again(teller: Teller, ask: Ask) -> list[Row]:
    """Something that was sent before: the same, or with other content under its id, or wider."""
    if not teller.sent:
        return []
    rows = teller.sent[-1 - ask.which % len(teller.sent)]
    if ask.number % 4 == 2:
        rows = [*rows[:-1], replace(rows[-1], quantity=_clamped(rows[-1].quantity + 1000))]
    if ask.number % 4 == 3 and rows[0].label and rows[0].kind == Kind.SELL:
        return labelled(rows[0].label, *rows, *_sell(teller, replace(ask, client=rows[0].client)))
    number = 1_000_000 + len(teller.sent)
    return [replace(r, group=number) if r.group else r for r in rows]


def _clamped(quantity: int) -> int:
    return min(quantity, INT64_MAX)


def _redefine(teller: Teller, ask: Ask) -> list[Row]:
    archive = Flag.ARCHIVED if ask.yes else Flag(0)
    if ask.which % 3 == 0:
        return [teller.make(Kind.DEFINE_SKU, ask, quantity=ask.number % 5, warehouse="", flags=archive)]
    if ask.which % 3 == 1:
        kinds = (WarehouseKind.WAREHOUSE, WarehouseKind.STORE, WarehouseKind.QUARANTINE)
        more = {"sku": "", "quantity": 0, "priority": ask.number % 4, "place_kind": int(kinds[ask.number % 3])}
        return [teller.make(Kind.DEFINE_WAREHOUSE, ask, flags=archive, **more)]
    places = None if ask.number % 3 == 0 else [ask.place, ask.to][: ask.number % 3]
    if places is not None and len(set(places)) < len(places):
        places = places[:1]
    channel = ask.channel if ask.channel != "fax" else "web"
    rows = define_channel(channel, places)
    self_made = [replace(r, id=f"h-{teller._ids}-{r.kind}-{n}") if r.id else r for n, r in enumerate(rows)]
    teller._ids += 1
    return self_made


TELL: Final[dict[str, Callable[[Teller, Ask], list[Row]]]] = {
    "receive": _receive,
    "expect": _expect,
    "adjust": _adjust,
    "sell": _sell,
    "give back": _give_back,
    "transfer": _transfer,
    "configure": _configure,
    "reserve": _reserve,
    "confirm": _on_reservation(Kind.CONFIRM),
    "extend": _on_reservation(Kind.EXTEND),
    "release": _on_reservation(Kind.RELEASE),
    "fulfil": _on_reservation(Kind.FULFIL),
    "basket": _basket,
    "sale": _sale,
    "several": _several,
    "again": _again,
    "redefine": _redefine,
}

_small = st.integers(1, 12).map(lambda n: n * 1000)
_odd = st.one_of(st.integers(-3000, 13_000), st.sampled_from((250, 1250, 0, -1000)))
_edge = st.builds(
    lambda sign, power, off: max(-INT64_MAX - 1, min(INT64_MAX, sign * 2**power + off)),
    st.sampled_from((1, -1)),
    st.integers(0, 63),
    st.integers(-1, 1),
)
# The first of each is what a failing history shrinks to; the odd ones are rare, or nothing else would be tried.
quantities = st.integers(0, 15).flatmap(lambda n: _edge if n == 15 else _odd if n == 14 else _small)
skus = st.sampled_from((*KNOWN_SKUS * 8, "C-3"))
places = st.sampled_from((*KNOWN_PLACES[:2] * 10, "bin", "east", "west"))
channels = st.sampled_from((*("web",) * 8, *("till",) * 8, "fax"))
ttls = st.sampled_from((600, 5, 60, 1, 600, 5, 60, 600, 600, 5, 60, 600, 2_592_000, 0, 2_592_001))
_common = {"sku": skus, "place": places, "to": places, "channel": channels, "quantity": quantities}
_which = st.integers(0, 15)
_client = st.sampled_from(("shop",) * 12 + ("market",))
_line = st.sampled_from((-1, -1, 0, 0, 1, 2, 7))


def _ask(*what: str, **more: st.SearchStrategy[object]) -> st.SearchStrategy[Ask]:
    fields: dict[str, st.SearchStrategy[object]] = {
        "what": st.sampled_from(what),
        "which": _which,
        "yes": st.booleans(),
        "client": _client,
        **_common,
    }
    return st.builds(Ask, **(fields | more))


_stock = _ask("receive", "receive", "expect", "adjust", "give back", "transfer", "configure", number=quantities)
_sales = _ask("sell")
_reserves = _ask("reserve", number=ttls)
_steps = _ask("confirm", "confirm", "extend", "release", "fulfil", number=ttls, line=_line)
_lines = st.lists(_reserves, min_size=1, max_size=4).map(tuple)
_groups = st.one_of(
    _ask("basket", number=ttls, lines=_lines),
    _ask("sale", lines=st.lists(_sales, min_size=1, max_size=3).map(tuple)),
    _ask("several", lines=st.lists(_steps, min_size=1, max_size=3).map(tuple)),
)
_repeats = _ask("again", number=st.integers(0, 3))
_redefinitions = _ask("redefine", number=st.integers(0, 11))
_often = (_stock, _stock, _sales, _reserves, _reserves, _steps, _steps, _steps, _groups, _groups)
asks = st.one_of(*_often, *_often, _repeats, _repeats, _redefinitions)
steps_ms = st.sampled_from((0, 0, 1, 999, 1000, 4999, 5000, 60_000, 600_000))
histories = st.lists(st.tuples(steps_ms, st.lists(asks, max_size=10)), min_size=1, max_size=16)
"""[(milliseconds since the batch before, what is asked in one batch)]"""
