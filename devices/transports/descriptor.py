"""A line that is a descriptor of the system: what sockets, serial ports and device files have in common.

The descriptor never blocks; waiting is done by `poll` on it and on the waker, always with a deadline. So a printer
that stops reading (no paper, a stopped flow) costs the deadline and not a till.
"""

import contextlib
import errno
import os
import select
from abc import ABC, abstractmethod
from typing import Final

from devices.clock import Clock, Waker
from devices.transports.line import READ_BYTES_MAX, LineLost, Tape

_GONE: Final = {errno.EIO, errno.ENXIO, errno.ENODEV}


class DescriptorLine(ABC):
    """Reads and writes; how to connect is the subclass's business."""

    def __init__(self, where: str, clock: Clock, waker: Waker) -> None:
        self.where = where
        self.tape = Tape()
        self._clock = clock
        self._waker = waker
        self._descriptor = -1

    @property
    def is_open(self) -> bool:
        """Between `open` and the first of `close`, `abort` and LineLost."""
        return self._descriptor >= 0

    @property
    def keeps(self) -> bool:
        """A plain file does."""
        return False

    def open(self, deadline: float) -> None:
        """Connect, unless it is."""
        if not self.is_open:
            self._descriptor = self._connect(deadline)

    def write(self, data: bytes, deadline: float) -> int:
        """One write of what fits; 0 when there was no room until the deadline."""
        if not self._ready(select.POLLOUT, deadline, wakes=False):
            return 0
        try:
            taken = os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._lost(_reason(error)) from error
        self.tape.note(self._clock.now(), bytes(data[:taken]), sent=True)
        return taken

    def read(self, deadline: float) -> bytes:
        """What has come, after waiting for it."""
        if not self._ready(select.POLLIN, deadline, wakes=True):
            return b""
        try:
            data = os.read(self._descriptor, READ_BYTES_MAX)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(_reason(error)) from error
        if not data:
            raise self._lost("the other side closed it")
        self.tape.note(self._clock.now(), data, sent=False)
        return data

    def close(self) -> None:
        """Let go; does nothing the second time."""
        self._let_go(throw_away=False)

    def abort(self) -> None:
        """Let go, and nothing more goes out."""
        self._let_go(throw_away=True)

    @abstractmethod
    def _connect(self, deadline: float) -> int:
        """A descriptor that does not block; raises LineRefused."""

    @abstractmethod
    def _disconnect(self, descriptor: int, *, throw_away: bool) -> None:
        """Give the descriptor back; OSErrors are the caller's to swallow."""

    def _let_go(self, *, throw_away: bool) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):  # gone already
                self._disconnect(descriptor, throw_away=throw_away)

    def _lost(self, reason: str) -> LineLost:
        self.abort()
        return LineLost(self.where, reason)

    def _ready(self, what: int, deadline: float, *, wakes: bool) -> bool:
        """Whether the line is ready before the deadline, without being woken."""
        if not self.is_open:
            raise LineLost(self.where, "not open")
        poll = select.poll()
        poll.register(self._descriptor, what)
        if wakes:
            poll.register(self._waker.fileno(), select.POLLIN)
        wait_ms = max(0.0, (deadline - self._clock.now()) * 1000)
        ready = [descriptor for descriptor, _ in poll.poll(wait_ms)]
        if wakes and self._waker.fileno() in ready:
            self._waker.clear()  # seen: the next read may wait again
        return self._descriptor in ready


def _reason(error: OSError) -> str:
    return "unplugged" if error.errno in _GONE else (error.strerror or str(error)).lower()
