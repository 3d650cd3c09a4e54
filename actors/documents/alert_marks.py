"""What people say of alerts: acknowledged, or not to be heard of for a while. Inside the caller's transaction.

An alert itself is nobody's document: it follows from the journals, and whoever reads it puts the two together.
"""

from sqlalchemy import Connection, Row, delete, insert, select

from actors.documents.answers import known_answer
from actors.documents.messages import MarkAlert, Verdict
from actors.documents.proposing import Proposed
from actors.documents.rows import next_version
from actors.documents.schema import alert_marks
from engine.outcomes import Outcome


def mark_alert(connection: Connection, message: MarkAlert, now_ms: int) -> Proposed:
    """Keep the last word on an alert."""
    known = known_answer(connection, message.request, 1)
    if known is not None:
        return Proposed(list(known), replayed=known[0].outcome != Outcome.ID_REUSED)
    if not message.raised:
        return Proposed([Verdict(Outcome.CONFLICT)])
    connection.execute(delete(alert_marks).where(alert_marks.c.alert == message.alert))
    connection.execute(
        insert(alert_marks).values(
            alert=message.alert,
            state=message.state,
            client=message.request.client,
            author=message.author,
            marked_at_ms=now_ms,
            until_ms=message.until_ms,
            version=next_version(connection),
        )
    )
    return Proposed([Verdict(Outcome.OK, changed=True)])


def marks_after(connection: Connection, version: int, newest: int) -> list[Row[tuple[str, str, str, int, int | None]]]:
    """(alert, state, author, marked_at_ms, until_ms) of what was said after that version."""
    marks = alert_marks.c
    statement = select(marks.alert, marks.state, marks.author, marks.marked_at_ms, marks.until_ms)
    return list(connection.execute(statement.where(marks.version > version, marks.version <= newest)))
