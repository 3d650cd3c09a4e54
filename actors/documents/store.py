"""What the writer does to the tables, each function inside the caller's transaction.

A document's life: `propose` writes what is wanted as pending; when every shard has journaled its definition
`settle` puts it in force; when a shard refuses, `settle` drops it, or, where other shards took it already,
sends what was in force before after it.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Insert,
    RowMapping,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    null,
    select,
    update,
)
from sqlalchemy.sql.compiler import SQLCompiler

from actors.documents.facts import channel_facts
from actors.documents.messages import (
    UNAVAILABLE,
    Change,
    Proposal,
    RequestId,
    Verdict,
    decode_verdicts,
    encode_verdicts,
)
from actors.documents.schema import TABLES, DocumentKind, answers, changes
from engine.ids import sku_key
from engine.layout import Limits
from engine.outcomes import Outcome

_LIMITS: Final = Limits()
NUMBERS_MAX: Final = {
    DocumentKind.WAREHOUSE: _LIMITS.warehouses_max,
    DocumentKind.CHANNEL: _LIMITS.channels_max,
    DocumentKind.CLIENT: _LIMITS.clients_max,
}
"""How many of each kind there may ever be: their numbers are never given twice."""
_KEYS_PER_QUERY_MAX: Final = 1000
_NOTHING_PENDING: Final = {"pending": null(), "pending_archived": null(), "pending_version": null()}

_OK: Final = Verdict(Outcome.OK)
_UNKNOWN: Final = {
    DocumentKind.WAREHOUSE: Verdict(Outcome.UNKNOWN_WAREHOUSE),
    DocumentKind.CHANNEL: Verdict(Outcome.UNKNOWN_CHANNEL),
    DocumentKind.PRODUCT: Verdict(Outcome.UNKNOWN_SKU),
}


@dataclass(frozen=True, slots=True)
class Pending:
    """A document on its way to the shards."""

    kind: DocumentKind
    code: str
    number: int
    version: int
    """with kind and number it makes the id of the definition, so that sending it twice has no second effect"""
    document: str
    archived: bool
    made: bool
    """no such document is in force"""


@dataclass(slots=True)
class Proposed:
    """What `propose` found: a verdict where it is known already, a pending document where shards must be asked."""

    verdicts: list[Verdict | None] = field(default_factory=list)
    pending: dict[int, Pending] = field(default_factory=dict)
    """by place in `verdicts`"""
    replayed: bool = False


def next_version(connection: Connection) -> int:
    """A number that no change had before."""
    statement = update(changes).values(last=changes.c.last + 1).returning(changes.c.last)
    version: int = connection.execute(statement).scalar_one()
    return version


def propose(connection: Connection, change: Change) -> Proposed:
    """Write what `change` wants as pending, where that is possible and needed."""
    if change.request is not None:
        known = _known_answer(connection, change.request, len(change.proposals))
        if known is not None:
            reused = any(verdict.outcome == Outcome.ID_REUSED for verdict in known)
            return Proposed(list(known), replayed=not reused)
    table = TABLES[change.kind]
    rows = _rows_of(connection, change)
    missing = _missing_warehouses(connection, change)
    free = _Numbers(connection, change.kind)
    version = next_version(connection)
    proposed = Proposed()
    inserts: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for place, proposal in enumerate(change.proposals):
        row = rows.get(proposal.code)
        verdict, document = _judge(change.kind, proposal, row)
        number = row["number"] if row is not None else -1
        if verdict is None:
            verdict = missing.get(proposal.code)
        if verdict is None and row is None:
            number, verdict = free.number_for(proposal.code)
        proposed.verdicts.append(verdict)
        if verdict is not None:
            continue
        again = row is not None and row["pending_version"] is not None
        pending = Pending(
            change.kind,
            proposal.code,
            number,
            row["pending_version"] if row is not None and again else version,
            document,
            proposal.archived,
            row is None or row["version"] == 0 or row["archived"],
        )
        proposed.pending[place] = pending
        if row is None:
            inserts.append(_new_row(pending))
        elif not again:
            updates.append(_pending_values(pending))
    execute_many(connection, insert(table), inserts)
    execute_many(connection, _set_pending(table), updates)
    return proposed


def settle(
    connection: Connection, applied: Sequence[Pending], dropped: Sequence[Pending], reverting: Sequence[Pending]
) -> list[Pending]:
    """Put in force what all shards took, forget what all refused, and turn round what some refused.

    Returns the definitions that take the half-way ones back; they are pending now.
    """
    version = next_version(connection)
    for kind, table in TABLES.items():
        _apply(connection, table, [p for p in applied if p.kind is kind], version)
        execute_many(connection, _drop(table), [{"b_number": p.number} for p in dropped if p.kind is kind])
    back = []
    for pending in reverting:
        table = TABLES[pending.kind]
        row = connection.execute(select(table).where(table.c.number == pending.number)).mappings().one()
        never = row["version"] == 0  # then taking it back is archiving it
        former = Pending(
            pending.kind,
            pending.code,
            pending.number,
            version,
            pending.document if never else row["document"],
            never or row["archived"],
            never or row["archived"],
        )
        execute_many(connection, _set_pending(table), [_pending_values(former)])
        back.append(former)
    return back


def unfinished(connection: Connection, count_max: int) -> list[Pending]:
    """Documents that are still on their way, oldest first; places and clients before the rest."""
    found: list[Pending] = []
    for kind, table in TABLES.items():
        statement = (
            select(table)
            .where(table.c.pending_version.is_not(None))
            .order_by(table.c.pending_version)
            .limit(count_max - len(found))
        )
        for row in connection.execute(statement).mappings():
            found.append(
                Pending(
                    kind,
                    row["code"],
                    row["number"],
                    row["pending_version"],
                    row["pending"],
                    row["pending_archived"],
                    row["version"] == 0 or row["archived"],
                )
            )
    return found


def warehouse_numbers(connection: Connection, codes: Iterable[str]) -> dict[str, int]:
    """The numbers of those of `codes` that are registered."""
    table = TABLES[DocumentKind.WAREHOUSE]
    return {row["code"]: row["number"] for row in _select_in(connection, table, "code", list(codes))}


def client_names(connection: Connection) -> dict[int, str]:
    """The names of all clients, those on their way too."""
    table = TABLES[DocumentKind.CLIENT]
    return {row.number: row.code for row in connection.execute(select(table.c.number, table.c.code))}


def remember_answer(connection: Connection, request: RequestId, verdicts: Sequence[Verdict], now_ms: int) -> None:
    """Pin the answer to the request's key."""
    connection.execute(
        insert(answers).values(
            client=request.client,
            request=request.key,
            content_sha256=request.content_sha256,
            answer=zlib.compress(encode_verdicts(verdicts), 1),
            at_ms=now_ms,
        )
    )


