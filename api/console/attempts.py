"""How often somebody may guess a password. A plain table; time is an argument."""

from collections import OrderedDict
from typing import Final

FREE: Final = 5
"""wrong guesses for one name, or from one address times ten, before the pauses begin"""
PAUSE_S: Final = 2.0
"""after the first guess too many; it doubles with each one"""
PAUSE_S_MAX: Final = 300.0
FORGET_S: Final = 900.0
NAMES_MAX: Final = 10_000
"""names and addresses remembered; the oldest are forgotten first"""


class Attempts:
    """Wrong guesses of late, by name and by address: a name is slowed down, and so is one who tries many names."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, name: str, address: str, now_s: float) -> float:
        """How long until the next guess is looked at; 0: now."""
        return max(self._wait_s(f"name {name}", FREE, now_s), self._wait_s(f"from {address}", 10 * FREE, now_s))

    def guessed(self, name: str, address: str, now_s: float) -> None:
        """Somebody tries: it counts as wrong until it was right, or many at once would all be the first."""
        for who in (f"name {name}", f"from {address}"):
            count, at_s = self._wrong.pop(who, (0, now_s))
            self._wrong[who] = (1 if now_s - at_s > FORGET_S else count + 1, now_s)
        while len(self._wrong) > NAMES_MAX:
            self._wrong.popitem(last=False)

    def right(self, name: str, address: str) -> None:
        """The name's guesses are forgiven; of the address's only this one, or one good password would buy many more."""
        self._wrong.pop(f"name {name}", None)
        if (found := self._wrong.get(f"from {address}")) is not None:
            self._wrong[f"from {address}"] = (found[0] - 1, found[1])

    def _wait_s(self, who: str, free: int, now_s: float) -> float:
        count, at_s = self._wrong.get(who, (0, 0.0))
        if count < free or now_s - at_s > FORGET_S:
            return 0.0
        # 2.0 to the power of what nobody reaches is a number still.
        pause_s = min(PAUSE_S * 2.0 ** min(count - free, 16), PAUSE_S_MAX)
        return max(0.0, at_s + pause_s - now_s)
