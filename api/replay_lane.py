"""One lane of the replay: its lines in order, one request after the other, and what follows on each reservation.

A lane has at most one request in flight, so it knows in which order its rows were asked; what it cannot know is
noted: a row that had to be sent again carries the position of its first attempt and of its last.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analytics.retailer import Fate
from api import arrow_client
from api.engine_client import PATIENCE_S, EngineClient, NotServed

NOT_AFTER_MS: Final = 600_000
"""Commands may run this long after they were sent: a stopped shard must not turn them into `too_late`."""

_NEXT: Final[dict[tuple[str, str], tuple[str, int | None]]] = {
    # (fate, what was just done) -> what is done next, and to which line
    (Fate.FETCHED, "reserve"): ("confirm", None),
    (Fate.FETCHED, "confirm"): ("fulfil", None),
    (Fate.GIVEN_BACK, "reserve"): ("release", None),
    (Fate.IN_PART, "reserve"): ("confirm", None),
    (Fate.IN_PART, "confirm"): ("fulfil", 0),
    (Fate.IN_PART, "fulfil"): ("release", None),
}


@dataclass(slots=True)
class Ledger:
    """What was asked and answered, over all lanes; line arrays are indexed as the plan's lines."""

    outcome: npt.NDArray[np.object_]
    available: npt.NDArray[np.int64]
    first_at: npt.NDArray[np.int64]
    last_at: npt.NDArray[np.int64]
    follow_ups: list[tuple[str, str, str, str, int, int]] = field(default_factory=list)
    """id, kind, basket, outcome, first_at, last_at"""
    reservations: dict[str, str] = field(default_factory=dict)
    """basket -> the id that the engine gave"""
    sent_again: int = 0
    """requests that had to be sent again, whole or in part"""

    @classmethod
    def empty(cls, lines: int) -> "Ledger":
        """Nothing asked yet."""
        return cls(
            np.full(lines, None, object),
            np.full(lines, -1, np.int64),
            np.zeros(lines, np.int64),
            np.zeros(lines, np.int64),
        )


@dataclass(frozen=True, slots=True)
class Work:
    """The lines of all lanes, as lanes read them."""

    rows: Any
    """the table of commands"""
    basket: npt.NDArray[np.int32]
    """of each line, as a number"""
    names: list[str]
    """of each basket"""
    fates: list[str]
    """of each basket"""
    moments: npt.NDArray[np.datetime64]
    """of each basket: when its customer bought"""


@dataclass(frozen=True, slots=True)
class _FollowUp:
    basket: int
    kind: str
    line: int | None

    def command(self, work: Work, reservation: str, not_after: str) -> dict[str, Any]:
        """The command as JSON; its id says what it is, so sending it again is the same command."""
        command = {
            "id": f"{work.names[self.basket]}.{self.kind}",
            "kind": self.kind,
            "reservation": reservation,
            "occurred_at": f"{np.datetime_as_string(work.moments[self.basket], 'ms')}Z",
            "not_after": not_after,
        }
        return command if self.line is None else command | {"line": self.line}