def forget_answers(connection: Connection, before_ms: int) -> None:
    """Forget the answers given before then."""
    connection.execute(delete(answers).where(answers.c.at_ms < before_ms))


def _known_answer(connection: Connection, request: RequestId, count: int) -> list[Verdict] | None:
    row = connection.execute(
        select(answers.c.content_sha256, answers.c.answer).where(
            answers.c.client == request.client, answers.c.request == request.key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.content_sha256 != request.content_sha256:
        return [Verdict(Outcome.ID_REUSED)] * count
    return decode_verdicts(zlib.decompress(row.answer))


def _judge(kind: DocumentKind, proposal: Proposal, row: RowMapping | None) -> tuple[Verdict | None, str]:
    """A verdict if none of the shards need be asked, and the document to send to them otherwise."""
    if row is None:
        return (_UNKNOWN[kind] if proposal.archived else None), proposal.document
    if row["code"] != proposal.code:
        return _same_key(row["code"]), ""
    in_force = row["version"] > 0 and not row["archived"]
    if row["pending_version"] is not None:
        same_text = proposal.archived or row["pending"] == proposal.document
        same = row["pending_archived"] == proposal.archived and same_text
        # Something else is on its way and must arrive first; the reconciler sees to it.
        return (None, row["pending"]) if same else (UNAVAILABLE, "")
    if proposal.archived:
        return (None, row["document"]) if in_force else (_UNKNOWN[kind], "")
    return (_OK if in_force and row["document"] == proposal.document else None), proposal.document


def _missing_warehouses(connection: Connection, change: Change) -> dict[str, Verdict]:
    """For each channel that names a warehouse that is not in force: the refusal."""
    if change.kind is not DocumentKind.CHANNEL:
        return {}
    named = {p.code: channel_facts(p.document).warehouses or [] for p in change.proposals if not p.archived}
    codes = sorted(set(chain.from_iterable(named.values())))
    rows = _select_in(connection, TABLES[DocumentKind.WAREHOUSE], "code", codes)
    there = {row["code"] for row in rows if row["version"] and not row["archived"]}
    missing = {code: [w for w in warehouses if w not in there] for code, warehouses in named.items()}
    return {
        code: Verdict(Outcome.UNKNOWN_WAREHOUSE, detail=f"there is no warehouse {absent[0]}")
        for code, absent in missing.items()
        if absent
    }


def _same_key(other: str) -> Verdict:
    return Verdict(Outcome.CONFLICT, detail=f"it has the same 64-bit key as {other}; choose another")


class _Numbers:
    """Gives numbers to new documents: the next ones, or for products the SKU's hash."""

    def __init__(self, connection: Connection, kind: DocumentKind) -> None:
        self._kind = kind
        self._taken: dict[int, str] = {}
        self._next = 0
        if kind is not DocumentKind.PRODUCT:
            last = connection.execute(select(func.max(TABLES[kind].c.number))).scalar_one()
            self._next = 0 if last is None else last + 1

    def number_for(self, code: str) -> tuple[int, Verdict | None]:
        if self._kind is DocumentKind.PRODUCT:
            key = sku_key(code)
            other = self._taken.setdefault(key, code)
            return key, None if other == code else _same_key(other)
        numbers_max = NUMBERS_MAX[self._kind]
        if self._next >= numbers_max:
            detail = f"at most {numbers_max} {self._kind}s, archived ones included"
            return -1, Verdict(Outcome.LIMIT_EXCEEDED, detail=detail)
        self._next += 1
        return self._next - 1, None


def _rows_of(connection: Connection, change: Change) -> dict[str, RowMapping]:
    """The row that stands in the way of each proposed code: its own, or one with the same sku_key."""
    table = TABLES[change.kind]
    codes = [proposal.code for proposal in change.proposals]
    if change.kind is not DocumentKind.PRODUCT:
        return {row["code"]: row for row in _select_in(connection, table, "code", codes)}
    keys = [sku_key(code) for code in codes]
    by_key = {row["number"]: row for row in _select_in(connection, table, "number", keys)}
    return {code: by_key[key] for code, key in zip(codes, keys, strict=True) if key in by_key}


def _select_in(connection: Connection, table: Table, column: str, wanted: Sequence[object]) -> list[RowMapping]:
    rows: list[RowMapping] = []
    statement = select(table).where(table.c[column].in_(bindparam("wanted", expanding=True)))
    for at in range(0, len(wanted), _KEYS_PER_QUERY_MAX):
        part = wanted[at : at + _KEYS_PER_QUERY_MAX]
        rows.extend(connection.execute(statement, {"wanted": part}).mappings())
    return rows


def _new_row(pending: Pending) -> dict[str, Any]:
    return {
        "number": pending.number,
        "code": pending.code,
        "archived": False,
        "version": 0,
        "pending": pending.document,
        "pending_archived": pending.archived,
        "pending_version": pending.version,
    }


def _pending_values(pending: Pending) -> dict[str, Any]:
    return {
        "b_number": pending.number,
        "b_pending": pending.document,
        "b_archived": pending.archived,
        "b_version": pending.version,
    }


def _set_pending(table: Table) -> Any:
    return (
        update(table)
        .where(table.c.number == bindparam("b_number"))
        .values(
            pending=bindparam("b_pending"),
            pending_archived=bindparam("b_archived"),
            pending_version=bindparam("b_version"),
        )
    )


def _apply(connection: Connection, table: Table, applied: Sequence[Pending], version: int) -> None:
    """Put the pending documents in force: whole changes by one statement each, others one by one."""
    in_force = update(table).values(
        document=table.c.pending,
        archived=table.c.pending_archived,
        version=bindparam("b_version"),
        **_NOTHING_PENDING,
    )
    singly: list[dict[str, Any]] = []
    changes_applied = Counter(p.version for p in applied)
    for change, count in changes_applied.items():
        of_change = table.c.pending_version == change
        if connection.execute(select(func.count()).select_from(table).where(of_change)).scalar_one() == count:
            connection.execute(in_force.where(of_change), {"b_version": version})
        else:
            singly += [{"b_number": p.number, "b_version": version} for p in applied if p.version == change]
    execute_many(connection, in_force.where(table.c.number == bindparam("b_number")), singly)


def _drop(table: Table) -> Any:
    return update(table).where(table.c.number == bindparam("b_number")).values(**_NOTHING_PENDING)


def execute_many(connection: Connection, statement: Insert | Update, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute a statement for each of `rows`, which have the same keys and plain values.

    Compiled once and handed to the driver as it is: twice as fast as letting SQLAlchemy look at each value.
    """
    if not rows:
        return
    compiled = statement.compile(connection.engine, column_keys=list(rows[0]))
    assert isinstance(compiled, SQLCompiler)
    names = compiled.positiontup
    if names is None:
        connection.exec_driver_sql(compiled.string, [dict(row) for row in rows])
    else:
        connection.exec_driver_sql(compiled.string, [tuple([row[name] for name in names]) for row in rows])
