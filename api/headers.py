"""The request headers that the direct routes read, and the one that says of an answer that it was given before."""

from api.arrow import ARROW_MEDIA
from api.status import IDEMPOTENT_REPLAYED, Problem
from api.texts import check_code


def idempotency_key(headers: dict[bytes, bytes]) -> str:
    """The command id of a call that is one command; quotes around it, as in the IETF draft, are taken off."""
    key = headers.get(b"idempotency-key", b"").decode("latin-1").strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key:
        raise Problem(400, "id_missing", "send Idempotency-Key, and the same one when you try again")
    return check_code(key, "Idempotency-Key")


def is_arrow(headers: dict[bytes, bytes]) -> bool:
    """Whether the body is an Arrow stream."""
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower() == ARROW_MEDIA


def accepts_arrow(headers: dict[bytes, bytes], unless_said: bool = False) -> bool:
    """Whether the answer is to be an Arrow stream; `unless_said` when the caller accepts anything."""
    accept = headers.get(b"accept", b"*/*").lower()
    if ARROW_MEDIA in accept:
        return True
    return unless_said and b"application/json" not in accept


def replayed(was: bool) -> dict[str, str]:
    """The header of an answer that was given before, for one of FastAPI's; none for another."""
    return {name.decode(): value.decode() for name, value in [IDEMPOTENT_REPLAYED]} if was else {}
