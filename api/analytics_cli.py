"""`omnistock analytics`: the tables of a data directory that nobody serves now."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from actors.analytics_actor import AnalyticsFile
from actors.datadir import DataDir, DataDirError
from actors.journal import JournalError

analytics_app = typer.Typer(help="The tables that reports are made from.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(analytics_app, name="analytics")


@analytics_app.callback()
def _analytics() -> None:
    """The tables that reports are made from."""


@analytics_app.command()
def rebuild(
    data: Annotated[Path, typer.Option("--data", help="The data directory.", exists=True, file_okay=False)],
    database: Annotated[
        str | None, typer.Option(envvar="OMNISTOCK_DATABASE", help="postgresql://... if the journals are there.")
    ] = None,
) -> None:
    """Make the tables anew from the journals and the documents; the same as they were, whatever happened to them."""
    os.umask(0o077)  # the file is for this user alone, as all others in the directory
    try:
        directory = DataDir.open(data)
        with directory.serve_lock(), _bar() as bar:
            file = AnalyticsFile.made_anew(directory, database)
            task = bar.add_task("following the journals", total=sum(file.following.behind()))
            while file.turn():
                bar.update(task, completed=sum(position.seq for position in file.following.positions))
            rows = file.following.counted.rows
            file.close()
    except (DataDirError, JournalError) as error:
        typer.echo(f"omnistock: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{data}: the tables were made from {rows:,} rows and movements")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True
    )
