"""What must be true of a world at rest: its journals are held against the oracle, the callers and themselves.

The journals are the order in which everything was decided. So nothing has to be searched: the oracle decides the same
rows in that order and must say the same; every answer that a caller got must stand there, once; and what moved must
add up. Each check raises `Broken` with the shard and the record.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from actors.saga import derived_id
from engine.kinds import Flag, Kind, MovementFlag, ReservationState, ResultFlag
from engine.layout import NO_WAREHOUSE
from engine.outcomes import Outcome
from engine.record import Record, RecordKind, position_of
from engine.shard import Shard
from tests.oracle.words import Movement, Result
from tests.rows import Row
from tests.simulation.evidence import Broken, C, Entry, Index, M, R
from tests.simulation.names import PLACES, Names
from tests.simulation.oracle import ShardOracle, Step
from tests.simulation.reads import Read
from tests.simulation.shards import LIMITS
from tests.simulation.workload import Command

_MASK: Final = (1 << 64) - 1
# Plain numbers: an enumeration's members and operators cost more than everything else about a row.
_OK, _SHORT_OF = int(Outcome.OK), int(Outcome.INSUFFICIENT_STOCK)
_REPLAYED, _SHORT = int(ResultFlag.REPLAYED), int(ResultFlag.SHORT)
_CONTINUES, _PREPARE = int(Flag.CONTINUES), int(Flag.PREPARE)
_HIDDEN = int(MovementFlag.HIDDEN)
_STEPS: Final = (Kind.DECIDE, Kind.APPLY)
_R_FLAGS, _R_OUTCOME, _M_FLAGS, _M_WAREHOUSE = R["flags"], R["outcome"], M["flags"], M["warehouse"]
_SEEN: Final = ("kind", "quantity", "on_hand", "reserved", "incoming", "available")
_PLACE_NUMBERS: Final = {name: number for number, name in enumerate(PLACES)} | {"": NO_WAREHOUSE}
CLOCK_ERROR: Final = 0.006
"""A shard's clock is slewed by half a per cent at most."""
CLOCK_ERROR_MS: Final = 3


def check_order(journal: Sequence[Record], shard: int) -> None:
    """Records are gap-free, time and epochs never go back, every epoch begins with an opening."""
    before: Record | None = None
    for number, record in enumerate(journal, 1):
        if record.seq != number:
            raise Broken("a record is missing", shard, number, record.seq)
        epoch, now_ms = (before.epoch, before.now_ms) if before else (0, 0)
        if record.epoch < epoch or record.now_ms < now_ms:
            raise Broken("time or epoch went back", shard, number, (epoch, record.epoch, now_ms, record.now_ms))
        if (record.epoch > epoch) != (record.kind is RecordKind.OPEN):
            raise Broken("an epoch does not begin with its opening", shard, number, record.kind)
        before = record


def check_clock(journal: Sequence[Record], written: Sequence[tuple[int, int]], shard: int) -> None:
    """Between two openings a shard's time runs like true time, whatever the wall clock did."""
    times = dict(written)
    since: tuple[int, int] | None = None
    for record in journal:
        true_ms = times.get(record.seq, 0) // 1_000_000
        if record.kind is RecordKind.OPEN:
            since = (record.now_ms, true_ms) if record.seq in times else None
        elif since is not None and record.seq in times:
            passed, told = true_ms - since[1], record.now_ms - since[0]
            if abs(told - passed) > passed * CLOCK_ERROR + CLOCK_ERROR_MS:
                raise Broken("the clock ran wrong", shard, record.seq, f"{told} ms in {passed}")


