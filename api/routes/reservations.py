"""POST and GET /v1/reservations, and the steps of one: confirm, extend, release, fulfil."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
import orjson

from actors.documents.keys import Principal
from actors.lone import LoneAnswer
from api import decode
from api import schemas as s
from api.analytics import check_limits
from api.direct import JSON, Answer, Call, Finished, Handler, LoneCall, Work, done, too_large, waited
from api.encode import Encoder, under
from api.headers import idempotency_key
from api.lookup import Filters, Place, Reservation, any_of, reservation, reservations
from api.names import channel_number, know, knows, learn
from api.paging import EVERYONE, YES_OR_NO, Query, decode_cursor, encode_cursor, query_of
from api.render import (
    OUTCOME_TEXT,
    ResultRow,
    failed_lines,
    is_replayed,
    lines_json,
    overall,
    refusal,
    reservation_json,
    row_of,
)
from api.security import check_scope
from api.status import IDEMPOTENT_REPLAYED, Headers, Problem, invalid
from api.texts import check_code, check_text
from engine.ids import parse_reservation, reservation_text, sku_key
from engine.kinds import Kind, ReservationState, ResultFlag
from engine.layout import LINE, UNKNOWN_NUMBER
from engine.outcomes import Outcome
from engine.wire import Array

_new = s.decoder(s.NewReservation)
_nothing = s.decoder(s.Nothing)
_deadline = s.decoder(s.NewDeadline)
_parts = s.decoder(s.Parts)

_OK: Final = int(Outcome.OK)
_REPLAYED: Final = int(ResultFlag.REPLAYED)
_SKU_KEY, _WAREHOUSE, _LINE, _OUTCOME, _DECIMALS = (
    (LINE.names or ()).index(name) for name in ("sku_key", "warehouse", "line", "outcome", "decimals")
)

Lines = list[tuple[Any, ...]]
"""LINE as plain integers"""
Texts = tuple[str, str]
"""a reservation's reference and customer"""
_NO_TEXTS: Final = ("", "")

STATES: Final = {
    state.text: state for state in ReservationState if state not in (ReservationState.NONE, ReservationState.PREPARED)
}


def create(call: Call) -> Work:
    """Hold all lines together, or none of them."""
    command_id, body = _new_reservation(call)
    encoder = _encoded(call, command_id, body)
    if encoder.unknown_warehouses or encoder.unknown_channels:
        return _learned_and_created(call, command_id, body, encoder)
    return _create(call, body, encoder)


async def _learned_and_created(call: Call, command_id: str, body: s.NewReservation, encoder: Encoder) -> Answer:
    await learn(call.runtime.directory, encoder.unknown_warehouses, encoder.unknown_channels)
    return await done(call, _create(call, body, _encoded(call, command_id, body)))


def _create(call: Call, body: s.NewReservation, encoder: Encoder) -> Work:
    if len(encoder) == 1:
        return LoneCall(*encoder.lone(), partial(_created_alone, call, body))
    return _created_together(call, body, encoder)


async def _created_together(call: Call, body: s.NewReservation, encoder: Encoder) -> Answer:
    answered = await call.runtime.client.commands(*encoder.arrays())
    first = 0 if body.replaces is None else 1
    if _OK not in answered.results["outcome"].tolist()[first:]:
        raise _refused(call, body, answered.results, answered.retry_after_ms)
    head = row_of(answered.results, first)
    lines = answered.lines[head.lines_at : head.lines_at + head.lines_n].tolist()
    return await waited(_created(call, body, head, lines, is_replayed(answered.results)))


def _new_reservation(call: Call) -> tuple[str, s.NewReservation]:
    command_id = idempotency_key(call.headers)
    body: s.NewReservation = decode.decode(_new, call.body)
    if not body.lines:
        raise invalid("$.lines", "at least one line")
    if len(body.lines) > call.runtime.limits.reservation_lines:
        raise too_large(f"more than {call.runtime.limits.reservation_lines} lines")
    return command_id, body


def _created_alone(call: Call, body: s.NewReservation, answer: LoneAnswer) -> Finished:
    head = ResultRow._make(answer.result)
    if head.outcome != _OK:
        raise _refused(call, body, answer.results, answer.retry_after_ms)
    return _created(call, body, head, answer.lines, bool(head.flags & _REPLAYED))


def _created(call: Call, body: s.NewReservation, head: ResultRow, lines: Lines, replayed: bool) -> Finished:
    runtime = call.runtime
    texts = (body.reference or "", body.customer or "")
    runtime.texts.put(head.reservation, texts)
    directory = runtime.directory
    for own in lines:
        # A look into the documents takes a millisecond, and what it would say stands in the request.
        if own[_OUTCOME] == _OK and directory.sku_text(own[_SKU_KEY]) is None:
            directory.remember_sku(own[_SKU_KEY], body.lines[own[_LINE]].sku, own[_DECIMALS])
    channel = directory.channel_code(head.channel) or body.channel

    def written() -> Answer:
        shown, document = _shown(call, head, lines, channel, texts)
        headers = [*JSON, (b"location", b"/v1/reservations/" + shown.encode())]
        return Answer(201, orjson.dumps(document), _with_replayed(headers, replayed))

    return _when_known(call, lines, written)


