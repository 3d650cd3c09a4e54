"""A simulated scanner: codes in, bytes on a line, set up well or badly."""

from devices.codecs.scans import GS


class ScannerSimulator:
    """Speaks only; `scan` is a pull of the trigger."""

    def __init__(self, *, aim: bool = True, end: bytes = b"\r\n", group_separator: bytes = b"\x1d") -> None:
        self.line_up = True
        self._aim = aim
        self._end = end
        self._group_separator = group_separator
        self._says = bytearray()

    def scan(self, data: str, aim: str = "", *, lose_end: bool = False) -> bytes:
        """The bytes that go out."""
        sent = (aim.encode() if self._aim else b"") + data.encode("latin-1").replace(GS.encode(), self._group_separator)
        sent += b"" if lose_end else self._end
        self._says += sent
        return sent

    def receive(self, data: bytes) -> int:
        """It does not listen."""
        return len(data)

    def say(self) -> bytes:
        """What was scanned."""
        said = bytes(self._says)
        self._says.clear()
        return said

    def pass_time(self, seconds: float) -> None:
        """Nothing changes with time."""
