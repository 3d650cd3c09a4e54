"""The table of routes that are served in front of FastAPI, each with what the OpenAPI page says of it.

Every example can be sent as it stands to an engine that has SKU `TEE-M` and `TEE-L` in warehouse `berlin` and
channel `shop`; `x-status` is the answer's status. A test sends them all.
"""

from typing import Any, Final

from api import schemas as s
from api import shapes
from api.deps import Runtime
from api.direct import Direct
from api.events import KINDS
from api.paging import EVERYONE, YES_OR_NO
from api.routes import commands, feed, reservations, stock
from engine.kinds import Kind

_CODES: Final = {
    400: "broken JSON or Arrow (`invalid_json`, `invalid_arrow`), or no id (`id_missing`)",
    401: "`unauthorized`",
    403: "`forbidden`: a scope is missing, or a place that the key is not for",
    404: "`unknown_*`",
    409: "it does not fit the present state",
    410: "`cursor_expired`",
    413: "`too_large`",
    422: "`invalid_request` with the path, `invalid_quantity`, `id_reused`",
    429: "`overloaded`: it did not run",
    503: "`unavailable`: it may have run, send it again with the same id",
}


def _single(runtime: Runtime) -> int:
    return runtime.limits.single_body_bytes


def _array(runtime: Runtime) -> int:
    return runtime.limits.array_body_bytes


def _example(summary: str, value: Any, status: int = 200) -> dict[str, Any]:
    return {"summary": summary, "value": value, "x-status": status}


def _parameter(name: str, place: str, about: str, schema: dict[str, Any], required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "description": about, "required": required or place == "path", "schema": schema}


