"""Looks at all channels every minute, so that what is odd is raised whether anybody reads the list or not.

What is new is said in the log and in `/metrics`, where whoever is on duty is called from. A look of a large shop takes
a second of the processor; whoever reads the list then is shown what was found last instead of a look of his own.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

import duckdb

from analytics.alerts.watching import watch
from analytics.alerts.words import moment_text
from analytics.following import Following

EVERY_S: Final = 60.0
REST: Final = 20.0
"""A look that takes long is rarer: what it took, so many times, is the least from one to the next."""
LAG_S_MAX: Final = 10.0
"""Tables that are further behind the journals do not show that a channel is silent."""
_AT_FIRST_S: Final = 1.0
"""between two tries until the tables have caught up for the first time"""
CHEAP_S: Final = 0.05
"""A look that takes less is made anew for everybody who reads the list."""

_log = logging.getLogger("omnistock.alerts")


class Lookout:
    """A thread of its own from `start` until `stop`."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self._found: list[dict[str, Any]] = []
        self._looked_at = 0.0
        """by the monotonic clock; 0 = never"""
        self._took_s = 0.0
        self._ends = threading.Event()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a look that is under way is given up."""
        self._ends.set()
        while self._thread.is_alive():
            if (connection := self._connection) is not None:
                with contextlib.suppress(duckdb.Error):
                    connection.interrupt()
            self._thread.join(0.05)

    def odd(self) -> list[tuple[str, str]]:
        """(channel, kind) of what was found last."""
        return [(alert["channel"], alert["kind"]) for alert in self._found]

    def looked_s(self) -> float | None:
        """How long ago; None: it has not."""
        return time.monotonic() - self._looked_at if self._looked_at else None

    def lately(self) -> Sequence[dict[str, Any]] | None:
        """What was found last, as `watching.watch` says it; None where whoever asks should look himself."""
        looked_s = self.looked_s()
        fresh = looked_s is not None and looked_s < EVERY_S + REST * self._took_s
        return self._found if fresh and self._took_s >= CHEAP_S else None

    def look(self, now_ms: int) -> None:
        """Once, unless the tables are behind."""
        if not self._following.caught_up or max(self._following.lag_s(), default=0.0) > LAG_S_MAX:
            return
        began = time.monotonic()
        with closing(self._following.store.cursor()) as connection:
            self._connection = connection
            try:
                found = watch(connection, moment_text(now_ms), now_ms, None)
            finally:
                self._connection = None
        before = {alert["id"] for alert in self._found}
        for alert in found:
            if alert["id"] not in before:
                _log.warning(
                    "channel %s: %s: %s found, %s usual", alert["channel"], alert["kind"], alert["found"],
                    alert["expected"], extra={"alert": alert["id"]},
                )  # fmt: skip
        self._found, self._took_s = found, time.monotonic() - began
        self._looked_at = time.monotonic()

    def _run(self) -> None:
        wait_s = _AT_FIRST_S
        while not self._ends.wait(wait_s):
            wait_s = EVERY_S
            try:
                self.look(int(time.time() * 1000))
            except duckdb.InterruptException:
                continue
            except duckdb.Error:
                _log.exception("the channels could not be looked at")
            else:
                wait_s = max(EVERY_S, REST * self._took_s) if self._looked_at else _AT_FIRST_S