def _when_known(call: Call, lines: Lines, written: Callable[[], Answer], channels: tuple[int, ...] = ()) -> Finished:
    """What is written of these lines: at once, or when the documents have said what their numbers mean."""
    directory = call.runtime.directory
    warehouses, sku_keys = [own[_WAREHOUSE] for own in lines], [own[_SKU_KEY] for own in lines]
    if knows(directory, warehouses=warehouses, channels=channels, sku_keys=sku_keys):
        return written()

    async def later() -> Answer:
        await know(directory, warehouses=warehouses, channels=channels, sku_keys=sku_keys)
        return written()

    return later()


def _encoded(call: Call, command_id: str, body: s.NewReservation) -> Encoder:
    encoder = Encoder(call.runtime.directory, call.principal, call.now_ms)
    try:
        encoder.reservation(command_id, body)
    except Problem as problem:
        raise under("$", problem) from None
    return encoder


def _refused(call: Call, body: s.NewReservation, results: Array, retry_after_ms: int) -> Problem:
    outcome = overall(results["outcome"].tolist())
    if body.replaces is None:
        lines = failed_lines([line.sku for line in body.lines], results)
        return refusal(outcome, lines, results, retry_after_ms)
    lines = failed_lines([line.sku for line in body.lines], results[1:])
    problem = refusal(outcome, lines, results, retry_after_ms)
    if results["outcome"][0] == outcome:
        problem.extra["path"] = "$.replaces"
    return problem


def step(kind: Kind) -> Handler:
    """The handler of confirm, extend, release or fulfil."""

    def handler(call: Call) -> Work:
        command_id, ttl_s, parts = _asked(call, kind)
        encoded = partial(_step_rows, call, kind, command_id, ttl_s, parts)
        encoder = encoded()
        if encoder.unknown_warehouses:
            return _learned_and_stepped(call, parts, encoder, encoded)
        return _step(call, parts, encoder)

    handler.__doc__ = f"{kind.text.capitalize()} a reservation."
    return handler


async def _learned_and_stepped(
    call: Call, parts: list[s.LinePart], encoder: Encoder, encoded: Callable[[], Encoder]
) -> Answer:
    await learn(call.runtime.directory, encoder.unknown_warehouses, ())
    return await done(call, _step(call, parts, encoded()))


def _step(call: Call, parts: list[s.LinePart], encoder: Encoder) -> Work:
    meant = parse_reservation(call.name)
    texts = call.runtime.texts.get(meant[1]) if meant else _NO_TEXTS
    if texts is not None and len(encoder) == 1:
        return LoneCall(*encoder.lone(), partial(_stepped_alone, call, parts, texts))
    return _stepped_together(call, parts, encoder, meant, texts)


async def _stepped_together(
    call: Call, parts: list[s.LinePart], encoder: Encoder, meant: tuple[int, int] | None, texts: Texts | None
) -> Answer:
    client = call.runtime.client
    if texts is None and meant is not None:
        # Its texts are asked for beside the step: one more question in the same batch.
        answered, known = await asyncio.gather(
            client.commands(*encoder.arrays()),
            reservation(client, call.principal, *meant),
            return_exceptions=True,
        )
        if isinstance(answered, BaseException):
            raise answered
        if isinstance(known, Reservation):
            texts = known.texts
            call.runtime.texts.put(meant[1], texts)
    else:
        answered = await client.commands(*encoder.arrays())
    outcome = overall(answered.results["outcome"].tolist())
    if outcome != Outcome.OK:
        failed = _failed_parts(parts, answered.results)
        raise refusal(outcome, failed, answered.results, answered.retry_after_ms)
    head = row_of(answered.results, 0)
    lines = answered.lines[head.lines_at : head.lines_at + head.lines_n].tolist()
    return await waited(_stepped(call, head, lines, texts or _NO_TEXTS, is_replayed(answered.results)))


def _asked(call: Call, kind: Kind) -> tuple[str, int, list[s.LinePart]]:
    """(command id, ttl_s, parts) of a step."""
    command_id, parts = idempotency_key(call.headers), []
    if kind is Kind.EXTEND:
        until: s.NewDeadline = decode.decode(_deadline, call.body)
        return command_id, until.ttl_s, []
    if call.body.strip():
        if kind is Kind.CONFIRM:
            decode.decode(_nothing, call.body)
            return command_id, 0, []
        body: s.Parts = decode.decode(_parts, call.body)
        if body.lines is not None:
            parts = body.lines
            if not parts:
                raise invalid("$.lines", "at least one line, or none named at all")
    if len(parts) > call.runtime.limits.reservation_lines:
        raise too_large(f"more than {call.runtime.limits.reservation_lines} lines")
    return command_id, 0, parts


