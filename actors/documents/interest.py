"""What customers looked at, in the tables: the last word on each SKU (or search), channel and day is kept."""

from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, select

from actors.documents.answers import known_answer
from actors.documents.messages import Interest, PutInterest, Verdict
from actors.documents.proposing import Proposed
from actors.documents.rows import execute_many, next_version
from actors.documents.schema import interest
from engine.outcomes import Outcome

ROWS_MAX: Final = 100_000
"""read at a time: the rest comes in the next turn"""
_KEY: Final = ("day", "channel", "sku_key", "query")
_FIGURES: Final = ("views", "cart_adds", "empty_searches")


def put_interest(connection: Connection, message: PutInterest) -> Proposed:
    """Keep what was said instead of what was said before; the same request twice is one."""
    known = known_answer(connection, message.request, len(message.rows))
    if known is not None:
        return Proposed(list(known), replayed=all(verdict.outcome != Outcome.ID_REUSED for verdict in known))
    version = next_version(connection)
    rows: list[dict[str, Any]] = [
        {name: getattr(row, name) for name in (*_KEY, *_FIGURES)} | {"version": version}
        for row in message.rows
        if isinstance(row, Interest)
    ]
    same = and_(*(interest.c[name] == bindparam(f"b_{name}") for name in _KEY))
    execute_many(connection, delete(interest).where(same), [{f"b_{name}": row[name] for name in _KEY} for row in rows])
    execute_many(connection, insert(interest), rows)
    kept = Verdict(Outcome.OK, changed=True)
    return Proposed([kept if isinstance(row, Interest) else Verdict(row) for row in message.rows])


def interest_after(connection: Connection, version: int, newest: int) -> tuple[int, list[Row[Any]]]:
    """What was said after one change and not after another; and after which, if it was too much at once."""
    between = and_(interest.c.version > version, interest.c.version <= newest)
    first_left = connection.execute(
        select(interest.c.version).where(between).order_by(interest.c.version).offset(ROWS_MAX).limit(1)
    ).scalar_one_or_none()
    # A change is read whole or not at all: what is known up to a change is known.
    until = newest if first_left is None else max(first_left - 1, version + 1)
    columns = (interest.c[name] for name in (*_KEY, *_FIGURES))
    statement = select(*columns).where(interest.c.version > version, interest.c.version <= until)
    return until, list(connection.execute(statement))
