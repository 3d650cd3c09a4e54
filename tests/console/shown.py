"""What a part of a page shows, without a browser: the elements that it makes, and their texts."""

from collections.abc import Callable, Iterator
from typing import Any

from nicegui.client import Client
from nicegui.element import Element
from nicegui.page import page


class Shown:
    """All elements in their order."""

    def __init__(self, build: Callable[[], object]) -> None:
        with Client(page("/shown"), request=None) as client:
            build()
        self.elements: list[Element] = list(client.elements.values())

    @property
    def texts(self) -> list[str]:
        """What is read, line by line."""
        return [text for each in self.elements if (text := getattr(each, "text", ""))]

    def words(self) -> str:
        """The same as one text."""
        return "\n".join(self.texts)

    def of(self, tag: str) -> Iterator[Element]:
        """Those with this tag."""
        return (each for each in self.elements if each.tag == tag)

    @property
    def ways(self) -> dict[str, str]:
        """Where links lead, by their words."""
        return {
            getattr(each, "text", "") or _inside(each): str(each.props["href"])
            for each in self.of("a")
            if each.props.get("href")
        }

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Of all tables."""
        return [row for each in self.of("nicegui-table") for row in each.props["rows"]]


def _inside(element: Element) -> str:
    return " ".join(text for each in element.descendants() if (text := getattr(each, "text", "")))
