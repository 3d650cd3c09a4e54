"""What a scan means: an article, a weight, a price, a marked good, or why it is none of them.

biip reads GTINs and GS1. Around it stand the rules that it leaves to us: without an AIM id any thirteen digits can
look like GS1 (4006381333931 as "(400) 6381333931"), so an article number is tried first and GS1 is believed only if it
begins as a label does; and a marked good's code whose GS was lost still parses, as one with a longer serial number, so
its parts are checked against the lengths there are. A marked code is kept as it was read, byte for byte: the fiscal
receipt needs it so.
"""

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

import biip
from biip import ParseConfig

from devices.codecs.in_store import Template
from devices.codecs.keyboard_layouts import meant_by
from devices.codecs.scans import AIM, GS, RawScan, gtin_of

_SERIAL_LENGTHS: Final = frozenset({6, 7, 13, 20})
"""Of marked goods, by group of goods."""
_TAILS: Final = ({"93": 4}, {"91": 4, "92": 44}, {"91": 4, "92": 88})
_BEGINNINGS: Final = ("01", "00", "02", "8005")
_MARK: Final = re.compile(r"01\d{14}21")
_CONFIG: Final = ParseConfig(separator_chars=[GS])


@dataclass(frozen=True, slots=True)
class Code:
    """One code that was understood."""

    kind: Literal["article", "weighed", "priced", "marked", "gs1", "text"]
    raw: str
    """as read, with GS"""
    gtin: str = ""
    """always 14 digits, to look it up"""
    plu: str = ""
    """a store's own number, on its own labels"""
    grams: int | None = None
    price: int | None = None
    """in the smallest coin"""
    serial: str = ""
    lot: str = ""
    expires: date | None = None
    repaired: bool = False
    """it came in the letters of another keyboard layout; `raw` is what was meant"""


@dataclass(frozen=True, slots=True)
class BadCode:
    """A scan that must not be sold by, and what to tell the cashier."""

    raw: str
    reason: Literal["wrong_layout", "check_digit", "separator_lost", "damaged", "glued"]


def understand(scan: RawScan, templates: tuple[Template, ...] = (), *, marked_goods: bool = True) -> Code | BadCode:
    """What was scanned."""
    data, aim = scan.data, scan.aim
    if any(ord(character) > 0x7E or (ord(character) < 0x20 and character != GS) for character in data):
        return _repaired(data, templates, marked_goods=marked_goods)
    if aim and data.count(aim):
        return BadCode(data, "glued")
    digits = data.isdecimal()
    if digits and len(data) == 13 and aim[:2] in ("", "]E"):
        for template in templates:
            if template.matches(data):
                return _in_store(data, template)
    if aim[:2] == "]E" or (not aim and digits and len(data) in (8, 12, 13)):
        return _article(data)
    if not aim and digits and len(data) == 14 and (gtin := gtin_of(data)):
        return Code("article", data, gtin.as_gtin_14())
    if not aim and digits and len(data) == 26:
        return BadCode(data, "glued")
    if aim in ("]C1", "]d2", "]Q3", "]e0") or (not aim and data.removeprefix(GS).startswith(_BEGINNINGS)):
        return _gs1(data, marked_goods=marked_goods)
    if aim == "]I1" and len(data) == 14:
        return _article(data)
    return Code("text", data)


def _repaired(data: str, templates: tuple[Template, ...], *, marked_goods: bool) -> Code | BadCode:
    """A keyboard scanner under a Cyrillic layout; believed only if what it meant proves itself.

    A free text proves nothing, so noise of a line that was set wrong, seven bits for eight, is never a code.
    """
    codes = []
    for meant in meant_by(data):
        aim = meant[:3] if AIM.match(meant) else ""
        codes.append(understand(RawScan(meant.removeprefix(aim), aim), templates, marked_goods=marked_goods))
    proved = [code for code in codes if isinstance(code, Code) and code.kind != "text"]
    if len(proved) == 1:
        return replace(proved[0], repaired=True)
    refused = [code for code in codes if isinstance(code, BadCode)]
    return BadCode(data, refused[0].reason if len(codes) == len(refused) == 1 else "wrong_layout")


def _in_store(data: str, template: Template) -> Code | BadCode:
    said = template.read(data)
    if said is None:
        return BadCode(data, "check_digit")
    if said.holds == "weight":
        return Code("weighed", data, plu=said.plu, grams=said.value)
    return Code("priced", data, plu=said.plu, price=said.value)


def _article(data: str) -> Code | BadCode:
    gtin = gtin_of(data)
    return BadCode(data, "check_digit") if gtin is None else Code("article", data, gtin.as_gtin_14())


def _gs1(data: str, *, marked_goods: bool) -> Code | BadCode:
    body = data.removeprefix(GS)
    try:
        message = biip.parse(f"]d2{body}", config=_CONFIG).gs1_message
    except biip.ParseError:
        message = None
    if message is None or not message.element_strings:
        return BadCode(data, "separator_lost" if _MARK.match(body) else "damaged")
    parts = {element.ai.ai: element for element in message.element_strings}
    if len(parts) != len(message.element_strings):
        return BadCode(data, "glued")  # no label says the same thing twice
    gtin = parts["01"].gtin if "01" in parts else None
    if "01" in parts and gtin is None:
        return BadCode(data, "check_digit")
    gtin_14 = gtin.as_gtin_14() if gtin else ""
    if marked_goods and "21" in parts and parts.keys() <= {"01", "21", "91", "92", "93", "8005", "3103"}:
        return _marked(data, body, gtin_14)
    grams = next(
        (_grams(element.ai.ai, element.value) for element in parts.values() if element.ai.ai[:3] == "310"), None
    )
    expires = parts["17"].date if "17" in parts else None
    lot, serial = (parts[ai].value if ai in parts else "" for ai in ("10", "21"))
    return Code("gs1", data, gtin_14, grams=grams, serial=serial, lot=lot, expires=expires)


def _grams(ai: str, value: str) -> int | None:
    """`3103` has three decimals of a kilogram, `3100` none; parts of a gram are for jewellers."""
    decimals = int(ai[3])
    return int(value) * 10 ** (3 - decimals) if decimals <= 3 else None


def _marked(data: str, body: str, gtin: str) -> Code | BadCode:
    """Its parts must have the lengths that there are: a lost GS makes a serial number longer, and no error."""
    head, *tail = body.split(GS)
    serial = head[18:]
    said = {part[:2]: len(part) - 2 for part in tail if not part.startswith(("8005", "3103"))}
    if head[:2] != "01" or head[16:18] != "21" or len(serial) not in _SERIAL_LENGTHS or said not in _TAILS:
        return BadCode(data, "separator_lost")
    return Code("marked", data, gtin, serial=serial)
