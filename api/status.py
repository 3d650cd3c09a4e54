"""From an outcome to an HTTP status, and from any refusal to its problem+json body (RFC 9457).

Every error that leaves the API is built here: a stable `code`, a `title` that goes with the code, the
`status`, a `detail` for people, and what else helps a program: `path`, `lines`, `retry_after_ms`.
"""

import re
from typing import Any, Final

import orjson

from engine.outcomes import Outcome

_BEYOND_ASCII: Final = re.compile("[^\x00-\x7e]")
PROBLEM_MEDIA: Final = b"application/problem+json"

STATUS_OF: Final[dict[Outcome, int]] = {
    Outcome.ID_REUSED: 422,
    Outcome.ID_TOO_OLD: 409,
    Outcome.TOO_LATE: 409,
    Outcome.UNKNOWN_SKU: 404,
    Outcome.UNKNOWN_WAREHOUSE: 404,
    Outcome.UNKNOWN_CHANNEL: 404,
    Outcome.UNKNOWN_RESERVATION: 404,
    Outcome.INVALID_QUANTITY: 422,
    Outcome.RESERVATION_CLOSED: 409,
    Outcome.RESERVATION_EXPIRED: 409,
    Outcome.CONFLICT: 409,
    Outcome.INSUFFICIENT_STOCK: 409,
    Outcome.GROUP_FAILED: 409,
    Outcome.LIMIT_EXCEEDED: 422,
    Outcome.QUARANTINED: 500,
    Outcome.OK: 200,
    Outcome.UNAVAILABLE: 503,
    Outcome.OVERLOADED: 429,
}
"""The status of a call that was answered with this outcome as a whole (201 where OK made something)."""

TITLES: Final[dict[str, str]] = {
    "id_reused": "This id was used for something else",
    "id_too_old": "The id is older than ids are remembered",
    "too_late": "It arrived after its not_after",
    "unknown_sku": "No such product",
    "unknown_warehouse": "No such warehouse",
    "unknown_channel": "No such channel",
    "unknown_reservation": "No such reservation",
    "unknown_command": "No such command",
    "unknown_key": "No such key",
    "unknown_alert": "No such alert",
    "unknown_device": "No such device",
    "unknown_job": "No such job",
    "unknown_picture": "Nothing of it can be shown",
    "no_weight": "No weight to sell by",
    "invalid_quantity": "The quantity is not possible",
    "reservation_closed": "The reservation is not in a state for this",
    "reservation_expired": "The reservation has expired",
    "conflict": "It does not fit the present state",
    "insufficient_stock": "Not enough stock",
    "group_failed": "Another row of its group was refused",
    "limit_exceeded": "A limit of the engine is reached",
    "quarantined": "The command stopped its shard twice and is set aside",
    "unavailable": "The part of the engine that decides this is away",
    "overloaded": "Too much at once",
    "invalid_json": "The body is not JSON",
    "invalid_arrow": "The body is not an Arrow stream",
    "invalid_http": "The request is not HTTP as it is spoken here",
    "id_missing": "An idempotency key is missing",
    "invalid_request": "The request is not well formed",
    "unauthorized": "A valid key is needed",
    "forbidden": "The key may not do this",
    "too_large": "The request is too large",
    "too_slow": "The request took too long to arrive",
    "cursor_expired": "The cursor is older than the feed goes back",
    "not_found": "No such address",
    "method_not_allowed": "Not with this method",
    "not_acceptable": "No such representation",
    "internal": "The server failed",
}

Headers = list[tuple[bytes, bytes]]

IDEMPOTENT_REPLAYED: Final = (b"idempotent-replayed", b"true")
"""Says of an answer, of a refusal too, that it was given before."""


def in_ascii(document: bytes) -> bytes:
    """The same JSON in printable ASCII: a problem may repeat what a caller sent, and be read in a terminal or a log."""
    if document.isascii() and b"\x7f" not in document:
        return document
    return _BEYOND_ASCII.sub(_escape, document.decode()).encode()


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


class Problem(Exception):
    """A refusal of the whole request; the front turns it into its answer."""

    def __init__(
        self, status: int, code: str, detail: str = "", extra: dict[str, Any] | None = None, *, replayed: bool = False
    ) -> None:
        """`replayed`: it was answered before, and is again."""
        super().__init__(status, code, detail, extra)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra or {}
        self.replayed = replayed

    def body(self) -> bytes:
        """The problem+json document."""
        document: dict[str, Any] = {
            "type": f"urn:omnistock:problem:{self.code}",
            "title": TITLES[self.code],
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            document["detail"] = self.detail
        document.update(self.extra)
        return in_ascii(orjson.dumps(document))

    def headers(self) -> Headers:
        """The answer's headers, content type included."""
        headers = [(b"content-type", PROBLEM_MEDIA)]
        if "retry_after_ms" in self.extra:
            headers.append((b"retry-after", retry_after_s(self.extra["retry_after_ms"])))
        if self.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if self.replayed:
            headers.append(IDEMPOTENT_REPLAYED)
        return headers


def invalid(path: str, detail: str) -> Problem:
    """422 `invalid_request`: the field at `path` (JSONPath) cannot be."""
    return Problem(422, "invalid_request", detail, {"path": path})


def away(outcome: Outcome, retry_after_ms: int) -> Problem:
    """429 `overloaded` (did not run) or 503 `unavailable` (may have run), with when to come back."""
    may_have_run = outcome == Outcome.UNAVAILABLE
    detail = "it may have run: send it again with the same id" if may_have_run else "it did not run"
    return Problem(STATUS_OF[outcome], outcome.text, detail, {"retry_after_ms": max(1, retry_after_ms)})


def retry_after_s(retry_after_ms: int) -> bytes:
    """The value of Retry-After: whole seconds, at least one."""
    return str(max(1, -(-retry_after_ms // 1000))).encode()
