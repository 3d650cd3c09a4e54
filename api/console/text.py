"""Plain elements with a text or an address in them; what they are given is text and never HTML."""

from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

SHORT: Final = 16
"""letters of an id that are shown as they are"""


class Text(TextElement):
    """Any tag with a text."""

    def __init__(self, words: str, tag: str = "span", classes: str = "") -> None:
        super().__init__(tag=tag, text=words)
        if classes:
            self.classes(classes)


def short(identifier: str) -> str:
    """An id as it is, or the end of one that is too long for a line: by its end ids differ."""
    return identifier if len(identifier) <= SHORT else f"…{identifier[-8:].lstrip('.:-')}"


def box(classes: str, tag: str = "div") -> ui.element:
    """An element to put others in."""
    return ui.element(tag).classes(classes)


def anchor(target: str, classes: str = "", words: str = "") -> ui.element:
    """A link, to put things in or with words of its own."""
    made = Text(words, "a") if words else ui.element("a")
    made.props["href"] = target
    return made.classes(classes) if classes else made
