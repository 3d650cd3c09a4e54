"""Which byte stands for which letter on a printer, and which letters it has not got.

The tables come with python-escpos (its capabilities.json and Python's codecs). They are read as data: importing
`escpos.capabilities` itself would set up logging and leave a pickle in a temporary directory of every process.
"""

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

AGREED: Final = ("CP437", "CP866", "CP852", "CP858", "CP1252", "CP850")
"""Pages that nearly all printers have, and under the numbers that their papers say. Two of these on a line are better
than one of the rest."""

PREFERRED: Final = (*AGREED, "CP1251", "CP1250", "ISO_8859-15")
"""In which order pages are tried; the rest by slot."""

_TWO_BYTES: Final = frozenset({"CP932"})
"""Two bytes a character, or Katakana, depending on the printer: never chosen."""

LOOK_ALIKES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys("«»“”„‟", '"'),
        **dict.fromkeys("‘’‚‛`´′", "'"),
        **dict.fromkeys("—–―−‒‐‑─", "-"),
        "═": "=",
        "…": "...",
        **dict.fromkeys("•∙·", "*"),
        "×": "x",
        "₽": "руб.",
        "€": "EUR",
        "₴": "грн",
        "№": "Nr",
        "™": "(TM)",
        "©": "(c)",
        "®": "(R)",
        "½": "1/2",
        "¼": "1/4",
        "¾": "3/4",
        "≤": "<=",
        "≥": ">=",
        "→": "->",
        "←": "<-",
        # Letters of two alphabets with one shape: CP866 has no Ukrainian i, every page has the Latin one.
        "і": "i",
        "І": "I",
        "ј": "j",
        "Ј": "J",
        "ѕ": "s",
    }
)
"""What may stand for a character that a printer has not got. Anything else is drawn."""


@lru_cache(maxsize=1)
def capabilities() -> Any:
    """escpos-printer-db: profiles and encodings."""
    return json.loads(resources.files("escpos").joinpath("capabilities.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=128)
def upper_half(name: str) -> str | None:
    """The 128 characters of bytes 0x80 to 0xFF, U+FFFD where there is none; None for a page that nobody described."""
    known = capabilities()["encodings"].get(name, {})
    if name in _TWO_BYTES:
        return None
    if "data" in known:
        return "".join(known["data"]).ljust(128, "\ufffd")[:128].replace(" ", "\ufffd")
    try:
        codec = codecs.lookup(known.get("python_encode") or "").name
    except LookupError:
        return None
    return bytes(range(0x80, 0x100)).decode(codec, "replace")


@dataclass(frozen=True, slots=True)
class CodePage:
    """One page of a printer: `ESC t slot`."""

    slot: int
    name: str
    chars: frozenset[str] = field(repr=False)
    table: Mapping[int, int] = field(repr=False)
    run: re.Pattern[str] = field(repr=False)
    """matches as far as this page goes"""

    def encoded(self, text: str) -> bytes:
        """The bytes of a text that is all within `chars`."""
        return text.translate(self.table).encode("latin-1")


_PLAIN: Final = frozenset(map(chr, range(0x20, 0x7F)))
_PLAIN_PAGE: Final = CodePage(0, "ASCII", _PLAIN, MappingProxyType({}), re.compile("[ -~]*"))
"""of a printer about whose pages nothing is known"""


@lru_cache(maxsize=256)
def _code_page(slot: int, name: str) -> CodePage | None:
    upper = upper_half(name)
    if upper is None:
        return None
    # Only what is printed: U+FFFD is nothing, U+0080 to U+009F are commands on some printers.
    table = {ord(char): 0x80 + at for at, char in reversed(list(enumerate(upper))) if char.isprintable()}
    table.pop(0xFFFD, None)
    table = {code: byte for code, byte in table.items() if code >= 0xA0}
    if _strange(name):
        return None
    chars = _PLAIN | frozenset(map(chr, table))
    run = re.compile(f"[{re.escape(''.join(sorted(chars)))}]*")
    return CodePage(slot, name, chars, MappingProxyType(table), run)


def _strange(name: str) -> bool:
    """A page whose lower half is not ASCII (CP864 has an Arabic percent sign): never chosen."""
    known = capabilities()["encodings"][name]
    codec = known.get("python_encode")
    lower = "".join(map(chr, range(0x20, 0x7F)))
    return bool(codec) and bytes(range(0x20, 0x7F)).decode(codec, "replace") != lower


class CodePages:
    """The pages of one printer. `spelled` and `runs` are all that the rest needs."""

    def __init__(self, slots: Mapping[int, str]) -> None:
        rank = {name: at for at, name in enumerate(PREFERRED)}
        order = sorted(slots.items(), key=lambda each: (rank.get(each[1], len(rank)), each[0]))
        found = (page for slot, name in order if (page := _code_page(slot, name)))
        self.pages = tuple({page.name: page for page in reversed(list(found))}.values())[::-1]
        self.pages = self.pages or (_PLAIN_PAGE,)
        self._agreed: Final = tuple(page for page in self.pages if page.name in AGREED)
        self._agreed_chars: Final = frozenset().union(*(page.chars for page in self._agreed))
        self.chars: Final = frozenset().union(_PLAIN, *(page.chars for page in self.pages))
        self._spelling: Final = {
            ord(char): wanted
            for char, wanted in LOOK_ALIKES.items()
            if char not in self.chars and self.chars.issuperset(wanted)
        }

    def spelled(self, text: str) -> str:
        """The text in this printer's letters, as far as look-alikes go."""
        return text.translate(self._spelling)

    def runs(self, text: str, now: CodePage | None) -> list[tuple[CodePage, bytes]] | None:
        """The text as bytes of one or more pages, beginning with the page that is on if possible; None: draw it."""
        letters = frozenset(text)
        for pages, chars in ((self._agreed, self._agreed_chars), (self.pages, self.chars)):
            order = (now, *pages) if now in pages else pages
            for page in order:
                if letters <= page.chars:
                    return [(page, page.encoded(text))]
            if letters <= chars:
                return _several(text, order)
        return None


def _several(text: str, pages: tuple[CodePage, ...]) -> list[tuple[CodePage, bytes]]:
    """Each piece in the page that reaches furthest, the one that is on if that is as good."""
    made: list[tuple[CodePage, bytes]] = []
    at, order = 0, pages
    while at < len(text):
        page, end = order[0], at
        for each in order:
            if (reached := _reach(text, at, each)) > end:
                page, end = each, reached
                if end == len(text):
                    break
        made.append((page, page.encoded(text[at:end])))
        at, order = end, (page, *pages)
    return made


def _reach(text: str, at: int, page: CodePage) -> int:
    match = page.run.match(text, at)
    return match.end() if match else at
