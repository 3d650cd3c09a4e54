"""Simulated customers and staff for the demo: they use the public HTTP API like anybody else.

A till sells over the counter, the web shop reserves and fetches, a marketplace takes what there is, somebody changes
their mind, somebody forgets, somebody brings something back, and a stock clerk orders what runs low and fills it when
it comes. The web shop says what was looked at and searched for in vain. One popular product at the first place has run
out and its supplier does not deliver. Each is a loop of a few lines over one client.
"""

import asyncio
import random
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from api.engine_client import EngineClient, NotServed, Refused

PAUSE_S: Final = (0.15, 0.6)
"""Shortest and longest pause between two things that one actor does."""
BASKET_MAX: Final = 4
LOW: Final = 4
"""Units at which the clerk brings more."""
BROUGHT: Final = 24
COMES_AFTER_S: Final = (8.0, 40.0)
"""from the order to the delivery"""
SCARCE: Final = 1
"""which product of the first shelf its supplier does not deliver, the most popular being 0"""
SCARCE_UNITS: Final = 3
RETURNED: Final = 0.12
"""of what is sold over the counter, a part comes back"""
REASONS: Final = ("too many", "the wrong kind", "damaged")
LOOKS: Final = 12
"""A product is looked at so often for each time that it is put into a cart."""
SOUGHT: Final = ("oat milk", "gluten free pizza", "charcoal")
"""and not sold here"""
FEE_RATE: Final = 0.12
PAYMENT_RATE: Final = 0.02
PARCEL: Final = 350
"""cents, of each order of the marketplace"""
REORDER_POINT: Final = 6
ORDER_UP_TO: Final = 30


@dataclass(frozen=True, slots=True)
class Shelf:
    """A place and some of what it sells."""

    warehouse: str
    skus: Sequence[str]


@dataclass(frozen=True, slots=True)
class Goods:
    """A product as people know it, its price and what it costs, in cents."""

    name: str
    price: int
    unit_cost: int


