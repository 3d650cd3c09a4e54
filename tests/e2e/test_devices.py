"""Devices of a served engine: receipts over a socket and a pseudo-terminal, and what killed processes leave behind.

Whatever dies: a receipt lies on the counter once, or somebody is asked.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from devices.simulators.endpoints import PtyDevice, TcpDevice
from devices.simulators.printer_faults import Fault, FaultKind
from devices.simulators.receipt_printer import PrinterSimulator
from tests.e2e.served import Served, fresh_id, wait_until

LINES = 120
"""of a receipt that takes a slow printer half a second"""
LONG = 1_000
"""of one that takes it longer than a device's process outlives a supervisor"""


@pytest.fixture(params=["local_served", "ray_served"])
def served(request: pytest.FixtureRequest) -> Served:
    found: Served = request.getfixturevalue(request.param)
    return found


class Till:
    """One printer, and what is asked of it."""

    def __init__(self, served: Served, simulator: PrinterSimulator, transport: str, **settings: Any) -> None:
        self.served = served
        self.simulator = simulator
        self.code = fresh_id()
        self.body = {
            "kind": "receipt_printer", "driver": "escpos", "transport": transport,
            "settings": {"profile": "TM-T20II", **settings},
        }  # fmt: skip
        answer = served.http.put(f"/v1/devices/{self.code}", json=self.body)
        assert answer.status_code == 201, answer.text

    def print(self, job_id: str, lines: int = 3) -> None:
        """Handed in, whatever it takes."""
        blocks = [
            {"text": f"{job_id} begins"},
            *({"text": f"line {n}"} for n in range(lines)),
            {"text": f"{job_id} ends"},
        ]
        body = {"id": job_id, "kind": "print", "document": {"blocks": [*blocks, {"cut": True}]}}
        answer = self.served.post_until_answered(f"/v1/devices/{self.code}/jobs", body, job_id)
        assert answer.status_code == 202, answer.text

    def job(self, job_id: str) -> Any:
        """As soon as somebody answers for it."""
        while True:
            answer = self.served.http.get(f"/v1/devices/{self.code}/jobs/{job_id}")
            if answer.status_code != 503:
                assert answer.status_code == 200, answer.text
                return answer.json()

    def until(self, job_id: str, *states: str) -> str:
        wait_until(lambda: self.job(job_id)["state"] in states, f"{job_id} to be {' or '.join(states)}")
        return str(self.job(job_id)["state"])

    def decide(self, job_id: str, printed: bool) -> Any:
        path = f"/v1/devices/{self.code}/jobs/{job_id}/decide"
        answer = self.served.post_until_answered(path, {"printed": printed}, fresh_id())
        assert answer.status_code == 200, answer.text
        return answer.json()

    def health(self) -> str:
        return str(self.served.http.get(f"/v1/devices/{self.code}").json()["health"]["state"])

    def whole(self, job_id: str) -> int:
        """Receipts from their beginning to their end, as they lie on the counter."""
        text = "".join(self.simulator.text)
        return sum(f"{job_id} ends" in piece for piece in text.split(f"{job_id} begins")[1:])


@contextmanager
def till(
    served: Served, *faults: Fault, bytes_per_s: float = 1e6, line: Callable[[PrinterSimulator], Any] = TcpDevice,
    **settings: Any,
) -> Iterator[Till]:  # fmt: skip
    simulator = PrinterSimulator(bytes_per_s=bytes_per_s, faults=faults)
    endpoint = line(simulator)
    endpoint.start()
    made = Till(served, simulator, transport_to(served, endpoint), **settings)
    try:
        yield made
    finally:
        served.http.delete(f"/v1/devices/{made.code}")
        endpoint.stop()


def transport_to(served: Served, endpoint: TcpDevice | PtyDevice) -> str:
    """A pseudo-terminal is none of the files that a device may name: whoever has the machine links it into them."""
    if isinstance(endpoint, TcpDevice):
        return endpoint.address
    paper = served.data / "paper"
    paper.mkdir(exist_ok=True)
    link = paper / fresh_id()
    link.symlink_to(endpoint.path)
    return f"file:{link.name}"


@pytest.mark.parametrize("line", [TcpDevice, PtyDevice])
def test_a_job_over_http_is_printed_once(served: Served, line: Callable[[PrinterSimulator], Any]) -> None:
    with till(served, line=line) as made:
        for _ in range(3):
            made.print("A")
        assert made.until("A", "confirmed") == "confirmed"
        made.print("A")
        assert made.whole("A") == 1


def test_a_dead_printer_holds_up_neither_another_nor_the_api(served: Served) -> None:
    with till(served, Fault(FaultKind.HANG, 1, lasts_s=600)) as dead, till(served) as alive:
        for number in range(5):
            dead.print(f"D{number}")
            alive.print(f"A{number}")
        assert alive.until("A4", "confirmed") == "confirmed"
        assert served.http.get("/v1/limits").status_code == 200
        assert dead.job("D0")["state"] == "queued"
        assert dead.health() in ("absent", "connecting", "unknown")
        assert [alive.whole(f"A{number}") for number in range(5)] == [1] * 5


