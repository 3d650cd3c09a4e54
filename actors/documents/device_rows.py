"""Devices in the tables: put and archived inside the caller's transaction, in force at once, and read by who runs them.

No shard is told of a device, so nothing of it is ever on its way.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from actors.documents.database import DocumentsSettings, reading_engine, revision
from actors.documents.messages import Change, Proposal, Verdict
from actors.documents.reading import last_change
from actors.documents.rows import next_version, select_in
from actors.documents.schema import HEAD, TABLES, DocumentKind, devices
from engine.outcomes import Outcome

DEVICES_MAX: Final = 10_000
"""archived ones included: their numbers are never given twice"""


class _Facts(msgspec.Struct):
    transport: str = ""
    warehouse: str = ""

    @property
    def port(self) -> str:
        """The physical port, however it is set; empty for one that others may have, too."""
        scheme, _, _ = self.transport.partition(":")
        return self.transport.partition("?")[0] if scheme in ("tcp", "serial") else ""


_facts: Final = msgspec.json.Decoder(_Facts).decode


def change_devices(connection: Connection, change: Change) -> list[Verdict]:
    """Put or archive devices; one that is not there to be archived is `ok` and not changed.

    A port has one owner: two programs on one printer mix their receipts.
    """
    version = next_version(connection)
    missing = _missing_warehouses(connection, change.proposals)
    return [
        Verdict(Outcome.UNKNOWN_WAREHOUSE, detail=f"there is no warehouse {missing[proposal.code]}")
        if proposal.code in missing
        else _changed(connection, proposal, version)
        for proposal in change.proposals
    ]


def _changed(connection: Connection, proposal: Proposal, version: int) -> Verdict:
    row = connection.execute(select(devices).where(devices.c.code == proposal.code)).mappings().one_or_none()
    in_force = row is not None and not row["archived"]
    if proposal.archived:
        if not in_force:
            return Verdict(Outcome.OK)
        values: dict[str, object] = {"archived": True}
    elif row is not None and in_force and row["document"] == proposal.document:
        return Verdict(Outcome.OK)
    elif owner := _owner(connection, proposal):
        return Verdict(Outcome.CONFLICT, detail=f"device {owner} has this port")
    else:
        values = {"archived": False, "document": proposal.document}
        if not in_force:
            values["made_version"] = version
    if row is None:
        last = connection.execute(select(func.max(devices.c.number))).scalar_one()
        number = 0 if last is None else last + 1
        if number >= DEVICES_MAX:
            return Verdict(Outcome.LIMIT_EXCEEDED, detail=f"at most {DEVICES_MAX} devices, archived ones included")
        connection.execute(insert(devices).values(number=number, code=proposal.code, version=version, **values))
    else:
        connection.execute(update(devices).where(devices.c.code == proposal.code).values(version=version, **values))
    return Verdict(Outcome.OK, made=not in_force and not proposal.archived, changed=True)


def _owner(connection: Connection, proposal: Proposal) -> str:
    """The other device that has the port; empty when there is none."""
    port = _facts(proposal.document).port
    if not port:
        return ""
    others = select(devices.c.code, devices.c.document).where(
        devices.c.archived.is_(False), devices.c.code != proposal.code
    )
    return next((row.code for row in connection.execute(others) if _facts(row.document).port == port), "")


def _missing_warehouses(connection: Connection, proposals: Sequence[Proposal]) -> dict[str, str]:
    """The warehouse of each device that names one which is not in force."""
    named = {each.code: _facts(each.document).warehouse for each in proposals if not each.archived}
    rows = select_in(connection, TABLES[DocumentKind.WAREHOUSE], "code", sorted({*named.values()} - {""}))
    there = {row["code"] for row in rows if row["version"] and not row["archived"]}
    return {code: warehouse for code, warehouse in named.items() if warehouse and warehouse not in there}


class StoredDevice(msgspec.Struct, frozen=True):
    """A device's document, and the change that put it in force."""

    code: str
    version: int
    made: int
    """the change that made it: another one means that it was removed in between"""
    document: str
    archived: bool


class DevicesReader:
    """Tells who runs the devices what changed; the database may not be there yet. One thread at a time."""

    def __init__(self, settings: DocumentsSettings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._version = 0

    def changed(self) -> list[StoredDevice] | None:
        """What was changed since the last time; None while it cannot be read."""
        try:
            if self._engine is None:
                self._engine = reading_engine(self._settings)
            with self._engine.connect() as connection:
                if not self._version and revision(connection) != HEAD:
                    return None
                newest = last_change(connection)
                if newest <= self._version:
                    return []
                rows = connection.execute(select(devices).where(devices.c.version > self._version)).mappings()
                found = [
                    StoredDevice(row["code"], row["version"], row["made_version"], row["document"], row["archived"])
                    for row in rows
                ]
        except SQLAlchemyError:  # there is no file yet, it is being written to, or the server is away
            return None
        self._version = newest
        return found

    def close(self) -> None:
        """Let go of the database."""
        if self._engine is not None:
            self._engine.dispose()
