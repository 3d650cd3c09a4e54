"""`omnistock verify`: everything rebuilt from the journals, hashes and chain checked, every batch decided again.

Prints a summary; exit code 1 with the first (shard, seq) that is wrong. It only reads, so it may run beside a
server, and then looks at what is durable at that moment.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from actors.datadir import DataDirError
from actors.verify import Progress as Done
from actors.verify import Report
from actors.verify import verify as verify_directory
from api.screen import screen


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def verify(
        data: Annotated[Path, typer.Option("--data", help="The data directory.", exists=True, file_okay=False)],
        database: Annotated[
            str | None,
            typer.Option(envvar="OMNISTOCK_DATABASE", help="postgresql://... if the journals are there."),
        ] = None,
    ) -> None:
        """Rebuild everything from the journals, decide again, compare; say what was looked at."""
        try:
            with _bar() as bar:
                task = bar.add_task("reading", total=None)

                def show(done: Done) -> None:
                    shard = f"shard {done.shard + 1} of {done.shards}, {done.rows:,} rows"
                    bar.update(task, description=shard, completed=done.seq, total=done.last_seq)

                report = verify_directory(data, show, database=database)
        except DataDirError as error:
            typer.echo(f"omnistock: {error}", err=True)
            raise typer.Exit(1) from None
        screen().print(_table(report))
        if report.first_problem is not None:
            typer.echo(f"omnistock: {report.first_problem}", err=True)
            raise typer.Exit(1)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _table(report: Report) -> Table:
    table = Table("shard", "last seq", "records", "rows", "decided again", "folded", "snapshots", "state", box=None)
    for shard in report.shards:
        table.add_row(
            str(shard.shard),
            f"{shard.last_seq:,}",
            f"{shard.records:,}",
            f"{shard.rows:,}",
            f"{shard.decided_again:,}",
            f"{shard.folded_only:,}",
            str(shard.snapshots),
            "wrong" if shard.problem is not None else shard.state_hash[:16],
        )
    return table
