"""Was anything lost, doubled, oversold or halved? Judged by the feed and by what clients wrote down, and nothing else.

Shares no code with the engine. Every statement says how many things it was held against: one about nothing proves
nothing. `gather` asks the engine, when all is quiet again, for its feed, its stock and its reservations, and sends
every call once more by the same id; `judge` only reads.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from tests.e2e.chaos.load import NOT_PINNED, Attempt, Call, Caller

Event = dict[str, Any]
Effect = tuple[str, str, str, int]
"""(kind, sku, warehouse, units): of one event, signed as the feed has it"""
PATIENCE_S: Final = 60.0
AGAIN_MAX: Final = 1_500
LOOKUPS_MAX: Final = 300
RESERVATIONS_MAX: Final = 600
"""So many are asked for at least, of all if there are fewer: the engine's machine is slow after so much havoc."""
_AT_ONCE: Final = 4
_READINGS_MAX: Final = 30
_EXAMPLES: Final = 5
_BOUND: Final = ("reserve", "sell", "transfer")
"""Kinds that never take a cell below its bound."""
_ON_HAND: Final = {"receive": 1, "adjust": 1, "transfer": 1, "sell": 1, "fulfil": 1, "return": 1}
_RESERVED: Final = {"reserve": 1, "release": 1, "expire": 1, "fulfil": 1}


@dataclass(slots=True)
class Evidence:
    """What there is to judge by."""

    calls: Sequence[Call]
    """every attempt that was made during the load"""
    again: Sequence[Attempt | None]
    """calls sent once more in the quiet after it, by the same ids: all that were never answered, and many others"""
    events: Sequence[Event]
    stock: dict[tuple[str, str], tuple[int, int, int]]
    """on_hand, reserved, available as the engine says, by (sku, warehouse)"""
    reservations: dict[str, Any]
    """some, as the engine says, by id"""
    lookups: dict[str, Any]
    """what the engine says became of some commands, by their ids"""

    def answers(self) -> Iterator[tuple[Call, Attempt]]:
        """Every call with the answer that counts."""
        for call, again in zip(self.calls, self.again, strict=True):
            answer = call.answer if again is None else again
            assert answer is not None
            yield call, answer


@dataclass(slots=True)
class Check:
    """One statement."""

    statement: str
    looked_at: int = 0
    wrong: list[str] = field(default_factory=list)

    def hold(self, true: bool, *words: object) -> None:
        """Held against one thing; the words say what is wrong if it is."""
        self.looked_at += 1
        if not true:
            self.wrong.append(" ".join(map(str, words)))

    def __str__(self) -> str:
        """A line of the table."""
        mark = "holds" if not self.wrong else f"WRONG {len(self.wrong)} times"
        examples = "".join(f"\n      {words[:600]}" for words in self.wrong[:_EXAMPLES])
        return f"{self.looked_at:>8}  {self.statement}: {mark}{examples}"


# ---- Collecting


