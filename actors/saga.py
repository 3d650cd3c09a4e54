"""Commands over several shards: prepared on each, decided on one, applied on each. A state machine without IO.

(1) Every shard that has a part of the command gets that part as rows with PREPARE: an OK is its vote, and pins
what the command needs; a refusal is a no. (2) If all said yes, a DECIDE row goes to the home shard of the
reservation; the first decision that is journaled there wins, whoever asked for it. (3) APPLY rows carry it
out on every shard, and only then is the command answered.

If one said no, nothing can ever be committed, because votes are pinned to the command's id: the others are
told at once to let go. If a vote is missing, nothing more is done here: a retry by the same id goes on where
this stopped, and what stays prepared is aborted by `actors.saga_scan`, through the home. So a coordinator may
die anywhere.

One `Round` carries many commands side by side, with the plain rows between them, all in the order of the
request. `spanning.rounds_of` keeps apart what must not overlap: no row is decided while an earlier command of
the same request on its SKU or reservation is prepared and undecided, for that one might still be taken back.
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from actors.gathering import NO_LINES, Answered, no_results
from actors.packing import join_arrays, own_lines, place
from actors.partitions import PartitionMap
from actors.routing import Units
from actors.spanning import SETTLING_NUMBERS, CommandId, Holdings, concerned, tell_aborted, whole_state
from engine.ids import partition_of
from engine.kinds import Flag, Kind, ReservationState, ResultFlag
from engine.layout import COMMAND, LINE, NO_LINE, NO_WAREHOUSE, SPANS
from engine.outcomes import Outcome
from engine.wire import Array, Bytes

NEVER_MS: Final = 1 << 62
_PREPARE: Final = np.uint16(Flag.PREPARE)
_CONTINUES: Final = np.uint16(Flag.CONTINUES)
_WANT_LINES: Final = np.uint16(Flag.WANT_LINES)
_REPLACES: Final = np.uint16(Flag.REPLACES)
_REPLAY_FLAGS: Final = np.uint8(ResultFlag.REPLAYED | ResultFlag.SAME_BATCH)
# Plain numbers: a member of an enumeration costs a look-up each time, and these are read for every row.
_OK: Final = int(Outcome.OK)
_HOLDING_KINDS: Final = frozenset((int(Kind.RESERVE), int(Kind.SELL)))
_HOLDS: Final = np.isin(np.arange(256), tuple(_HOLDING_KINDS))


class Step(NamedTuple):
    """Finished rows to be decided, each by its shard."""

    rows: Array
    heap: Bytes
    shard_of: npt.NDArray[np.uint8]


def derived_id(op: int, reservation: int, step: bytes) -> tuple[int, int]:
    """(id_hi, id_lo) of a later step of command `op`: the same whoever takes the step."""
    digest = hashlib.blake2b(struct.pack("<QQ", op, reservation) + step, digest_size=16).digest()
    hi, lo = struct.unpack("<QQ", digest)
    return hi, lo


@dataclass(slots=True)
class _Command:
    """One command over several shards in one round."""

    begin: int
    end: int
    op: int
    home: int
    """partition, with SPANS"""
    key: int
    """of the reservation; of sells a made-up one"""
    sent: list[int] = field(default_factory=list)
    """rows of the prepare step"""
    of: list[int] = field(default_factory=list)
    """for each of them, the request's row"""
    alone: bool = False
    """only one shard is concerned after all: it decides at once"""
    due_ms: int = 0
    missing: bool = False
    """a vote did not come, or a shard did not say that it carried out the decision"""
    commit: bool | None = None
    """None = not decided"""
    replayed: bool = True


