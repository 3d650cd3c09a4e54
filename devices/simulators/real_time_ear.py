"""How a printer hears real-time commands in the stream of all others: at once, wherever they stand."""

from collections.abc import Callable

from devices.codecs.escpos_commands import DLE


class RealTimeEar:
    """Bytes in; out come those that wait for their turn, and commands that do not.

    Within another command a real-time one is that command's data, too, and breaks it.
    """

    def __init__(
        self, take: Callable[[int], None], at_once: Callable[[bytes], None], between: Callable[[], bool]
    ) -> None:
        """`between`: whether the stream stands between two commands."""
        self._take = take
        self._at_once = at_once
        self._between = between
        self._heard = bytearray()
        """what may become a real-time command"""
        self._inside = False
        """it began within another command"""

    def forget(self) -> None:
        """The power went."""
        self._heard.clear()

    def hear(self, byte: int) -> None:
        """One more."""
        if not self._heard:
            if byte != DLE:
                self._take(byte)
                return
            self._inside = not self._between()
        if self._inside:
            self._take(byte)
        self._heard.append(byte)
        length = _length(self._heard)
        if length == len(self._heard):
            command = bytes(self._heard)
            self._heard.clear()
            self._at_once(command)
        elif length < 0:
            heard = bytes(self._heard)
            self._heard.clear()
            if not self._inside:
                for other in heard[:-1]:
                    self._take(other)
                self.hear(byte)
            elif byte == DLE:
                self._heard.append(byte)


def _length(heard: bytearray) -> int:
    """How long the real-time command will be that begins so; -1 = it is none."""
    match bytes(heard[:3]):
        case b"\x10" | b"\x10\x14":
            return 10
        case b"\x10\x04" | b"\x10\x05":
            return 3
        case b"\x10\x04\x01" | b"\x10\x04\x02" | b"\x10\x04\x03" | b"\x10\x04\x04" | b"\x10\x05\x01" | b"\x10\x05\x02":
            return 3
        case b"\x10\x14\x01":
            return 5
        case b"\x10\x14\x08":
            return 10
        case _:
            return -1
