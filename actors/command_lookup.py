"""What became of a command, by its id: its journaled rows and the results that its caller got, or would have got.

Most commands stand on one shard. One that spanned shards left votes there (rows with PREPARE), and what it
came to is told by the decision at its home, or by the APPLY rows.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import numpy as np

from actors.answers import Answers
from actors.gathering import NO_LINES
from actors.packing import copied, join, join_arrays
from actors.routing import SETTLING
from actors.saga import derived_id, is_commit
from actors.spanning import tell_aborted, whole_state
from engine.kinds import Flag, Kind, QuestionKind, ReservationState
from engine.layout import LINE, NO_WAREHOUSE, QUESTION, RESULT
from engine.outcomes import Outcome
from engine.wire import Array, Bytes

AskAll = Callable[[Array], Awaitable[list[Answers]]]
_MASK = (1 << 64) - 1


class CommandAnswer(NamedTuple):
    """The rows as journaled, in the order sent, what each was answered, and the lines that the results point to."""

    rows: Array
    results: Array
    lines: Array
    heap: Bytes


class ShardAway(Exception):
    """A shard that could know is away, is asked too much, or has not decided yet."""

    def __init__(self, shard: int, outcome: Outcome, retry_after_ms: int) -> None:
        super().__init__(shard)
        self.shard = shard
        self.outcome = outcome
        """UNAVAILABLE or OVERLOADED"""
        self.retry_after_ms = retry_after_ms
        """0 = nobody said"""

    def __str__(self) -> str:
        return f"shard {self.shard} cannot say what became of the command: {self.outcome.text}"


async def find_command(client: int, id_hi: int, id_lo: int, ask_all: AskAll) -> CommandAnswer | None:
    """What became of a command; None when no shard knows it. Raises ShardAway."""
    parts, away = await _find(client, id_hi, id_lo, ask_all)
    for _, part in parts:
        if not part.rows["flags"][0] & Flag.PREPARE:
            return part
    if away:
        raise away[0]
    if not parts:
        return None
    first = parts[0][1].rows[0]
    op, key = int(first["source_key"]) & _MASK, int(first["expected"]) & _MASK
    if first["reservation"] != key:
        # It replaced a reservation: the new one was prepared as an operation of its own.
        others, away = await _find(client, *derived_id(op, key, b"reserve"), ask_all)
        parts += others
        if away:
            raise away[0]
    committed, due_ms = False, 0
    if not _refused([part for _, part in parts]):
        reservations = {int(part.rows["reservation"][0]) for _, part in parts}
        committed, due_ms = await _fate(op, key, reservations, parts[0][0], ask_all)
    return _whole([part for _, part in parts], committed, due_ms)


async def _find(
    client: int, id_hi: int, id_lo: int, ask_all: AskAll
) -> tuple[list[tuple[int, CommandAnswer]], list[ShardAway]]:
    """(shard, what it has under this id) for every shard that has something; and the shards that did not say."""
    question = np.zeros(1, QUESTION)
    question["kind"], question["client"], question["channel"] = QuestionKind.COMMAND, client, NO_WAREHOUSE
    question["key"], question["key_lo"] = id_hi, id_lo
    parts: list[tuple[int, CommandAnswer]] = []
    away: list[ShardAway] = []
    for answers in await ask_all(question):
        answer = answers.answers[0]
        begin = int(answer["items_at"])
        end = begin + int(answer["items_n"])
        if answer["outcome"] > Outcome.OK:
            away.append(ShardAway(answers.shard, Outcome(int(answer["outcome"])), answers.retry_after_ms))
        elif answer["outcome"] == Outcome.OK and end > begin:
            rows, results = answers.commands[begin:end], answers.command_results[begin:end]
            parts.append((answers.shard, CommandAnswer(rows, copied(results), answers.command_lines, answers.heap)))
    return parts, away


def _refused(parts: Sequence[CommandAnswer]) -> bool:
    """Whether some vote was no; a partial reservation only falls when there was nothing at all to hold."""
    rows = np.concatenate([part.rows for part in parts])
    outcomes = np.concatenate([part.results["outcome"] for part in parts])
    refused = outcomes < Outcome.OK
    reserves = rows["kind"] == Kind.RESERVE
    if (rows["flags"][reserves] & Flag.PARTIAL).any() and (outcomes[reserves] == Outcome.OK).any():
        refused &= outcomes != Outcome.INSUFFICIENT_STOCK
    return bool(refused.any())


async def _fate(op: int, key: int, reservations: set[int], shard: int, ask_all: AskAll) -> tuple[bool, int]:
    """Whether a command that these rows agreed to was committed, and with what deadline, 0 for none."""
    decided, away = await _find(0, *derived_id(op, key, Kind.DECIDE.text.encode()), ask_all)
    for _, part in decided:
        due_ms = int(part.results["expires_at_ms"][0])
        return (True, due_ms) if is_commit(part.results[0]) else (False, 0)
    for reservation in sorted(reservations):
        applied, more_away = await _find(0, *derived_id(op, reservation, Kind.APPLY.text.encode()), ask_all)
        away += more_away
        for _, part in applied:
            committed = part.rows["flags"][0] & Flag.COMMIT
            return (True, int(part.rows["due_ms"][0])) if committed else (False, 0)
    raise away[0] if away else ShardAway(shard, Outcome.UNAVAILABLE, 0)


def _whole(parts: Sequence[CommandAnswer], committed: bool, due_ms: int) -> CommandAnswer:
    """The votes as the one answer that they came to by the decision, which has a deadline if it made a reservation.

    Each shard has voted by a clock of its own, so their deadlines may differ by a millisecond; the decision has one.
    """
    rows, heap = join([(part.rows, part.heap) for part in parts])
    results = join_arrays([part.results for part in parts], RESULT)
    settles = bool(np.isin(rows["kind"], SETTLING).all())
    lines = join_arrays([part.lines for part in parts], LINE)
    lines = lines.take(np.argsort(lines["line"], kind="stable"))
    results["lines_at"] = results["lines_n"] = 0
    if not committed:
        tell_aborted(rows, results)
        results["quantity"] = 0
        lines = NO_LINES
    elif settles:
        results["state"] = whole_state(results["state"].tolist())
    else:
        results["state"][rows["kind"] == Kind.RESERVE] = ReservationState.HELD
    if committed and due_ms:
        held = results["state"] == ReservationState.HELD
        results["expires_at_ms"][held] = due_ms
    if settles and len(rows) == len(parts) and len(np.unique(rows[["line", "warehouse"]])) == 1:
        # One row of the caller's, sent to every shard that had a part.
        merged = copied(results[int(np.argmin(results["outcome"])) :][:1])
        merged["quantity"] = results["quantity"].sum()
        rows, results = rows[:1], merged
    elif not settles:
        # First what a new reservation replaces, then its lines.
        order = np.lexsort((rows["line"], rows["kind"] == Kind.RESERVE))
        rows, results = rows.take(order), results.take(order)
    results["lines_n"][int(np.argmax(rows["kind"] == Kind.RESERVE))] = len(lines)
    return CommandAnswer(rows, results, lines, heap)
