"""A line over a serial port, found by what the device is and never by the number that the system gave it today.

`by-id/NAME` and `by-path/NAME` are udev's names below the serial folder; `usb/SERIAL` looks for the USB serial number
among the ports there are. pyserial sets the port up; bytes go through the descriptor, because its own write does not
say how many bytes left before a time-out.
"""

import contextlib
import fcntl
import termios
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import serial
from serial.tools import list_ports

from devices.clock import Clock, Waker
from devices.transports.descriptor import DescriptorLine
from devices.transports.line import LineRefused

SERIAL_FOLDER: Final = Path("/dev/serial")
WAYS: Final = ("by-id", "by-path", "usb")


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How the port is set: 9600 8N1 without flow control is what most devices come with."""

    baud: int = 9600
    bits: int = 8
    parity: str = "N"
    stop_bits: int = 1
    xon_xoff: bool = False
    rts_cts: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """A port that the system has now."""

    path: str
    usb_serial: str


def ports_there_are() -> list[Port]:
    """What is plugged in."""
    return [Port(port.device, port.serial_number or "") for port in list_ports.comports()]


class SerialLine(DescriptorLine):
    """The port of one device; looked up again at every opening, for numbers move when a cable does."""

    def __init__(
        self,
        name: str,
        settings: SerialSettings,
        clock: Clock,
        waker: Waker,
        folder: Path = SERIAL_FOLDER,
        ports: Callable[[], Iterable[Port]] = ports_there_are,
    ) -> None:
        super().__init__(f"serial:/{name}", clock, waker)
        self._way, _, self._name = name.partition("/")
        if self._way not in WAYS or not self._name or "/" in self._name or self._name in {".", ".."}:
            raise ValueError(f"a serial port is named by-id/NAME, by-path/NAME or usb/SERIAL, not {name!r}")
        self._settings = settings
        self._folder = folder
        self._ports = ports
        self._serial: serial.Serial | None = None

    def path(self) -> str:
        """Where the device is now; raises LineRefused when it is nowhere."""
        if self._way == "usb":
            found = [port.path for port in self._ports() if port.usb_serial == self._name]
            if len(found) > 1:
                raise LineRefused(self.where, f"{len(found)} ports have this serial number")
        else:
            link = self._folder / self._way / self._name
            found = [str(link.resolve())] if link.exists() else []
        if not found:
            raise LineRefused(self.where, "not plugged in")
        return found[0]

    def _connect(self, deadline: float) -> int:
        settings = self._settings
        path = self.path()
        try:
            port = serial.Serial(
                path,
                baudrate=settings.baud,
                bytesize=settings.bits,
                parity=settings.parity,
                stopbits=settings.stop_bits,
                xonxoff=settings.xon_xoff,
                rtscts=settings.rts_cts,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
        except (OSError, ValueError) as error:  # pyserial's own error is an OSError
            raise LineRefused(self.where, str(error)) from error
        with contextlib.suppress(OSError):
            fcntl.ioctl(port.fd, termios.TIOCEXCL)  # nobody else may open it, not even without asking for the lock
        self._serial = port
        descriptor: int = port.fd
        return descriptor

    def _disconnect(self, descriptor: int, *, throw_away: bool) -> None:
        port, self._serial = self._serial, None
        if port is not None:
            with contextlib.suppress(OSError, termios.error):
                if throw_away:
                    termios.tcflush(port.fd, termios.TCOFLUSH)
            port.close()
