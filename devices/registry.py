"""The drivers there are, and how a device's document becomes a device that runs.

A new driver is a file in `drivers/`, a line in `DRIVERS` and a test of its very bytes.
"""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from devices.attendant import SCANNER_STALE_MS, Attendant, DisplayTurns, ScaleTurns, ScannerTurns
from devices.clock import Clock, Waker
from devices.codecs.displays import DisplayProtocol
from devices.codecs.in_store import TemplateRefused
from devices.device_document import DeviceDocument, folder_of
from devices.drivers.customer_display import CustomerDisplay, DisplaySettings
from devices.drivers.receipt_printer import ReceiptPrinter
from devices.drivers.scale import Scale, ScaleProtocol, ScaleSettings
from devices.drivers.scanner import Scan, Scanner, ScannerSettings, templates_of
from devices.health import Health
from devices.job_desk import JobDesk
from devices.job_journal import JobJournal
from devices.jobs import JobView
from devices.printer_settings import PrinterSettings
from devices.printer_worker import PrinterWorker
from devices.receipts.profiles import ProfileUnknown, printer_profile
from devices.simulators.customer_display import DisplaySimulator
from devices.simulators.receipt_printer import PrinterSimulator
from devices.simulators.scale import ScaleSimulator
from devices.simulators.scanner import ScannerSimulator
from devices.simulators.simulated_line import Simulated
from devices.slips import SlipMaker
from devices.transports.address import Address, AddressRefused, line_to, parse_address
from devices.transports.line import Line

CODE_LENGTH_MAX: Final = 64


class DeviceRefused(ValueError):
    """No such device can be."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears what: of health, of scans, of jobs."""

    health: Callable[[Health], None] = lambda health: None
    scan: Callable[[Scan], None] = lambda scan: None
    """may raise JobJournalError: the scan reached nobody"""
    job: Callable[[JobView], None] = lambda view: None


@dataclass(frozen=True, slots=True)
class Parts:
    """What every driver is made of."""

    line: Line
    settings: Any
    clock: Clock
    waker: Waker
    chance: random.Random
    folder: Path
    told: Told


class Running(Protocol):
    """A device that is minded: PrinterWorker or Attendant."""

    @property
    def line(self) -> Line:
        """Its line, for whoever wants to see the tape."""

    def step(self) -> float | None:
        """One turn without a thread; only instead of `start`."""

    def start(self) -> None:
        """Begin."""

    def stop(self, patience_s: float = ...) -> None:
        """End; what takes longer than this is left."""

    def health(self) -> Health:
        """How it is."""

    @property
    def works(self) -> bool:
        """False when it has to be made anew."""


@dataclass(frozen=True, slots=True)
class Driver:
    """One line of the registry."""

    kind: str
    settings: type[msgspec.Struct]
    build: Callable[[Parts], Running]
    simulate: Callable[[], Simulated]


def _printer(parts: Parts) -> PrinterWorker:
    desk = JobDesk(JobJournal(parts.folder), parts.clock, parts.told.job, SlipMaker(parts.settings))
    printer = ReceiptPrinter(parts.line, parts.settings, parts.clock)
    return PrinterWorker(desk, printer, parts.clock, parts.waker, parts.chance, parts.told.health)


def _scanner(parts: Parts) -> Attendant:
    turns = ScannerTurns(Scanner(parts.line, parts.settings, parts.clock), parts.clock, parts.told.scan)
    return Attendant(turns, parts.clock, parts.waker, parts.chance, parts.told.health, SCANNER_STALE_MS)


def _scale(protocol: ScaleProtocol) -> Callable[[Parts], Attendant]:
    def build(parts: Parts) -> Attendant:
        turns = ScaleTurns(Scale(protocol, parts.line, parts.settings, parts.clock), parts.clock, parts.waker)
        return Attendant(turns, parts.clock, parts.waker, parts.chance, parts.told.health)

    return build


def _display(protocol: DisplayProtocol) -> Callable[[Parts], Attendant]:
    def build(parts: Parts) -> Attendant:
        display = CustomerDisplay(protocol, parts.line, parts.settings, parts.clock)
        turns = DisplayTurns(display, parts.clock, parts.waker)
        return Attendant(turns, parts.clock, parts.waker, parts.chance, parts.told.health)

    return build


DRIVERS: Final[dict[str, Driver]] = {
    "escpos": Driver("receipt_printer", PrinterSettings, _printer, PrinterSimulator),
    "serial_scanner": Driver("scanner", ScannerSettings, _scanner, ScannerSimulator),
    "toledo8217": Driver("scale", ScaleSettings, _scale("toledo8217"), lambda: ScaleSimulator("toledo8217")),
    "cas": Driver("scale", ScaleSettings, _scale("cas"), lambda: ScaleSimulator("cas")),
    "epson_display": Driver("customer_display", DisplaySettings, _display("epson_display"), DisplaySimulator),
    "cd5220": Driver("customer_display", DisplaySettings, _display("cd5220"), DisplaySimulator),
}
"""Every driver, by the name that a document uses."""


def check(code: str, document: DeviceDocument, files: Path | None = None) -> tuple[Driver, msgspec.Struct, Address]:
    """What the document means; raises DeviceRefused with the reason, for whoever saves it. `files`: where its file may
    lie; None = anywhere."""
    if not 0 < len(code) <= CODE_LENGTH_MAX or not all(c.isascii() and (c.isalnum() or c in "-_.:") for c in code):
        raise DeviceRefused(f"a device's code has 1 to {CODE_LENGTH_MAX} letters, digits, '-', '_', ':' and '.'")
    driver = DRIVERS.get(document.driver)
    if driver is None:
        raise DeviceRefused(f"there is no driver {document.driver!r}: {', '.join(sorted(DRIVERS))}")
    if document.kind != driver.kind:
        raise DeviceRefused(f"{document.driver} drives a {driver.kind}, not a {document.kind!r}")
    try:
        settings = msgspec.convert(document.settings, driver.settings, str_keys=True)
        if isinstance(settings, PrinterSettings):
            printer_profile(settings)
        if isinstance(settings, ScannerSettings):
            templates_of(settings)
        address = parse_address(document.transport, files)
    except (msgspec.ValidationError, AddressRefused, ProfileUnknown, TemplateRefused) as error:
        raise DeviceRefused(str(error)) from error
    if isinstance(settings, PrinterSettings) and not settings.bytes_per_s and address.scheme == "serial":
        settings = msgspec.structs.replace(settings, bytes_per_s=address.serial.baud // 10)
    return driver, settings, address


def make(
    code: str,
    document: DeviceDocument,
    folder: Path,
    clock: Clock,
    told: Told | None = None,
    *,
    files: Path | None = None,
) -> Running:
    """The device, ready to be started; its journal lies in a folder of its own. Raises DeviceRefused.

    `files`: where its file may lie; None = anywhere.
    """
    driver, settings, address = check(code, document, files)
    if files is not None and address.scheme == "file":
        with contextlib.suppress(OSError):  # the line will say what is wrong
            files.mkdir(mode=0o700, exist_ok=True)
    waker = Waker()
    line = line_to(address, clock, waker)
    chance = random.Random(code)
    return driver.build(Parts(line, settings, clock, waker, chance, folder_of(folder, code), told or Told()))
