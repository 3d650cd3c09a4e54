"""What a payment terminal and a fiscal registrar have in common: what they do cannot be undone by forgetting it.

Both are asked with a key of ours, written down before the first byte. If the answer is lost nobody knows whether money
moved or a document was issued, and doing it again would do it twice: so the device is asked what it did for the key.
"""

from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

FINDS_MAX: Final = 3
"""questions about one lost answer, before a person is asked"""


class InDoubt(Exception):
    """The answer was lost: it may have been done. Ask `find` with the same key, and do nothing else before."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason


class Declined(Exception):
    """It was certainly not done, and this is why."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason


def once(do: Callable[[], T], find: Callable[[], T | None], *, begun: bool) -> T:
    """Do it, unless it was done; raises Declined, and InDoubt when the device cannot say.

    `begun`: it may have been tried before, by a program that died. `find` gives None when the device knows for certain
    that nothing was done for the key.
    """
    if begun and (done := _asked(find)) is not None:
        return done
    try:
        return do()
    except InDoubt:
        found = _asked(find)
        return do() if found is None else found


def _asked(find: Callable[[], T | None]) -> T | None:
    for left in reversed(range(FINDS_MAX)):
        try:
            return find()
        except InDoubt:
            if not left:
                raise
    raise AssertionError("asked at least once")
