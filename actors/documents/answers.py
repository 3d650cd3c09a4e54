"""What requests with an Idempotency-Key were answered, inside the caller's transaction."""

import zlib
from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from actors.documents.messages import RequestId, Verdict, decode_verdicts, encode_verdicts
from actors.documents.schema import answers
from engine.outcomes import Outcome


def known_answer(connection: Connection, request: RequestId, count: int) -> list[Verdict] | None:
    """The verdicts of the first time; `id_reused` for each when the content was another; None the first time."""
    row = connection.execute(
        select(answers.c.content_sha256, answers.c.answer).where(
            answers.c.client == request.client, answers.c.request == request.key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.content_sha256 != request.content_sha256:
        return [Verdict(Outcome.ID_REUSED)] * count
    return decode_verdicts(zlib.decompress(row.answer))


def remember_answer(connection: Connection, request: RequestId, verdicts: Sequence[Verdict], now_ms: int) -> None:
    """Pin the answer to the request's key."""
    connection.execute(
        insert(answers).values(
            client=request.client,
            request=request.key,
            content_sha256=request.content_sha256,
            answer=zlib.compress(encode_verdicts(verdicts), 1),
            at_ms=now_ms,
        )
    )


def forget_answers(connection: Connection, before_ms: int) -> None:
    """Forget the answers given before then."""
    connection.execute(delete(answers).where(answers.c.at_ms < before_ms))
