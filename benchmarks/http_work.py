"""The seeded work as HTTP requests: single reservations, JSON arrays, Arrow streams. Made before the time runs."""

import time
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import numpy as np
import orjson
import pyarrow as pa

from api.arrow_client import MEDIA, encode
from benchmarks.generator import post
from benchmarks.workload import CHANNEL_CODE, ID_BYTES, PLENTY, REFERENCE_BYTES, TTL_S, Bytes, Goods, uuids

ARROW_ROWS: Final = 8192
JSON_ROWS: Final = 1000
_PRODUCTS: Final = 1000
_IN_TIME_S: Final = 600


class HttpWork:
    """Requests to an engine with one key."""

    def __init__(self, goods: Goods, url: str, key: str) -> None:
        self.goods = goods
        host, port = url.removeprefix("http://").rsplit(":", 1)
        self.address = (host, int(port))
        self._url, self._authorization = url, {"Authorization": f"Bearer {key}"}

    def fill(self) -> None:
        """Places, channel, products and opening stock, over the same HTTP."""
        with httpx2.Client(base_url=self._url, headers=self._authorization, timeout=120, trust_env=False) as http:

            def sent(method: str, path: str, body: Any, number: int = 0) -> httpx2.Response:
                headers = {"Idempotency-Key": f"fill-{path.rsplit('/', 1)[-1]}-{number}"}
                answer = http.request(method, path, json=body, headers=headers)
                answer.raise_for_status()
                return answer

            for number, code in enumerate(self.goods.codes):
                place = {"name": code, "kind": "warehouse", "priority": int(self.goods.priorities[number])}
                sent("PUT", f"/v1/warehouses/{code}", place)
            sent("PUT", f"/v1/channels/{CHANNEL_CODE}", {"name": "Web", "kind": "webshop", "warehouses": None})
            for at in range(0, self.goods.skus, _PRODUCTS):
                products = [
                    {"sku": sku, "name": f"Product {sku}", "quantity_decimals": 0}
                    for sku in self.goods.names[at : at + _PRODUCTS]
                ]
                sent("POST", "/v1/products:batch", products, at)
            for table in self._opening():
                body = encode(table, _not_after_ms())
                answer = http.post("/v1/commands", content=body, headers={"Content-Type": MEDIA, "Accept": MEDIA})
                answer.raise_for_status()
                assert set(outcomes_of_arrow(answer.content)) == {"ok"}

    def singles(self, count: int) -> list[bytes]:
        """Reservations of one line, the warehouse left to the engine."""
        sku, _, quantity = self.goods.wishes(count)
        ids, references = self._texts(count)
        prices = self.goods.rng.integers(99, 49_999, count)
        requests = []
        for at in range(count):
            line = {
                "sku": self.goods.names[sku[at]],
                "quantity": int(quantity[at]),
                "unit_price": {"amount": int(prices[at]), "currency": "EUR"},
                "tax_rate": 0.19,
            }
            body = {"channel": CHANNEL_CODE, "ttl_s": TTL_S, "lines": [line], "reference": references[at]}
            headers = self._authorization | {"Content-Type": "application/json", "Idempotency-Key": ids[at]}
            requests.append(post("/v1/reservations", orjson.dumps(body), headers))
        return requests

    def json_arrays(self, count: int) -> list[bytes]:
        """Requests of 1,000 reserve commands each."""
        headers = self._authorization | {"Content-Type": "application/json"}
        return [post("/v1/commands", orjson.dumps(self._commands(JSON_ROWS)), headers) for _ in range(count)]

    def arrow_streams(self, count: int) -> list[bytes]:
        """Requests of 8,192 reserve commands each."""
        headers = self._authorization | {"Content-Type": MEDIA, "Accept": MEDIA}
        return [post("/v1/commands", encode(self._table(ARROW_ROWS), _not_after_ms()), headers) for _ in range(count)]

    def _commands(self, count: int) -> list[dict[str, Any]]:
        sku, warehouse, quantity = self.goods.wishes(count)
        ids, references = self._texts(count)
        prices = self.goods.rng.integers(99, 49_999, count)
        return [
            {
                "id": ids[at],
                "kind": "reserve",
                "sku": self.goods.names[sku[at]],
                "warehouse": self.goods.codes[warehouse[at]],
                "quantity": int(quantity[at]),
                "channel": CHANNEL_CODE,
                "ttl_s": TTL_S,
                "unit_price": {"amount": int(prices[at]), "currency": "EUR"},
                "tax_rate": 0.19,
                "reference": references[at],
            }
            for at in range(count)
        ]

    def _table(self, count: int) -> pa.Table:
        sku, warehouse, quantity = self.goods.wishes(count)
        return pa.table(
            {
                "id": _texts_array(uuids(self.goods.rng, count)),
                "kind": _repeated("reserve", count),
                "sku": self._names().take(pa.array(sku)),
                "warehouse": self._codes(warehouse),
                "quantity": pa.array(quantity),
                "channel": _repeated(CHANNEL_CODE, count),
                "ttl_s": pa.array(np.full(count, TTL_S, np.int32)),
                "unit_price": pa.array(self.goods.rng.integers(99, 49_999, count)),
                "currency": _repeated("EUR", count),
                "reference": _texts_array(self.goods.references(count)),
            }
        )

    def _opening(self) -> Iterator[pa.Table]:
        for at in range(0, self.goods.cells, ARROW_ROWS):
            number = np.arange(at, min(at + ARROW_ROWS, self.goods.cells))
            sku, cell = number % self.goods.skus, number // self.goods.skus
            yield pa.table(
                {
                    "id": _texts_array(uuids(self.goods.rng, len(number))),
                    "kind": _repeated("receive", len(number)),
                    "sku": self._names().take(pa.array(sku)),
                    "warehouse": self._codes(self.goods.warehouse_of(sku, cell)),
                    "quantity": pa.array(np.full(len(number), PLENTY)),
                }
            )

    def _names(self) -> pa.Array:
        return pa.array(self.goods.names)

    def _codes(self, warehouse: Any) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(warehouse.astype(np.int32)), pa.array(self.goods.codes))

    def _texts(self, count: int) -> tuple[list[str], list[str]]:
        ids, references = uuids(self.goods.rng, count), self.goods.references(count)
        return (
            ids.view(f"S{ID_BYTES}").ravel().astype(str).tolist(),
            references.view(f"S{REFERENCE_BYTES}").ravel().astype(str).tolist(),
        )


def outcomes_of_arrow(body: bytes) -> list[str]:
    """What each row of an answer says."""
    with pa.ipc.open_stream(body) as reader:
        found: list[str] = reader.read_all()["outcome"].cast(pa.string()).to_pylist()
    return found


def outcomes_of_json(body: bytes) -> list[str]:
    """What each row of an answer says."""
    return [result["outcome"] for result in orjson.loads(body)["results"]]


def _texts_array(texts: Bytes) -> pa.Array:
    count, length = texts.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(length)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(texts)))


def _repeated(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([text]))


def _not_after_ms() -> int:
    return time.time_ns() // 1_000_000 + _IN_TIME_S * 1000
