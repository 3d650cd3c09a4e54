"""Answers questions from the tables: each in a thread and a transaction of its own, so each from one moment.

What is asked has been checked by whoever asks; statements are ours, with parameters, and held to a time and a size.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, Final

import duckdb

from analytics.alerts.listing import alerts
from analytics.alerts.lookout import Lookout
from analytics.closing import corrections, figures_of_day
from analytics.explaining import explain, stock, why
from analytics.following import Following
from analytics.formats import WRITERS, as_columns
from analytics.questions import (
    MEDIA,
    QUERY_S_MAX,
    QUESTIONS_MAX,
    ROWS_MAX,
    WAIT_S_MAX,
    AlertsAsked,
    CommandAsked,
    CorrectionsAsked,
    DayAsked,
    ExplainAsked,
    Head,
    Question,
    Refused,
    ReportAsked,
    Status,
    StatusAsked,
    StockAsked,
    encode,
)
from analytics.reports import REPORTS
from analytics.reports.report import TYPES
from analytics.store import positions

_BUSY: Final = Refused(429, "overloaded", "too many reports at once")
_LATE: Final = Refused(503, "unavailable", "the analytics have not followed the feed so far yet")


class Answering:
    """Of one store; `moved` is called after every turn of whoever enters."""

    def __init__(self, following: Following, lookout: Lookout) -> None:
        self.wanted = threading.Event()
        """somebody waits for the next turn"""
        self._following = following
        self._lookout = lookout
        self._turn_began_at = 0.0
        self._opened_at = time.monotonic()
        self._slots = threading.BoundedSemaphore(QUESTIONS_MAX)
        self._moved = threading.Condition()

    def moved(self, turn_began_at: float) -> None:
        """A turn is over that began then: documents and journals were looked at since."""
        with self._moved:
            self._turn_began_at = turn_began_at
            self._moved.notify_all()

    def answer(self, question: Question) -> Iterator[bytes]:
        """A Head, then the pieces of the body; a refusal has no body."""
        try:
            yield from self._answer(question)
        except Refused as refusal:
            yield encode(Head(problem=refusal.problem))

    def _answer(self, question: Question) -> Iterator[bytes]:
        if isinstance(question, StatusAsked):
            yield encode(Head())
            yield encode(self._status())
            return
        self._wait(question.after)
        if not self._slots.acquire(blocking=False):
            raise _BUSY
        try:
            with closing(self._following.store.cursor()) as connection:
                yield from self._read(connection, question)
        finally:
            self._slots.release()

    def _status(self) -> Status:
        counted = self._following.counted
        return Status(
            self._following.behind(), self._following.lag_s(), counted.rows, counted.turns, counted.busy_s,
            self._lookout.odd(), self._lookout.looked_s(),
        )  # fmt: skip

    def _wait(self, after: list[int] | None) -> None:
        """Until the tables hold these records, and the names as they are now; for a bounded time.

        Who asks for none waits for tables that have just been opened, and then takes what there is: tables that are
        made anew, or that cannot keep up, are behind for long, and every answer says how far it goes.
        """
        if after is None:
            with self._moved:
                left_s = self._opened_at + WAIT_S_MAX - time.monotonic()
                self._moved.wait_for(lambda: self._following.caught_up, max(0.0, left_s))
            return
        asked_at = time.monotonic()
        with self._moved:
            while self._turn_began_at < asked_at or any(
                position.seq < seq for position, seq in zip(self._following.positions, after, strict=True)
            ):
                left_s = asked_at + WAIT_S_MAX - time.monotonic()
                if left_s <= 0:
                    raise _LATE
                self.wanted.set()
                self._moved.wait(left_s)

    def _read(self, connection: duckdb.DuckDBPyConnection, question: Question) -> Iterator[bytes]:
        timer = threading.Timer(QUERY_S_MAX, connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            connection.execute("begin")
            known = positions(connection)
            seqs = [known[shard].seq if shard in known else 0 for shard in range(self._following.store.shards)]
            at_ms = max((position.at_ms for position in known.values()), default=0)
            # Who waits for what he has just seen on the feed wants it judged.
            seen = self._lookout.lately() if question.after is None else None
            media, body = _body(connection, question, self._following.store.era, seen)
        except duckdb.InterruptException:
            raise Refused(503, "unavailable", f"it took longer than {QUERY_S_MAX:.0f} s: ask for less") from None
        finally:
            timer.cancel()
        yield encode(Head(media, seqs, at_ms))
        yield from body


def _body(
    connection: duckdb.DuckDBPyConnection, question: Question, era: int, seen: Sequence[dict[str, Any]] | None
) -> tuple[str, Iterator[bytes]]:
    """The media type, and the body from what was read already."""
    match question:
        case ReportAsked(name, given, format_):
            return MEDIA[format_], _report(connection, name, given, format_)
        case StockAsked(sku, moment):
            return MEDIA["json"], iter([stock(connection, sku, moment)])
        case ExplainAsked():
            return MEDIA["json"], iter([explain(connection, question)])
        case CommandAsked():
            return MEDIA["json"], iter([why(connection, question)])
        case DayAsked():
            return MEDIA["json"], iter([figures_of_day(connection, question)])
        case CorrectionsAsked():
            return MEDIA["json"], iter([corrections(connection, question)])
        case AlertsAsked():
            return MEDIA["json"], iter([alerts(connection, question, era, seen)])
        case StatusAsked():
            raise AssertionError("answered without the tables")


def _report(connection: duckdb.DuckDBPyConnection, name: str, given: dict[str, Any], format_: str) -> Iterator[bytes]:
    report = REPORTS[name]
    sql, bound = report.statement(given)
    for each in report.parameters:
        # Once in the statement a parameter has its type spelt out, elsewhere it is compared with a column.
        assert each.bound not in bound or f"${each.bound}::{TYPES[each.ask]}" in sql, (name, each)
    found = connection.sql(f"{sql} limit {ROWS_MAX + 1}", params=bound).to_arrow_table()
    if found.num_rows > ROWS_MAX:
        raise Refused(413, "too_large", f"more than {ROWS_MAX} rows: ask for less")
    return WRITERS[format_](as_columns(found, report.columns), report.columns)
