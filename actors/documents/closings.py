"""Closed business days in the tables: written once, inside the writer's transaction, and reading them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, and_, insert, or_, select

from actors.documents.answers import known_answer
from actors.documents.messages import CloseDay, Verdict
from actors.documents.proposing import Proposed
from actors.documents.rows import next_version
from actors.documents.schema import closings
from engine.outcomes import Outcome

_KEY: Final = (closings.c.day, closings.c.warehouse, closings.c.channel)


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed day of one channel at one place."""

    day: str
    warehouse: int
    channel: int
    document: str
    """JSON as it was written"""


def close_day(connection: Connection, message: CloseDay) -> Proposed:
    """Write those documents whose days are not closed yet; what was closed before stays as it is."""
    known = known_answer(connection, message.request, len(message.closings))
    if known is not None:
        return Proposed(list(known), replayed=all(verdict.outcome != Outcome.ID_REUSED for verdict in known))
    version = next_version(connection)
    proposed = Proposed()
    for closing in message.closings:
        key = closing.day, closing.warehouse, closing.channel
        where = and_(*(column == value for column, value in zip(_KEY, key, strict=True)))
        made = connection.execute(select(closings.c.day).where(where)).one_or_none() is None
        if made:
            values = dict(zip(("day", "warehouse", "channel"), key, strict=True))
            connection.execute(insert(closings).values(**values, document=closing.document, version=version))
        proposed.verdicts.append(Verdict(Outcome.OK, made=made, changed=made))
    return proposed


def closed_days(
    connection: Connection,
    first: str,
    last: str,
    warehouses: Sequence[int] | None,
    channels: Sequence[int] | None,
    after: tuple[str, int, int] | None,
    count_max: int,
) -> list[Closed]:
    """The closed days from `first` to `last`, in order; those behind `after`."""
    statement = select(*_KEY, closings.c.document).where(closings.c.day.between(first, last))
    for column, numbers in ((closings.c.warehouse, warehouses), (closings.c.channel, channels)):
        if numbers is not None:
            statement = statement.where(column.in_(numbers))
    if after is not None:
        day, warehouse, channel = after
        statement = statement.where(
            or_(
                closings.c.day > day,
                and_(closings.c.day == day, closings.c.warehouse > warehouse),
                and_(closings.c.day == day, closings.c.warehouse == warehouse, closings.c.channel > channel),
            )
        )
    return [Closed(*row) for row in connection.execute(statement.order_by(*_KEY).limit(count_max))]


def closed_after(connection: Connection, version: int, newest: int) -> list[Closed]:
    """Those that were written after one change and not after another."""
    statement = select(*_KEY, closings.c.document).where(closings.c.version > version, closings.c.version <= newest)
    return [Closed(*row) for row in connection.execute(statement)]
