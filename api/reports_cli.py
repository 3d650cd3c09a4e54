"""`omnistock report NAME`: a report of a running engine, as a table on the screen or as a file.

The engine is asked over HTTP like by any other caller, for one process alone has the tables.
"""

from pathlib import Path
from typing import Annotated, Final

import httpx2
import orjson
import typer
from rich.table import Table

from actors.logs import escaped
from analytics.questions import MEDIA
from analytics.reports import REPORTS
from api.running import find
from api.screen import screen

TIMEOUT_S: Final = 90.0
SHOWN_ROWS: Final = 1_000
"""On a screen; a file has all."""
_NUMBERS: Final = ("units", "money", "count", "share")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def report(
        name: Annotated[str, typer.Argument(help=f"One of {', '.join(REPORTS)}.")],
        ask: Annotated[
            list[str] | None,
            typer.Argument(help="What it takes, such as from=2026-11-01 to=2026-11-30 by=week channel=web."),
        ] = None,
        data: Annotated[Path | None, typer.Option("--data", help="The data directory of a running engine.")] = None,
        url: Annotated[str | None, typer.Option(envvar="OMNISTOCK_URL", help="An engine, instead of --data.")] = None,
        key: Annotated[str | None, typer.Option(envvar="OMNISTOCK_KEY", help="A key with scope reports.")] = None,
        format_: Annotated[
            str | None, typer.Option("--format", help=f"{', '.join(MEDIA)}; else by the file's name, else a table.")
        ] = None,
        out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.", dir_okay=False)] = None,
    ) -> None:
        """Show a report of a running engine, or write it to a file."""
        if name not in REPORTS:
            raise typer.BadParameter(f"one of {', '.join(REPORTS)}", param_hint="NAME")
        asked = _asked(ask or [])
        url, key = engine_asked(data, url, key)
        chosen = format_ or (out.suffix.lstrip(".") if out is not None else None)
        if chosen is not None and chosen not in MEDIA:
            raise typer.BadParameter(f"one of {', '.join(MEDIA)}", param_hint="--format")
        body = _get(url, key, name, {**asked, "format": chosen or "json"})
        if out is not None:
            out.write_bytes(body)
            typer.echo(f"{out}: {len(body):,} bytes", err=True)
        elif chosen is not None:
            typer.get_binary_stream("stdout").write(body)
        else:
            _show(name, body)


def engine_asked(data: Path | None, url: str | None, key: str | None) -> tuple[str, str]:
    """The address of a running engine and a key for it; ends the command when there is none."""
    if url is not None:
        if key is None:
            raise typer.BadParameter("a key goes with --url", param_hint="--key")
        return url, key
    if data is None:
        raise typer.BadParameter("the directory of a running engine, or --url and --key", param_hint="--data")
    engine = find(data)
    if engine is None:
        typer.echo(f"omnistock: no engine serves {data} now: start one with `omnistock serve --data {data}`", err=True)
        raise typer.Exit(1)
    return engine.url, key or engine.key


def failed_with(answer: httpx2.Response) -> int:
    """The command's exit code after a refusal: 2 when what was asked cannot be asked, else 1."""
    return 2 if answer.status_code == httpx2.codes.UNPROCESSABLE_CONTENT else 1


def _asked(words: list[str]) -> dict[str, str]:
    asked = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise typer.BadParameter(f"{word}: NAME=VALUE", param_hint="ASK")
        asked[name] = value
    return asked


def _get(url: str, key: str, name: str, asked: dict[str, str]) -> bytes:
    headers = {"Authorization": f"Bearer {key}"}
    try:
        answer = httpx2.get(
            f"{url}/v1/reports/{name}", params=asked, headers=headers, timeout=TIMEOUT_S, trust_env=False
        )
    except httpx2.HTTPError as error:
        typer.echo(f"omnistock: {url} does not answer: {error}", err=True)
        raise typer.Exit(1) from None
    if answer.status_code != httpx2.codes.OK:
        problem = answer.json()
        told = ": ".join(str(problem[field]) for field in ("path", "detail") if problem.get(field))
        typer.echo(f"omnistock: {escaped(told or problem.get('title', ''))}", err=True)
        raise typer.Exit(failed_with(answer))
    return answer.content


def _show(name: str, body: bytes) -> None:
    report = orjson.loads(body)
    table = Table(box=None)
    for column in REPORTS[name].columns:
        table.add_column(column.name, justify="right" if column.sort in _NUMBERS else "left")
    for row in report["rows"][:SHOWN_ROWS]:
        table.add_row(*("" if value is None else escaped(str(value)) for value in row))
    screen().print(table)
    left_out = len(report["rows"]) - SHOWN_ROWS
    typer.echo(f"as of {report['as_of']['at']}" + (f"; {left_out:,} rows more: use --out" if left_out > 0 else ""))