class Round:
    """Some units of a request that do not touch one another: `prepare`, `decide`, `apply`, `answered`."""

    def __init__(
        self, rows: Array, heap: Bytes, shard_of: npt.NDArray[np.uint8], units: Units, chosen: Iterable[int],
        holdings: Holdings, partitions: PartitionMap, voted: Mapping[CommandId, Sequence[int]],
    ) -> None:  # fmt: skip
        """`rows`, finished, with what follows from them; `chosen`: the units of this round.

        `voted`: the shards that know a settling command from an earlier try, whatever they hold of it by now."""
        self._rows = rows
        self._heap = heap
        self._shard_of = shard_of
        self._holdings = holdings
        self._partitions = partitions
        self._voted = voted
        self._commands: list[_Command] = []
        self._deciding: list[_Command] = []
        self._applying: list[_Command] = []
        """for each row of the third step, whose it is"""
        self._index: list[int] = []
        self._shards: list[int] = []
        self._results = no_results(0, Outcome.OK)
        self._lines = NO_LINES
        self._plain: list[tuple[int, int]] = []
        """(row of the prepare step, row of the request)"""
        for unit in chosen:
            begin, end = int(units.begins[unit]), int(units.ends[unit])
            parts = self._parts_of(begin, end) if units.spanning[unit] else None
            if parts is None:
                self._add_plain(begin, end)
            else:
                self._add_command(begin, end, parts)

    @property
    def request_rows(self) -> list[int]:
        """Which rows of the request this round answers, in order."""
        return sorted({row for _, row in self._plain} | {row for command in self._commands for row in command.of})

    def prepare(self) -> Step:
        """The first step: plain rows as they are, the others as parts with PREPARE."""
        rows = self._rows.take(self._index)
        for command in self._commands:
            if not command.alone:
                self._prepare(command, rows)
        return Step(rows, self._heap, np.array(self._shards, np.uint8))

    def decide(self, votes: Answered) -> Step | None:
        """The second step, for commands that every shard agreed to; None when there is none."""
        self._results, self._lines = votes.results, votes.lines
        self._deciding = []
        for command in self._commands:
            self._count_votes(command)
            if not command.missing and command.commit is None:
                self._deciding.append(command)
        if not self._deciding:
            return None
        asked = [(command, command.key) for command in self._deciding]
        homes = [self._partitions.shard_of(command.home) for command in self._deciding]
        return Step(self._step_rows(Kind.DECIDE, asked), self._heap[:0], np.array(homes, np.uint8))

    def apply(self, decisions: Answered | None) -> Step | None:
        """The third step, for commands that are decided; None when there is none."""
        if decisions is not None:
            for command, result in zip(self._deciding, decisions.results, strict=True):
                if result["outcome"] <= Outcome.OK:
                    command.commit = is_commit(result)
                    command.due_ms = int(result["expires_at_ms"])
                    command.replayed &= bool(result["flags"] & ResultFlag.REPLAYED)
        asked: list[tuple[_Command, int]] = []
        shards: list[int] = []
        for command in self._commands:
            if command.commit is not None and not command.alone:
                for shard, key in self._voted_yes(command):
                    asked.append((command, key))
                    shards.append(shard)
        self._applying = [command for command, _ in asked]
        if not asked:
            return None
        return Step(self._step_rows(Kind.APPLY, asked), self._heap[:0], np.array(shards, np.uint8))

    def applied(self, answered: Answered) -> None:
        """What the third step was answered: only what every shard has carried out is done.

        Otherwise a caller could be told that units are free, or gone, while a shard does not know it yet.
        """
        for command, result in zip(self._applying, answered.results, strict=True):
            command.missing |= bool(result["outcome"] > Outcome.OK)

    def answered(self) -> tuple[npt.NDArray[np.intp], Array, Array]:
        """(rows of the request, their results, the lines that these point to); of every command what is known now."""
        request_rows = np.array(self.request_rows, np.intp)
        results = no_results(len(request_rows), Outcome.UNAVAILABLE)
        lines = [NO_LINES]
        lines_n = 0
        if self._plain:
            sent, of = (np.array(column, np.intp) for column in zip(*self._plain, strict=True))
            plain = self._results.take(sent)
            lines.append(own_lines(plain, self._lines))
            lines_n = len(lines[-1])
            place(results, np.searchsorted(request_rows, of), plain)
        for command in self._commands:
            at = np.searchsorted(request_rows, command.begin)
            own, of_own = self._answer(command)
            own["lines_at"] += np.uint32(lines_n) * (own["lines_n"] > 0)
            lines.append(of_own)
            lines_n += len(of_own)
            place(results, slice(at, at + len(own)), own)
        return request_rows, results, join_arrays(lines, LINE)

    def _add_plain(self, begin: int, end: int) -> None:
        for row in range(begin, end):
            self._plain.append((len(self._index), row))
            self._index.append(row)
            self._shards.append(int(self._shard_of[row]))

    def _add_command(self, begin: int, end: int, parts: Sequence[tuple[int, int]]) -> None:
        head, last = self._rows[begin], self._rows[end - 1]
        op = int(head["id_hi"])
        if last["kind"] == Kind.SELL:
            home = partition_of(int(head["sku_key"])) | SPANS
            command = _Command(begin, end, op, home, derived_id(op, 0, b"sell")[0])
        else:
            # With `replaces`, the new reservation's home decides.
            command = _Command(begin, end, op, int(last["partition"]), int(last["reservation"]))
        command.alone = len({shard for _, shard in parts}) == 1
        for row, shard in parts:
            command.sent.append(len(self._index))
            command.of.append(row)
            self._index.append(row)
            self._shards.append(shard)
        self._commands.append(command)

    def _parts_of(self, begin: int, end: int) -> list[tuple[int, int]]:
        """(row of the request, shard) in the order to be sent; a row that settles goes to several shards."""
        parts: list[tuple[int, int]] = []
        for r in range(begin, end):
            row = self._rows[r]
            home = int(self._shard_of[r])
            if int(row["kind"]) in SETTLING_NUMBERS and int(row["partition"]) & SPANS:
                held = self._holdings.get(int(row["reservation"]), ())
                shards = concerned(row, held)
                if row["line"] == NO_LINE and (end - begin == 1 or row["flags"] & _REPLACES):
                    # What it settled the first time is settled now, and would not count as concerned.
                    known = self._voted.get((int(row["id_hi"]), int(row["id_lo"])), ())
                    shards = sorted({*shards, *known})
                parts += [(r, shard) for shard in shards or [home]]
            else:
                parts.append((r, home))
        return parts

    def _prepare(self, command: _Command, rows: Array) -> None:
        """Make the command's rows of the first step what its shards are to vote on."""
        first = command.sent[0]
        own = rows[first : command.sent[-1] + 1]
        wants_lines = bool((own["flags"] & _WANT_LINES).any())
        holds = _HOLDS[own["kind"]]
        if holds.any():
            own["reservation"][holds], own["partition"][holds] = command.key, command.home
        # Where the decision is to be found, for whoever finds these rows undecided.
        own["source_key"], own["expected"] = _signed(command.op), _signed(command.key)
        own["priority"] = command.home
        replaced = (own["flags"] & _REPLACES) != 0
        own["flags"] = (own["flags"] | _PREPARE) & ~(_WANT_LINES | _REPLACES)
        # An operation of its own, on the other reservation; the new one may take what it will free.
        own["group"][replaced] = 0
        if replaced.any():
            own["due_ms"][~replaced] = _signed(int(own["reservation"][replaced][0]))
        seen: set[int] = set()
        for at, is_replaced in enumerate(replaced.tolist()):
            shard = self._shards[first + at]
            if not is_replaced and shard not in seen:
                seen.add(shard)
                row = own[at]
                row["flags"] |= _WANT_LINES if wants_lines else 0
                if row["flags"] & _CONTINUES:
                    _make_head(row, self._rows[command.begin])
                    if replaced.any():
                        row["id_hi"], row["id_lo"] = derived_id(command.op, command.key, b"reserve")

    def _count_votes(self, command: _Command) -> None:
        votes = self._results.take(command.sent)
        outcomes = votes["outcome"]
        last = self._rows[command.end - 1]
        refused = outcomes < _OK
        command.missing = bool((outcomes > _OK).any())
        if last["kind"] == Kind.RESERVE and last["flags"] & Flag.PARTIAL:
            # Short lines refuse only when all are: while a vote is missing, it may be the one that holds something.
            # What lets a replaced reservation go holds nothing.
            holds = _HOLDS[self._rows["kind"][command.of]]
            all_short = not command.missing and not (outcomes[holds] == _OK).any()
            refused &= (outcomes != Outcome.INSUFFICIENT_STOCK) | all_short
        command.replayed = bool((votes["flags"] & _REPLAY_FLAGS).all())
        command.due_ms = int(votes["expires_at_ms"].max())
        if refused.any():
            command.commit = False
        elif command.alone and not command.missing:
            command.commit = True

    def _voted_yes(self, command: _Command) -> list[tuple[int, int]]:
        """(shard, reservation) of the parts that wait for the decision."""
        last = self._rows[command.end - 1]
        yes = {_OK}
        if last["kind"] == Kind.RESERVE and last["flags"] & Flag.PARTIAL:
            yes.add(int(Outcome.INSUFFICIENT_STOCK))  # prepared too: its lines are to be seen
        kinds = self._rows["kind"][command.of].tolist()
        keys = self._rows["reservation"][command.of].tolist()
        outcomes = self._results["outcome"][command.sent].tolist()
        found = {
            (self._shards[at], command.key if kind in _HOLDING_KINDS else key)
            for at, kind, key, outcome in zip(command.sent, kinds, keys, outcomes, strict=True)
            if outcome in yes
        }
        # What is let go first: so the events of a reservation that takes its units never show more than there is.
        return sorted(found, key=lambda part: (part[0], part[1] == command.key, part[1]))

    def _step_rows(self, kind: Kind, asked: Sequence[tuple[_Command, int]]) -> Array:
        """DECIDE or APPLY rows: each for a command, about a reservation."""
        rows = np.zeros(len(asked), COMMAND)
        step = kind.text.encode()
        rows["client"] = self._rows["client"][[command.begin for command, _ in asked]]
        for row, (command, key) in zip(rows, asked, strict=True):
            commit = command.commit is not False
            fill_step(row, kind, command.op, key, command.home, commit, command.due_ms)
            row["id_hi"], row["id_lo"] = derived_id(command.op, key, step)
        return rows

    def _answer(self, command: _Command) -> tuple[Array, Array]:
        """Results and lines of the request's rows [begin, end)."""
        count = command.end - command.begin
        votes = self._results.take(command.sent)
        if command.missing or command.commit is None:
            refused = bool((votes["outcome"] == Outcome.OVERLOADED).all())
            return no_results(count, Outcome.OVERLOADED if refused else Outcome.UNAVAILABLE), NO_LINES
        if len(command.of) == count:
            results = votes
        else:
            results = no_results(count, Outcome.OK)
            for i in range(count):
                mine = votes[[at for at, row in enumerate(command.of) if row == command.begin + i]]
                # The most important refusal speaks for the row; without one, the first shard.
                results[i] = mine[int(np.argmin(mine["outcome"]))]
                results["quantity"][i] = mine["quantity"].sum()
        if command.commit:
            self._show_committed(results, command)
        else:
            self._show_refused(results, command)
        if int(self._rows["kind"][command.end - 1]) in SETTLING_NUMBERS:
            self._show_whole(results, command)
        results["flags"] &= ~_REPLAY_FLAGS
        results["flags"] |= np.uint8(ResultFlag.REPLAYED if command.replayed else 0)
        results["lines_at"] = results["lines_n"] = 0
        return results, self._answer_lines(command, results)

    def _show_committed(self, results: Array, command: _Command) -> None:
        if self._rows["kind"][command.end - 1] == Kind.SELL:
            # The sale's own hold is nobody's reservation.
            for name in ("reservation", "partition", "state", "expires_at_ms", "made_at"):
                results[name] = 0
        elif self._rows["kind"][command.end - 1] == Kind.RESERVE:
            made = results[-np.count_nonzero(self._rows["kind"][command.begin : command.end] == Kind.RESERVE) :]
            made["reservation"], made["partition"] = command.key, command.home
            made["state"], made["expires_at_ms"] = ReservationState.HELD, command.due_ms

    def _show_refused(self, results: Array, command: _Command) -> None:
        own = self._rows[command.begin : command.end]
        tell_aborted(own, results)
        results["quantity"] = 0
        if int(own["kind"][-1]) in _HOLDING_KINDS:
            for name in ("reservation", "partition", "state", "expires_at_ms", "made_at"):
                results[name] = 0
        for at in np.flatnonzero(own["flags"] & _REPLACES):
            held = self._holdings.get(int(own["reservation"][at]), ())
            results["state"][at] = whole_state([each.state for each in held])

    def _show_whole(self, results: Array, command: _Command) -> None:
        """The state and deadline of a settled reservation, of all its parts."""
        held = self._holdings.get(command.key, ())
        told: dict[int, tuple[int, int]] = {each.shard: (each.state, each.expires_at_ms) for each in held}
        if command.commit:
            for at in command.sent:
                result = self._results[at]
                told[self._shards[at]] = (int(result["state"]), int(result["expires_at_ms"]))
        if told:
            state = whole_state([state for state, _ in told.values()])
            deadlines = [expires_at_ms for _, expires_at_ms in told.values() if expires_at_ms]
            results["state"] = state
            results["expires_at_ms"] = max(deadlines, default=0) if state == ReservationState.HELD else 0

    def _answer_lines(self, command: _Command, results: Array) -> Array:
        """The reservation's lines, on the row of the request that wants them."""
        wanted = np.flatnonzero(self._rows["flags"][command.begin : command.end] & _WANT_LINES)
        settles = int(self._rows["kind"][command.end - 1]) in SETTLING_NUMBERS
        if not len(wanted) or not (settles or command.commit):
            return NO_LINES
        held = self._holdings.get(command.key, ()) if settles else ()
        parts = [each.lines for each in held]
        if command.commit:
            told = {self._shards[at] for at in command.sent}
            parts = [each.lines for each in held if each.shard not in told]
            for at in command.sent:
                begin, count = int(self._results["lines_at"][at]), int(self._results["lines_n"][at])
                parts.append(self._lines[begin : begin + count])
        lines = join_arrays(parts, LINE)
        lines = lines.take(np.argsort(lines["line"], kind="stable"))
        results["lines_n"][wanted[0]] = len(lines)
        return lines


def is_commit(result: np.void) -> bool:
    """What a DECIDE row was answered."""
    return bool(result["state"] == ReservationState.HELD)


def fill_step(row: np.void, kind: Kind, op: int, key: int, home: int, commit: bool, due_ms: int) -> None:
    """Make `row` (zeros) a DECIDE or APPLY row; its id is the caller's to give."""
    row["kind"], row["flags"] = kind, Flag.COMMIT if commit else 0
    row["source_key"] = _signed(op)
    row["reservation"], row["partition"] = key, home
    row["due_ms"], row["not_after_ms"], row["line"] = due_ms, NEVER_MS, NO_LINE
    row["warehouse"] = row["to_warehouse"] = row["channel"] = NO_WAREHOUSE


def _make_head(row: np.void, head: np.void) -> None:
    """A row that continued a command begins its part of it on another shard, with the command's id and texts."""
    row["flags"] &= ~_CONTINUES
    for name in ("id_hi", "id_lo", "content", "reference_key", "text_at", "text_lengths", "issued_at_ms"):
        row[name] = head[name]


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number
