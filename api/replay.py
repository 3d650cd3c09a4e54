"""`omnistock replay`: a year of real sales through the running engine, over HTTP, and the proof of what came out.

Finds the engine of the data directory (or starts one for the time), registers the sample retailer's stores, channels
and products, receives the opening stock, sends every line and what customers do with their reservations, reads the
whole feed and the shelves, and hands it all to `analytics.proof`. All ids are made from the data, so the same replay
sent twice is the same commands: an interrupted one can be run again, and nothing happens twice.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from analytics.proof import Check, Evidence, prove
from analytics.retailer import COMMAND_COLUMNS, Fate, Plan, SalesFiles, SalesMissing, make_plan
from api import arrow_client
from api.engine_client import EngineClient, NotServed, Refused
from api.replay_lane import Lane, Ledger, Work
from api.running import Engine, EngineNotStarted, engine_of

REQUEST_ROWS: Final = 4_000
PRODUCTS_PER_CALL: Final = 2_000
SKUS_PER_QUERY: Final = 1_000
STORES_AT_ONCE: Final = 8
LAPSE_PATIENCE_S: Final = 120.0
"""How long the last reservations may take to expire; a shard that was away moves deadlines by its absence."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a replay went."""

    lines: int
    accepted: int
    seconds: float
    """from the first line sent to the last answered"""
    rows_sent: int
    """lines, opening receipts, confirms, fulfilments, releases"""
    sent_again: int
    events: int
    checks: list[Check]

    @property
    def green(self) -> bool:
        """Whether every statement of the proof holds, and there was something to prove."""
        return self.lines > 0 and bool(self.checks) and all(check.holds for check in self.checks)


class Watcher:
    """What the replay tells about itself on the way: steps with a number of things to do. This one is silent."""

    def step(self, what: str, total: int) -> Callable[[int], None]:
        """Begin a step; the answer is called with how many more things are done."""
        return lambda count: None


