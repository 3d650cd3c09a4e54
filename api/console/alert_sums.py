"""How many alerts there are, and what they may cost a day: of all that are asked for, as the engine adds them up.

A page of the list shows fifty; who counted these would read "50" for five thousand.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from api.console.alerts import alert_page, is_odd
from api.console.visit import Visit

ODD_MAX: Final = 200
"""alerts on channels that are counted: they come first, are in no group, and are a handful unless all goes wrong"""
BY: Final = {"warehouse": "By place", "group": "By product group"}
Groups = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Sums:
    """Of alerts in one state, or in any."""

    odd: int
    """on channels"""
    groups: Groups
    """of alerts on cells, by place"""

    @property
    def alerts(self) -> int:
        """Of both kinds."""
        return self.odd + sum(int(each["alerts"]) for each in self.groups)

    @property
    def places(self) -> int:
        """Where there are any; a place of several currencies is in several groups."""
        return len({each["warehouse"] for each in self.groups})

    @property
    def lost(self) -> dict[str, float]:
        """Expected each day, by currency: amounts of different ones are never added."""
        sums: Counter[str] = Counter()
        for each in self.groups:
            if lost := each["expected_lost_margin_per_day"]:
                sums[lost["currency"]] += lost["amount"]
        return dict(sums)


async def alert_sums(visit: Visit, filters: dict[str, str | None]) -> Sums:
    """Of all alerts that pass these filters."""
    page = await alert_page(visit, {**filters, "by": "warehouse", "limit": ODD_MAX})
    return Sums(sum(map(is_odd, page["items"])), page["groups"])
