"""What a printer can do: columns, dots, code pages, symbols, knife. From python-escpos's profiles, with corrections.

A device's settings may name a profile and overrule single facts (`printer_profile`).
"""

from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal

from devices.printer_settings import PrinterSettings
from devices.receipts.code_pages import CodePages, capabilities, upper_half

DISPLAYS: Final = frozenset({"AF-240", "OCD-100", "OCD-300"})
"""Customer displays that stand among python-escpos's printer profiles."""

_CELL_DOTS: Final = 12
_CELL_DOTS_MAX: Final = 13
"""Font A is 12 dots wide, 13 with the space that some add; a larger share would be a wrong figure in the table."""

_CORRECTED: Final = MappingProxyType({"NT-80-V-UL": {"columns": 48, "columns_small": 64}})
"""Its table has the width of a letter (12 and 9) where the number of columns belongs."""

_TWO_BYTE_MODE: Final = frozenset({"Kefar", "Netum", "PBM", "Rongta", "Sunmi", "ZiJiang", "Zjiang"})
"""Vendors whose printers read two bytes as one Chinese character until `FS .` ends that."""

Pictures = Literal["raster", "columns24", "columns8"]


class ProfileUnknown(ValueError):
    """No such profile or code page; `args` is what was asked for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The room of one letter in a drawn line, in dots; `leading` is the white below a line."""

    width: int
    height: int
    leading: int


@dataclass(frozen=True, slots=True)
class PrinterProfile:
    """Everything that encoding for a printer depends on."""

    name: str
    columns: int
    dots: int
    cell: Cell
    pages: CodePages
    pictures: Pictures
    qr: bool
    barcodes: frozenset[str]
    """functions of `GS k`: A, B"""
    cut: Literal["full", "part", "none"]
    two_byte_mode: bool
    drawn: bool


def printer_profiles() -> list[str]:
    """The names of the profiles of printers, without those of displays."""
    return sorted(capabilities()["profiles"].keys() - DISPLAYS)


def printer_profile(settings: PrinterSettings | None = None) -> PrinterProfile:
    """What the settings say; raises `ProfileUnknown`."""
    wanted = settings or PrinterSettings()
    if wanted.profile not in capabilities()["profiles"] or wanted.profile in DISPLAYS:
        raise ProfileUnknown(f"profile {wanted.profile}")
    for name in (wanted.code_pages or {}).values():
        if name not in capabilities()["encodings"] or upper_half(name) is None:
            raise ProfileUnknown(f"code page {name}")
    return _made(wanted.profile, wanted.columns, wanted.dots, _frozen(wanted.code_pages), wanted.text == "drawn")


def _frozen(pages: dict[int, str] | None) -> tuple[tuple[int, str], ...] | None:
    return None if pages is None else tuple(sorted(pages.items()))


@lru_cache(maxsize=256)
def _made(
    name: str, columns: int | None, dots: int | None, pages: tuple[tuple[int, str], ...] | None, drawn: bool
) -> PrinterProfile:
    known: dict[str, Any] = capabilities()["profiles"][name]
    can = {feature for feature, there in known["features"].items() if there}
    own_columns = int(_CORRECTED.get(name, {}).get("columns") or known["fonts"]["0"]["columns"])
    per_column = _CELL_DOTS_MAX if columns in (None, own_columns) else _CELL_DOTS
    columns = columns or own_columns
    wide = known["media"]["width"].get("pixels")
    wide = wide if isinstance(wide, int) else own_columns * _CELL_DOTS
    # The table often has the width of the paper, not that of the print: a line of letters is the safer measure.
    wide = dots or min(wide, columns * per_column)
    pictures: Pictures = "raster" if "bitImageRaster" in can else "columns24" if "highDensity" in can else "columns8"
    slots = pages if pages is not None else [(int(slot), page) for slot, page in known["codePages"].items()]
    pitch = max(6, min(_CELL_DOTS_MAX, wide // columns))
    return PrinterProfile(
        name=name,
        columns=columns,
        dots=wide,
        # Pins stand 72 to the inch, a third of a thermal head's: two passes of eight make one line.
        cell=Cell(pitch, 16, 0) if pictures == "columns8" else Cell(pitch, 24 if pitch > 9 else 20, 6),
        pages=CodePages(dict(slots)),
        pictures=pictures,
        qr="qrCode" in can,
        barcodes=frozenset(letter for letter in "AB" if f"barcode{letter}" in can),
        cut="part" if "paperPartCut" in can else "full" if "paperFullCut" in can else "none",
        two_byte_mode=known.get("vendor") in _TWO_BYTE_MODE,
        drawn=drawn,
    )
