"""`omnistock devices`: what can be driven and is plugged in, ask a device how it is, be a device, look at journals.

Works on this machine alone, without an engine: it is what somebody with a cable in his hand needs.
"""

import os
import select
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from devices.clock import SystemClock
from devices.device_document import DeviceDocument
from devices.health import WORKING, HealthState
from devices.job_lines import JournalDamaged, look
from devices.jobs import JobState
from devices.registry import DRIVERS, DeviceRefused, make
from devices.simulators.by_hand import NotUnderstood, Seen, do, words_for
from devices.simulators.endpoints import PtyDevice, TcpDevice
from devices.simulators.printer_faults import Fault, FaultKind
from devices.simulators.receipt_printer import PrinterSimulator
from devices.simulators.simulated_line import Simulated
from devices.transports.serial_port import SERIAL_FOLDER

SHOW_EVERY_S: Final = 0.1
_WORDS: Final = {
    HealthState.ABSENT: "nothing answers there: power, cable, address, another program that holds it",
    HealthState.UNKNOWN: "the line is open and nothing was said: speed, parity, a second till, a device without voice",
    HealthState.BLOCKED: "it waits for somebody: paper, cover",
    HealthState.ERROR: "it says that it is broken",
    HealthState.DEGRADED: "it works, and somebody should look",
    HealthState.READY: "it works",
}

DriverName = Annotated[str, typer.Argument(help=f"One of {', '.join(sorted(DRIVERS))}.")]

devices_app = typer.Typer(help="Printers, drawers, scanners, scales, displays.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(devices_app, name="devices")


@devices_app.command("list")
def list_devices(
    folder: Annotated[Path, typer.Option(help="Where udev keeps the names of serial devices.")] = SERIAL_FOLDER,
) -> None:
    """Drivers there are, and serial devices that are plugged in, by the names that a transport takes."""
    table = Table("driver", "kind")
    for name, driver in sorted(DRIVERS.items()):
        table.add_row(name, driver.kind)
    Console().print(table)
    names = [
        f"serial:/{way}/{path.name}"
        for way in ("by-id", "by-path")
        for path in (sorted((folder / way).iterdir()) if (folder / way).is_dir() else [])
    ]
    typer.echo("\n".join(names) if names else "no serial device is plugged in")


@devices_app.command()
def probe(
    driver: DriverName,
    transport: Annotated[str, typer.Argument(help="tcp://host:port, serial:/by-id/NAME?baud=9600, file:/path")],
    tape: Annotated[bool, typer.Option(help="Show the bytes both ways.")] = False,
) -> None:
    """Ask a device once how it is. Prints nothing on its paper; exit code 1 when it does not work."""
    document = DeviceDocument(DRIVERS[driver].kind if driver in DRIVERS else "", driver, transport)
    with tempfile.TemporaryDirectory() as folder:
        try:
            running = make("probe", document, Path(folder), SystemClock())
        except DeviceRefused as error:
            typer.echo(f"omnistock: {error}", err=True)
            raise typer.Exit(2) from None
        running.step()
        health = running.health()
        pieces = running.line.tape.pieces()
        running.stop()
    typer.echo(f"{health.state}: {', '.join(health.reasons) or 'nothing to say'}")
    typer.echo(_WORDS.get(health.state, ""))
    if health.evidence:
        typer.echo(f"said: {health.evidence}")
    for piece in pieces if tape else ():
        typer.echo(str(piece))
    raise typer.Exit(0 if health.state in WORKING else 1)


@devices_app.command()
def simulate(
    driver: DriverName,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 9100,
    pty: Annotated[bool, typer.Option("--pty", help="On a pseudo-terminal instead of a port.")] = False,
    fault: Annotated[
        list[str] | None, typer.Option(help=f"For a printer: KIND:BYTE[:SECONDS], kinds {', '.join(FaultKind)}.")
    ] = None,
) -> None:
    """Be a device on a port of this machine, until Ctrl-C. What it prints or shows is shown as it comes; what somebody
    does to it is typed: a code for a scanner, grams for a scale, `paper out` for a printer."""
    if driver not in DRIVERS:
        raise typer.BadParameter(f"one of {', '.join(sorted(DRIVERS))}")
    faults = tuple(_fault(text) for text in fault or ())
    device = PrinterSimulator(faults=faults) if driver == "escpos" else DRIVERS[driver].simulate()
    try:
        endpoint = PtyDevice(device) if pty else TcpDevice(device, port)
    except OSError as error:
        raise typer.BadParameter(f"port {port}: {error.strerror}", param_hint="--port") from None
    endpoint.start()
    typer.echo(f"{driver} at {endpoint.address}")
    if words := words_for(device):
        typer.echo(f"type {words}")
    typed = Typed(sys.stdin.fileno())

    def go_on() -> bool:
        for line in typed.lines():
            endpoint.do(partial(obey, device, line))
        return True

    try:
        show(device, go_on)
    except KeyboardInterrupt:
        typer.echo("gone")
    finally:
        endpoint.stop()


@devices_app.command()
def doctor(
    journals: Annotated[
        Path, typer.Argument(help="The folder with a folder per device.", exists=True, file_okay=False)
    ],
) -> None:
    """Look at devices' job journals and change nothing: damage, jobs that wait, jobs that a person must decide."""
    bad = False
    for folder in sorted(path for path in journals.iterdir() if (path / "jobs").is_file()):
        try:
            looked = look(folder)
        except (JournalDamaged, OSError) as error:
            typer.echo(f"{folder.name}: bad: {error}")
            bad = True
            continue
        states = {state: len(looked.book.in_state(state)) for state in JobState}
        unsure = states[JobState.UNKNOWN] + (0 if looked.held else states[JobState.SENDING] + states[JobState.SENT])
        words = [f"epoch {looked.book.epoch}", "running" if looked.held else "not running"]
        words += [f"{states[JobState.QUEUED]} waiting"] if states[JobState.QUEUED] else []
        words += [f"{unsure} to decide: look at the paper"] if unsure else []
        words += [f"{looked.torn_bytes} bytes of an append that a crash broke off"] if looked.torn_bytes else []
        typer.echo(f"{folder.name}: {', '.join(words)}")
    raise typer.Exit(int(bad))


def obey(device: Simulated, line: str) -> None:
    """Do to the device what was typed."""
    try:
        if line.strip():
            do(device, line)
    except NotUnderstood as error:
        typer.echo(f"not understood: {error}", err=True)


class Typed:
    """What somebody types, line by line; without a thread, which would still be reading when the program ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self._ended = False

    def lines(self) -> list[str]:
        """Those that came within a moment."""
        if self._ended:
            time.sleep(SHOW_EVERY_S)
            return []
        ready, _, _ = select.select([self._descriptor], [], [], SHOW_EVERY_S)
        if not ready:
            return []
        data = os.read(self._descriptor, 4096)
        self._ended = not data
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [line.decode(errors="replace") for line in whole]


def show(device: Simulated, go_on: Callable[[], bool]) -> None:
    """What a printer prints and a display shows, as it comes."""
    seen = Seen(device)
    while go_on():
        for news in seen.news():
            typer.echo(news, nl=False)


def _fault(text: str) -> Fault:
    kind, *numbers = text.split(":")
    try:
        at, seconds = int(numbers[0]), float(numbers[1]) if len(numbers) > 1 else 5.0
        return Fault(FaultKind(kind), at, seconds)
    except (ValueError, IndexError):
        raise typer.BadParameter(f"{text!r} is not KIND:BYTE[:SECONDS]", param_hint="--fault") from None
