"""POST /v1/commands, one or an array or an Arrow stream, and GET /v1/commands/{id}."""

import asyncio
from functools import partial
from typing import Any, Final

import numpy as np
import orjson

from actors.lone import LoneAnswer
from api import decode
from api import schemas as s
from api.arrow import ARROW_MEDIA, read_table, write_results
from api.arrow_columns import ArrowColumns
from api.deps import Runtime
from api.direct import JSON, Answer, Call, Finished, LoneCall, Work, done, too_large
from api.encode import Encoder
from api.encoding import Encoded, encoded_columns, encoded_structs
from api.headers import accepts_arrow, idempotency_key, is_arrow
from api.lookup import any_of, command
from api.names import know, knows, learn
from api.render import ResultRow, failed_lines, is_replayed, lines_json, overall, result_json, results_bytes, row_of
from api.security import SCOPE_OF_KIND, check_commands, check_scope
from api.status import IDEMPOTENT_REPLAYED, Headers, Problem, away, retry_after_s
from api.texts import check_code
from engine.kinds import Flag, Kind, ResultFlag
from engine.layout import RESULT
from engine.outcomes import PINNED_MAX, Outcome
from engine.wire import Array

RENDERED_AT_ONCE: Final = 2_000
"""Rows rendered between two turns of the event loop: 1 ms."""
_REPLAYED: Final = int(ResultFlag.REPLAYED)


def post(call: Call) -> Work:
    """Decide commands; the answers come in their order, with status 200 whatever the outcomes are."""
    if is_arrow(call.headers):
        return _post_arrow(call)
    if decode.is_array(call.body):
        return _post_array(call)
    command = _single(call)
    check_commands(call.principal, (command,))
    encoder = _encoded(call, command)
    if encoder.unknown_warehouses or encoder.unknown_channels:
        return _learned_and_posted(call, command, encoder)
    return _lone(call, command, encoder)


async def _learned_and_posted(call: Call, command: s.AnyCommand, encoder: Encoder) -> Answer:
    await learn(call.runtime.directory, encoder.unknown_warehouses, encoder.unknown_channels)
    return await done(call, _lone(call, command, _encoded(call, command)))


def _encoded(call: Call, command: s.AnyCommand) -> Encoder:
    encoder = Encoder(call.runtime.directory, call.principal, call.now_ms)
    encoder.single(command)
    return encoder


def _lone(call: Call, command: s.AnyCommand, encoder: Encoder) -> LoneCall:
    return LoneCall(*encoder.lone(), partial(_lone_answered, call, command.id, s.KIND_OF[type(command)]))


def _lone_answered(call: Call, command_id: str, kind: int, answer: LoneAnswer) -> Finished:
    row = ResultRow._make(answer.result)
    directory = call.runtime.directory
    plain = row.outcome <= PINNED_MAX and not accepts_arrow(call.headers)
    if not plain or not knows(directory, warehouses=(row.warehouse,)):
        return _answer(call, [command_id], np.array([kind]), answer.results, answer.retry_after_ms)
    body = orjson.dumps({"results": [result_json(command_id, kind, row, directory)]})
    return Answer(200, body, [*JSON, IDEMPOTENT_REPLAYED] if row.flags & _REPLAYED else JSON)


def _single(call: Call) -> s.AnyCommand:
    if len(call.body) > call.runtime.limits.single_body_bytes:
        raise too_large(f"one command of more than {call.runtime.limits.single_body_bytes} bytes")
    command = decode.one_command(call.body)
    # Clients send the header with every POST, whatever is in the body: the command's own id is the more exact one.
    if not command.id and b"idempotency-key" in call.headers:
        command.id = idempotency_key(call.headers)
    return command


def no_room(runtime: Runtime, headers: dict[bytes, bytes], size: int, beginning: bytes) -> Problem | None:
    """An array that comes while there are as many as can be decided soon."""
    if not is_arrow(headers) and not decode.is_array(beginning):
        return None
    return runtime.arrays.refusal(size, runtime.limits.arrays_bytes)


async def _post_array(call: Call) -> Answer:
    runtime = call.runtime
    with runtime.arrays.taken(len(call.body), runtime.limits.arrays_bytes):
        async with runtime.arrays.reading:
            commands = await _array(call)
            if not commands:
                return Answer(200, b'{"results":[]}')
            check_commands(call.principal, commands)
            rows, heap, *unknown = await encoded_structs(commands, runtime.directory, call.principal, call.now_ms)
        if await learn(runtime.directory, *unknown):
            async with runtime.arrays.reading:
                rows, heap, *_ = await encoded_structs(commands, runtime.directory, call.principal, call.now_ms)
        answered = await runtime.client.commands(rows, heap)
        ids = [command.id for command in commands]
        return await _answer(call, ids, rows["kind"], answered.results, answered.retry_after_ms)


