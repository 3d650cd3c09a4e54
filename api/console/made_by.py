"""By which command a reservation was made, found in the entries of its cells: a reservation itself does not say."""

from typing import Any, Final
from urllib.parse import quote

from api.console.visit import Visit

ENTRIES: Final = 1_000
"""of a cell that are looked through, the newest first"""
LINES: Final = 3
"""that are looked at: all of them were made by the same command"""


async def command_of(visit: Visit, reservation: str) -> str | None:
    """Its id; None when it is further back than the entries that are looked through."""
    api = visit.desk.api
    found = await api.get(f"/v1/reservations/{quote(reservation, safe='')}", {"everyone": "true"})
    for line in found["lines"][:LINES]:
        path = f"/v1/explain/{line['sku']}/{line['warehouse']}"
        cell = await api.get(path, {"limit": ENTRIES})
        command = _made(cell, reservation)
        if command is None and (made_at := _made_at(cell, reservation)):
            # It is still held, though more than so many entries came since: as of then it is among the newest.
            command = _made(await api.get(path, {"limit": ENTRIES, "as_of": made_at}), reservation)
        if command is not None:
            return command
    return None


def _made(cell: dict[str, Any], reservation: str) -> str | None:
    of = (each for each in cell["entries"] if each["reservation"] == reservation and each["kind"] == "reserve")
    return next((str(each["command_id"]) for each in of if each["command_id"]), None)


def _made_at(cell: dict[str, Any], reservation: str) -> str | None:
    return next((str(hold["made_at"]) for hold in cell["holds"] if hold["reservation"] == reservation), None)
