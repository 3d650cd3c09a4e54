"""Whether a cash drawer stands open, and for how long: as a reason in its printer's health."""

from devices.codecs.escpos_status import Trouble
from devices.printer_settings import PrinterSettings


class DrawerWatch:
    """Of one printer; without a switch nothing is known, and nothing said."""

    def __init__(self, settings: PrinterSettings) -> None:
        self._settings = settings
        self._open_since: float | None = None

    def reasons(self, troubles: Trouble, now: float) -> list[str]:
        """From what the printer said last."""
        settings = self._settings
        high = bool(troubles & Trouble.DRAWER_PIN_HIGH)
        if not settings.drawer_open_level or high is not (settings.drawer_open_level == "high"):
            self._open_since = None
            return []
        if self._open_since is None:
            self._open_since = now
        left_open = now - self._open_since > settings.drawer_left_open_s
        return ["drawer_left_open" if left_open else "drawer_open"]
