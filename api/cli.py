"""The command `omnistock`: one subcommand each, in a module of its own, imported only when it is asked for.

Exit codes: 0 good, 1 the thing asked for failed, 2 wrong usage.
"""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer

from actors.kernel_cache import kernel_cache_environment
from actors.serve_settings import Transport

COMMANDS: Final = {
    "demo": "api.demo",
    "devices": "api.devices_cli",
    "replay": "api.replay",
    "import": "api.importing",
    "keys": "api.keys_cli",
    "users": "api.users_cli",
    "verify": "api.verify_cli",
    "receipt": "api.receipt_cli",
    "report": "api.reports_cli",
    "close-day": "api.closing_cli",
    "analytics": "api.analytics_cli",
}
"""Subcommands whose modules have a `register(app)`. `serve` must start in a second or two, and its supervisor
stays small, so no other command's imports come with it."""

POSTGRES: Final = ("postgresql://", "postgres://")
_VERDICT_COLOURS: Final = {"good": "green", "look": "yellow", "bad": "red"}

Data = Annotated[Path, typer.Option("--data", help="The data directory; made when it does not exist.", file_okay=False)]
Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every network of this machine.")]
ConsolePort = Annotated[
    str,
    typer.Option(help="Port of the planners' console: a number, 0 for any that is free, next to the API's, or off."),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any that is free.")]

app = typer.Typer(
    name="omnistock",
    help="An omnichannel stock engine: one pool of stock for every channel, never oversold, every unit explained.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def serve(
    data: Data,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    shards: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Writers; fixed when the directory is made.", show_default="half the cores"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="API processes.", show_default="half the cores")
    ] = None,
    transport: Annotated[Transport, typer.Option(help="local: one process, no Ray.")] = "ray",
    database: Annotated[
        str | None,
        typer.Option(envvar="OMNISTOCK_DATABASE", help="postgresql://... for journals and documents; else files."),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(envvar="OMNISTOCK_ARCHIVE", help="Old parts of the journals move here, to a larger disk."),
    ] = None,
    console_port: ConsolePort = "next",
) -> None:
    """Run the whole stack until SIGTERM or Ctrl-C; says where when it answers."""
    if database and not database.startswith(POSTGRES):
        raise typer.BadParameter(f"an address that begins with {POSTGRES[0]}", param_hint="--database")
    if database and archive:
        raise typer.BadParameter("with a database the journals are there, and it keeps them", param_hint="--archive")
    if transport == "local" and (workers or 1) > 1:
        raise typer.BadParameter("without Ray there is one process", param_hint="--workers")
    from api.serving import Asked, console_port_of, serve_until_told
    from api.set_limits import LimitRefused, limits_given

    try:
        limits_given(os.environ)
        console = console_port_of(console_port)
    except ValueError:
        raise typer.BadParameter("a port, 0, next or off", param_hint="--console-port") from None
    except LimitRefused as refused:
        raise typer.BadParameter(str(refused), param_hint="the environment") from None
    raise typer.Exit(serve_until_told(Asked(data, host, port, shards, workers, transport, database, console, archive)))


@app.command()
def doctor(
    data: Annotated[Path | None, typer.Option("--data", help="Look at this data directory too.")] = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
) -> None:
    """Say what is wrong with this machine or data directory, in words."""
    from api.doctor import Verdict, examine

    worst = 0
    for finding in examine(data, host, port):
        mark = typer.style(f"{finding.verdict.value:<5}", fg=_VERDICT_COLOURS[finding.verdict.value])
        typer.echo(f"{mark} {finding.what:<16} {finding.words}")
        worst |= finding.verdict is Verdict.BAD
    raise typer.Exit(int(worst))


def main() -> None:
    """The console script."""
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    own = {command.callback.__name__ for command in app.registered_commands if command.callback}
    if asked not in own:
        # Some of them run kernels in this very process.
        os.environ.update(kernel_cache_environment())
        # Of the others only the one that is asked for; all of them for the help.
        for module in [COMMANDS[asked]] if asked in COMMANDS else COMMANDS.values():
            import_module(module).register(app)
    app(prog_name="omnistock")


if __name__ == "__main__":
    main()
