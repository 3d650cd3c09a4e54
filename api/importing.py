"""`omnistock import`: products, opening stock and sales from CSV files and workbooks, over the engine's HTTP API.

The command line of `api.import_run`: finds the engine and its key, shows the progress, says what was left out and
why, and ends with 0 (all rows in), 1 (some left out, or the engine away) or 2 (wrong usage).
"""

import asyncio
import csv
import io
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from api.engine_client import EngineClient, NotServed, Refused
from api.import_files import FileProblem, Source, look_at
from api.import_rows import SHAPES, Kind, Options
from api.import_run import Report, WrongUsage, errors_path, run, write_errors
from api.running import find

BAD_ROWS_SHOWN: Final = 20
"""on the screen; the file of errors has them all"""


@dataclass(frozen=True, slots=True)
class Target:
    """The engine to send to."""

    url: str
    key: str


def register(app: typer.Typer) -> None:
    """Add `import` to the command line."""

    @app.command("import")
    def import_command(
        file: Annotated[Path | None, typer.Argument(help="CSV, XLSX, XLS or ODS.", show_default=False)] = None,
        kind: Annotated[Kind | None, typer.Option(help="What the file holds.", show_default=False)] = None,
        sample: Annotated[bool, typer.Option("--sample", help="Show the columns of each kind, and end.")] = False,
        data: Annotated[
            Path | None, typer.Option("--data", envvar="OMNISTOCK_DATA", help="The served data directory.")
        ] = None,
        url: Annotated[str, typer.Option(envvar="OMNISTOCK_URL", help="The engine, without --data.")] = (
            "http://127.0.0.1:8000"
        ),
        key: Annotated[
            str | None, typer.Option(envvar="OMNISTOCK_KEY", help="API key; with --data the admin's.")
        ] = None,
        encoding: Annotated[str | None, typer.Option(help="Of a CSV file.", show_default="found out")] = None,
        delimiter: Annotated[str | None, typer.Option(help="Of a CSV file.", show_default="found out")] = None,
        time_zone: Annotated[str, typer.Option(help="Of times without one.")] = "UTC",
        currency: Annotated[str, typer.Option(help="Of prices without one.", show_default=False)] = "",
    ) -> None:
        """Bring in products, opening stock or sales. The same file again, within a week, changes nothing."""
        if sample:
            for each in [kind] if kind else Kind:
                _show_sample(each)
            return
        if file is None or kind is None:
            raise typer.BadParameter("say FILE and --kind, or --sample to see the columns")
        if delimiter is not None and len(delimiter) != 1:
            raise typer.BadParameter("one character", param_hint="--delimiter")
        zone = _zone(time_zone)
        try:
            source = look_at(file, SHAPES[kind].names, encoding, delimiter)
        except FileProblem as problem:
            raise typer.BadParameter(f"{file}: {problem}", param_hint="FILE") from None
        options = Options(zone, currency, comma_is_decimal=source.delimiter != ",")
        raise typer.Exit(_import(source, kind, options, _target(data, url, key)))


def _import(source: Source, kind: Kind, options: Options, target: Target) -> int:
    words = Console(stderr=True)
    try:
        report = asyncio.run(_with_progress(source, kind, options, target, words))
    except WrongUsage as wrong:
        words.print(Text(f"import: {wrong}", "bold red"))
        return 2
    except (FileProblem, Refused, NotServed) as failed:
        words.print(Text(f"import: {failed}", "bold red"))
        words.print("What was sent before is in. Run the same command again to go on: no row counts twice.")
        return 1
    except KeyboardInterrupt:
        words.print("Stopped. Run the same command again to go on: no row counts twice.")
        return 1
    errors = errors_path(source.path)
    errors.unlink(missing_ok=True)
    if report.bad:
        write_errors(errors, source, report.bad)
    _tell(report, source, errors, words)
    return 1 if report.bad else 0


async def _with_progress(source: Source, kind: Kind, options: Options, target: Target, words: Console) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=words, transient=True) as progress:
        task = progress.add_task(f"importing {source.path.name}", total=source.size)
        async with EngineClient(target.url, target.key) as client:
            return await run(client, source, kind, options, lambda read: progress.update(task, completed=read))


def _tell(report: Report, source: Source, errors: Path, words: Console) -> None:
    for bad in report.bad[:BAD_ROWS_SHOWN]:
        words.print(Text(f"line {bad.line}: {bad.reason}", "red"))
    if len(report.bad) > BAD_ROWS_SHOWN:
        words.print(f"... and {len(report.bad) - BAD_ROWS_SHOWN:,} more")
    if report.unused:
        words.print(f"columns not used: {', '.join(report.unused)}")
    typer.echo(report.words(source.path.name, errors))


def _target(data: Path | None, url: str, key: str | None) -> Target:
    if data is not None:
        engine = find(data)
        if engine is None:
            typer.echo(f"import: no engine serves {data}: start it with `omnistock serve --data {data}`", err=True)
            raise typer.Exit(1)
        return Target(engine.url, key or engine.key)
    if key is None:
        raise typer.BadParameter("say --data DIR of the served directory, or --key (OMNISTOCK_KEY)")
    return Target(url, key)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{name!r} is no time zone such as Europe/Riga", param_hint="--time-zone") from None


def _show_sample(kind: Kind) -> None:
    """What the columns mean, for people, and on standard output a file of this kind with one row."""
    shape = SHAPES[kind]
    typer.echo(f"--kind {kind}", err=True)
    for column in shape.columns:
        typer.echo(f"  {column.name:<18}{'must be there; ' if column.needed else ''}{column.words}", err=True)
    if shape.keeps_others:
        typer.echo("  (others)          kept with the product", err=True)
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([shape.names, [column.sample for column in shape.columns]])
    typer.echo(file.getvalue())
