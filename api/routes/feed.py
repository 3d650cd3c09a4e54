"""GET /v1/feed: pages of events, or a live stream of them."""

from typing import Final

import orjson

from api.arrow import ARROW_MEDIA, write_table
from api.direct import Answer, Call
from api.events import KINDS, Filters
from api.headers import accepts_arrow
from api.names import learn
from api.paging import query_of
from api.status import Headers, Problem
from api.texts import check_code, known_sku
from engine.layout import NO_WAREHOUSE, UNKNOWN_NUMBER

EVENT_STREAM: Final[Headers] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_RETRY_AFTER_MS: Final = 5_000


async def get(call: Call) -> Answer:
    """Events after a cursor; with `Accept: text/event-stream` all that come from now on, or from Last-Event-ID.

    As an Arrow stream a page may be larger, and has its cursor in the header `Next-Cursor`.
    """
    query = query_of(call.query, ("after", "limit", "sku", "warehouse", "kind"))
    arrow = accepts_arrow(call.headers)
    limit = query.limit(call.runtime.limits.feed_page if arrow else call.runtime.limits.page)
    sku, warehouse = query.get("sku"), query.get("warehouse")
    filters = Filters(
        sku_key=known_sku(check_code(sku, "sku")) if sku is not None else 0,
        warehouse=await _warehouse(call, warehouse) if warehouse is not None else NO_WAREHOUSE,
        kind=query.one_of("kind", KINDS) or 0,
    )
    feed = call.runtime.feed
    after = query.get("after")
    if b"text/event-stream" in call.headers.get(b"accept", b""):
        last_id = call.headers.get(b"last-event-id", b"").decode("latin-1")
        if feed.streams >= call.runtime.limits.streams:
            raise Problem(429, "overloaded", "too many live streams", {"retry_after_ms": _RETRY_AFTER_MS})
        begin = last_id or after
        start = feed.positions("Last-Event-ID" if last_id else "after", begin) if begin else feed.newest()
        return Answer(200, b"", EVENT_STREAM, feed.stream(start, filters, call.runtime.closing))
    start = feed.positions("after", after) if after is not None else feed.oldest()
    page = await feed.page(start, filters, limit)
    # An empty page at the end gives the cursor back as it was sent: there is nothing to remember.
    stay = not page.count and page.at_end
    next_cursor = (after or feed.cursor(start)) if stay else feed.cursor(page.positions)
    if arrow:
        body = write_table(await feed.table(page))
        return Answer(200, body, [(b"content-type", ARROW_MEDIA), (b"next-cursor", next_cursor.encode())])
    return Answer(200, orjson.dumps({"events": await feed.events(page), "next_cursor": next_cursor}))


async def _warehouse(call: Call, code: str) -> int:
    check_code(code, "warehouse")
    directory = call.runtime.directory
    if directory.warehouse_number(code) == UNKNOWN_NUMBER:
        await learn(directory, {code}, ())
    return directory.warehouse_number(code)
