"""What the customer sees: one of five states, always the last one. There is no queue: an old price is a wrong price."""

from typing import Final, Literal

import msgspec

from devices.clock import Clock
from devices.codecs.displays import CLEAR, START, DisplayProtocol, encode
from devices.shown import COLUMNS, Idle, LineAndSubtotal, Shown, TenderedAndChange, Thanks, Total
from devices.transports.line import Line, LineError

OPEN_S: Final = 3.0
WRITE_S: Final = 1.0


class DisplaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How it is set, and what stands on it when nobody pays."""

    code_page: Literal["cp437", "cp852", "cp858", "cp866", "cp1251"] = "cp866"
    idle: tuple[str, str] = ("", "")
    thanks: tuple[str, str] = ("СПАСИБО", "ЗА ПОКУПКУ!")
    subtotal: str = "ИТОГ"
    total: str = "К ОПЛАТЕ"
    tendered: str = "ПОЛУЧЕНО"
    change: str = "СДАЧА"


def lines_of(shown: Shown, settings: DisplaySettings) -> tuple[str, str]:
    """The two lines: words left, money right, and money is never cut."""
    match shown:
        case Idle():
            return settings.idle
        case LineAndSubtotal(name, amount, subtotal):
            return _both(name, amount), _both(settings.subtotal, subtotal)
        case Total(amount):
            return _both(settings.total, amount), ""
        case TenderedAndChange(tendered, change):
            return _both(settings.tendered, tendered), _both(settings.change, change)
        case Thanks():
            return settings.thanks


def _both(word: str, money: str) -> str:
    room = max(0, COLUMNS - len(money) - 1)
    return f"{word[:room]:<{room}} {money}"[-COLUMNS:]


class CustomerDisplay:
    """One display over one line; one thread."""

    def __init__(self, protocol: DisplayProtocol, line: Line, settings: DisplaySettings, clock: Clock) -> None:
        self.line = line
        self.settings = settings
        self._protocol: DisplayProtocol = protocol
        self._clock = clock
        self._started = False

    def show(self, shown: Shown) -> bool:
        """Whether it was handed over whole; a display never says what it shows. Raises LineError."""
        if not self.line.is_open:
            self.line.open(self._clock.now() + OPEN_S)
            self._started = False
        upper, lower = lines_of(shown, self.settings)
        data = encode(self._protocol, upper, lower, self.settings.code_page)
        if not self._started:
            data = START + CLEAR + data
        deadline = self._clock.now() + WRITE_S
        sent = 0
        try:
            while sent < len(data):
                taken = self.line.write(data[sent:], deadline)
                if not taken:
                    break
                sent += taken
        except LineError:
            self._started = False
            raise
        self._started = sent == len(data)  # half a command: the next one begins anew
        if not self._started:
            self.line.abort()
        return self._started
