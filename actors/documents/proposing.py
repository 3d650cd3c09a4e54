"""Writing what a change wants as pending, inside the writer's transaction, or saying at once why not.

What can be told without the shards is told here: nothing is there to archive, nothing would change, a code's key
is taken, there are no numbers left, another change of the same document has not arrived yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, RowMapping, func, insert, select

from actors.documents.answers import known_answer
from actors.documents.facts import channel_facts
from actors.documents.messages import UNAVAILABLE, Change, Proposal, Verdict
from actors.documents.rows import Pending, execute_many, next_version, select_in, write_pending
from actors.documents.schema import TABLES, DocumentKind
from engine.ids import text_keys
from engine.layout import Limits
from engine.outcomes import Outcome

_LIMITS: Final = Limits()
NUMBERS_MAX: Final = {
    DocumentKind.WAREHOUSE: _LIMITS.warehouses_max,
    DocumentKind.CHANNEL: _LIMITS.channels_max,
    DocumentKind.CLIENT: _LIMITS.clients_max,
}
"""How many of each kind there may ever be: their numbers are never given twice."""

_OK: Final = Verdict(Outcome.OK)
_UNKNOWN: Final = {
    DocumentKind.WAREHOUSE: Verdict(Outcome.UNKNOWN_WAREHOUSE),
    DocumentKind.CHANNEL: Verdict(Outcome.UNKNOWN_CHANNEL),
    DocumentKind.PRODUCT: Verdict(Outcome.UNKNOWN_SKU),
}


@dataclass(slots=True)
class Proposed:
    """What became of a change: a verdict where it is known already, a pending document where shards must be asked."""

    verdicts: list[Verdict | None] = field(default_factory=list)
    pending: dict[int, Pending] = field(default_factory=dict)
    """by place in `verdicts`"""
    replayed: bool = False


def propose(connection: Connection, change: Change) -> Proposed:
    """Write what `change` wants as pending, where that is possible and needed."""
    if change.request is not None:
        known = known_answer(connection, change.request, len(change.proposals))
        if known is not None:
            reused = any(verdict.outcome == Outcome.ID_REUSED for verdict in known)
            return Proposed(list(known), replayed=not reused)
    codes = [proposal.code for proposal in change.proposals]
    if change.kind is DocumentKind.PRODUCT:
        numbers = sku_keys(codes)
        rows, refusals = _product_rows(connection, codes, numbers)
    else:
        rows = {row["code"]: row for row in select_in(connection, TABLES[change.kind], "code", codes)}
        numbers, refusals = _new_numbers(connection, change.kind, [code not in rows for code in codes])
        refusals |= _missing_warehouses(connection, change)
    version = next_version(connection)
    proposed = Proposed()
    inserts: list[dict[str, Any]] = []
    updates: list[Pending] = []
    for place, (proposal, number) in enumerate(zip(change.proposals, numbers, strict=True)):
        row = rows.get(proposal.code)
        verdict, document = _judge(change.kind, proposal, row)
        if verdict is None:
            verdict = refusals.get(place)
        proposed.verdicts.append(verdict)
        if verdict is not None:
            continue
        if row is None:
            pending = Pending(change.kind, proposal.code, number, version, document, False, True)
            inserts.append(_new_row(pending))
        else:
            again = row["pending_version"]
            made = row["version"] == 0 or row["archived"]
            pending = Pending(
                change.kind, proposal.code, row["number"], again or version, document, proposal.archived, made
            )
            if again is None:
                updates.append(pending)
        proposed.pending[place] = pending
    execute_many(connection, insert(TABLES[change.kind]), inserts)
    write_pending(connection, TABLES[change.kind], updates)
    return proposed


def sku_keys(skus: Sequence[str]) -> list[int]:
    """The sku_key of each."""
    texts = [sku.encode() for sku in skus]
    offsets = np.fromiter(accumulate(map(len, texts), initial=0), np.int32, len(texts) + 1)
    keys: list[int] = text_keys(np.frombuffer(b"".join(texts), np.uint8), offsets).tolist()
    return keys


def _judge(kind: DocumentKind, proposal: Proposal, row: RowMapping | None) -> tuple[Verdict | None, str]:
    """A verdict if none of the shards need be asked, and the document to send to them otherwise."""
    if row is None:
        return (_UNKNOWN[kind] if proposal.archived else None), proposal.document
    if row["pending_version"] is not None:
        same_text = proposal.archived or row["pending"] == proposal.document
        same = row["pending_archived"] == proposal.archived and same_text
        # Something else is on its way and must arrive first; the reconciler sees to it.
        return (None, row["pending"]) if same else (UNAVAILABLE, "")
    in_force = row["version"] > 0 and not row["archived"]
    if proposal.archived:
        return (None, row["document"]) if in_force else (_UNKNOWN[kind], "")
    return (_OK if in_force and row["document"] == proposal.document else None), proposal.document


def _product_rows(
    connection: Connection, codes: Sequence[str], keys: Sequence[int]
) -> tuple[dict[str, RowMapping], dict[int, Verdict]]:
    """The rows of the SKUs that are there, and a refusal for each whose key is another SKU's."""
    by_key = {row["number"]: row for row in select_in(connection, TABLES[DocumentKind.PRODUCT], "number", keys)}
    owners = {key: row["code"] for key, row in by_key.items()}
    refusals = {}
    for place, (code, key) in enumerate(zip(codes, keys, strict=True)):
        owner = owners.setdefault(key, code)
        if owner != code:
            detail = f"it has the same 64-bit key as {owner}; choose another"
            refusals[place] = Verdict(Outcome.CONFLICT, detail=detail)
    return {row["code"]: row for row in by_key.values()}, refusals


def _new_numbers(
    connection: Connection, kind: DocumentKind, new: Sequence[bool]
) -> tuple[list[int], dict[int, Verdict]]:
    """The next numbers for those that are new, and a refusal for each beyond the last."""
    last = connection.execute(select(func.max(TABLES[kind].c.number))).scalar_one()
    first = 0 if last is None else last + 1
    numbers = [first + before for before in accumulate(new, initial=0)][:-1]
    detail = f"at most {NUMBERS_MAX[kind]} {kind}s, archived ones included"
    refusal = Verdict(Outcome.LIMIT_EXCEEDED, detail=detail)
    beyond = (at for at, number in enumerate(numbers) if new[at] and number >= NUMBERS_MAX[kind])
    return numbers, dict.fromkeys(beyond, refusal)


def _missing_warehouses(connection: Connection, change: Change) -> dict[int, Verdict]:
    """A refusal for each channel that names a warehouse that is not in force."""
    if change.kind is not DocumentKind.CHANNEL:
        return {}
    named = {
        place: channel_facts(proposal.document).warehouses or []
        for place, proposal in enumerate(change.proposals)
        if not proposal.archived
    }
    codes = sorted(set(chain.from_iterable(named.values())))
    rows = select_in(connection, TABLES[DocumentKind.WAREHOUSE], "code", codes)
    there = {row["code"] for row in rows if row["version"] and not row["archived"]}
    missing = {place: [code for code in warehouses if code not in there] for place, warehouses in named.items()}
    return {
        place: Verdict(Outcome.UNKNOWN_WAREHOUSE, detail=f"there is no warehouse {absent[0]}")
        for place, absent in missing.items()
        if absent
    }


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
