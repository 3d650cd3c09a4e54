"""Answers to questions, from one shard or merged from several, in the order asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from actors.batcher import Place
from actors.packing import copied, join_arrays, place
from engine.kinds import QuestionKind
from engine.layout import ANSWER, CELL_VIEW, COMMAND, LINE, RESERVATION_VIEW, RESULT
from engine.outcomes import Outcome
from engine.wire import Array, Bytes, Reply


def _none(dtype: np.dtype[np.void]) -> Array:
    return np.empty(0, dtype)


@dataclass(slots=True)
class Answers:
    """What became of questions; the arrays are those of `engine.wire.Reply`."""

    answers: Array
    """ANSWER[q]; outcome UNAVAILABLE or OVERLOADED is no shard's answer"""
    cells: Array = field(default_factory=lambda: _none(CELL_VIEW))
    reservations: Array = field(default_factory=lambda: _none(RESERVATION_VIEW))
    reservation_lines: Array = field(default_factory=lambda: _none(LINE))
    reservation_commands: Array = field(default_factory=lambda: _none(COMMAND))
    commands: Array = field(default_factory=lambda: _none(COMMAND))
    command_results: Array = field(default_factory=lambda: _none(RESULT))
    command_lines: Array = field(default_factory=lambda: _none(LINE))
    heap: Bytes = field(default_factory=lambda: np.empty(0, np.uint8))
    retry_after_ms: int = 0
    """when unanswered questions should be asked again, 0 = there are none"""
    shard: int = -1
    """who answered, when it was one"""


def unanswered(count: int, outcome: Outcome) -> Answers:
    """Questions that no shard has answered."""
    answers = np.zeros(count, ANSWER)
    answers["outcome"] = outcome
    return Answers(answers)


def of_reply(reply: Reply, begin: int, end: int) -> Answers:
    """The answers to questions [begin, end) of a batch; what they point to stays whole."""
    return Answers(
        reply.answers[begin:end],
        reply.cells,
        reply.reservations,
        reply.reservation_lines,
        reply.reservation_commands,
        reply.commands,
        reply.command_results,
        reply.command_lines,
        reply.heap,
    )


@dataclass(slots=True)
class Part:
    """The answers to some of the questions of a request."""

    at: Place
    kinds: npt.NDArray[np.uint8]
    """QuestionKind of each"""
    answers: Answers


def merge(count: int, parts: Sequence[Part]) -> Answers:
    """One answer out of parts that together hold each of `count` questions once."""
    first = parts[0]
    if len(parts) == 1 and isinstance(first.at, slice):
        return first.answers
    answers = np.zeros(count, ANSWER)
    joined = [_shifted(part, [each.answers for each in parts[:i]]) for i, part in enumerate(parts)]
    for part, moved in zip(parts, joined, strict=True):
        place(answers, part.at, moved.answers)
    return Answers(
        answers,
        join_arrays([part.cells for part in joined], CELL_VIEW),
        join_arrays([part.reservations for part in joined], RESERVATION_VIEW),
        join_arrays([part.reservation_lines for part in joined], LINE),
        join_arrays([part.reservation_commands for part in joined], COMMAND),
        join_arrays([part.commands for part in joined], COMMAND),
        join_arrays([part.command_results for part in joined], RESULT),
        join_arrays([part.command_lines for part in joined], LINE),
        np.frombuffer(b"".join(part.heap for part in joined), np.uint8),  # type: ignore[misc]
    )


def _shifted(part: Part, before: Sequence[Answers]) -> Answers:
    """The part as it reads behind those `before`."""
    own = part.answers
    answers, reservations = copied(own.answers), copied(own.reservations)
    made, commands, results = copied(own.reservation_commands), copied(own.commands), copied(own.command_results)
    about_cells = part.kinds == QuestionKind.STOCK
    about_commands = part.kinds == QuestionKind.COMMAND
    offsets = np.full(len(answers), sum(len(each.reservations) for each in before), np.uint32)
    offsets[about_cells] = sum(len(each.cells) for each in before)
    offsets[about_commands] = sum(len(each.commands) for each in before)
    answers["items_at"] += offsets
    reservations["lines_at"] += np.uint32(sum(len(each.reservation_lines) for each in before))
    results["lines_at"] += np.uint32(sum(len(each.command_lines) for each in before))
    texts = np.uint32(sum(len(each.heap) for each in before))
    made["text_at"] += texts
    commands["text_at"] += texts
    return Answers(
        answers,
        own.cells,
        reservations,
        own.reservation_lines,
        made,
        commands,
        results,
        own.command_lines,
        own.heap,
    )
