"""`omnistock demo`: a whole retailer at work, from nothing, in one command.

Starts the engine, replays part of a year of real sales and proves the result, then lets simulated customers loose,
opens a store with simulated devices, and leaves everything open to look at, until Ctrl-C or until the seconds given are
over. The sales are moved to end yesterday, so that the console has every day of the last weeks to compare today with.
"""

import asyncio
import contextlib
import json
import secrets
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from analytics.retailer import Plan, SalesFiles, SalesMissing, last_day, make_plan, moved
from api import replay
from api.console.accounts import Accounts, Role
from api.customers import Goods, Shelf, Street, Tally
from api.demo_store import DemoStore
from api.engine_client import EngineClient, NotServed, Refused
from api.running import Engine, EngineNotStarted, engine_of
from api.users_cli import add_user, at_the_shell

ROWS: Final = 200_000
SHELF_SKUS: Final = 30
REFRESH_S: Final = 0.5
USER: Final = "demo"


def shelves_of(plan: Plan) -> list[Shelf]:
    """What each hub sells most: where the customers go."""
    hubs = set(plan.hubs)
    sold: dict[str, Counter[str]] = {hub: Counter() for hub in plan.hubs}
    for store, sku in zip(plan.lines["store"].to_pylist(), plan.lines["sku"].to_pylist(), strict=True):
        if store in hubs:
            sold[store][sku] += 1
    return [Shelf(hub, [sku for sku, _ in counted.most_common(SHELF_SKUS)]) for hub, counted in sold.items() if counted]


def these_weeks(plan: Plan, data: Path, today: date) -> Plan:
    """The plan moved to end yesterday, or by as much as it was when it was first sent to this directory: commands that
    are sent twice must say the same."""
    note = data / "demo.json"
    with contextlib.suppress(FileNotFoundError):
        return moved(plan, int(json.loads(note.read_text())["days"]))
    days = (today - last_day(plan)).days - 1
    note.write_text(json.dumps({"days": days}))
    return moved(plan, days)


def demo_user(data: Path) -> str:
    """Makes the console's demo user, or gives it a new password; gives the password."""
    password = secrets.token_urlsafe(12)
    accounts = Accounts(data)
    if accounts.get(USER) is None:
        add_user(data, USER, Role.ADMIN, password)
    else:
        accounts.set_password(USER, password, by=at_the_shell())
    return password


def addresses(engine: Engine, data: Path, sku: str, password: str) -> str:
    """Where to look; each line can be copied as it is."""
    key = f'-H "Authorization: Bearer $(cat {data / "admin.key"})"'
    console = {
        "planners' console": engine.console,
        "sign in as": f"{USER}, password {password}",
        "till and receipts": f"{engine.console}/devices",
    }
    places = (console if engine.console else {}) | {
        "interactive docs": f"{engine.url}/docs",
        "metrics": f"{engine.url}/metrics",
        "stock of one SKU": f"curl -s {key} {engine.url}/v1/stock/{sku}",
        "live feed": f'curl -sN {key} -H "Accept: text/event-stream" {engine.url}/v1/feed',
        "admin key": str(data / "admin.key"),
    }
    return "\n".join(f"{what:<18} {where}" for what, where in places.items())


def view(tally: Tally) -> Group:
    """What the customers are doing, as it is shown while the demo runs."""
    counts = Table(show_edge=False, box=None, padding=(0, 3, 0, 0))
    for title in ("channel", "what happened", "times"):
        counts.add_column(title, justify="right" if title == "times" else "left")
    for (who, how), times in sorted(tally.counts.items()):
        counts.add_row(who, how, f"{times:,}")
    return Group(
        counts,
        Panel(Text("\n".join(tally.latest), no_wrap=True, overflow="ellipsis"), title="just now", title_align="left"),
    )


async def run(engine: Engine, data: Path, plan: Plan, files: SalesFiles, console: Console, until: float | None) -> bool:
    """Replay, prove, then keep the customers moving until the monotonic time `until` (None: for ever)."""
    report = await replay.run(engine, plan, files, console)
    shelves = shelves_of(plan)
    goods = {row["sku"]: Goods(row["name"], row["price"], row["unit_cost"]) for row in plan.products.to_pylist()}
    console.print()
    password = await asyncio.to_thread(demo_user, data)
    console.print(addresses(engine, data, shelves[0].skus[0], password), soft_wrap=True, highlight=False, markup=False)
    console.print()
    async with EngineClient(engine.url, engine.key) as client:
        street = Street(client, shelves, goods)
        await street.open()
        names = {sku: each.name for sku, each in goods.items()}
        store = DemoStore(client, shelves[0].warehouse, names, street.tally)
        street.sold = store.sold
        moving = asyncio.create_task(street.run())
        try:
            async with store.open(plan):
                with Live(view(street.tally), console=console, auto_refresh=False, transient=True) as live:
                    while until is None or time.monotonic() < until:
                        await asyncio.sleep(REFRESH_S)
                        if moving.done():
                            moving.result()
                        if console.is_terminal:
                            live.update(view(street.tally), refresh=True)
        finally:
            moving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await moving
            console.print(view(street.tally))
    return report.green


@contextlib.contextmanager
def data_directory(given: Path | None) -> Iterator[Path]:
    """The given directory, which stays, or one of our own, which goes."""
    if given is not None:
        yield given
        return
    made = Path(tempfile.mkdtemp(prefix="omnistock-demo-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def register(app: typer.Typer) -> None:
    """Add `demo` to the command line."""

    @app.command("demo")
    def demo_command(
        port: Annotated[int, typer.Option(help="where the API answers")] = 8000,
        data: Annotated[
            Path | None, typer.Option("--data", help="keep everything here; else in a temporary place")
        ] = None,
        rows: Annotated[int, typer.Option("--rows", min=100, help="so many of the real sale lines")] = ROWS,
        seconds: Annotated[
            float | None, typer.Option("--seconds", envvar="DEMO_SECONDS", min=0, help="end by itself, after the proof")
        ] = None,
    ) -> None:
        """Run a sample retailer: real sales, a proof, then simulated customers until Ctrl-C."""
        console = Console()
        until = None if seconds is None else time.monotonic() + seconds
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        green = False
        try:
            files = SalesFiles.installed()
            with data_directory(data) as directory:
                with console.status("laying down the plan"):
                    plan = make_plan(files, rows=rows)
                with contextlib.ExitStack() as stack:
                    with console.status(
                        "starting the engine (the first time its kernels are compiled: a minute or two)"
                    ):
                        engine = stack.enter_context(engine_of(directory, port=port))
                    console.print(f"omnistock answers on {engine.url}", highlight=False)
                    plan = these_weeks(plan, directory, datetime.now(UTC).date())
                    green = asyncio.run(run(engine, directory, plan, files, console, until))
        except (SalesMissing, EngineNotStarted, Refused, NotServed) as failed:
            Console(stderr=True).print(Text(f"demo: {failed}", "bold red"))
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            console.print("stopped")
            return
        if not green:
            raise typer.Exit(1)
