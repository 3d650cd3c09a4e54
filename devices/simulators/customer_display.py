"""A simulated customer display: what it shows now and what it showed before."""

from devices.codecs.displays import DisplayDecoder


class DisplaySimulator:
    """Listens only."""

    def __init__(self, code_page: str = "") -> None:
        self.line_up = True
        self.history: list[tuple[str, str]] = []
        self._code_page = code_page
        self._decoder = DisplayDecoder()

    @property
    def lines(self) -> tuple[str, str]:
        """Upper and lower."""
        return self._decoder.lines(self._code_page)

    def receive(self, data: bytes) -> int:
        """Show it."""
        self._decoder.feed(data)
        if not self.history or self.history[-1] != self.lines:
            self.history.append(self.lines)
        return len(data)

    def say(self) -> bytes:
        """Displays say nothing."""
        return b""

    def pass_time(self, seconds: float) -> None:
        """Nothing changes with time."""

    def cycle_power(self) -> None:
        """Dark, and all settings gone."""
        self._decoder = DisplayDecoder()
