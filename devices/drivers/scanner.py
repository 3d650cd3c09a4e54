"""A scanner on a serial line: what was scanned since the last time, understood, and no marked good twice.

Two equal article codes are two pieces of the same good. Two equal marked codes are one piece scanned twice, always.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from devices.clock import Clock
from devices.codecs.barcodes import BadCode, Code, understand
from devices.codecs.in_store import LAYOUTS, Template
from devices.codecs.scans import GAP_S, GS, RawScan, ScanSplitter
from devices.transports.line import Line, LineLost

OPEN_S: Final = 3.0
REMEMBERED_MAX: Final = 10_000
"""Marked goods of one receipt."""


class OwnTemplate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A store's own."""

    pattern: str
    holds: Literal["weight", "price"]


class ScannerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the scanner is set, and how the store prints."""

    ends: Literal["line", "pause"] = "line"
    group_separator: Annotated[str, Meta(min_length=1, max_length=8)] = GS
    """what it sends for FNC1, where that was changed"""
    layout: Literal["", "ru", "ru6", "pl"] = ""
    templates: tuple[OwnTemplate, ...] = ()
    """looked at before the layout's"""
    marked_goods: bool = True
    bounce_s: Annotated[float, Meta(ge=0.0, le=5.0)] = 0.0
    """the same code again within this time is the trigger's fault; 0 = never: two of the same good are quick, too"""


@dataclass(frozen=True, slots=True)
class Scan:
    """One thing that a cashier scanned."""

    at_ms: int
    scan: RawScan
    code: Code | BadCode
    again: bool = False
    """a marked good that is in this receipt already: refuse it"""


def templates_of(settings: ScannerSettings) -> tuple[Template, ...]:
    """The store's own, then those of its layout; raises TemplateRefused."""
    own = tuple(Template(template.pattern, template.holds) for template in settings.templates)
    return own + LAYOUTS.get(settings.layout, ())


class Scanner:
    """One scanner over one line; one thread."""

    def __init__(self, line: Line, settings: ScannerSettings, clock: Clock) -> None:
        self.line = line
        self.heard_at = -1e9
        self._settings = settings
        self._clock = clock
        self._splitter = ScanSplitter(settings.ends, settings.group_separator)
        self._templates = templates_of(settings)
        self._marked: set[str] = set()
        self._last: tuple[RawScan, float] | None = None

    @property
    def dropped(self) -> int:
        """Beginnings that had no end."""
        return self._splitter.dropped

    def new_receipt(self) -> None:
        """The next customer; a piece that was not sold may be scanned again."""
        self._marked.clear()

    def read(self, until: float) -> list[Scan]:
        """What is scanned until then; returns with the first. Raises LineError, and forgets half a code."""
        if not self.line.is_open:
            self.line.open(self._clock.now() + OPEN_S)
        while True:
            soon = min(until, self._clock.now() + GAP_S) if self._settings.ends == "pause" else until
            try:
                data = self.line.read(soon)
            except LineLost:
                self._splitter.forget()
                raise
            now = self._clock.now()
            if data:
                self.heard_at = now
            raw = list(self._splitter.feed(data, now))
            if raw or now >= until:
                return [scan for one in raw if (scan := self._scan(one, now)) is not None]

    def _scan(self, raw: RawScan, now: float) -> Scan | None:
        last, self._last = self._last, (raw, now)
        if last is not None and last[0] == raw and now - last[1] < self._settings.bounce_s:
            return None
        code = understand(raw, self._templates, marked_goods=self._settings.marked_goods)
        again = False
        if isinstance(code, Code) and code.kind == "marked":
            piece = f"{code.gtin} {code.serial}"
            again = piece in self._marked
            if len(self._marked) < REMEMBERED_MAX:
                self._marked.add(piece)
        return Scan(self._clock.wall_ms(), raw, code, again)
