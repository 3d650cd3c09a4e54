"""Every outcome has a status and a title, and they are those of the contract."""

from api.render import ResultRow, overall
from api.status import STATUS_OF, TITLES, Problem, away, retry_after_s
from engine.layout import RESULT
from engine.outcomes import Outcome

CONTRACT = {
    200: {"ok"},
    404: {"unknown_sku", "unknown_warehouse", "unknown_channel", "unknown_reservation"},
    422: {"invalid_quantity", "id_reused", "limit_exceeded"},
    409: {
        "insufficient_stock",
        "conflict",
        "reservation_closed",
        "reservation_expired",
        "id_too_old",
        "too_late",
        "group_failed",
    },
    429: {"overloaded"},
    500: {"quarantined"},
    503: {"unavailable"},
}


def test_every_outcome_has_the_status_of_the_contract() -> None:
    found: dict[int, set[str]] = {}
    for outcome in Outcome:
        found.setdefault(STATUS_OF[outcome], set()).add(outcome.text)
    assert found == CONTRACT


def test_every_refusal_has_a_title() -> None:
    for outcome in Outcome:
        if outcome is not Outcome.OK:
            assert Problem(STATUS_OF[outcome], outcome.text).body()
    assert all(title and not title.endswith(".") for title in TITLES.values())


def test_a_command_of_several_rows_has_the_first_refusal_by_precedence() -> None:
    ok, short, fell, closed = (
        int(Outcome[name]) for name in ("OK", "INSUFFICIENT_STOCK", "GROUP_FAILED", "RESERVATION_CLOSED")
    )
    assert overall([ok, ok]) is Outcome.OK
    assert overall([fell, short, fell]) is Outcome.INSUFFICIENT_STOCK
    assert overall([short, closed]) is Outcome.RESERVATION_CLOSED
    assert overall([fell]) is Outcome.GROUP_FAILED
    assert overall([ok, int(Outcome.UNAVAILABLE)]) is Outcome.UNAVAILABLE


def test_the_wait_is_in_whole_seconds_in_the_header_and_in_ms_in_the_body() -> None:
    assert [retry_after_s(ms) for ms in (1, 999, 1000, 1001)] == [b"1", b"1", b"1", b"2"]
    problem = away(Outcome.OVERLOADED, 250)
    assert (problem.status, problem.extra["retry_after_ms"]) == (429, 250)
    assert (b"retry-after", b"1") in problem.headers()


def test_a_result_row_has_the_fields_of_the_dtype() -> None:
    assert ResultRow._fields == RESULT.names