_CODE: Final = {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"}
_TEXT: Final = {"type": "string"}
_MOMENT: Final = {"type": "string", "format": "date-time"}
_LIMIT: Final = _parameter("limit", "query", "at most so many", {"type": "integer", "minimum": 1, "maximum": 1000})
_CURSOR: Final = _parameter("cursor", "query", "`next_cursor` of the page before", _TEXT)
_EVERYONE: Final = _parameter(
    EVERYONE, "query", "of any client, not only the key's own; wants the scope `reports`", {"enum": list(YES_OR_NO)}
)
_KEY: Final = _parameter("Idempotency-Key", "header", "the command's id: the same one when you try again", _CODE, True)


def _docs(
    tag: str,
    summary: str,
    answer: Any,
    codes: tuple[int, ...],
    *,
    body: Any = None,
    examples: dict[str, Any] | None = None,
    parameters: tuple[dict[str, Any], ...] = (),
    status: int = 200,
    arrow: bool = False,
    body_required: bool = True,
    links: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """An OpenAPI operation; `body` and `answer` are structs, resolved to schemas by `api.openapi`."""
    docs: dict[str, Any] = {"tags": [tag], "summary": summary, "x-answer": (status, answer), "x-codes": codes}
    docs["x-links"] = links or {}
    if parameters:
        docs["parameters"] = list(parameters)
    if body is not None:
        docs["x-body"] = (body, examples or {}, body_required)
    docs["x-arrow"] = arrow
    return docs


_RECEIVE: Final = {
    "kind": "receive",
    "sku": "TEE-M",
    "warehouse": "berlin",
    "quantity": 10,
    "source": "PO-17",
    "unit_cost": {"amount": 650, "currency": "EUR"},
}
_SELL: Final = {
    "kind": "sell",
    "sku": "TEE-M",
    "warehouse": "berlin",
    "quantity": 1,
    "channel": "shop",
    "unit_price": {"amount": 1290, "currency": "EUR"},
    "tax_rate": 0.19,
}
_COMMANDS: Final = {
    "one": _example("goods came in", {"id": "receipt-1", **_RECEIVE}),
    "array": _example(
        "a till's receipt of two lines, all or nothing",
        [
            {"id": "till-7-1", **_SELL, "group": "receipt 1"},
            {"id": "till-7-2", **_SELL, "sku": "TEE-L", "group": "receipt 1"},
        ],
    ),
    "count": _example(
        "a stocktake",
        {"id": "count-1", "kind": "adjust", "sku": "TEE-M", "warehouse": "berlin", "set_to": 9, "reason": "count"},
    ),
    "refused": _example("a quantity of nothing is that row's outcome", {"id": "zero-1", **_SELL, "quantity": 0}),
    "no_id": _example("without an id", _RECEIVE, 400),
    "a_field_too_many": _example("with a field that it does not have", {"id": "x-1", **_RECEIVE, "colour": "red"}, 422),
}
_NEW: Final = {
    "two_lines": _example(
        "two lines, held together",
        {
            "channel": "shop",
            "ttl_s": 900,
            "lines": [{"sku": "TEE-M", "quantity": 1}, {"sku": "TEE-L", "quantity": 2, "warehouse": "berlin"}],
            "reference": "cart 4711",
        },
        201,
    ),
    "too_much": _example(
        "more than there is",
        {"channel": "shop", "ttl_s": 900, "lines": [{"sku": "TEE-M", "quantity": 1000000}]},
        409,
    ),
    "what_there_is": _example(
        "as much of it as there is",
        {"channel": "shop", "ttl_s": 900, "lines": [{"sku": "TEE-M", "quantity": 1000000}], "partial": True},
        201,
    ),
    "unknown": _example(
        "a product that nobody registered",
        {"channel": "shop", "ttl_s": 900, "lines": [{"sku": "NO-SUCH-SKU", "quantity": 1}]},
        404,
    ),
}
_WRITE: Final = (400, 401, 403, 404, 409, 413, 422, 429, 503)
_READ: Final = (401, 403, 404, 422, 429, 503)


def _link(method: str, path: str, about: str, **parameters: str) -> dict[str, Any]:
    """What can be asked next, with what of the answer."""
    return {"operationId": operation_id(method, path), "description": about, "parameters": parameters}


def operation_id(method: str, path: str) -> str:
    """The name of an operation."""
    return f"{method.lower()}_{path.strip('/').translate(_NAMES)}"


_NAMES: Final = str.maketrans({"/": "_", "{": "", "}": "", ":": "_"})
_ONE: Final = "/v1/reservations/{reservation}"
_NEXT: Final = {
    **{
        step: _link("POST", f"{_ONE}/{step}", f"{step} it", reservation="$response.body#/reservation")
        for step in ("confirm", "extend", "release", "fulfil")
    },
    "see": _link("GET", _ONE, "how it is later", reservation="$response.body#/reservation"),
}
_OF_COMMAND: Final = {"answer": _link("GET", "/v1/commands/{id}", "asked again", id="$response.body#/results/0/id")}


def _step(kind: Kind, summary: str, body: Any, examples: dict[str, Any]) -> Direct:
    return Direct(
        method="POST",
        path=f"/v1/reservations/{{reservation}}/{kind.text}",
        handler=reservations.step(kind),
        scopes=("reserve",),
        body_bytes=_single,
        docs=_docs(
            "reservations",
            summary,
            shapes.Reservation,
            _WRITE,
            body=body,
            examples=examples,
            parameters=(_parameter("reservation", "path", "its id", _CODE), _KEY),
            body_required=body is s.NewDeadline,
            links=_NEXT,
        ),
    )


def _read(path: str, handler: Any, scopes: tuple[str, ...], docs: dict[str, Any], streams: bool = False) -> Direct:
    return Direct(method="GET", path=path, handler=handler, scopes=scopes, streams=streams, docs=docs)


_PARTS: Final = {
    "all": _example("all that remains", {}),
    "part": _example("some of one line", {"lines": [{"line": 0, "quantity": 1}]}),
}

DIRECT: Final[tuple[Direct, ...]] = (
    Direct(
        method="POST",
        path="/v1/commands",
        handler=commands.post,
        body_bytes=_array,
        no_room=commands.no_room,
        docs=_docs(
            "commands",
            "One command, an array of them, or an Arrow stream",
            shapes.Results,
            (400, 401, 403, 413, 422, 429, 503),
            body=s.AnyCommand | list[s.AnyCommand],
            examples=_COMMANDS,
            arrow=True,
            links=_OF_COMMAND,
        ),
    ),
    _read(
        "/v1/commands/{id}",
        commands.get,
        ("read", "reserve", "stock", "sell"),
        _docs(
            "commands",
            "The answer that a command id got",
            shapes.CommandAnswer,
            _READ,
            parameters=(_parameter("id", "path", "of the caller's client", _CODE),),
        ),
    ),
    Direct(
        method="POST",
        path="/v1/reservations",
        handler=reservations.create,
        scopes=("reserve",),
        body_bytes=_single,
        docs=_docs(
            "reservations",
            "Hold lines together",
            shapes.Reservation,
            _WRITE,
            body=s.NewReservation,
            examples=_NEW,
            parameters=(_KEY,),
            status=201,
            links=_NEXT,
        ),
    ),
    _read(
        "/v1/reservations",
        reservations.list_,
        ("read", "reserve"),
        _docs(
            "reservations",
            "Reservations, oldest first",
            shapes.ReservationPage,
            _READ,
            parameters=(
                _parameter("state", "query", "only in this state", {"enum": list(reservations.STATES)}),
                _parameter("channel", "query", "only of this channel", _CODE),
                _parameter("reference", "query", "only with this reference", _TEXT),
                _parameter("sku", "query", "only with a line of this SKU", _CODE),
                _EVERYONE,
                _LIMIT,
                _CURSOR,
            ),
        ),
    ),
    _read(
        "/v1/reservations/{reservation}",
        reservations.get,
        ("read", "reserve"),
        _docs(
            "reservations",
            "One reservation",
            shapes.Reservation,
            _READ,
            parameters=(_parameter("reservation", "path", "its id", _CODE), _EVERYONE),
        ),
    ),
    _step(Kind.CONFIRM, "It loses its deadline", s.Nothing, {"confirm": _example("confirm", {})}),
    _step(
        Kind.EXTEND,
        "Its deadline becomes max(old, now + ttl_s)",
        s.NewDeadline,
        {"an_hour": _example("an hour from now", {"ttl_s": 3600})},
    ),
    _step(Kind.RELEASE, "Units go back", s.Parts, _PARTS),
    _step(Kind.FULFIL, "Units leave the house", s.Parts, _PARTS),
    _read(
        "/v1/stock/{sku}",
        stock.get,
        ("read",),
        _docs(
            "stock",
            "One SKU's cells and sums, now or as of any moment",
            shapes.Stock,
            _READ,
            parameters=(
                _parameter("sku", "path", "", _CODE),
                _parameter("channel", "query", "adds what this channel could sell", _CODE),
                _parameter("as_of", "query", "the cells as they were at this moment", _MOMENT),
            ),
        ),
    ),
    Direct(
        method="POST",
        path="/v1/stock:query",
        handler=stock.query,
        scopes=("read",),
        body_bytes=_single,
        docs=_docs(
            "stock",
            "Many SKUs, in the order asked",
            shapes.StockItems,
            (400, *_READ, 413),
            body=s.StockQuery,
            examples={"two": _example("two SKUs", {"skus": ["TEE-M", "TEE-L"], "channel": "shop"})},
        ),
    ),
    _read(
        "/v1/feed",
        feed.get,
        ("read",),
        _docs(
            "feed",
            "Every movement, gap-free; `Accept: text/event-stream` for a live stream",
            shapes.FeedPage,
            (*_READ, 410),
            arrow=True,
            parameters=(
                _parameter("after", "query", "the cursor of the last event seen", _TEXT),
                _LIMIT,
                _parameter("sku", "query", "only this SKU", _CODE),
                _parameter("warehouse", "query", "only this warehouse", _CODE),
                _parameter("kind", "query", "only this kind", {"enum": list(KINDS)}),
                _parameter("Last-Event-ID", "header", "for a stream: where to go on", _TEXT),
            ),
        ),
        streams=True,
    ),
)

CODES: Final = _CODES
