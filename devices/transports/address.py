"""From the address in a device's document to its line: `tcp://host:port`, `serial:/by-id/NAME?baud=9600`, `file:PATH`.

An address that cannot be understood is refused when the device is saved, with the reason, and not when it first prints.
Whoever may save a device may not write to every file of the machine: a file lies in one folder, or among temporary
files, or is a printer's.
"""

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from devices.clock import Clock, Waker
from devices.transports.file import FileLine
from devices.transports.line import Line
from devices.transports.memory import MemoryLine
from devices.transports.serial_port import WAYS, SerialLine, SerialSettings
from devices.transports.tcp import TcpLine

ADDRESS_LENGTH_MAX: Final = 500
_BAUDS: Final = frozenset({1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200})
_FLOWS: Final = frozenset({"none", "xon", "rts"})
_PRINTER_FILES: Final = re.compile(r"/dev/(usb/)?lp[0-9]{1,3}|/dev/null")


class AddressRefused(ValueError):
    """This is no address of a line."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address = address
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.address!r}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Address:
    """An address that was understood."""

    scheme: str
    target: str
    """host, port's name, path"""
    port: int = 0
    serial: SerialSettings = field(default_factory=SerialSettings)


def parse_address(text: str, files: Path | None = None) -> Address:
    """What the text says; raises AddressRefused. `files`: where files may lie; None = anywhere, for who sits here."""
    if len(text) > ADDRESS_LENGTH_MAX or not text.isprintable():
        raise AddressRefused(text[:ADDRESS_LENGTH_MAX], "too long, or not printable")
    scheme, _, rest = text.partition(":")
    if scheme == "tcp":
        return _tcp(text, rest)
    if scheme == "serial":
        return _serial(text, rest)
    if scheme == "file":
        return _file(text, rest, files)
    if scheme == "memory":
        return Address("memory", rest)
    raise AddressRefused(text, "begins with none of tcp:, serial:, file:, memory:")


def line_to(address: Address, clock: Clock, waker: Waker) -> Line:
    """A line there, not open yet."""
    match address.scheme:
        case "tcp":
            return TcpLine(address.target, address.port, clock, waker)
        case "serial":
            return SerialLine(address.target, address.serial, clock, waker)
        case "file":
            return FileLine(Path(address.target), clock, waker)
        case _:
            return MemoryLine(clock, waker, where=f"memory:{address.target}")


def _file(text: str, rest: str, files: Path | None) -> Address:
    if rest.startswith("/dev/tty"):
        raise AddressRefused(text, "these numbers move with the cable: serial:/by-id/NAME or serial:/by-path/NAME")
    if files is None:
        if not rest.startswith("/"):
            raise AddressRefused(text, "a file is named by its whole path: file:/...")
        return Address("file", rest)
    if _PRINTER_FILES.fullmatch(rest):
        return Address("file", rest)
    path = files / rest  # a whole path stays what it is
    # By its name alone: a link in the folder was made by somebody who may write there without us.
    kept = files in path.parents
    if ".." in path.parts or not (kept or _temporary(path, files.parent)):
        raise AddressRefused(
            text, "a file is one in the data directory's folder paper, a temporary one, or a printer's /dev/usb/lpN"
        )
    return Address("file", str(path))


def _temporary(path: Path, data: Path) -> bool:
    """Whether it is for anybody to write: no link, and nothing of ours, for a data directory may be temporary too."""
    temporary = Path(tempfile.gettempdir()).resolve()
    found = path.resolve()
    return found == path and temporary in found.parents and data not in found.parents


def _tcp(text: str, rest: str) -> Address:
    host, colon, port = rest.removeprefix("//").rpartition(":")
    if not rest.startswith("//") or not colon or not host or not (port.isascii() and port.isdecimal()):
        raise AddressRefused(text, "a network address is tcp://host:port")
    if not 0 < int(port[:6]) < 65536:
        raise AddressRefused(text, "there is no such port")
    return Address("tcp", host.removeprefix("[").removesuffix("]"), int(port))


def _serial(text: str, rest: str) -> Address:
    name, _, query = rest.removeprefix("/").partition("?")
    way, _, device = name.partition("/")
    if way not in WAYS or not device or "/" in device or device in {".", ".."}:
        raise AddressRefused(text, "a serial port is serial:/by-id/NAME, serial:/by-path/NAME or serial:/usb/SERIAL")
    given = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := given.keys() - {"baud", "bits", "parity", "stop", "flow"}:
        raise AddressRefused(text, f"unknown: {', '.join(sorted(unknown))}")
    baud, bits, stop = (_number(text, given, *item) for item in (("baud", 9600), ("bits", 8), ("stop", 1)))
    parity, flow = given.get("parity", "N").upper(), given.get("flow", "none")
    if baud not in _BAUDS or bits not in (7, 8) or stop not in (1, 2) or parity not in ("N", "E", "O"):
        raise AddressRefused(text, "bauds are 1200 to 115200, bits 7 or 8, parity N, E or O, stop 1 or 2")
    if flow not in _FLOWS:
        raise AddressRefused(text, "flow is none, xon or rts")
    return Address("serial", name, serial=SerialSettings(baud, bits, parity, stop, flow == "xon", flow == "rts"))


def _number(text: str, given: dict[str, str], name: str, usual: int) -> int:
    value = given.get(name, str(usual))
    if not (value.isascii() and value.isdecimal()) or len(value) > 6:
        raise AddressRefused(text, f"{name} is a number")
    return int(value)