class OracleCheck:
    """Has the oracle of one shard decide its journal again, record after record."""

    def __init__(self, shard: int, names: Names, texts: dict[tuple[int, int], str], reads: Sequence[Read] = ()) -> None:
        """`texts`: command ids by their hash; `reads`: what this shard told."""
        self._reads = sorted(reads, key=lambda read: -read.since_seq)
        self._open_reads: list[Read] = []
        self.shard = shard
        self.oracle = ShardOracle(LIMITS)
        self.rows = 0
        self._names = names
        self._texts = texts

    def run(self, journal: Sequence[Record]) -> None:
        """All of it; raises Broken at the first difference."""
        before_ms = 0
        for record in journal:
            if record.kind is RecordKind.OPEN and record.seq > 1:
                self.oracle.open_again(before_ms, record.now_ms, record.downtime_ms)
            elif record.kind is RecordKind.BATCH:
                self._check(record)
            before_ms = record.now_ms
            self._check_reads(record.seq)

    def _check_reads(self, seq: int) -> None:
        """Each must tell the state after some record from when it was asked to when it was answered."""
        while self._reads and self._reads[-1].since_seq <= seq:
            self._open_reads.append(self._reads.pop())
        if self._open_reads:
            self._open_reads = [read for read in self._open_reads if not read.agrees(self.oracle.book)]
            for read in self._open_reads:
                if read.until_seq <= seq:
                    raise Broken("a read tells what never was meanwhile", self.shard, seq, read)

    def _check(self, record: Record) -> None:
        rows, steps = self._read(record)
        expected = self.oracle.decide_record(rows, steps, record.now_ms, record.seq)
        for at, (row, found, result) in enumerate(zip(rows, record.results.tolist(), expected, strict=True)):
            if not self._agrees(row, found, result, record.seq):
                raise Broken("the oracle decides otherwise", self.shard, record.seq, (at, row, found, result))
        found_moves = [
            (*[values[at] for at in _SEEN_AT], self._names.skus[values[0]], values[_M_WAREHOUSE])
            for values in record.movements.tolist()
            if not values[_M_FLAGS] & _HIDDEN
        ]
        if found_moves != [_as_seen(movement) for movement in self.oracle.movements]:
            raise Broken("other things moved", self.shard, record.seq, _difference(found_moves, self.oracle.movements))
        self.rows += len(rows)

    def _read(self, record: Record) -> tuple[list[Row], dict[int, Step]]:
        names, texts = self._names, self._texts
        rows: list[Row] = []
        steps: dict[int, Step] = {}
        for at, values in enumerate(record.rows.tolist()):
            row = names.read(values, texts.get((values[0], values[1]), f"#{values[0]:x}" if values[0] else ""))
            if row.has(Flag.PREPARE) or row.kind in _STEPS:
                hold = names.hold(values[C["reservation"]])
                steps[at] = Step(values[C["source_key"]] & _MASK, hold or ("", ""))
            rows.append(row)
        return rows, steps

    def _agrees(self, row: Row, found: tuple[Any, ...], expected: Result, seq: int) -> bool:
        flags, outcome = found[_R_FLAGS], found[_R_OUTCOME]
        if expected.replays is not None:
            at_seq, at_row = expected.replays
            position = at_row if at_seq == seq else position_of(at_seq, at_row)
            return bool(flags & _REPLAYED) and found[R["position"]] == position
        if flags & _REPLAYED or outcome != expected.outcome:
            return False
        if row.kind in _STEPS:
            return row.kind == Kind.APPLY or found[R["state"]] == expected.state
        if outcome not in (_OK, _SHORT_OF):
            return True
        if found[R["quantity"]] != expected.quantity:
            return False
        if row.has(Flag.PREPARE):
            return outcome != _OK or row.kind == Kind.SELL or found[R["state"]] == expected.state
        if found[R["available"]] != expected.available or found[R["requested"]] != expected.requested:
            return False
        if outcome == _OK and expected.hold is not None:
            held = (self._names.hold(found[R["reservation"]]), found[R["state"]], found[R["expires_at_ms"]])
            if held != (expected.hold, expected.state, expected.expires_at_ms):
                return False
        return bool(flags & _SHORT) == expected.short


_SEEN_AT: Final = [M[name] for name in _SEEN]


def _as_seen(movement: Movement) -> tuple[Any, ...]:
    counters = (movement.on_hand, movement.reserved, movement.incoming, movement.available)
    place = _PLACE_NUMBERS[movement.warehouse]
    return (int(movement.kind), movement.quantity, *counters, movement.sku, place)


def _difference(found: list[tuple[Any, ...]], expected: list[Movement]) -> str:
    seen = [_as_seen(movement) for movement in expected]
    only = ([each for each in found if each not in seen], [each for each in seen if each not in found])
    return f"found {only[0]}, expected {only[1]}"


