"""A line into a file: a printer's device file, or a plain file that keeps what would have been printed."""

import os
import stat
from pathlib import Path

from devices.clock import Clock, Waker
from devices.transports.descriptor import DescriptorLine
from devices.transports.line import LineRefused


class FileLine(DescriptorLine):
    """Appends to a plain file, talks both ways to a device file; nothing is ever read from a plain file."""

    def __init__(self, path: Path, clock: Clock, waker: Waker) -> None:
        super().__init__(f"file:{path}", clock, waker)
        self._path = path
        self._listens = False

    def read(self, deadline: float) -> bytes:
        """What a device file says; a plain file says nothing, so this waits for the deadline or the waker."""
        if self._listens:
            return super().read(deadline)
        self._clock.wait(deadline, self._waker)
        return b""

    def write(self, data: bytes, deadline: float) -> int:
        """Plain files always have room, or the disk is full."""
        if self._listens:
            return super().write(data, deadline)
        try:
            taken = os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._lost((error.strerror or str(error)).lower()) from error
        self.tape.note(self._clock.now(), bytes(data[:taken]), sent=True)
        return taken

    def _connect(self, deadline: float) -> int:
        flags = os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            kind = os.stat(self._path).st_mode if self._path.exists() else stat.S_IFREG
            self._listens = stat.S_ISCHR(kind)
            if not self._listens and not stat.S_ISREG(kind):
                raise LineRefused(self.where, "neither a plain file nor a device")
            return os.open(self._path, flags | (os.O_RDWR if self._listens else os.O_WRONLY), 0o600)
        except OSError as error:
            raise LineRefused(self.where, (error.strerror or str(error)).lower()) from error

    def _disconnect(self, descriptor: int, *, throw_away: bool) -> None:
        try:
            if not throw_away and not self._listens:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