def gather(address: tuple[str, int], key: str, calls: Sequence[Call], skus: Sequence[str]) -> Evidence:
    """Ask for everything; the engine must be whole again and nobody else may be sending."""
    every = max(1, len(calls) // AGAIN_MAX)
    repeated = [at for at, call in enumerate(calls) if call.answer is None or at % every == 0]
    answers = _each(address, key, [calls[at] for at in repeated], _once_more)
    again: list[Attempt | None] = [None] * len(calls)
    for at, answer in zip(repeated, answers, strict=True):
        again[at] = answer
    # What was asked for again may expire a second later: only what was read between two events is of one moment.
    caller = Caller(address, key)
    events, cursor = _feed(caller, "")
    for _ in range(_READINGS_MAX):
        stock = _stock(caller, skus)
        known = sorted({event["reservation"] for event in events if event.get("reservation")})
        known = known[:: max(1, len(known) // RESERVATIONS_MAX)]
        reservations = dict(zip(known, _each(address, key, known, _reservation), strict=True))
        later, cursor = _feed(caller, cursor)
        if not later:
            break
        events += later
    else:
        raise AssertionError("there is always something happening")
    caller.close()
    ids = [command_id for call in calls for command_id in call.ids]
    ids = ids[:: max(1, len(ids) // LOOKUPS_MAX)]
    return Evidence(
        calls,
        again,
        events,
        stock,
        reservations,
        dict(zip(ids, _each(address, key, ids, _command), strict=True)),
    )


def _each(address: tuple[str, int], key: str, things: Sequence[Any], ask: Any) -> list[Any]:
    """In the order of the things, by a few callers at a time."""

    def work(part: int) -> list[Any]:
        caller = Caller(address, key)
        found = [ask(caller, thing) for thing in things[part::_AT_ONCE]]
        caller.close()
        return found

    answers: list[Any] = [None] * len(things)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for part, found in enumerate(pool.map(work, range(_AT_ONCE))):
            answers[part::_AT_ONCE] = found
    return answers


def _once_more(caller: Caller, call: Call) -> Attempt:
    return caller.until_answered("POST", call.path, call.body, call.key, PATIENCE_S)


def _reservation(caller: Caller, reservation: str) -> Any:
    return caller.until_answered("GET", f"/v1/reservations/{reservation}", None, None, PATIENCE_S).body


def _command(caller: Caller, command_id: str) -> Any:
    return caller.until_answered("GET", f"/v1/commands/{command_id}", None, None, PATIENCE_S).body


def _stock(caller: Caller, skus: Sequence[str]) -> dict[tuple[str, str], tuple[int, int, int]]:
    items = _got(caller.until_answered("POST", "/v1/stock:query", {"skus": list(skus)}, None, PATIENCE_S))["items"]
    return {
        (item["sku"], cell["warehouse"]): (cell["on_hand"], cell["reserved"], cell["available"])
        for item in items
        for cell in item["cells"]
    }


def _feed(caller: Caller, after: str) -> tuple[list[Event], str]:
    """The events behind a cursor, and the cursor behind them."""
    events: list[Event] = []
    while True:
        path = f"/v1/feed?limit=1000&after={after}" if after else "/v1/feed?limit=1000"
        page = _got(caller.until_answered("GET", path, None, None, PATIENCE_S))
        events += page["events"]
        if page["next_cursor"] == after:
            return events, after
        after = page["next_cursor"]


def _got(attempt: Attempt) -> Any:
    assert attempt.status == 200, attempt
    return attempt.body


# ---- Judging


def judge(evidence: Evidence) -> list[Check]:
    """Every statement, with what contradicts it."""
    effects: dict[str, list[Event]] = defaultdict(list)
    for event in evidence.events:
        # That a count left a cell below its bound is said beside it, and is no effect.
        if event["command_id"] is not None and event["kind"] != "short":
            effects[event["command_id"]].append(event)
    return [
        *_conservation(evidence),
        _order(evidence.events),
        _known(evidence, effects),
        _one_answer(evidence),
        _resolved(evidence),
        _looked_up(evidence),
        _one_effect(evidence, effects),
        _all_or_nothing(evidence, effects),
        _reservations(evidence),
    ]


def _conservation(evidence: Evidence) -> Iterator[Check]:
    # What is prepared for a command over several shards is reserved already, and on the feed when it is decided.
    counters = Check("on_hand on every event is that of the fold of all before it, reserved at least that")
    # One over several shards may find, when it is decided, that a count came after its vote: it took nothing then.
    oversold = Check("no reservation, sale or transfer took a cell below nothing, or further below")
    stock = Check("the stock is what came in less what went out, cell by cell")
    fold: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    available: dict[tuple[str, str], int] = defaultdict(int)
    for event in evidence.events:
        place = event["sku"], event["warehouse"]
        cell = fold[place]
        cell[0] += _ON_HAND.get(event["kind"], 0) * event["quantity"]
        cell[1] += _RESERVED.get(event["kind"], 0) * event["quantity"]
        counters.hold(
            event["on_hand"] == cell[0]
            and event["reserved"] >= cell[1] >= 0
            and event["available"] == event["on_hand"] - event["reserved"],
            *(cell, event),
        )
        if event["kind"] in _BOUND and not (event["kind"] == "transfer" and event["quantity"] > 0):
            oversold.hold(event["available"] >= min(0, available[place]), available[place], event)
        available[place] = event["available"]
    for place in fold.keys() | evidence.stock.keys():
        on_hand, reserved = fold[place]
        said = evidence.stock.get(place)
        stock.hold(said == (on_hand, reserved, on_hand - reserved), place, said, fold[place])
    yield from (counters, oversold, stock)


def _order(events: Sequence[Event]) -> Check:
    check = Check("the feed has every shard's records in order")
    last: dict[int, int] = {}
    for event in events:
        check.hold(event["seq"] >= last.get(event["shard"], 0), event)
        last[event["shard"]] = event["seq"]
    return check


def _known(evidence: Evidence, effects: dict[str, list[Event]]) -> Check:
    check = Check("every event has a command that was sent, or is an expiry")
    sent = {command_id for call in evidence.calls for command_id in call.ids}
    for command_id, events in effects.items():
        check.hold(command_id in sent, events)
    return check


def _one_answer(evidence: Evidence) -> Check:
    check = Check("an id has one answer, however often and whenever it is sent")
    for call, again in zip(evidence.calls, evidence.again, strict=True):
        answers = [attempt for attempt in (*call.attempts, again) if attempt is not None and attempt.answered]
        for other in answers[1:]:
            same = (answers[0].status, answers[0].body) == (other.status, other.body)
            check.hold(same, call.kind, call.ids, answers[0], other)
        # Rows that a shard decided keep their answers also where the others of their request got none.
        final = {} if again is None else {row["id"]: row for row in _rows(again)}
        for attempt in call.attempts:
            for row in _rows(attempt) if final and not attempt.answered else ():
                if row["outcome"] not in NOT_PINNED:
                    check.hold(row == final.get(row["id"]), call.kind, row, final.get(row["id"]))
    return check


def _resolved(evidence: Evidence) -> Check:
    check = Check("every unknown becomes known")
    for call, again in zip(evidence.calls, evidence.again, strict=True):
        if again is not None:
            check.hold(again.answered, call.kind, call.ids, again)
    return check


def _looked_up(evidence: Evidence) -> Check:
    check = Check("GET /v1/commands/{id} tells the outcome that was answered")
    for call, again in evidence.answers():
        outcomes = _outcomes(call, again)
        for command_id, outcome in outcomes.items():
            if command_id in evidence.lookups:
                found = evidence.lookups[command_id] or {}
                check.hold(found.get("outcome") == outcome, call.kind, command_id, outcome, found)
    return check


def _one_effect(evidence: Evidence, effects: dict[str, list[Event]]) -> Check:
    check = Check("an accepted command has its whole effect exactly once, a refused one none")
    for call, again in evidence.answers():
        for command_id, wanted in _wanted(call, again):
            found = Counter(map(_effect, effects.get(command_id, ())))
            check.hold(found == Counter(wanted), call.kind, command_id, wanted, dict(found), again)
    return check


def _all_or_nothing(evidence: Evidence, effects: dict[str, list[Event]]) -> Check:
    check = Check("the lines of a reservation, and the rows of a group, stand or fall together")
    for call, again in evidence.answers():
        if call.kind in ("reserve group", "sell group"):
            outcomes = set(_outcomes(call, again).values())
            moved = [bool(effects.get(command_id)) for command_id in call.ids]
            check.hold("ok" not in outcomes or outcomes == {"ok"}, call.kind, outcomes, call.ids)
            check.hold(len(set(moved)) == 1, call.kind, moved, call.ids)
        elif call.kind in ("reserve one", "reserve many"):
            asked = Counter[str]()
            for line in call.body["lines"]:
                asked[line["sku"]] += line["quantity"]
            held = Counter[str]()
            for event in effects.get(call.ids[0], ()):
                held[event["sku"]] += event["quantity"]
            check.hold(not held or held == asked, call.kind, call.ids, asked, held)
    return check


def _reservations(evidence: Evidence) -> Check:
    check = Check("a reservation is what the feed says happened to it, and one state on all its shards")
    fold: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    kinds: dict[str, set[str]] = defaultdict(set)
    for event in evidence.events:
        reservation = event.get("reservation")
        if reservation:
            kinds[reservation].add(event["kind"])
            if event["kind"] in _RESERVED:
                fold[reservation][event["sku"], event["warehouse"]] += event["quantity"]
    for reservation, said in evidence.reservations.items():
        left = fold[reservation]
        if "lines" not in said:
            check.hold(False, reservation, "is not there:", said, kinds[reservation])
            continue
        remaining = Counter[tuple[str, str]]()
        for line in said["lines"]:
            remaining[line["sku"], line["warehouse"]] += line["remaining"]
        check.hold(+remaining == +left and min(left.values()) >= 0, said, left)
        ends = kinds[reservation] & {"fulfil", "release", "expire"}
        state = {"fulfil": "fulfilled", "release": "released", "expire": "expired"}
        # Only whole reservations are ended here, so there is one end or none.
        expected = {state[end] for end in ends} or {"confirmed" if "confirm" in kinds[reservation] else "held"}
        check.hold(expected == {said["state"]}, expected, said)
        check.hold(bool(ends) == (not +left), ends, said, left)
    return check


# ---- What a call should have done


def _wanted(call: Call, answer: Attempt) -> Iterator[tuple[str, list[Effect]]]:
    """By command id, the effects that the answer says there are."""
    if call.key is not None:
        yield call.key, _wanted_of_single(call, answer)
        return
    for row, result in zip(call.body, _rows(answer), strict=True):
        if result["outcome"] != "ok":
            yield row["id"], []
        elif row["kind"] == "reserve" and "warehouse" not in row:
            continue  # where it was sourced stands on the reservation; `_all_or_nothing` and the fold see to the sum
        else:
            yield row["id"], _wanted_of_row(row)


def _wanted_of_single(call: Call, answer: Attempt) -> list[Effect]:
    if answer.status not in (200, 201):
        return []
    lines = answer.body["lines"]
    if call.path == "/v1/reservations":
        return [("reserve", line["sku"], line["warehouse"], line["quantity"]) for line in lines]
    sign, counter = {"confirm": (1, "remaining"), "release": (-1, "released"), "fulfil": (-1, "fulfilled")}[call.kind]
    return [(call.kind, line["sku"], line["warehouse"], sign * line[counter]) for line in lines]


def _wanted_of_row(row: dict[str, Any]) -> list[Effect]:
    kind, sku, place = row["kind"], row["sku"], row["warehouse"]
    if kind == "adjust":
        return [(kind, sku, place, row["delta"])]
    quantity = row["quantity"]
    if kind == "transfer":
        return [(kind, sku, place, -quantity), (kind, sku, row["to_warehouse"], quantity)]
    return [(kind, sku, place, -quantity if kind == "sell" else quantity)]


def _effect(event: Event) -> Effect:
    return event["kind"], event["sku"], event["warehouse"], event["quantity"]


def _rows(attempt: Attempt) -> list[dict[str, Any]]:
    found = attempt.body.get("results", []) if isinstance(attempt.body, dict) else []
    return list(found)


def _outcomes(call: Call, answer: Attempt) -> dict[str, str]:
    if call.key is None:
        return {row["id"]: row["outcome"] for row in _rows(answer)}
    return {call.key: "ok" if answer.status in (200, 201) else answer.body["code"]}


def table(checks: Iterable[Check]) -> str:
    """For people."""
    return "\n".join(str(check) for check in checks)
