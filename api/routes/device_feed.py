"""GET /v1/feed/devices: pages of what happened to devices and their jobs, or a live stream of it."""

from typing import Final

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from api import device_shapes as shapes
from api.device_feed import KINDS, DeviceFilters
from api.documents import reading
from api.paging import query_of
from api.routes.devices import LIMIT, TEXT, GivenRuntime, Reader, in_query, shown_as
from api.routes.feed import EVENT_STREAM
from api.status import Problem
from api.texts import check_code

_RETRY_AFTER_MS: Final = 5_000
_STREAM: Final = "text/event-stream"


async def device_feed(request: Request, runtime: GivenRuntime, _: Reader) -> Response:
    """Gap-free and in order per device, after a cursor; with `Accept: text/event-stream` all that come from now on, or
    from Last-Event-ID."""
    query = query_of(request.scope["query_string"], ("after", "limit", "device", "kind"))
    limit = query.limit(runtime.limits.page)
    device, after, feed = query.get("device"), query.get("after"), runtime.device_feed
    filters = DeviceFilters(check_code(device, "device") if device is not None else None, query.one_of("kind", KINDS))
    await reading(runtime.directory.refresh())  # a device that was just made has its events, too
    if _STREAM in request.headers.get("accept", ""):
        if feed.streams + runtime.feed.streams >= runtime.limits.streams:
            raise Problem(429, "overloaded", "too many live streams", {"retry_after_ms": _RETRY_AFTER_MS})
        last_id = request.headers.get("last-event-id", "")
        begin = last_id or after
        start = feed.positions("Last-Event-ID" if last_id else "after", begin) if begin else await feed.newest()
        headers = {name.decode(): value.decode() for name, value in EVENT_STREAM}
        return StreamingResponse(feed.stream(start, filters, runtime.closing), 200, headers)
    start = feed.positions("after", after) if after is not None else await feed.oldest()
    page = await feed.page(start, filters, limit)
    # An empty page at the end gives the cursor back as it was sent: there is nothing to remember.
    stay = not page.events and page.at_end
    next_cursor = after if after is not None and stay else feed.cursor(page.positions)
    return Response(orjson.dumps({"events": page.events, "next_cursor": next_cursor}), media_type="application/json")


def _make_router() -> APIRouter:
    made = APIRouter(prefix="/v1/feed", tags=["devices"])
    shown = shown_as(shapes.DeviceEventPage)
    shown["content"][_STREAM] = {"schema": {"type": "string"}}
    kind = {"type": "string", "enum": list(KINDS)}
    made.add_api_route(
        "/devices",
        device_feed,
        response_class=Response,
        summary="What happened to devices and jobs",
        responses={200: shown, 410: {"description": "cursor_expired"}},
        openapi_extra=in_query(after=TEXT, limit=LIMIT, device=TEXT, kind=kind),
    )
    return made


router = _make_router()