async def _array(call: Call) -> list[s.AnyCommand]:
    commands: list[s.AnyCommand] = []
    for piece in decode.commands(call.body):
        commands += piece
        if len(commands) > call.runtime.limits.commands:
            raise too_large(f"more than {call.runtime.limits.commands} commands")
        await asyncio.sleep(0)
    return commands


async def _post_arrow(call: Call) -> Answer:
    runtime = call.runtime
    with runtime.arrays.taken(len(call.body), runtime.limits.arrays_bytes):
        async with runtime.arrays.reading:
            table = read_table(call.body, runtime.limits.array_body_bytes, runtime.limits.commands)
            await asyncio.sleep(0)
            columns = ArrowColumns(table)
            ids = columns.ids().own
            if not columns.count:
                return await _answer(call, ids, np.empty(0, np.uint8), np.empty(0, RESULT), 0)
            rows, heap, *unknown = _rows(call, columns)
        if await learn(runtime.directory, *unknown):
            async with runtime.arrays.reading:
                rows, heap, *_ = _rows(call, columns)
        await asyncio.sleep(0)
        answered = await runtime.client.commands(rows, heap)
        return await _answer(call, ids, rows["kind"], answered.results, answered.retry_after_ms)


def _rows(call: Call, columns: ArrowColumns) -> Encoded:
    encoded = encoded_columns(columns, call.runtime.directory, call.principal, call.now_ms)
    for kind in np.flatnonzero(np.bincount(columns.kinds())).tolist():
        check_scope(call.principal, SCOPE_OF_KIND[kind])
    if (encoded.rows["flags"] & np.uint16(Flag.SETTLED)).any():
        check_scope(call.principal, "store")
    return encoded


async def _answer(call: Call, ids: Any, kinds: Array, results: Array, retry_after_ms: int) -> Answer:
    """The results, as JSON or as Arrow; 503 or 429 when no shard decided any row."""
    outcomes = results["outcome"]
    headers: Headers = []
    undecided = outcomes > PINNED_MAX
    await know(call.runtime.directory, warehouses=any_of(results["warehouse"]))
    if undecided.any():
        headers.append((b"retry-after", retry_after_s(retry_after_ms)))
        if undecided.all():
            # `unavailable` may have run: it is the more careful word for a mixture.
            problem = away(Outcome(int(outcomes.min())), retry_after_ms)
            entries = results_bytes(_texts(ids), kinds.tolist(), results, call.runtime.directory)
            problem.extra["results"] = orjson.Fragment(b"[" + entries + b"]")
            raise problem
    elif is_replayed(results):
        headers.append(IDEMPOTENT_REPLAYED)
    if accepts_arrow(call.headers, unless_said=is_arrow(call.headers)):
        body = write_results(ids, kinds, results, call.runtime.directory)
        return Answer(200, body, [(b"content-type", ARROW_MEDIA), *headers])
    texts, numbers = _texts(ids), kinds.tolist()
    pieces = []
    for at in range(0, len(texts), RENDERED_AT_ONCE):
        to = at + RENDERED_AT_ONCE
        pieces.append(results_bytes(texts[at:to], numbers[at:to], results[at:to], call.runtime.directory))
        if to < len(texts):
            await asyncio.sleep(0)
    return Answer(200, b'{"results":[' + b",".join(pieces) + b"]}", [*JSON, *headers])


def _texts(ids: Any) -> list[str]:
    texts: list[str] = ids if isinstance(ids, list) else ids.to_pylist()
    return texts


async def get(call: Call) -> Answer:
    """The answer that a command id of the caller's client got."""
    found = await command(call.runtime.client, call.principal, check_code(call.name, "id"))
    directory = call.runtime.directory
    await know(
        directory,
        warehouses=any_of(found.results["warehouse"]) | any_of(found.lines["warehouse"]),
        sku_keys=any_of(found.rows["sku_key"][found.rows["sku_key"] != 0]) | any_of(found.lines["sku_key"]),
    )
    # Rows that release what a reservation replaces come first and say nothing of the reservation itself.
    begin = int(np.argmax(found.rows["kind"] == Kind.RESERVE))
    rows, results = found.rows[begin:], found.results[begin:]
    kind = int(rows["kind"][0])
    outcomes = found.results["outcome"].tolist()
    held = kind == Kind.RESERVE and Outcome.OK in results["outcome"]
    document = result_json(call.name, kind, row_of(results, 0), directory)
    document["kind"] = Kind(kind).text
    document["outcome"] = Outcome.OK.text if held else overall(outcomes).text
    if int(results["lines_n"][0]):
        at = int(results["lines_at"][0])
        document["lines"] = lines_json(found.lines[at : at + int(results["lines_n"][0])].tolist(), directory)
    elif len(rows) > 1:
        skus = [directory.sku_text(key) or "" for key in rows["sku_key"].tolist()]
        document["failed_lines"] = failed_lines(skus, results)
    return Answer(200, orjson.dumps(document))
