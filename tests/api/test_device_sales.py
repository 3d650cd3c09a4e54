"""What a till asks of scanners, scales and displays over HTTP: scans in order, weights to sell by, what is shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import msgspec
import pytest

from api import device_shapes as shapes
from devices.simulators.customer_display import DisplaySimulator
from devices.simulators.endpoints import TcpDevice
from devices.simulators.scale import ScaleSimulator
from devices.simulators.scanner import ScannerSimulator
from devices.simulators.simulated_line import Simulated
from tests.api.box import Box, fresh
from tests.api.test_devices import problem
from tests.e2e.served import wait_until

EAN = "4006381333931"
MARKED = "0104600494694226215Abcde\x1d93Test"
WEIGHED = "2112345012506"


class Counter:
    """A device of its own for each test, behind a port, and what is asked of it."""

    def __init__(self, box: Box, kind: str, driver: str, simulator: Simulated, **settings: Any) -> None:
        self.box, self.code, self.line = box, fresh(kind), TcpDevice(simulator)
        self.line.start()
        body = {"kind": kind, "driver": driver, "transport": self.line.address, "settings": settings}
        assert box.call("PUT", f"/v1/devices/{self.code}", json=body).status_code == 201

    def call(self, method: str, what: str, body: Any = None, **headers: str) -> httpx2.Response:
        path = f"/v1/devices/{self.code}/{what}"
        return self.box.call(method, path, json=body, headers={"Idempotency-Key": "", **headers})

    def do(self, act: Callable[[], object]) -> None:
        self.line.do(act)

    def health(self) -> str:
        return str(self.box.get(f"/v1/devices/{self.code}")["health"]["state"])

    def scans(self, count: int, after: str | None = None) -> tuple[list[Any], str]:
        """So many, as soon as they are there, and the cursor behind them."""
        found: list[Any] = []
        cursor = after

        def more() -> bool:
            nonlocal cursor
            query = {"device": self.code, "kind": "scan", **({"after": cursor} if cursor else {})}
            answer = self.box.call("GET", "/v1/feed/devices", params=query)
            page = msgspec.json.decode(answer.content, type=shapes.DeviceEventPage, strict=True)
            found.extend(answer.json()["events"])
            cursor = page.next_cursor
            return len(found) >= count

        wait_until(more, f"{count} scans")
        assert cursor is not None
        return found, cursor


@contextmanager
def counter(box: Box, kind: str, driver: str, simulator: Simulated, **settings: Any) -> Iterator[Counter]:
    made = Counter(box, kind, driver, simulator, **settings)
    try:
        yield made
    finally:
        box.call("DELETE", f"/v1/devices/{made.code}")
        made.line.stop()


def test_scans_come_on_the_feed_once_in_order_with_what_they_mean(box: Box) -> None:
    simulator = ScannerSimulator()
    with counter(box, "scanner", "serial_scanner", simulator, layout="ru") as made:
        wait_until(lambda: made.line.clients > 0, "the line")
        for data, aim in ((EAN, "]E0"), (EAN, "]E0"), (WEIGHED, "]E0"), (MARKED, "]d2"), (MARKED, "]d2")):
            made.do(lambda data=data, aim=aim: simulator.scan(data, aim))  # type: ignore[misc]
        made.do(lambda: simulator.scan(MARKED.replace("\x1d", ""), "]d2"))
        found, cursor = made.scans(6)
        article = {"kind": "article", "gtin": "0" + EAN}
        assert [(event["raw"], event.get("code")) for event in found[:3]] == [
            (EAN, article),
            (EAN, article),
            (WEIGHED, {"kind": "weighed", "plu": "12345", "grams": 1250}),
        ]
        assert [(event["code"]["kind"], event["raw"], event.get("again", False)) for event in found[3:5]] == [
            ("marked", MARKED, False),
            ("marked", MARKED, True),
        ]
        assert (found[5].get("code"), found[5]["refused"], found[5]["aim"]) == (None, "separator_lost", "]d2")
        assert made.health() == "ready"

        assert made.call("POST", "new_receipt").status_code == 204
        made.do(lambda: simulator.scan(MARKED, "]d2"))
        (again,), _ = made.scans(1, cursor)
        assert "again" not in again
        assert problem(made.call("POST", "weigh", {"id": "W"})) == (422, "invalid_request", "device")


@pytest.mark.parametrize("driver", ["cas", "toledo8217"])
def test_a_weight_is_told_once_and_the_same_id_hears_it_again(box: Box, driver: Any) -> None:
    simulator = ScaleSimulator(driver)
    with counter(box, "scale", driver, simulator) as made:
        wait_until(lambda: made.health() == "ready", "the scale")
        made.do(lambda: simulator.put(1250, moves_s=0.2))
        wait_until(lambda: simulator.grams == 1250, "the apples")
        answer = made.call("POST", "weigh", {"id": "line-1", "tare_grams": 20})
        weight = msgspec.json.decode(answer.content, type=shapes.Weight, strict=True)
        assert (weight.grams, weight.gross_grams, weight.tare_grams, weight.sequence) == (1230, 1250, 20, 1)
        made.do(lambda: simulator.put(0))
        again = made.call("POST", "weigh", {"id": "line-1", "tare_grams": 20})
        assert (again.json(), again.headers["idempotent-replayed"]) == (answer.json(), "true")
        assert problem(made.call("POST", "weigh", {"id": "line-1"}))[:2] == (422, "id_reused")
        wait_until(lambda: simulator.grams == 0, "an empty scale")
        refused = made.call("POST", "weigh", {"tare_grams": 0}, **{"Idempotency-Key": "line-2"})
        assert (*problem(refused)[:2], refused.json()["detail"]) == (409, "no_weight", "empty")
        assert problem(made.call("POST", "weigh", {}))[:2] == (400, "id_missing")
        assert problem(made.call("POST", "weigh", {"id": "x", "tare_grams": -1})) == (
            422, "invalid_request", "$.tare_grams",
        )  # fmt: skip


def test_the_last_bytes_both_ways_are_there_for_who_looks_for_a_fault(box: Box) -> None:
    simulator = ScaleSimulator("cas")
    with counter(box, "scale", "cas", simulator) as made:
        wait_until(lambda: made.health() == "ready", "the scale")
        answer = made.call("GET", "tape")
        tape = msgspec.json.decode(answer.content, type=shapes.DeviceTape, strict=True).items
        assert [(piece.sent, piece.bytes) for piece in tape[:3]] == [(True, "05"), (False, "06"), (True, "11")]
        assert tape[0].at <= tape[-1].at


def test_a_customer_sees_the_last_state_and_it_comes_back_with_the_cable(box: Box) -> None:
    simulator = DisplaySimulator("cp866")
    with counter(box, "customer_display", "cd5220", simulator) as made:
        for state in (
            {"state": "line", "name": "Чай чёрный, 100 г", "amount": "149.90", "subtotal": "149.90"},
            {"state": "total", "amount": "149.90"},
            {"state": "change", "tendered": "200.00", "change": "50.10"},
        ):
            answer = made.call("PUT", "shown", state)
            lines = msgspec.json.decode(answer.content, type=shapes.DisplayLines, strict=True)
            wait_until(lambda upper=lines.upper: simulator.lines[0].rstrip() == upper.rstrip(), f"{lines.upper} on it")  # type: ignore[misc]
        assert simulator.lines == ("ПОЛУЧЕНО      200.00", "СДАЧА          50.10")
        made.do(simulator.cycle_power)
        made.do(lambda: setattr(simulator, "line_up", False))
        wait_until(lambda: made.health() == "absent", "the pulled cable")
        assert made.call("PUT", "shown", {"state": "thanks"}).json()["upper"] == "СПАСИБО"
        made.do(lambda: setattr(simulator, "line_up", True))
        wait_until(lambda: simulator.lines[0].startswith("СПАСИБО"), "the last state")
        for wrong, path in (
            ({"state": "advert"}, "$.state"),
            ({"state": "total", "amount": "1" * 21}, "$.amount"),
            ({"state": "total"}, "$.amount"),
        ):
            assert problem(made.call("PUT", "shown", wrong)) == (422, "invalid_request", path)
        assert problem(made.call("POST", "new_receipt")) == (422, "invalid_request", "device")