class Bars(Watcher):
    """A progress bar for each step, with things per second."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def step(self, what: str, total: int) -> Callable[[int], None]:
        """A new bar."""
        task = self._progress.add_task(what, total=total, rate="")
        started = time.monotonic()

        def advance(count: int) -> None:
            done = self._progress.tasks[task].completed + count
            elapsed = time.monotonic() - started
            self._progress.update(TaskID(task), advance=count, rate=f"{done / max(elapsed, 1e-3):,.0f}/s")

        return advance


def bars(console: Console) -> Progress:
    """The look of the bars."""
    return Progress(
        TextColumn("{task.description:<20}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>14}"),
        TimeElapsedColumn(),
        console=console,
    )


async def replay(
    client: EngineClient, plan: Plan, files: SalesFiles, watcher: Watcher, request_rows: int = REQUEST_ROWS
) -> Report:
    """Send the whole plan, collect the evidence, prove."""
    await set_up(client, plan, watcher)
    opening = await _receive(client, plan, watcher, request_rows)
    ledger = Ledger.empty(plan.lines.num_rows)
    seconds = await _sell(client, plan, ledger, watcher, request_rows)
    events = await _read_feed(client, plan, ledger, watcher)
    cells = await _read_shelves(client, plan, watcher)
    evidence = Evidence(
        answers=arrow_client.table_of(
            id=plan.lines["id"], outcome=ledger.outcome, available=ledger.available,
            first_at=ledger.first_at, last_at=ledger.last_at,
        ),
        opening=arrow_client.table_of(id=plan.opening["id"], outcome=opening.outcome),
        follow_ups=arrow_client.follow_up_table(ledger.follow_ups),
        reservations=arrow_client.table_of(
            basket=list(ledger.reservations), reservation=list(ledger.reservations.values())
        ),
        events=events,
        cells=cells,
    )  # fmt: skip
    proving = watcher.step("proving", 1)
    checks = await asyncio.to_thread(prove, plan, files, evidence)
    proving(1)
    return Report(
        lines=plan.lines.num_rows,
        accepted=int((ledger.outcome == "ok").sum()),
        seconds=seconds,
        rows_sent=plan.lines.num_rows + plan.opening.num_rows + len(ledger.follow_ups),
        sent_again=ledger.sent_again + opening.sent_again,
        events=events.num_rows,
        checks=checks,
    )


async def set_up(client: EngineClient, plan: Plan, watcher: Watcher) -> None:
    """Stores, channels and products; registering them again changes nothing."""
    stores = plan.stores.to_pylist()
    done = watcher.step("stores", len(stores))
    at_once = asyncio.Semaphore(STORES_AT_ONCE)

    async def store(rank: int, code: str) -> None:
        async with at_once:
            name = code.replace("-", " ").capitalize()
            await client.put(f"/v1/warehouses/{code}", {"name": name, "kind": "store", "priority": rank})
        done(1)

    await _all(store(rank, each["store"]) for rank, each in enumerate(stores))
    await client.put("/v1/channels/till", {"name": "Tills", "kind": "till", "warehouses": None})
    await client.put("/v1/channels/collect", {"name": "Click and collect", "kind": "web", "warehouses": None})
    await client.put("/v1/channels/web", {"name": "Web shop", "kind": "web", "warehouses": plan.hubs})
    products = [
        {"sku": each["sku"], "name": each["name"], "quantity_decimals": 0, "group": _path(each)}
        for each in plan.products.to_pylist()
    ]
    done = watcher.step("products", len(products))
    for at in range(0, len(products), PRODUCTS_PER_CALL):
        part = products[at : at + PRODUCTS_PER_CALL]
        answer = await client.post("/v1/products:batch", part, f"{plan.name}.products.{at}")
        refused = [result for result in answer["results"] if result["outcome"] != "ok"]
        if refused:
            raise Refused("POST /v1/products:batch", 200, str(refused[:3]))
        done(len(part))


def _path(product: dict[str, Any]) -> list[str]:
    return [product["department"]] + ([product["category"]] if product["category"] else [])


async def _receive(client: EngineClient, plan: Plan, watcher: Watcher, request_rows: int) -> Ledger:
    ledger = Ledger.empty(plan.opening.num_rows)
    done = watcher.step("opening stock", plan.opening.num_rows)
    # Every receipt is a basket of its own, and nothing follows on it.
    count = plan.opening.num_rows
    rows = plan.opening.select([*COMMAND_COLUMNS, "unit_cost"])
    work = Work(rows, np.arange(count, dtype=np.int32), names=[], fates=[], moments=np.empty(0, "datetime64[ms]"))
    lanes = _lanes(client, work, ledger, plan.opening["lane"].to_numpy(), request_rows, done)
    await _all(lane.run() for lane in lanes)
    return ledger


async def _sell(client: EngineClient, plan: Plan, ledger: Ledger, watcher: Watcher, request_rows: int) -> float:
    done = watcher.step("sales", plan.lines.num_rows)
    basket, names = arrow_client.numbered(plan.lines["basket"])
    fates: list[str] = [Fate.TILL] * len(names)
    for number, fate in zip(basket.tolist(), plan.lines["fate"].to_pylist(), strict=True):
        fates[number] = fate
    moments = np.empty(len(names), "datetime64[ms]")
    moments[basket] = plan.lines["occurred_at"].to_numpy()
    work = Work(plan.lines.select(COMMAND_COLUMNS), basket, names, fates, moments)
    lanes = _lanes(client, work, ledger, plan.lines["lane"].to_numpy(), request_rows, done)
    started = time.monotonic()
    await _all(lane.run() for lane in lanes)
    return time.monotonic() - started


def _lanes(
    client: EngineClient, work: Work, ledger: Ledger, lane: Any, request_rows: int, done: Callable[[int], None]
) -> Iterator[Lane]:
    """A Lane for each run of equal numbers in the sorted column `lane`."""
    starts = [0, *(np.flatnonzero(np.diff(lane)) + 1).tolist(), len(lane)]
    for span in pairwise(starts):
        if span[0] < span[1]:
            yield Lane(client, work, ledger, span, request_rows=request_rows, done=done)


async def _read_feed(client: EngineClient, plan: Plan, ledger: Ledger, watcher: Watcher) -> Any:
    """Every event since the beginning, once the reservations that were left to lapse have."""
    lapsing = {
        ledger.reservations[basket]
        for basket, fate in zip(plan.lines["basket"].to_pylist(), plan.lines["fate"].to_pylist(), strict=True)
        if fate == Fate.LAPSED and basket in ledger.reservations
    }
    waiting = watcher.step("waiting for expiry", len(lapsing))
    until = time.monotonic() + LAPSE_PATIENCE_S
    while lapsing and time.monotonic() < until:
        for reservation in sorted(lapsing):
            if (await client.get(f"/v1/reservations/{reservation}"))["state"] == "held":
                break
            lapsing.discard(reservation)
            waiting(1)
        else:
            break
        await asyncio.sleep(0.2)
    expected = int((ledger.outcome == "ok").sum()) + plan.opening.num_rows + len(ledger.follow_ups)
    done = watcher.step("reading the feed", expected)
    pages = []
    async for page, _ in client.feed():
        pages.append(page)
        done(page.num_rows)
    return arrow_client.joined_events(pages)


async def _read_shelves(client: EngineClient, plan: Plan, watcher: Watcher) -> Any:
    """Every cell of the plan's SKUs, as the engine reports it."""
    skus = plan.products["sku"].to_pylist()
    done = watcher.step("reading the shelves", len(skus))
    found: dict[str, list[Any]] = {name: [] for name in ("sku", "warehouse", "on_hand", "reserved", "available")}
    for at in range(0, len(skus), SKUS_PER_QUERY):
        part = skus[at : at + SKUS_PER_QUERY]
        for item in (await client.post("/v1/stock:query", {"skus": part}))["items"]:
            for cell in item["cells"]:
                found["sku"].append(item["sku"])
                for name in ("warehouse", "on_hand", "reserved", "available"):
                    found[name].append(cell[name])
        done(len(part))
    return arrow_client.table_of(**found)


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all at the same time; the first that fails ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def show(console: Console, report: Report) -> None:
    """The verdict as a table."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("")
    table.add_column("statement")
    table.add_column("held against", justify="right", no_wrap=True)
    table.add_column("wrong", justify="right", no_wrap=True)
    for check in report.checks:
        mark = Text("✓", "green") if check.holds else Text("✗", "bold red")
        wrong = Text(f"{check.wrong:,}" if check.wrong else "none", "" if check.holds else "bold red")
        table.add_row(mark, check.statement, f"{check.looked_at:,}", wrong)
    console.print(table)
    for check in report.checks:
        for example in check.examples:
            console.print(Text(f"  {check.statement}: {example}", "red"))
    refused = report.lines - report.accepted
    console.print(
        f"{report.lines:,} lines in {report.seconds:.1f} s, {report.lines / max(report.seconds, 1e-3):,.0f} lines/s: "
        f"{report.accepted:,} accepted, {refused:,} refused ({100 * refused / max(report.lines, 1):.1f} %); "
        f"{report.events:,} events on the feed; {report.sent_again:,} requests sent again",
        highlight=False,
    )
    verdict = Text("GREEN: every decision was right", "bold green") if report.green else Text("RED", "bold red")
    console.print(verdict)


async def run(engine: Engine, plan: Plan, files: SalesFiles, console: Console) -> Report:
    """Replay against `engine` with bars, and show the verdict."""
    with bars(console) as progress:
        async with EngineClient(engine.url, engine.key) as client:
            report = await replay(client, plan, files, Bars(progress))
    show(console, report)
    return report


def register(app: typer.Typer) -> None:
    """Add `replay` to the command line."""

    @app.command("replay")
    def replay_command(
        data: Annotated[Path, typer.Option("--data", help="data directory; its engine is started if it does not run")],
        rows: Annotated[int | None, typer.Option("--rows", min=1, help="only the first so many lines")] = None,
        seed: Annotated[int, typer.Option(help="another seed: other baskets, fates and shortages")] = 1,
    ) -> None:
        """Replay a year of real sales and prove the result."""
        console = Console()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            files = SalesFiles.installed()
            with console.status("laying down the plan"):
                plan = make_plan(files, rows=rows, seed=seed)
            with contextlib.ExitStack() as stack:
                with console.status("finding the engine"):
                    engine = stack.enter_context(engine_of(data))
                report = asyncio.run(run(engine, plan, files, console))
        except (SalesMissing, EngineNotStarted, Refused, NotServed) as failed:
            Console(stderr=True).print(Text(f"replay: {failed}", "bold red"))
            raise typer.Exit(1) from None
        if not report.green:
            raise typer.Exit(1)
