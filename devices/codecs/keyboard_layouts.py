"""What a scanner typed on a keyboard that stood on Russian: which keys it pressed, and so which Latin letters it meant.

A scanner set to "keyboard" presses keys; the machine's layout makes letters of them. Of the 94 keys and shifted keys of
a US keyboard the Russian layout makes 94 different characters, so nothing is lost but what no key writes: a GS.
"""

from typing import Final

_US: Final = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./~QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>?@#$^&|"
_RUSSIAN: Final = 'ёйцукенгшщзхъфывапролджэячсмитьбю.ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"№;:?/'
_MEANT: Final = {ord(typed): meant for typed, meant in zip(_RUSSIAN, _US, strict=True)}
_LETTERS: Final = frozenset(letter for letter in _RUSSIAN if letter > "\x7f")
_SAME: Final = frozenset("0123456789!%*()-_=+\\ \x1d")
"""on the same keys in both; GS comes through where a driver passes it"""
_ENCODINGS: Final = ("utf-8", "cp1251", "cp866")
"""of programs that pass keyboards on as bytes"""


def meant_by(data: str) -> list[str]:
    """What may have been meant, if `data` (bytes as Latin-1) is text of a Russian layout: mostly one thing or nothing.

    Text without a single Cyrillic letter says nothing about the layout; a few letters alone may be of two encodings.
    """
    raw = data.encode("latin-1")
    found: dict[str, None] = {}
    for encoding in _ENCODINGS:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _LETTERS.isdisjoint(text) and all(ord(letter) in _MEANT or letter in _SAME for letter in text):
            found[text.translate(_MEANT)] = None
    return list(found)
