"""Text as a printer may see it: composed, free of control bytes, measured in columns, wrapped.

Whatever comes in (names of goods are typed by anybody), what goes out has no character below a space, none of
Unicode's invisible or direction-changing ones, and no half of a surrogate pair. So no byte of a text can be a command.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from wcwidth import iter_graphemes, wcswidth, wcwidth

NBSP: Final = "\u00a0"
_ZWJ: Final = "\u200d"
_SPACES_THAT_HOLD: Final = "\u00a0\u202f\u2007"
_MARKS_MAX: Final = 4
"""combining marks on one character: more is vandalism, not a language"""

_PLAIN: Final = frozenset(
    char
    for char in map(chr, (*range(0x20, 0x530), *range(0x2010, 0x2800)))
    if char.isprintable() and wcwidth(char) == 1 and unicodedata.is_normalized("NFC", char)
)
"""what most names are made of: one column each, nothing of it is dropped, and nothing joins with its neighbour"""


def cleaned(text: str) -> str:
    """NFC, line breaks as LF, tabs as spaces, spaces that hold as NBSP, everything that is not written dropped."""
    if _PLAIN.issuperset(text):
        return text
    kept = "".join(map(_kept, text.replace("\r\n", "\n")))
    return _few_marks(unicodedata.normalize("NFC", kept))


def _kept(char: str) -> str:
    if char == "\n" or " " <= char <= "~":
        return char
    kind = unicodedata.category(char)
    if kind == "Zs":
        return NBSP if char in _SPACES_THAT_HOLD else " "
    if kind in ("Zl", "Zp") or char in "\r\v\f\x85":
        return "\n"
    if char == "\t":
        return " "
    # Cf: joiners other than that of emoji, marks of direction, soft hyphens, tags.
    return "" if kind in ("Cc", "Cs") or (kind == "Cf" and char != _ZWJ) else char


def _few_marks(text: str) -> str:
    kept, marks = [], 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MARKS_MAX:
            kept.append(char)
    return "".join(kept)


def is_plain(text: str) -> bool:
    """Every character of the text is one thing of one column."""
    return _PLAIN.issuperset(text)


def columns_of(text: str) -> int:
    """How many columns a cleaned text without line breaks takes: 2 for wide characters and emoji, 0 for marks."""
    return len(text) if text.isascii() or _PLAIN.issuperset(text) else max(0, wcswidth(text))


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """What is drawn as one thing, with its columns: letters with their marks, emoji with their joiners."""
    if is_plain(text):
        yield from ((char, 1) for char in text)
        return
    for cluster in iter_graphemes(text):
        yield cluster, columns_of(cluster)


def wrapped(text: str, columns: int) -> list[str]:
    """Lines of at most `columns`, broken at spaces; a word that is longer than a line is cut. Never empty."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        if columns_of(paragraph) <= columns:
            lines.append(paragraph.rstrip(" "))
        else:
            # Lines that follow an indented one are indented as well, as long as there is room.
            indent = paragraph[: min(len(paragraph) - len(paragraph.lstrip(" ")), columns // 4)]
            lines += [indent + line if line else "" for line in _broken(paragraph, columns - len(indent))]
    return lines


def _broken(paragraph: str, columns: int) -> list[str]:
    lines, line, used = [], "", 0
    for gap, word in re.findall(r"( *)([^ ]+)", paragraph):
        wide = columns_of(word)
        if line and used + len(gap) + wide <= columns:
            line, used = line + gap + word, used + len(gap) + wide
            continue
        if line:
            lines.append(line)
        *full, line = _cut_up(word, columns)
        lines += full
        used = columns_of(line)
    return [*lines, line]


def _cut_up(word: str, columns: int) -> list[str]:
    if columns_of(word) <= columns:
        return [word]
    parts, part, used = [], "", 0
    for cluster, wide in clusters(word):
        if part and used + wide > columns:
            parts.append(part)
            part, used = "", 0
        part, used = part + cluster, used + wide
    return [*parts, part]


def padded(text: str, columns: int, align: str) -> str:
    """The text with spaces before and behind, exactly `columns` wide (or wider, if it was)."""
    spare = max(0, columns - columns_of(text))
    before = {"left": 0, "center": spare // 2, "right": spare}[align]
    return " " * before + text + " " * (spare - before)
