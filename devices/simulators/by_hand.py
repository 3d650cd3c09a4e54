"""Simulated devices in somebody's hands: what a line of words does to one, and what there is to see on it."""

from collections.abc import Iterator

from devices.codecs.scans import AIM
from devices.simulators.customer_display import DisplaySimulator
from devices.simulators.receipt_printer import PrinterSimulator
from devices.simulators.scale import ScaleSimulator
from devices.simulators.scanner import ScannerSimulator
from devices.simulators.simulated_line import Simulated

GROUP_SEPARATOR = "<GS>"
"""what one types for the byte that no key writes"""


class NotUnderstood(ValueError):
    """Nobody can do that to this device; says what can be done."""


def words_for(device: Simulated) -> str:
    """What `do` understands."""
    match device:
        case PrinterSimulator():
            return "paper out, paper in, near end, cover open, cover shut, drawer shut"
        case ScannerSimulator():
            return f"a code to scan, with its AIM id if it sends one: ]E04006381333931; {GROUP_SEPARATOR} for a GS"
        case ScaleSimulator():
            return "grams to lay on it, and seconds it swings: 1250, 1250 2.5, 0"
    return ""


def do(device: Simulated, words: str) -> None:
    """Do it; raises NotUnderstood."""
    words = words.strip()
    match device:
        case ScannerSimulator() if words:
            data = words.replace(GROUP_SEPARATOR, "\x1d")
            aim = data[:3] if AIM.match(data) else ""
            if not data.isascii():
                raise NotUnderstood(f"a scanner sends ASCII, not {data!r}")
            device.scan(data.removeprefix(aim), aim)
        case ScaleSimulator():
            grams, _, seconds = words.partition(" ")
            try:
                device.put(int(grams), moves_s=float(seconds or 0))
            except ValueError:
                raise NotUnderstood(words_for(device)) from None
        case PrinterSimulator():
            _do_to_printer(device, words)
        case _:
            raise NotUnderstood("it has no buttons")


def _do_to_printer(device: PrinterSimulator, words: str) -> None:
    match words:
        case "paper out":
            device.run_out_of_paper()
        case "paper in":
            device.near_end = False
            device.put_paper_in()
        case "near end":
            device.near_end = True
        case "cover open" | "cover shut":
            device.move_cover(is_open=words == "cover open")
        case "drawer shut":
            device.shut_drawer()
        case _:
            raise NotUnderstood(words_for(device))


class Seen:
    """What is new on a device since the last look."""

    def __init__(self, device: Simulated) -> None:
        self._device = device
        self._text = self._states = self._kicks = 0

    def news(self) -> Iterator[str]:
        """Text as it lies on the paper; a display's two lines when they change; kicks of the drawer."""
        match self._device:
            case PrinterSimulator() as printer:
                text, self._text = printer.text[self._text :], len(printer.text)
                if text:
                    yield "".join(text)
                if printer.drawer.kicks > self._kicks:
                    self._kicks = printer.drawer.kicks
                    yield "[the drawer is kicked]\n"
            case DisplaySimulator() as display:
                states, self._states = display.history[self._states :], len(display.history)
                for upper, lower in states:
                    yield f"|{upper}|\n|{lower}|\n"
