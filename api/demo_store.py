"""The demo's store: a simulated receipt printer with its drawer, a label printer, a scanner, a scale and a display.

It opens when the replay has been proved, so that nothing of it is in the replay's way. It prints the last till sales of
the replay, then some of those that customers make, one at a time and so many at most. One receipt meets a power cut,
and the label printer has no paper: there is something to decide and something to look at. What goes wrong here is a
line in the demo's tally and no more.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import orjson

from analytics.retailer import Fate, Plan
from api.customers import Tally
from api.engine_client import EngineClient, NotServed, Refused
from devices.receipts.document import Document, DocumentRefused, as_json
from devices.receipts.templates.make import made
from devices.simulators.customer_display import DisplaySimulator
from devices.simulators.endpoints import TcpDevice
from devices.simulators.printer_faults import Fault, FaultKind
from devices.simulators.receipt_printer import PrinterSimulator
from devices.simulators.scale import ScaleSimulator
from devices.simulators.scanner import ScannerSimulator
from devices.simulators.simulated_line import Simulated

TILL, LABELS = "demo-till", "demo-labels"
REPLAYED: Final = 8
"""receipts of the replay's last sales"""
LINES_LOOKED_THROUGH: Final = 400
"""among which these are looked for: some were refused"""
LIVE_MAX: Final = 200
"""receipts of customers; then the roll is done"""
PAUSE_S: Final = 3.0
"""from one customer's receipt to the next"""
DRAWER_S: Final = 2.0
"""until the cashier shuts it"""
CLOSE_S: Final = 5.0
BYTES_PER_S: Final = 6_000.0
DOUBTFUL: Final = 3
"""which of the replayed receipts meets a power cut, the first being 0"""
POWER_CUT: Final = Fault(FaultKind.POWER_LOSS, 400, lasts_s=2.0)
IDLE_S: Final = 20.0
"""for the receipts before it to come out"""
TAX_PERCENT: Final = 6
_SHOP: Final = {"legal_name": "A retailer that does not exist", "website": "omnistock.example", "till": "1"}


@dataclass(frozen=True, slots=True)
class Sold:
    """A line of a receipt."""

    sku: str
    quantity: int
    price: int
    """of one, in cents"""


