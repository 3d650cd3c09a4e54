"""A line into a file: a printer's device file, or a plain file that keeps what would have been printed.

A plain file is written through: what it took is on the disk. That is its proof, for it never answers anything.
"""

import os
import stat
from pathlib import Path
from typing import Final

from devices.clock import Clock, Waker
from devices.transports.descriptor import DescriptorLine
from devices.transports.line import LineRefused

_FLAGS: Final = os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class FileLine(DescriptorLine):
    """Appends to a plain file, talks both ways to a device file; nothing is ever read from a plain file."""

    def __init__(self, path: Path, clock: Clock, waker: Waker) -> None:
        super().__init__(f"file:{path}", clock, waker)
        self._path = path
        self._listens = False

    @property
    def keeps(self) -> bool:
        """A plain one does."""
        return self.is_open and not self._listens

    def open(self, deadline: float) -> None:
        """A plain file that was moved or removed meanwhile is made anew: nobody would find what went into the old."""
        if self.keeps and self._gone():
            self.close()
        super().open(deadline)

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
        try:
            there = self._path.exists()
            kind = os.stat(self._path).st_mode if there else stat.S_IFREG
            self._listens = stat.S_ISCHR(kind)
            if self._listens:
                return os.open(self._path, _FLAGS | os.O_RDWR)
            if not stat.S_ISREG(kind):
                raise LineRefused(self.where, "neither a plain file nor a device")
            descriptor = os.open(self._path, _FLAGS | os.O_WRONLY | os.O_CREAT | os.O_DSYNC, 0o600)
            if not there:
                self._sync_folder()
            return descriptor
        except OSError as error:
            raise LineRefused(self.where, (error.strerror or str(error)).lower()) from error

    def _disconnect(self, descriptor: int, *, throw_away: bool) -> None:
        os.close(descriptor)

    def _gone(self) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        except OSError:
            return True

    def _sync_folder(self) -> None:
        """The file's name is on the disk, too."""
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
