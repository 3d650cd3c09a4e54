"""The bodies of the catalogue: warehouses, channels, products. From JSON to the document that is kept, and back.

A document is kept as it will be answered: names in Unicode's composed form, defaults filled in, and whatever
else a product was given, as it was given.
"""

import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import orjson
from msgspec import Meta, Struct

from api import decode
from api.numbers import millionths
from api.schemas import Body, Code, Money, Rate, Text, decoder
from api.status import invalid
from api.texts import check_code, check_name, check_text, currency_number

DOCUMENT_BYTES_MAX: Final = 32_768
"""of one document; a larger one is 422 `invalid_request`"""
BARCODES_MAX: Final = 100
BARCODE_BYTES_MAX: Final = 64
GROUP_DEPTH_MAX: Final = 16
EXTRA_DEPTH_MAX: Final = 32
SLICE_PRODUCTS: Final = 256
"""about 3 ms of work; the caller gives way after each slice"""
_INTEGER_MAX: Final = (1 << 63) - 1
_WHOLE: Final = 1_000_000
_CLOCK: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


class Warehouse(Body, kw_only=True):
    """A place that holds stock."""

    name: Text
    kind: Literal["warehouse", "store", "pickup", "marketplace", "quarantine"]
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000, description="lower goes first")]
    time_zone: Annotated[str, Meta(description="such as Europe/Riga; UTC unless given")] | None = None
    day_start: Annotated[str, Meta(pattern=_CLOCK, description="when its business day begins; 04:00 unless given")] | (
        None
    ) = None
    code: Annotated[str, Meta(description="if given, the code in the path")] | None = None


class Channel(Body, kw_only=True):
    """Where sales come from."""

    name: Text
    kind: Code
    warehouses: Annotated[list[Code], Meta(max_length=4096)] | None = None
    fee_rate: Annotated[Rate, Meta(description="the channel's part of what is sold: 0.15 = 15 %")] | None = None
    payment_rate: Annotated[Rate, Meta(description="the part of whoever takes the payment")] | None = None
    fixed_cost: Annotated[Money, Meta(description="of each order: picking, packing, parcel")] | None = None
    code: Annotated[str, Meta(description="if given, the code in the path")] | None = None


class Product(Struct, kw_only=True):
    """What is sold. Other fields than these are kept as they are given."""

    name: Text
    quantity_decimals: Annotated[int, Meta(ge=0, le=3)] = 0
    barcodes: Annotated[list[str], Meta(max_length=BARCODES_MAX)] = []
    group: Annotated[list[Text], Meta(min_length=1, max_length=GROUP_DEPTH_MAX)] | None = None
    sku: Annotated[str, Meta(description="if given, the SKU in the path")] | None = None


class BatchProduct(Product, kw_only=True):
    """A product in an array."""

    sku: Code


_warehouse = msgspec.json.Decoder(Warehouse)
_channel = decoder(Channel)
_product = msgspec.json.Decoder(Product)
_products = msgspec.json.Decoder(list[BatchProduct])
_object = msgspec.json.Decoder(dict[str, Any])
_objects = msgspec.json.Decoder(list[dict[str, Any]])
_KNOWN: Final = frozenset(Product.__struct_fields__)


def warehouse_document(code: str, body: bytes) -> str:
    """The document of `PUT /v1/warehouses/{code}`."""
    given = decode.decode(_warehouse, body)
    _check_same(code, given.code, "$.code")
    document: dict[str, Any] = {"name": _name(given.name, "$.name"), "kind": given.kind, "priority": given.priority}
    if given.time_zone is not None:
        document["time_zone"] = _time_zone(given.time_zone, "$.time_zone")
    if given.day_start is not None:
        document["day_start"] = given.day_start
    return orjson.dumps(document).decode()


def channel_document(code: str, body: bytes) -> str:
    """The document of `PUT /v1/channels/{code}`."""
    given = decode.decode(_channel, body)
    _check_same(code, given.code, "$.code")
    check_code(given.kind, "$.kind")
    for at, warehouse in enumerate(given.warehouses or ()):
        check_code(warehouse, f"$.warehouses[{at}]")
    _check_different(given.warehouses or [], "$.warehouses")
    document: dict[str, Any] = {"name": _name(given.name, "$.name"), "kind": given.kind, "warehouses": given.warehouses}
    for name in ("fee_rate", "payment_rate"):
        if (rate := getattr(given, name)) is not None:
            document[name] = _part(rate, f"$.{name}")
    if given.fixed_cost is not None:
        document["fixed_cost"] = _cost(given.fixed_cost, "$.fixed_cost")
    return orjson.dumps(document).decode()