def test_a_job_in_doubt_is_decided_over_http_and_its_copy_is_marked(served: Served) -> None:
    with till(served, Fault(FaultKind.POWER_LOSS, 300, lasts_s=2.0)) as made:
        made.print("A", LINES)
        assert made.until("A", "unknown", "confirmed") == "unknown"
        copy = made.decide("A", printed=False)["copy"]
        assert made.until(copy, "confirmed") == "confirmed"
        assert "".join(made.simulator.text).count("COPY") == 2
        feed = served.http.get("/v1/feed/devices", params={"device": made.code, "kind": "job"}).json()["events"]
        of_a = [event["state"] for event in feed if event["job"] == "A"]
        assert [of_a[0], *of_a[-2:]] == ["queued", "unknown", "abandoned"]


def actor_of(served: Served, made: Till) -> Any:
    """The process that holds the device's journal."""
    wanted = str(served.data / "devices" / made.code / "lock")
    holding = [process for process in served.family() if wanted in open_files(process.pid)]
    assert len(holding) == 1, holding
    return holding[0]


def open_files(pid: int) -> set[str]:
    found: set[str] = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found.add(str(link.readlink()))
            except OSError:
                continue
    except OSError:
        return found
    return found


@pytest.mark.long
@pytest.mark.parametrize("received", [0, 40, 200, 500, 900, 10**9])
def test_a_device_whose_process_is_killed_at_any_step_prints_once_or_asks(ray_served: Served, received: int) -> None:
    """Before the first byte (0), after so many that the printer took, and after the proof."""
    with till(ray_served, bytes_per_s=2_000) as made, till(ray_served) as other:
        wait_until(lambda: made.health() == "ready", "the printer")
        before = actor_of(ray_served, made)
        if not received:
            made.simulator.run_out_of_paper()
        begun = made.simulator.received
        made.print("A", LINES)
        if received == 10**9:
            made.until("A", "confirmed")
        elif received:
            wait_until(lambda: made.simulator.received > begun + received, "bytes")
        assert before.send(signal.SIGKILL)
        other.print("B")
        assert other.until("B", "confirmed") == "confirmed"
        made.simulator.put_paper_in()
        state = made.until("A", "confirmed", "unknown")
        assert actor_of(ray_served, made) != before
        wait_until(lambda: made.health() == "ready", "the printer to be ready again")
        assert made.whole("A") <= 1
        assert state == "confirmed" if received in (0, 10**9) else state == "unknown"
        if state == "unknown":
            copy = made.decide("A", printed=bool(made.whole("A"))).get("copy")
            assert copy is None or made.until(copy, "confirmed")
        assert made.whole("A") == 1 or "".join(made.simulator.text).count("COPY") == 2


@pytest.mark.long
def test_a_device_whose_process_is_stopped_is_killed_and_comes_back_and_nobody_else_notices(
    ray_served: Served,
) -> None:
    with till(ray_served) as made, till(ray_served) as other:
        wait_until(lambda: made.health() == "ready", "the printer")
        before = actor_of(ray_served, made)
        assert before.send(signal.SIGSTOP)
        other.print("B")
        assert other.until("B", "confirmed") == "confirmed"
        shown = ray_served.http.get(f"/v1/devices/{made.code}").json()["health"]
        assert shown["state"] == "unknown"
        made.print("A")
        assert made.until("A", "confirmed") == "confirmed"
        assert not before.alive()
        assert made.whole("A") == 1


@pytest.mark.long
@pytest.mark.parametrize("options", [("--transport", "local"), ("--workers", "1")], ids=["local", "ray"])
def test_a_server_that_is_killed_and_started_again_knows_every_job(tmp_path: Path, options: tuple[str, ...]) -> None:
    data = tmp_path / "data"
    simulator = PrinterSimulator(bytes_per_s=2_000)
    endpoint = TcpDevice(simulator)
    endpoint.start()
    try:
        with Served(data, "--shards", "1", *options) as served:
            made = Till(served, simulator, endpoint.address)
            made.print("A")
            made.until("A", "confirmed")
            begun = simulator.received
            made.print("B", LONG)
            wait_until(lambda: simulator.received > begun + 200, "bytes")
            made.print("C")
            served.http.close()
            served.kill()
        with Served(data, *options) as served:
            made.served = served
            # With Ray the device's own process outlives the supervisor for a moment: it must not come to C.
            assert made.until("B", "unknown", "confirmed") == "unknown"
            assert made.whole("B") <= 1
            assert made.until("C", "confirmed") == "confirmed"
            assert made.job("A")["state"] == "confirmed"
            made.print("A")
            assert [made.whole(name) for name in "AC"] == [1, 1]
            events = served.http.get("/v1/feed/devices", params={"limit": "1000"}).json()["events"]
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
            assert served.stop() == 0
    finally:
        endpoint.stop()


def test_a_served_engine_answers_for_a_device_before_its_process_has_started(ray_served: Served) -> None:
    body = {"kind": "receipt_printer", "driver": "escpos", "transport": "tcp://127.0.0.1:9"}
    code = fresh_id()
    assert ray_served.http.put(f"/v1/devices/{code}", json=body).status_code == 201
    job = {"id": "A", "kind": "open_drawer"}
    answer = ray_served.post_until_answered(f"/v1/devices/{code}/jobs", job, "A")
    assert answer.status_code == 202
    wait_until(lambda: _state(ray_served, code) == "failed_clean", "a drawer that stays shut")
    assert ray_served.http.delete(f"/v1/devices/{code}").status_code == 204


def _state(served: Served, code: str) -> str:
    answer: httpx2.Response = served.http.get(f"/v1/devices/{code}/jobs/A")
    return str(answer.json().get("state"))
