"""Work without an end that leaves an engine as large as it was: what is reserved expires, what is sold is delivered.

Arrow batches over a few connections, each sent when the one before it was answered. Ids are new in every row, so the
memory of ids is at its cap as soon as the time has passed for which one is remembered.
"""

import http.client
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from api.arrow_client import MEDIA, encode
from benchmarks.workload import uuids
from tests.e2e.served import Served

ROWS: Final = 4_096
SKUS: Final = 2_000
PLACES: Final = ("north", "south")
CHANNEL: Final = "web"
TTL_S: Final = 3
PLENTY: Final = 100_000_000
TIMEOUT_S: Final = 60.0
_IN_TIME_MS: Final = 600_000
_KINDS: Final = ("reserve", "sell", "receive")
_SHARES: Final = (0.5, 0.3, 0.2)


@dataclass(slots=True)
class Sender:
    """One connection and its batches."""

    address: tuple[str, int]
    key: str
    seed: int
    pause_s: float = 0.0
    """At least so long from one batch to the next; 0 = at saturation."""
    latencies: list[tuple[float, float]] = field(default_factory=list)
    """(when, milliseconds) of each batch"""
    rows: int = 0
    failure: BaseException | None = None

    def run(self, enough: threading.Event) -> None:
        """Until told."""
        rng = np.random.default_rng(self.seed)
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT_S)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": MEDIA, "Accept": MEDIA}
        try:
            while not enough.is_set():
                body = encode(batch(rng), time.time_ns() // 1_000_000 + _IN_TIME_MS)
                began = time.monotonic()
                connection.request("POST", "/v1/commands", body, headers)
                answer = connection.getresponse()
                text = answer.read()
                assert answer.status == 200, text[:1_000]
                self.latencies.append((began, 1_000 * (time.monotonic() - began)))
                with pa.ipc.open_stream(text) as reader:
                    outcomes = set(reader.read_all()["outcome"].cast(pa.string()).to_pylist())
                assert outcomes == {"ok"}, outcomes
                self.rows += ROWS
                enough.wait(began + self.pause_s - time.monotonic())
        except BaseException as failure:
            self.failure = failure
        finally:
            connection.close()


def batch(rng: np.random.Generator, rows: int = ROWS) -> Any:
    """A table of commands."""
    kind = rng.choice(len(_KINDS), rows, p=_SHARES)
    return pa.table(
        {
            "id": pa.array(uuids(rng, rows).view("S36").ravel().astype(str)),
            "kind": _coded(kind, _KINDS),
            "sku": _coded(rng.integers(0, SKUS, rows), [f"SKU-{n}" for n in range(SKUS)]),
            "warehouse": _coded(rng.integers(0, len(PLACES), rows), PLACES),
            "quantity": pa.array(rng.integers(1, 4, rows)),
            "channel": pa.array([None if number == 2 else CHANNEL for number in kind.tolist()]),
            "ttl_s": pa.array(np.where(kind == 0, TTL_S, 0).astype(np.int32), mask=kind != 0),
        }
    )


def open_shop(served: Served) -> None:
    """Places, channel, products, and more of everything than will be sold."""
    for number, place in enumerate(PLACES):
        document = {"name": place, "kind": "warehouse", "priority": number}
        served.http.put(f"/v1/warehouses/{place}", json=document).raise_for_status()
    served.http.put(f"/v1/channels/{CHANNEL}", json={"name": "Web", "kind": "web", "warehouses": None})
    names = [f"SKU-{n}" for n in range(SKUS)]
    for at in range(0, SKUS, 500):
        products = [{"sku": sku, "name": sku, "quantity_decimals": 0} for sku in names[at : at + 500]]
        assert served.post("/v1/products:batch", products).status_code == 200
    rows = [
        {"id": f"{sku}-{place}", "kind": "receive", "sku": sku, "warehouse": place, "quantity": PLENTY}
        for sku in names
        for place in PLACES
    ]
    answer = served.http.post("/v1/commands", json=rows, timeout=TIMEOUT_S)
    assert {row["outcome"] for row in answer.json()["results"]} == {"ok"}


def _coded(numbers: Any, names: Any) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(list(names)))