def product_document(sku: str, body: bytes) -> str:
    """The document of `PUT /v1/products/{sku}`."""
    given = decode.decode(_product, body)
    _check_same(sku, given.sku, "$.sku")
    return _product_document(given, decode.decode(_object, body), "$")


def product_documents(body: bytes) -> Iterator[list[tuple[str, str]]]:
    """(SKU, document) of each product of `POST /v1/products:batch`, a slice at a time; each SKU at most once."""
    given = decode.decode(_products, body)
    # The structs check and leave out what they do not know; the dicts have it.
    whole = decode.decode(_objects, body)
    for at, product in enumerate(given):
        check_code(product.sku, f"$[{at}].sku")
    _check_different([product.sku for product in given], "$", ".sku")
    for begin in range(0, len(given), SLICE_PRODUCTS):
        yield [
            (given[at].sku, _product_document(given[at], whole[at], f"$[{at}]"))
            for at in range(begin, min(begin + SLICE_PRODUCTS, len(given)))
        ]


def answered(code_field: str, code: str, document: str) -> bytes:
    """A document with its code in front, as JSON."""
    return b'{"%s":"%s",%s' % (code_field.encode(), code.encode(), document[1:].encode())


def _product_document(product: Product, given: dict[str, Any], path: str) -> str:
    document: dict[str, Any] = {
        "name": _name(product.name, f"{path}.name"),
        "quantity_decimals": product.quantity_decimals,
        "barcodes": product.barcodes,
    }
    for at, barcode in enumerate(product.barcodes):
        check_text(barcode, f"{path}.barcodes[{at}]", BARCODE_BYTES_MAX)
    _check_different(product.barcodes, f"{path}.barcodes")
    if product.group is not None:
        document["group"] = [_name(name, f"{path}.group[{at}]") for at, name in enumerate(product.group)]
    for name, value in given.items():
        if name not in _KNOWN:
            document[check_text(name, path)] = value
            if type(value) is not str:
                _check_extra(value, f"{path}.{name}", EXTRA_DEPTH_MAX)
    encoded = orjson.dumps(document)
    if len(encoded) > DOCUMENT_BYTES_MAX:
        raise invalid(path, f"more than {DOCUMENT_BYTES_MAX} bytes")
    return encoded.decode()


def _check_extra(value: Any, path: str, depth_left: int) -> None:
    """What is kept must be such that it can be answered."""
    if not depth_left:
        raise invalid(path, f"nested more than {EXTRA_DEPTH_MAX} deep")
    if type(value) is int and not -_INTEGER_MAX - 1 <= value <= _INTEGER_MAX:
        raise invalid(path, "a whole number of more than 64 bits")
    if type(value) is dict:
        for name, inner in value.items():
            _check_extra(inner, f"{path}.{name}", depth_left - 1)
    elif type(value) is list:
        for at, inner in enumerate(value):
            _check_extra(inner, f"{path}[{at}]", depth_left - 1)


def _part(rate: Any, path: str) -> float:
    """A part of a whole, with at most six decimals: as many as a double writes as they were given."""
    parts = millionths(rate, path)
    if parts > _WHOLE:
        raise invalid(path, "0 to 1")
    return parts / _WHOLE


def _cost(money: Money, path: str) -> dict[str, Any]:
    if money.amount < 0:
        raise invalid(f"{path}.amount", "0 or more")
    try:
        currency_number(money.currency)
    except ValueError:
        raise invalid(f"{path}.currency", "three letters such as EUR") from None
    return {"amount": money.amount, "currency": money.currency}


def _name(text: str, path: str) -> str:
    return check_name(unicodedata.normalize("NFC", text), path).strip()


def _time_zone(name: str, path: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(path, "no such time zone") from None


def _check_same(code: str, given: object, path: str) -> None:
    if given is not None and given != code:
        raise invalid(path, "not the one in the path")


def _check_different(texts: list[str], path: str, field: str = "") -> None:
    if len(set(texts)) == len(texts):
        return
    seen: dict[str, int] = {}
    for at, text in enumerate(texts):
        if text in seen:
            raise invalid(f"{path}[{at}]{field}", f"the same as {path}[{seen[text]}]{field}")
        seen[text] = at