def check_answers(commands: Sequence[Command], index: Index, names: Names) -> None:
    """What callers were told is what was decided: once, for good, and everywhere the same."""
    for command in commands:
        if command.contradiction:
            raise Broken("a command was answered twice and differently", detail=(command.rows, command.contradiction))
        if not command.known:
            raise Broken("nobody knows what became of a command", detail=command.rows)
        entries = index.get(command.ids[0], [])
        if not entries:
            raise Broken("an answer stands in no journal", detail=(command.rows, command.answers))
        shards = [entry.shard for entry in entries]
        prepared = entries[0].prepared
        if len(set(shards)) < len(shards) or (len(shards) > 1 and not prepared):
            raise Broken("a command was decided twice", detail=(command.rows, [entry[:3] for entry in entries]))
        if not prepared:
            _check_single(command, entries[0], index)
        elif command.ok != _committed(entries, index):
            raise Broken(
                "an answer is not what was decided over several shards",
                entries[0].shard,
                entries[0].seq,
                (command.rows, command.answers),
            )


def _check_single(command: Command, entry: Entry, index: Index) -> None:
    """Every row of a command that one shard decided, as it was answered."""
    for at, (answer, ids) in enumerate(zip(command.answers, command.ids, strict=True)):
        own, row = (entry, entry.row + at)
        if ids[0] and at:
            (own,) = index[ids]
            row = own.row
        found = own.results[row]
        if answer[:2] != (found[R["outcome"]], found[R["quantity"]]) or (
            answer[0] == _OK and answer[2] != found[R["reservation"]]
        ):
            raise Broken("an answer is not what was decided", own.shard, own.seq, (command.rows[at], answer, found))


def _committed(entries: Sequence[Entry], index: Index) -> bool:
    """Whether the decision on a command over several shards was to go ahead."""
    values = entries[0].values
    op, key = values[C["source_key"]] & _MASK, values[C["expected"]] & _MASK
    decided = index.get(derived_id(op, key, b"decide"), [])
    return any(entry.results[entry.row][R["state"]] == ReservationState.HELD for entry in decided)


def check_sent(index: Index, texts: dict[tuple[int, int], str]) -> None:
    """Nothing was done that nobody asked for. Steps and parts of commands over several shards have ids of their own."""
    for ids, entries in index.items():
        entry = entries[0]
        kind = entry.values[C["kind"]]
        if ids not in texts and kind < Kind.DEFINE_SKU and not entry.prepared:
            raise Broken("nobody sent this command", entry.shard, entry.seq, entry.values)


def check_whole(index: Index) -> None:
    """A command over several shards was carried out on all of them or on none, as its one decision says."""
    applied: dict[int, set[bool]] = {}
    decided: dict[int, list[bool]] = {}
    for entry in _all(index):
        op = entry.values[C["source_key"]] & _MASK
        if entry.values[C["kind"]] == Kind.APPLY:
            applied.setdefault(op, set()).add(bool(entry.values[C["flags"]] & Flag.COMMIT))
        elif entry.values[C["kind"]] == Kind.DECIDE:
            decided.setdefault(op, []).append(entry.results[entry.row][R["state"]] == ReservationState.HELD)
    for op, ways in applied.items():
        if len(ways) > 1 or len(decided.get(op, [])) > 1 or ways != {any(decided.get(op, [False]))}:
            raise Broken("a command is half done", detail=f"{op:x}: {ways}, decided {decided.get(op)}")


def _all(index: Index) -> Iterator[Entry]:
    for entries in index.values():
        yield from entries


def check_fold(journal: Sequence[Record], engine: Shard | None, shard: int) -> None:
    """A shard that was started again has the state that its journal alone gives."""
    if engine is None:
        raise Broken("the last process never had a state", shard)
    folded = Shard(LIMITS)
    for record in journal:
        folded.apply(record)
    if engine.seq != folded.seq or engine.state_hash() != folded.state_hash():
        raise Broken("the state is not the fold of the journal", shard, folded.seq, engine.seq)
