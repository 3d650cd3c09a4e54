"""`omnistock close-day DAY`: write down what a business day came to, in a running engine, and show it."""

import getpass
import uuid
from pathlib import Path
from typing import Annotated, Any, Final

import httpx2
import typer
from rich.table import Table

from actors.logs import escaped
from api.reports_cli import TIMEOUT_S, engine_asked, failed_with
from api.screen import screen

_SHOWN: Final = ("orders", "units", "gross", "discount", "returns", "net", "tax", "currency")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("close-day")
    def close_day(
        day: Annotated[str, typer.Argument(help="The business day, such as 2026-11-21; it must be over.")],
        warehouse: Annotated[str | None, typer.Option(help="Only this place; else all.")] = None,
        channel: Annotated[str | None, typer.Option(help="Only this channel; else all with anything that day.")] = None,
        author: Annotated[str | None, typer.Option(help="Who closes it; your user name unless given.")] = None,
        data: Annotated[Path | None, typer.Option("--data", help="The data directory of a running engine.")] = None,
        url: Annotated[str | None, typer.Option(envvar="OMNISTOCK_URL", help="An engine, instead of --data.")] = None,
        key: Annotated[
            str | None, typer.Option(envvar="OMNISTOCK_KEY", help="A key with scope reports or store.")
        ] = None,
    ) -> None:
        """Close a business day: its figures are written once, for each place and channel, and never change."""
        url, key = engine_asked(data, url, key)
        asked = {"day": day, "warehouse": warehouse, "channel": channel, "author": author or getpass.getuser()}
        answer = _post(url, key, {name: value for name, value in asked.items() if value is not None})
        items: list[dict[str, Any]] = answer.json()["items"]
        table = Table("warehouse", "channel", "closed by", *_SHOWN, box=None)
        for item in items:
            by = item["author"] or item["closed_by"]
            for figures in item["figures"] or [{}]:
                cells = (item["warehouse"], item["channel"], by, *(figures.get(name, "") for name in _SHOWN))
                table.add_row(*(escaped("" if cell is None else str(cell)) for cell in cells))
        screen().print(table)
        if not items:
            typer.echo(f"{day}: there is nothing to close")
        elif answer.status_code == httpx2.codes.CREATED:
            typer.echo(f"{day} is closed")
        else:
            typer.echo(f"{day} was closed before; this is what was written then")


def _post(url: str, key: str, body: dict[str, str]) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid.uuid4())}
    try:
        answer = httpx2.post(f"{url}/v1/closings", json=body, headers=headers, timeout=TIMEOUT_S, trust_env=False)
    except httpx2.HTTPError as error:
        typer.echo(f"omnistock: {url} does not answer: {error}", err=True)
        raise typer.Exit(1) from None
    if not answer.is_success:
        problem = answer.json()
        told = ": ".join(str(problem[field]) for field in ("title", "path", "detail") if problem.get(field))
        typer.echo(f"omnistock: {escaped(told)}", err=True)
        raise typer.Exit(failed_with(answer))
    return answer
