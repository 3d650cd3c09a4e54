"""Codes that a shop prints itself: weight or price inside an EAN-13 that begins with 2.

Nobody regulates them but the shop, so each store says how its scales print, as a template of thirteen letters:

    P  a digit of the prefix, as given   I  article (PLU)   V  weight in grams or price in the smallest coin
    K  GS1's check digit over V          C  the code's own check digit

`29IIIIKVVVVVC` is thus prefix 29, four digits of article, a check digit over the five of the weight.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from biip.checksums import gs1_price_weight_check_digit, gs1_standard_check_digit

_TEMPLATE: Final = re.compile(r"2\d?I{4,6}K?V{4,5}C")


class TemplateRefused(ValueError):
    """No shop prints such codes."""


@dataclass(frozen=True, slots=True)
class InStore:
    """What such a code says."""

    plu: str
    value: int
    """grams, or the smallest coin"""
    holds: Literal["weight", "price"]


@dataclass(frozen=True, slots=True)
class Template:
    """How a store's scales print."""

    pattern: str
    holds: Literal["weight", "price"]

    def __post_init__(self) -> None:
        if len(self.pattern) != 13 or not _TEMPLATE.fullmatch(self.pattern):
            raise TemplateRefused(f"{self.pattern!r} is no template like 29IIIIKVVVVVC")

    def matches(self, code: str) -> bool:
        """Whether the code begins as this template does."""
        prefix = self.pattern[: self.pattern.index("I")]
        return len(code) == 13 and code.startswith(prefix)

    def read(self, code: str) -> InStore | None:
        """What it says; None when a check digit is wrong."""
        parts = {
            letter: "".join(d for d, p in zip(code, self.pattern, strict=True) if p == letter) for letter in "IVKC"
        }
        if gs1_standard_check_digit(code[:-1]) != int(parts["C"]):
            return None
        if parts["K"] and gs1_price_weight_check_digit(parts["V"]) != int(parts["K"]):
            return None
        return InStore(parts["I"], int(parts["V"]), self.holds)

    def write(self, plu: str, value: int) -> str:
        """The code that a scale prints."""
        digits = {"V": f"{value:0{self.pattern.count('V')}}", "I": plu.zfill(self.pattern.count("I"))}
        digits["K"] = str(gs1_price_weight_check_digit(digits["V"])) if "K" in self.pattern else ""
        used = {letter: iter(text) for letter, text in digits.items()}
        code = "".join(next(used[letter]) if letter in used else letter for letter in self.pattern[:-1])
        return code + str(gs1_standard_check_digit(code))


LAYOUTS: Final[dict[str, tuple[Template, ...]]] = {
    # The first that begins alike is taken: longer prefixes stand first.
    "ru": (Template("22IIIIIVVVVVC", "price"), *(Template(f"2{n}IIIIIVVVVVC", "weight") for n in (0, 1, 3, 4, 5))),
    "ru6": (Template("2IIIIIIVVVVVC", "weight"),),
    "pl": (
        Template("29IIIIKVVVVVC", "weight"),
        Template("27IIIIKVVVVVC", "price"),
        Template("28IIIIIVVVVVC", "weight"),
    ),
}
"""What is common in Russia and Poland; a store that prints otherwise gives its own."""
