"""A shard in plain Python that knows holds, sales and the three steps of a command over several shards.

For tests of the saga alone: dicts, slow, obvious. It follows the same rules as the kernels and can be told to
lose messages by whoever carries them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.kinds import Flag, Kind, QuestionKind, ReservationState, ResultFlag
from engine.layout import ANSWER, COMMAND, LINE, QUANTITY_SCALE, RESERVATION_VIEW, RESULT
from engine.outcomes import Outcome
from engine.wire import Array, Reply, ShardState

_GROUPED = (Kind.RESERVE, Kind.SELL, Kind.RELEASE, Kind.FULFIL)


@dataclass
class Line:
    sku: int
    quantity: int
    fulfilled: int = 0
    released: int = 0

    @property
    def remaining(self) -> int:
        return self.quantity - self.fulfilled - self.released


@dataclass
class Part:
    """What the shard has of one reservation."""

    partition: int
    state: ReservationState
    made: np.void
    lines: dict[int, Line] = field(default_factory=dict)
    expires_at_ms: int = 0
    pending: int = 0
    """the command that is prepared, 0 = none"""
    prepared: list[np.void] = field(default_factory=list)


class FakeShard:
    def __init__(self, shard: int, stock: dict[int, int]) -> None:
        self.shard = shard
        self.on_hand = dict(stock)
        self.reserved = dict.fromkeys(stock, 0)
        self.sold = dict.fromkeys(stock, 0)
        self.parts: dict[int, Part] = {}
        self.answers: dict[tuple[int, int], tuple[Array, list[Array]]] = {}
        self.now_ms = 1_000

    def decide(self, rows: Array) -> tuple[Array, Array]:
        results = np.zeros(len(rows), RESULT)
        lines: list[Array] = []
        for begin, end in _units(rows):
            unit = rows[begin:end]
            own, own_lines = self._once(unit)
            for result, of in zip(own, own_lines, strict=True):
                result["lines_at"], result["lines_n"] = sum(map(len, lines)), len(of)
                lines.append(of)
            results[begin:end] = own
        return results, np.concatenate([np.empty(0, LINE), *lines])

    def _once(self, unit: Array) -> tuple[Array, list[Array]]:
        key = (int(unit["id_hi"][0]), int(unit["id_lo"][0]))
        if key in self.answers:
            results, lines = self.answers[key]
            results = results.copy()
            results["flags"] |= np.uint8(ResultFlag.REPLAYED)
            return results, lines
        results = np.zeros(len(unit), RESULT)
        lines = [np.empty(0, LINE)] * len(unit)
        if (unit["not_after_ms"] < self.now_ms).any():
            results["outcome"] = Outcome.TOO_LATE
        elif unit["kind"][0] == Kind.DECIDE:
            results["outcome"] = Outcome.OK
            committed = bool(unit["flags"][0] & Flag.COMMIT)
            results["state"] = ReservationState.HELD if committed else ReservationState.RELEASED
            results["expires_at_ms"] = unit["due_ms"]
        elif unit["kind"][0] == Kind.APPLY:
            results["outcome"] = Outcome.OK
            self._apply(unit[0])
        else:
            lines = self._run(unit, results)
        self.answers[key] = (results, lines)
        return results, lines

    def _run(self, unit: Array, results: Array) -> list[Array]:
        prepare = bool(unit["flags"][0] & Flag.PREPARE)
        taken: dict[int, int] = {}
        for row, result in zip(unit, results, strict=True):
            result["outcome"] = self._check(row, taken)
            result["reservation"], result["partition"] = row["reservation"], row["partition"]
        if (results["outcome"] != Outcome.OK).any():
            results["outcome"][results["outcome"] == Outcome.OK] = Outcome.GROUP_FAILED
            return [self._lines(int(row["reservation"])) for row in unit]
        before = {key: (part.state, part.expires_at_ms) for key, part in self.parts.items()}
        for row, result in zip(unit, results, strict=True):
            self._hold(row, result)
            if not prepare:
                self._carry_out(row)
        shown = [self._projected(row) if prepare else self._lines(int(row["reservation"])) for row in unit]
        for key in set(unit["reservation"].tolist()) if prepare else ():
            part = self.parts[key]
            part.pending = int(unit["source_key"][0])
            part.prepared = [row for row in unit if row["reservation"] == key]
            if key in before:
                part.state, part.expires_at_ms = before[key]
        return [of if row["flags"] & Flag.WANT_LINES else of[:0] for row, of in zip(unit, shown, strict=True)]

    def _check(self, row: np.void, taken: dict[int, int]) -> Outcome:
        if row["kind"] in (Kind.RESERVE, Kind.SELL):
            sku, quantity = int(row["sku_key"]), int(row["quantity"]) // QUANTITY_SCALE
            if sku not in self.on_hand:
                return Outcome.UNKNOWN_SKU
            if self.on_hand[sku] - self.reserved[sku] - taken.get(sku, 0) < quantity:
                return Outcome.INSUFFICIENT_STOCK
            taken[sku] = taken.get(sku, 0) + quantity
            return Outcome.OK
        part = self.parts.get(int(row["reservation"]))
        if part is None:
            return Outcome.UNKNOWN_RESERVATION
        if part.pending:
            return Outcome.CONFLICT
        wanted = ReservationState.CONFIRMED if row["kind"] == Kind.FULFIL else ReservationState.HELD
        allowed = (wanted, ReservationState.CONFIRMED) if row["kind"] == Kind.RELEASE else (wanted,)
        return Outcome.OK if part.state in allowed else Outcome.RESERVATION_CLOSED

    def _hold(self, row: np.void, result: np.void) -> None:
        key = int(row["reservation"])
        if row["kind"] in (Kind.RESERVE, Kind.SELL):
            quantity = int(row["quantity"]) // QUANTITY_SCALE
            self.reserved[int(row["sku_key"])] += quantity
            part = self.parts.setdefault(key, Part(int(row["partition"]), ReservationState.PREPARED, row))
            number = int(row["line"]) if row["kind"] == Kind.RESERVE else len(part.lines)
            part.lines[number] = Line(int(row["sku_key"]), quantity)
            part.expires_at_ms = self.now_ms + int(row["ttl_s"]) * 1000 if row["ttl_s"] else 0
            result["quantity"], result["expires_at_ms"] = quantity, part.expires_at_ms
        else:
            part = self.parts[key]
            result["quantity"] = sum(line.remaining for line in self._meant(part, row))
            if row["kind"] == Kind.EXTEND:
                result["expires_at_ms"] = max(part.expires_at_ms, self.now_ms + int(row["ttl_s"]) * 1000)
            state = {Kind.CONFIRM: ReservationState.CONFIRMED, Kind.EXTEND: ReservationState.HELD}.get(row["kind"])
            closed = ReservationState.FULFILLED if row["kind"] == Kind.FULFIL else ReservationState.RELEASED
            result["state"] = state or closed

    def _meant(self, part: Part, row: np.void) -> list[Line]:
        return [line for number, line in part.lines.items() if row["line"] in (-1, number)]

    def _carry_out(self, row: np.void) -> None:
        """Do for good what was checked, or prepared."""
        key, kind = int(row["reservation"]), row["kind"]
        part = self.parts.get(key)
        assert part is not None
        if kind == Kind.RESERVE:
            part.state = ReservationState.HELD
        elif kind == Kind.SELL:
            for line in part.lines.values():
                self._take(line.sku, line.quantity, sold=True)
            del self.parts[key]
        elif kind == Kind.CONFIRM:
            part.state, part.expires_at_ms = ReservationState.CONFIRMED, 0
        elif kind == Kind.EXTEND:
            part.expires_at_ms = max(part.expires_at_ms, int(row["due_ms"]))
        else:
            for line in self._meant(part, row):
                self._take(line.sku, line.remaining, sold=kind == Kind.FULFIL)
                line.fulfilled += line.remaining if kind == Kind.FULFIL else 0
                line.released += line.remaining
            if not any(line.remaining for line in part.lines.values()):
                fulfilled = any(line.fulfilled for line in part.lines.values())
                part.state = ReservationState.FULFILLED if fulfilled else ReservationState.RELEASED

    def _take(self, sku: int, quantity: int, sold: bool) -> None:
        self.reserved[sku] -= quantity
        if sold:
            self.on_hand[sku] -= quantity
            self.sold[sku] += quantity

    def _apply(self, row: np.void) -> None:
        key = int(row["reservation"])
        part = self.parts.get(key)
        if part is None or part.pending != int(row["source_key"]):
            return
        prepared, part.prepared, part.pending = part.prepared, [], 0
        if row["flags"] & Flag.COMMIT:
            for each in prepared[: 1 if prepared[0]["kind"] == Kind.SELL else None]:
                each = each.copy()
                each["due_ms"] = row["due_ms"]
                self._carry_out(each)
            if prepared[0]["kind"] == Kind.RESERVE:
                part.expires_at_ms = int(row["due_ms"])
        elif prepared[0]["kind"] in (Kind.RESERVE, Kind.SELL):
            for line in part.lines.values():
                self.reserved[line.sku] -= line.quantity
            del self.parts[key]

    def _lines(self, key: int) -> Array:
        part = self.parts.get(key)
        lines = np.zeros(len(part.lines) if part else 0, LINE)
        for row, (number, line) in zip(lines, (part.lines if part else {}).items(), strict=True):
            row["reservation"], row["line"], row["sku_key"] = key, number, line.sku
            row["requested"] = row["quantity"] = line.quantity
            row["fulfilled"], row["released"], row["outcome"] = line.fulfilled, line.released, Outcome.OK
        return lines

    def _projected(self, row: np.void) -> Array:
        """The lines as they will be if the decision is to go ahead."""
        lines = self._lines(int(row["reservation"]))
        if row["kind"] in (Kind.RELEASE, Kind.FULFIL):
            meant = (lines["line"] == row["line"]) | (row["line"] == -1)
            name = "released" if row["kind"] == Kind.RELEASE else "fulfilled"
            lines[name][meant] = (lines["quantity"] - lines["fulfilled"] - lines["released"])[meant]
        return lines

    def expire(self, now_ms: int) -> None:
        """What is held beyond its deadline is given back; what is prepared is pinned."""
        self.now_ms = max(self.now_ms, now_ms)
        for part in self.parts.values():
            due = part.state == ReservationState.HELD and 0 < part.expires_at_ms <= self.now_ms
            if due and not part.pending:
                for line in part.lines.values():
                    self.reserved[line.sku] -= line.remaining
                    line.released += line.remaining
                part.state = ReservationState.EXPIRED

    def ask(self, questions: Array) -> Reply:
        answers = np.zeros(len(questions), ANSWER)
        views: list[np.void] = []
        lines: list[Array] = []
        made: list[np.void] = []
        for question, answer in zip(questions, answers, strict=True):
            answer["outcome"], answer["items_at"] = Outcome.OK, len(views)
            if question["kind"] == QuestionKind.COMMAND:
                known = (int(question["key"]), int(question["key_lo"])) in self.answers
                answer["outcome"] = Outcome.OK if known else Outcome.ID_TOO_OLD
                continue
            for key, part in self.parts.items():
                wanted = key == question["key"] if question["kind"] == QuestionKind.RESERVATION else bool(part.prepared)
                if wanted:
                    view = np.zeros(1, RESERVATION_VIEW)[0]
                    view["reservation"], view["partition"], view["state"] = key, part.partition, part.state
                    view["expires_at_ms"] = part.expires_at_ms
                    view["lines_at"], view["lines_n"] = sum(map(len, lines)), len(part.lines)
                    view["position"] = part.pending & (1 << 64) - 1
                    views.append(view)
                    lines.append(self._lines(key))
                    made.append(part.prepared[0] if part.prepared else part.made)
            answer["items_n"] = len(views) - int(answer["items_at"])
        return Reply(
            ShardState.READY,
            1,
            1,
            answers=answers,
            reservations=np.array(views, RESERVATION_VIEW),
            reservation_lines=np.concatenate([np.empty(0, LINE), *lines]),
            reservation_commands=np.array(made, COMMAND),
        )


def _units(rows: Array) -> Iterator[tuple[int, int]]:
    begin = 0
    while begin < len(rows):
        end = begin + 1
        while end < len(rows) and rows["group"][begin] and rows["group"][end] == rows["group"][begin]:
            end += 1
        yield begin, end
        begin = end


def total(shards: Sequence[FakeShard], name: str) -> int:
    """Sum of a counter over all shards and goods."""
    found: int = sum(sum(getattr(shard, name).values()) for shard in shards)
    return found
