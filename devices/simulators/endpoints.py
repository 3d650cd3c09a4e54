"""Simulated devices behind real lines: a TCP port, or a pseudo-terminal that any serial driver can open.

One thread each; the simulator's time is the machine's here. A network printer serves one client, and the next waits.
"""

import contextlib
import os
import queue
import select
import socket
import struct
import threading
import time
import tty
from collections.abc import Callable
from typing import Final

from devices.simulators.simulated_line import Simulated

TICK_S: Final = 0.005
READ_BYTES: Final = 4096


class _Endpoint:
    """The thread; a subclass says what the line is."""

    def __init__(self, device: Simulated) -> None:
        self.device = device
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulated device", daemon=True)
        self._seen = time.monotonic()
        self._waiting = b""
        self._asked: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def do(self, act: Callable[[], object]) -> None:
        """Have something done to the device soon, in its own thread: a scan, paper, a weight."""
        self._asked.put(act)

    def start(self) -> None:
        """Be there."""
        self._thread.start()

    def stop(self) -> None:
        """Be gone."""
        self._stopping.set()
        self._thread.join(10)

    def _run(self) -> None:
        raise NotImplementedError

    def _pass_time(self) -> None:
        while not self._asked.empty():
            self._asked.get()()
        now = time.monotonic()
        self.device.pass_time(now - self._seen)
        self._seen = now

    def _turn(self, descriptor: int) -> bool:
        """One round of a line that is up; whether it still is."""
        self._pass_time()
        if not self.device.line_up:
            return False
        if said := self.device.say():
            with contextlib.suppress(BlockingIOError):
                os.write(descriptor, said)
        if not self._waiting:
            ready, _, _ = select.select([descriptor], [], [], TICK_S)
            if not ready:
                return True
            self._waiting = os.read(descriptor, READ_BYTES)
            if not self._waiting:
                return False
        taken = self.device.receive(self._waiting)
        self._waiting = self._waiting[taken:]
        if not taken:
            self._stopping.wait(TICK_S)  # its memory is full, or it hangs
        return True


class TcpDevice(_Endpoint):
    """A device on a port of this machine; 0 = any free one."""

    def __init__(self, device: Simulated, port: int = 0) -> None:
        super().__init__(device)
        self._listener = socket.create_server(("127.0.0.1", port), backlog=3)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.clients = 0
        """served so far"""

    def stop(self) -> None:
        """Be gone, and free the port."""
        super().stop()
        self._listener.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            ready, _, _ = select.select([self._listener], [], [], TICK_S)
            self._pass_time()
            if ready and self.device.line_up:
                client, _ = self._listener.accept()
                self.clients += 1
                self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        self._waiting = b""
        self.device.say()  # said before anybody listened
        with client, contextlib.suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.setblocking(False)
            while not self._stopping.is_set() and self._turn(client.fileno()):
                pass
            if not self.device.line_up:  # a pulled cable is no polite goodbye
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class PtyDevice(_Endpoint):
    """A device on a pseudo-terminal; `path` is what a driver opens, and changes when the cable is put back."""

    def __init__(self, device: Simulated) -> None:
        super().__init__(device)
        self._main = self._spare = -1
        self.path = ""
        self._plug_in()

    @property
    def address(self) -> str:
        """As a transport; who may only name some files links it into those."""
        return f"file:{self.path}"

    def stop(self) -> None:
        """Be gone."""
        super().stop()
        self._unplug()

    def _plug_in(self) -> None:
        self._main, self._spare = os.openpty()  # without a spare end, the first close ends the line
        tty.setraw(self._spare)
        os.set_blocking(self._main, False)
        self.path = os.ttyname(self._spare)

    def _unplug(self) -> None:
        for descriptor in (self._main, self._spare):
            if descriptor >= 0:
                os.close(descriptor)
        self._main = self._spare = -1

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._main < 0:
                self._stopping.wait(TICK_S)
                self._pass_time()
                if self.device.line_up:
                    self._plug_in()
            elif not self._turn(self._main):
                self._unplug()
                self._waiting = b""