@dataclass(slots=True)
class Tally:
    """What happened so far, by who and how it ended, and the last few things in words."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    latest: deque[str] = field(default_factory=lambda: deque(maxlen=10))

    def note(self, who: str, how: str, words: str) -> None:
        """One thing that happened."""
        self.counts[who, how] += 1
        self.latest.append(f"{who:<12} {words}")


class Street:
    """Everybody who is out today."""

    def __init__(
        self, client: EngineClient, shelves: Sequence[Shelf], goods: Mapping[str, Goods], seed: int = 1
    ) -> None:
        self._client, self._shelves, self._goods = client, shelves, goods
        self._chance = random.Random(seed)
        self.tally = Tally()
        self.sold: Callable[[str, str, Sequence[dict[str, Any]]], None] = lambda warehouse, receipt, sale: None
        """told of every sale over the counter"""
        self._scarce = ("", "")
        self._ordered: set[tuple[str, str]] = set()
        self._bought: deque[dict[str, Any]] = deque(maxlen=50)
        """lines of the till that may come back"""
        self._seen: Counter[tuple[str, str]] = Counter()
        """(SKU, views or cart_adds), and (what was searched for, empty_searches)"""

    async def open(self) -> None:
        """The channel that the retailer's own data does not have, and full shelves: the year has emptied them."""
        terms = {"fee_rate": FEE_RATE, "payment_rate": PAYMENT_RATE, "fixed_cost": _usd(PARCEL)}
        await self._client.put(
            "/v1/channels/marketplace", {"name": "Marketplace", "kind": "marketplace", "warehouses": None, **terms}
        )
        for shelf in self._shelves:
            await self._bring(shelf, shelf.skus)
            await self._send(
                {"kind": "configure", "sku": sku, "warehouse": shelf.warehouse}
                | {"reorder_point": REORDER_POINT, "order_up_to": ORDER_UP_TO}
                for sku in shelf.skus
            )
        shelf = self._shelves[0]
        self._scarce = (shelf.warehouse, shelf.skus[SCARCE])
        last = {
            "sku": shelf.skus[SCARCE],
            "warehouse": shelf.warehouse,
            "set_to": SCARCE_UNITS,
            "reason": "the last ones",
        }
        await self._send([{"kind": "adjust", **last}])

    async def run(self) -> None:
        """Keep them moving until cancelled."""
        actors = [self._till, self._till, self._web_shop, self._web_shop, self._marketplace, self._clerk, self._clerk]
        actors += [self._brings_back, self._looks_around]
        async with asyncio.TaskGroup() as group:
            for actor in actors:
                group.create_task(self._live(actor))

    async def _live(self, actor: Any) -> None:
        while True:
            try:
                await actor()
            except (NotServed, Refused) as failed:
                self.tally.note("engine", "away" if isinstance(failed, NotServed) else "refused", str(failed)[:100])
            await asyncio.sleep(self._chance.uniform(*PAUSE_S))

    def _pick(self) -> tuple[str, list[str]]:
        shelf = self._chance.choice(self._shelves)
        # A popular SKU is popular: the first of the shelf are bought far more often than the last.
        count = self._chance.randint(1, BASKET_MAX)
        picked = {shelf.skus[int(len(shelf.skus) * self._chance.random() ** 3)] for _ in range(count)}
        return shelf.warehouse, sorted(picked)

    def _words(self, skus: Sequence[str]) -> str:
        first = self._goods[skus[0]].name
        return first if len(skus) == 1 else f"{first} and {len(skus) - 1} more"

    async def _till(self) -> None:
        warehouse, skus = self._pick()
        receipt = str(uuid.uuid4())
        sale = [
            {
                "id": f"{receipt}:{line}", "kind": "sell", "sku": sku, "warehouse": warehouse, "channel": "till",
                "quantity": self._chance.randint(1, 3), "group": receipt, "reference": receipt,
                "unit_price": self._price(sku),
            }
            for line, sku in enumerate(skus)
        ]  # fmt: skip
        outcomes = {result["outcome"] for result in (await self._client.post("/v1/commands", sale))["results"]}
        if outcomes == {"ok"}:
            self.sold(warehouse, receipt, sale)
            self._bought += [line for line in sale if self._chance.random() < RETURNED]
            self.tally.note("till", "sold", f"sold {self._words(skus)} at {warehouse}")
        else:
            self.tally.note("till", "refused", f"not enough of {self._words(skus)} at {warehouse}")

    async def _brings_back(self) -> None:
        if not self._bought:
            return
        line = self._bought.popleft()
        same = {name: line[name] for name in ("sku", "warehouse", "channel", "unit_price")}
        back = {"quantity": 1, "original": line["id"], "reason": self._chance.choice(REASONS)}
        await self._send([{"kind": "return", **same, **back}])
        self.tally.note("till", "returned", f"brought back {self._words([line['sku']])} to {line['warehouse']}")

    async def _looks_around(self) -> None:
        """The web shop's running totals of the day: the last word counts."""
        _, skus = self._pick()
        for sku in skus:
            self._seen[sku, "views"] += self._chance.randint(1, LOOKS)
            self._seen[sku, "cart_adds"] += 1
        sought = self._chance.choice(SOUGHT)
        self._seen[sought, "empty_searches"] += 1
        today = {"channel": "web", "day": datetime.now(UTC).date().isoformat()}
        totals = [{"sku": sku, **{what: self._seen[sku, what] for what in ("views", "cart_adds")}} for sku in skus]
        totals.append({"query": sought, "empty_searches": self._seen[sought, "empty_searches"]})
        await self._client.post("/v1/interest", [{**today, **each} for each in totals], str(uuid.uuid4()))
        self.tally.note("web", "looked at", f"looked at {self._words(skus)}")

    async def _web_shop(self) -> None:
        warehouse, skus = self._pick()
        collect = self._chance.random() < 0.5
        lines: list[dict[str, Any]] = [
            {"sku": sku, "quantity": self._chance.randint(1, 2), "unit_price": self._price(sku)} for sku in skus
        ]
        if collect:
            lines = [line | {"warehouse": warehouse} for line in lines]
        who = "collect" if collect else "web"
        order = {"channel": who, "ttl_s": 10, "lines": lines, "reference": str(uuid.uuid4())}
        try:
            held = await self._client.post("/v1/reservations", order, str(uuid.uuid4()))
        except Refused as refused:
            if refused.status != 409:
                raise
            self.tally.note(who, "refused", f"not enough of {self._words(skus)}")
            return
        self.tally.note(who, "reserved", f"reserved {self._words(skus)}")
        path = f"/v1/reservations/{held['reservation']}"
        await asyncio.sleep(self._chance.uniform(*PAUSE_S))
        fate = self._chance.random()
        if fate < 0.7:
            await self._client.post(f"{path}/confirm", {}, str(uuid.uuid4()))
            await self._client.post(f"{path}/fulfil", {}, str(uuid.uuid4()))
            self.tally.note(who, "fulfilled", f"fetched {self._words(skus)}")
        elif fate < 0.85:
            await self._client.post(f"{path}/release", {}, str(uuid.uuid4()))
            self.tally.note(who, "released", f"gave back {self._words(skus)}")
        else:
            self.tally.note(who, "forgotten", f"forgot {self._words(skus)}: expires in 10 s")

    async def _marketplace(self) -> None:
        _, skus = self._pick()
        order = {
            "channel": "marketplace",
            "ttl_s": 30,
            "partial": True,
            "lines": [{"sku": s, "quantity": 3, "unit_price": self._price(s)} for s in skus],
        }
        try:
            held = await self._client.post("/v1/reservations", order, str(uuid.uuid4()))
        except Refused as refused:
            if refused.status != 409:
                raise
            self.tally.note("marketplace", "refused", f"nothing left of {self._words(skus)}")
            return
        path = f"/v1/reservations/{held['reservation']}"
        await self._client.post(f"{path}/confirm", {}, str(uuid.uuid4()))
        await self._client.post(f"{path}/fulfil", {}, str(uuid.uuid4()))
        units = sum(line["quantity"] for line in held["lines"])
        self.tally.note("marketplace", "fulfilled", f"took {units} of {self._words(skus)}")

    async def _clerk(self) -> None:
        shelf = self._chance.choice(self._shelves)
        stock = await self._client.post("/v1/stock:query", {"skus": list(shelf.skus)})
        low = [
            item["sku"]
            for item in stock["items"]
            for cell in item["cells"]
            if cell["warehouse"] == shelf.warehouse and cell["available"] <= LOW
        ]
        low = [sku for sku in low if (shelf.warehouse, sku) not in {*self._ordered, self._scarce}]
        if low:
            delivery = str(uuid.uuid4())
            comes_after_s = self._chance.uniform(*COMES_AFTER_S)
            due = datetime.now(UTC) + timedelta(seconds=comes_after_s)
            self._ordered |= {(shelf.warehouse, sku) for sku in low}
            await self._send(
                {"kind": "expect", "sku": sku, "warehouse": shelf.warehouse, "delta": BROUGHT, "source": delivery}
                | {"due": due.isoformat()}
                for sku in low
            )
            self.tally.note("clerk", "ordered", f"ordered {BROUGHT} each of {self._words(low)} for {shelf.warehouse}")
            await asyncio.sleep(comes_after_s)
            await self._bring(shelf, low, delivery)
            self._ordered -= {(shelf.warehouse, sku) for sku in low}
            self.tally.note("clerk", "received", f"brought {BROUGHT} each of {self._words(low)} to {shelf.warehouse}")

    async def _bring(self, shelf: Shelf, skus: Sequence[str], source: str | None = None) -> None:
        came: dict[str, Any] = {"kind": "receive", "warehouse": shelf.warehouse, "quantity": BROUGHT}
        if source is not None:
            came["source"] = source
        await self._send({**came, "sku": sku, "unit_cost": _usd(self._goods[sku].unit_cost)} for sku in skus)

    async def _send(self, commands: Iterable[dict[str, Any]]) -> None:
        await self._client.post("/v1/commands", [{"id": str(uuid.uuid4()), **command} for command in commands])

    def _price(self, sku: str) -> dict[str, Any]:
        """Nearly always the usual one; now and then it is reduced."""
        price = self._goods[sku].price
        return _usd(price if self._chance.random() < 0.8 else max(1, price * 9 // 10))


def _usd(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}