class DemoStore:
    """Belongs to one event loop; its devices have a thread each."""

    def __init__(self, client: EngineClient, store: str, names: Mapping[str, str], tally: Tally) -> None:
        self._client, self._store, self._names, self._tally = client, store, names, tally
        self._sales: asyncio.Queue[tuple[str, list[Sold]]] = asyncio.Queue(1)
        self._printed = 0
        self.printer = PrinterSimulator(bytes_per_s=BYTES_PER_S)
        labels = PrinterSimulator()
        labels.run_out_of_paper()
        self.scanner, self.scale = ScannerSimulator(), ScaleSimulator("cas")
        self._places = {
            TILL: ("receipt_printer", "escpos", {"profile": "TM-T20II", "drawer_open_level": "high"}),
            LABELS: ("receipt_printer", "escpos", {"profile": "POS-5890"}),
            "demo-scanner": ("scanner", "serial_scanner", {}),
            "demo-scale": ("scale", "cas", {}),
            "demo-display": ("customer_display", "epson_display", {}),
        }
        simulators: tuple[Simulated, ...] = (self.printer, labels, self.scanner, self.scale, DisplaySimulator())
        self._lines = {code: TcpDevice(each) for code, each in zip(self._places, simulators, strict=True)}

    def sold(self, warehouse: str, receipt: str, lines: Sequence[Mapping[str, Any]]) -> None:
        """A customer paid; whether there is a receipt depends on who else wants one just now."""
        if warehouse == self._store and self._printed < LIVE_MAX:
            with contextlib.suppress(asyncio.QueueFull):
                self._sales.put_nowait(
                    (receipt, [Sold(each["sku"], each["quantity"], each["unit_price"]["amount"]) for each in lines])
                )

    @asynccontextmanager
    async def open(self, plan: Plan) -> AsyncIterator[None]:
        """As long as this lasts the devices are there, and documents name them; the engine knows none afterwards."""
        for line in self._lines.values():
            line.start()
        trading = asyncio.create_task(self._trade(plan), name="demo-store")
        try:
            yield
        finally:
            trading.cancel()
            await asyncio.wait([trading])
            with contextlib.suppress(NotServed, Refused, TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await asyncio.gather(*(self._client.once("DELETE", f"/v1/devices/{code}") for code in self._lines))
            for line in self._lines.values():
                line.stop()

    async def _trade(self, plan: Plan) -> None:
        try:
            for code, (kind, driver, settings) in self._places.items():
                device = {"kind": kind, "driver": driver, "settings": settings, "warehouse": self._store}
                await self._client.put(f"/v1/devices/{code}", device | {"transport": self._lines[code].address})
            await self._label(plan)
            await self._print_replayed(plan)
            while True:
                receipt, lines = await self._sales.get()
                await self._serve(receipt, lines)
                await asyncio.sleep(PAUSE_S)
        except (NotServed, Refused, DocumentRefused) as failed:
            self._tally.note("store", "closed", str(failed)[:100])

    async def _label(self, plan: Plan) -> None:
        """Two price tags that wait for paper."""
        for product in plan.products.slice(0, 2).to_pylist():
            facts = {
                "language": "en", "currency": "USD", "name": product["name"], "price": 199, "sku": product["sku"],
                "barcode": product["sku"],
            }  # fmt: skip
            await self._job(LABELS, f"tag-{product['sku']}", made("price-tag", facts))

    async def _print_replayed(self, plan: Plan) -> None:
        """The last till sales of the replay here that the engine accepted."""
        printed = 0
        for rows in await asyncio.to_thread(self._last_baskets, plan):
            # All lines of a till sale stand or fall together.
            if (await self._client.get(f"/v1/commands/{rows[0]['id']}"))["outcome"] == "ok" and printed < REPLAYED:
                if printed == DOUBTFUL:
                    await self._until_idle()
                    self._lines[TILL].do(partial(self.printer.break_soon, POWER_CUT))
                lines = [Sold(row["sku"], row["quantity"], row["unit_price"]) for row in rows]
                await self._receipt(rows[0]["reference"], lines, rows[0]["occurred_at"])
                printed += 1

    async def _until_idle(self) -> None:
        """The till has printed what it was given; or not for so long that nobody waits for it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE_S):
                while True:
                    newest = await self._client.get(f"/v1/devices/{TILL}/jobs", order="newest", limit=1)
                    if all(job["state"] not in ("queued", "sending", "sent") for job in newest["items"]):
                        return
                    await asyncio.sleep(0.2)

    def _last_baskets(self, plan: Plan) -> list[list[dict[str, Any]]]:
        places, fates = plan.lines["store"].to_pylist(), plan.lines["fate"].to_pylist()
        here = [at for at, place in enumerate(places) if place == self._store and fates[at] == Fate.TILL]
        baskets: dict[str, list[dict[str, Any]]] = {}
        for row in plan.lines.take(here[-LINES_LOOKED_THROUGH:]).to_pylist():
            baskets.setdefault(row["basket"], []).append(row)
        return list(baskets.values())[1:]  # the first may have begun before

    async def _serve(self, receipt: str, lines: list[Sold]) -> None:
        """One customer: goods are scanned, some weighed, the receipt printed, and for cash the drawer opened."""
        self._printed += 1
        for line in lines:
            self._lines["demo-scanner"].do(partial(self.scanner.scan, line.sku))
        self._lines["demo-scale"].do(lambda: self.scale.put(350 + 10 * self._printed, moves_s=0.5))
        await self._receipt(receipt, lines, datetime.now(UTC))
        self._tally.note("store", "printed", f"printed the receipt of {self._names.get(lines[0].sku, lines[0].sku)}")
        if self._printed % 3 == 1:
            body = {"id": f"drawer-{receipt[-12:]}", "kind": "open_drawer", "reason": f"sale {receipt[-12:]}, cash"}
            await self._client.post(f"/v1/devices/{TILL}/jobs", body)
            await asyncio.sleep(DRAWER_S)
            self._lines[TILL].do(self.printer.shut_drawer)
        self._lines["demo-scale"].do(lambda: self.scale.put(0))

    async def _receipt(self, receipt: str, lines: Sequence[Sold], at: datetime) -> None:
        total = sum(line.quantity * line.price for line in lines)
        tax = total * TAX_PERCENT // (100 + TAX_PERCENT)
        facts = {
            "language": "en", "currency": "USD", "number": receipt[-12:], "at": at, "total": total,
            "shop": {**_SHOP, "name": self._store.replace("-", " ").capitalize()},
            "lines": [
                {
                    "name": self._names.get(line.sku, line.sku), "quantity": 1_000 * line.quantity, "price": line.price,
                    "total": line.quantity * line.price, "rate": f"{TAX_PERCENT} %", "sku": line.sku,
                }
                for line in lines
            ],
            "payments": [{"kind": "card", "total": total}],
            "taxes": [{"rate": f"{TAX_PERCENT} %", "base": total, "tax": tax}],
            "link": f"https://omnistock.example/r/{receipt[-12:]}",
        }  # fmt: skip
        await self._job(TILL, f"sale-{receipt[-12:]}", made("sale", facts))

    async def _job(self, code: str, job_id: str, document: Document) -> None:
        body = {"id": job_id, "kind": "print", "document": orjson.loads(as_json(document))}
        await self._client.post(f"/v1/devices/{code}/jobs", body)