def _stepped_alone(call: Call, parts: list[s.LinePart], texts: Texts, answer: LoneAnswer) -> Finished:
    head = ResultRow._make(answer.result)
    if head.outcome != _OK:
        results = answer.results
        raise refusal(Outcome(head.outcome), _failed_parts(parts, results), results, answer.retry_after_ms)
    return _stepped(call, head, answer.lines, texts, bool(head.flags & _REPLAYED))


def _stepped(call: Call, head: ResultRow, lines: Lines, texts: Texts, replayed: bool) -> Finished:
    def written() -> Answer:
        _, document = _shown(call, head, lines, call.runtime.directory.channel_code(head.channel), texts)
        return Answer(200, orjson.dumps(document), _with_replayed([*JSON], replayed))

    return _when_known(call, lines, written, channels=(head.channel,))


def _step_rows(call: Call, kind: Kind, command_id: str, ttl_s: int, parts: list[s.LinePart]) -> Encoder:
    encoder = Encoder(call.runtime.directory, call.principal, call.now_ms)
    try:
        encoder.step(kind, command_id, call.name, ttl_s, parts)
    except Problem as problem:
        raise under("$", problem) from None
    return encoder


def _failed_parts(parts: list[s.LinePart], results: Array) -> list[dict[str, Any]]:
    failed = []
    for part, outcome in zip(parts, results["outcome"].tolist(), strict=False):
        if outcome not in (Outcome.OK, Outcome.GROUP_FAILED):
            entry: dict[str, Any] = {"line": part.line, "outcome": OUTCOME_TEXT[outcome]}
            if part.warehouse is not None:
                entry["warehouse"] = part.warehouse
            failed.append(entry)
    return failed


def _shown(call: Call, head: ResultRow, lines: Lines, channel: str, texts: Texts) -> tuple[str, dict[str, Any]]:
    """(id, document) of the reservation that a result row speaks of, all names of which are known."""
    directory = call.runtime.directory
    shown = reservation_text(head.partition, head.reservation)
    document = reservation_json(shown, head.state, head.expires_at_ms, channel, texts, lines_json(lines, directory))
    return shown, document


def _with_replayed(headers: Headers, replayed: bool) -> Headers:
    if replayed:
        headers.append(IDEMPOTENT_REPLAYED)
    return headers


async def get(call: Call) -> Answer:
    """One reservation with its lines."""
    meant = parse_reservation(check_code(call.name, "$.reservation"))
    query = query_of(call.query, (EVERYONE,))
    found = await reservation(call.runtime.client, _reader(call, query), *meant) if meant else None
    if found is None:
        raise Problem(404, "unknown_reservation")
    return Answer(200, orjson.dumps((await _documents(call, [found]))[0]))


async def list_(call: Call) -> Answer:
    """A page of reservations, oldest first on each shard."""
    query = query_of(call.query, ("state", "channel", "reference", "sku", "limit", "cursor", EVERYONE))
    limit = query.limit(call.runtime.limits.page)
    state = query.one_of("state", STATES)
    channel, reference, sku = query.get("channel"), query.get("reference"), query.get("sku")
    filters = Filters(state=int(state) if state else 0)
    if reference is not None:
        filters = filters._replace(reference=check_text(reference, "reference"))
    if sku is not None:
        filters = filters._replace(sku_key=sku_key(check_code(sku, "sku")))
    shard, after = decode_cursor("cursor", query.get("cursor"), 2) or (0, 0)
    reader = _reader(call, query)
    if channel is not None:
        number = await channel_number(call.runtime.directory, check_code(channel, "channel"))
        if number == UNKNOWN_NUMBER:
            return Answer(200, _page([], None))
        filters = filters._replace(channel=number)
    found, more = await reservations(call.runtime.client, reader, filters, Place(shard, after), limit)
    return Answer(200, _page(await _documents(call, found), encode_cursor(more) if more else None))


def _reader(call: Call, query: Query) -> Principal:
    """Whose reservations are read: the key's client's, or, when a key with `reports` says so, everyone's."""
    if not query.one_of(EVERYONE, YES_OR_NO):
        return call.principal
    check_scope(call.principal, "reports")
    check_limits(call.principal, {"channel": query.get("channel"), "warehouse": None})
    return replace(call.principal, scopes=call.principal.scopes | {"admin"})


def _page(items: list[dict[str, Any]], next_cursor: str | None) -> bytes:
    return orjson.dumps({"items": items, "next_cursor": next_cursor})


async def _documents(call: Call, found: list[Reservation]) -> list[dict[str, Any]]:
    directory = call.runtime.directory
    lines = np.concatenate([each.lines for each in found]) if found else None
    if lines is not None:
        await know(
            directory,
            warehouses=any_of(lines["warehouse"]),
            channels={each.channel for each in found},
            sku_keys=any_of(lines["sku_key"]),
        )
    return [
        reservation_json(
            each.id,
            each.state,
            each.expires_at_ms,
            directory.channel_code(each.channel),
            each.texts,
            lines_json(each.lines.tolist(), directory),
        )
        for each in found
    ]
