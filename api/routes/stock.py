"""GET /v1/stock/{sku} and POST /v1/stock:query."""

from typing import Any

import orjson

from actors.answers import Answers
from analytics.questions import StockAsked
from api import decode
from api import schemas as s
from api.analytics import moment, read, seqs_now
from api.direct import Answer, Call, too_large
from api.lookup import any_of, stock
from api.names import channel_number, know
from api.numbers import quantity_json
from api.paging import query_of
from api.render import Names
from api.status import STATUS_OF, Problem, invalid
from api.texts import check_code, known_sku
from engine.layout import NO_WAREHOUSE, UNKNOWN_NUMBER
from engine.outcomes import Outcome

_query = s.decoder(s.StockQuery)


async def get(call: Call) -> Answer:
    """One SKU's cells and sums; with `as_of` those of that moment, from the analytics."""
    check_code(call.name, "sku")
    asked = query_of(call.query, ("channel", "as_of"))
    channel, as_of = asked.get("channel"), asked.get("as_of")
    if as_of is not None:
        return await _as_of(call, as_of, channel)
    answers = await _ask(call, [call.name], channel)
    outcome = Outcome(int(answers.answers["outcome"][0]))
    if outcome != Outcome.OK:
        raise Problem(STATUS_OF[outcome], outcome.text)
    return Answer(200, orjson.dumps(_stock_json(call.name, answers, 0, channel is not None, call.runtime.directory)))


async def _as_of(call: Call, as_of: str, channel: str | None) -> Answer:
    if channel is not None:
        raise invalid("channel", "what a channel could sell is known of now only, not as_of")
    at = moment(as_of, "as_of")
    return Answer(200, await read(call.runtime, StockAsked(call.name, at, seqs_now(call.runtime))))


async def query(call: Call) -> Answer:
    """Many SKUs, in the order asked; one that nobody registered has nothing, and says so in `outcome`."""
    body: s.StockQuery = decode.decode(_query, call.body)
    if len(body.skus) > call.runtime.limits.query_skus:
        raise too_large(f"more than {call.runtime.limits.query_skus} SKUs")
    for at, sku in enumerate(body.skus):
        check_code(sku, f"$.skus[{at}]")
    if not body.skus:
        return Answer(200, b'{"items":[]}')
    answers = await _ask(call, body.skus, body.channel)
    items = []
    for at, (sku, number) in enumerate(zip(body.skus, answers.answers["outcome"].tolist(), strict=True)):
        if number == Outcome.UNKNOWN_CHANNEL:
            raise Problem(404, "unknown_channel")
        item = _stock_json(sku, answers, at, body.channel is not None, call.runtime.directory)
        if number != Outcome.OK:
            item["outcome"] = Outcome(number).text
        items.append(item)
    return Answer(200, orjson.dumps({"items": items}))


async def _ask(call: Call, skus: list[str], channel: str | None) -> Answers:
    number = NO_WAREHOUSE
    if channel is not None:
        number = await channel_number(call.runtime.directory, check_code(channel, "channel"))
        if number == UNKNOWN_NUMBER:
            raise Problem(404, "unknown_channel")
    answers = await stock(call.runtime.client, call.principal, [known_sku(sku) for sku in skus], number)
    if (answers.answers["outcome"] == Outcome.LIMIT_EXCEEDED).any():
        raise invalid("$.skus", "too many cells for one answer: ask for fewer SKUs")
    await know(call.runtime.directory, warehouses=any_of(answers.cells["warehouse"]))
    return answers


def _stock_json(sku: str, answers: Answers, at: int, sellable: bool, names: Names) -> dict[str, Any]:
    answer = answers.answers[at]
    decimals = int(answer["decimals"])
    shown: dict[str, Any] = {"sku": sku}
    for name in ("on_hand", "reserved", "available", "incoming"):
        shown[name] = quantity_json(int(answer[name]), decimals)
    if sellable:
        shown["sellable"] = quantity_json(int(answer["sellable"]), decimals)
    begin = int(answer["items_at"])
    cells = answers.cells[begin : begin + int(answer["items_n"])]
    shown["cells"] = [
        {
            "warehouse": names.warehouse_code(warehouse),
            "on_hand": quantity_json(on_hand, decimals),
            "reserved": quantity_json(reserved, decimals),
            "safety_stock": quantity_json(safety_stock, decimals),
            "floor": quantity_json(floor, decimals),
            "incoming": quantity_json(incoming, decimals),
            "available": quantity_json(available, decimals),
        }
        for on_hand, reserved, safety_stock, floor, incoming, available, _, _, warehouse in cells.tolist()
    ]
    return shown