class Lane:
    """Sends the lines of one lane; a Ledger takes what comes back."""

    def __init__(
        self,
        client: EngineClient,
        work: Work,
        ledger: Ledger,
        span: tuple[int, int],
        *,
        request_rows: int,
        done: Callable[[int], None],
    ) -> None:
        """`span`: first line and the one after the last; `done` is told how many rows were decided."""
        self._client, self._work, self._ledger = client, work, ledger
        self._span, self._request_rows, self._done = span, request_rows, done
        self._position = 0
        self._due: deque[_FollowUp] = deque()

    async def run(self) -> None:
        """Send everything; raises NotServed when the engine stayed away for longer than PATIENCE_S."""
        at, end = self._span
        while at < end:
            stop = self._cut(at)
            await self._follow_up()
            await self._send(at, stop)
            at = stop
        while self._due:
            await self._follow_up()

    def _cut(self, at: int) -> int:
        """The end of a request that begins at `at`: about as long as wished, and never inside a basket."""
        end = self._span[1]
        basket = self._work.basket
        stop = min(at + self._request_rows, end)
        while stop < end and basket[stop - 1] == basket[stop]:
            stop += 1
        return stop

    def _positions(self, count: int) -> npt.NDArray[np.int64]:
        first = self._position + 1
        self._position += count
        return np.arange(first, first + count)

    async def _send(self, first: int, stop: int) -> None:
        """One request, and again whatever of it no shard decided; a basket is always sent whole."""
        ledger, basket = self._ledger, self._work.basket
        patience = _Patience()
        waiting = np.arange(first, stop)
        while waiting.size:
            positions = self._positions(waiting.size)
            ledger.last_at[waiting] = positions
            ledger.first_at[waiting] = np.where(ledger.first_at[waiting] == 0, positions, ledger.first_at[waiting])
            rows = arrow_client.take(self._work.rows, waiting)
            try:
                answers = await self._client.commands(rows, int(time.time() * 1000) + NOT_AFTER_MS)
            except NotServed as failed:
                ledger.sent_again += 1
                await patience.wait(failed)
                continue
            ledger.outcome[waiting] = answers.outcomes
            ledger.available[waiting] = answers.available
            again = np.isin(basket[waiting], basket[waiting[~answers.pinned]])
            self._note_reservations(waiting, answers.reservations, ~again)
            self._done(int(waiting.size - again.sum()))
            if again.all():
                await patience.wait(NotServed("all rows belong to shards that are away", 0.2))
            else:
                patience = _Patience()
            ledger.sent_again += bool(again.any())
            waiting = waiting[again]

    def _note_reservations(
        self, lines: npt.NDArray[np.int64], reservations: npt.NDArray[np.object_], decided: npt.NDArray[np.bool_]
    ) -> None:
        """Remember each new reservation, once, and what its customer does next."""
        accepted = decided & (self._ledger.outcome[lines] == "ok")
        for at in np.flatnonzero(accepted).tolist():
            reservation = reservations[at]
            basket = int(self._work.basket[lines[at]])
            if reservation is None or self._work.fates[basket] == Fate.TILL:
                continue
            name = self._work.names[basket]
            if name not in self._ledger.reservations:
                self._ledger.reservations[name] = reservation
                self._follow(basket, "reserve")

    def _follow(self, basket: int, done: str) -> None:
        following = _NEXT.get((self._work.fates[basket], done))
        if following is not None:
            self._due.append(_FollowUp(basket, *following))

    async def _follow_up(self) -> None:
        """One request with the next step of every reservation that has one."""
        ledger, names = self._ledger, self._work.names
        waiting = [self._due.popleft() for _ in range(min(len(self._due), self._request_rows))]
        patience = _Patience()
        firsts: dict[str, int] = {}
        while waiting:
            not_after = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + NOT_AFTER_MS / 1000))
            commands = [
                each.command(self._work, ledger.reservations[names[each.basket]], not_after) for each in waiting
            ]
            positions = self._positions(len(commands)).tolist()
            for command, position in zip(commands, positions, strict=True):
                firsts.setdefault(command["id"], position)
            try:
                results = await self._client.commands_json(commands)
            except NotServed as failed:
                ledger.sent_again += 1
                await patience.wait(failed)
                continue
            again = []
            for each, command, result, position in zip(waiting, commands, results, positions, strict=True):
                outcome = result["outcome"]
                if outcome in arrow_client.NOT_PINNED:
                    again.append(each)
                    continue
                first = firsts[command["id"]]
                ledger.follow_ups.append((command["id"], each.kind, names[each.basket], outcome, first, position))
                if outcome == "ok":
                    self._follow(each.basket, each.kind)
            if len(again) == len(waiting):
                await patience.wait(NotServed("all rows belong to shards that are away", 0.2))
            else:
                patience = _Patience()
            ledger.sent_again += bool(again)
            waiting = again


class _Patience:
    """Waits between attempts; gives up after PATIENCE_S in which nothing was decided."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def wait(self, failed: NotServed) -> None:
        """Sleep as long as was asked for, at most a second; raises what failed when patience is at its end."""
        if time.monotonic() - self._since > PATIENCE_S:
            raise failed
        await asyncio.sleep(min(failed.retry_after_s, 1.0))
