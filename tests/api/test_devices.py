"""Devices over HTTP: made, seen, removed; jobs handed in, told, decided; and what the feed says of it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import msgspec
import pytest

from api import device_shapes as shapes
from api.feed import STREAM_PAGE
from devices.printer_settings import PrinterSettings
from devices.receipts.document import document_from
from devices.receipts.escpos import slip
from devices.receipts.preview import as_png
from devices.receipts.profiles import printer_profile
from devices.simulators.endpoints import TcpDevice
from devices.simulators.printer_faults import Fault, FaultKind
from devices.simulators.receipt_printer import PrinterSimulator
from tests.api.box import Box, fresh
from tests.e2e.served import wait_until

DOCUMENT = {"blocks": [{"text": "Tea & Co"}, {"row": ["Tea", "4.50"]}, {"cut": True}]}


class Till:
    """A printer of its own for each test, and what is asked of it."""

    def __init__(self, box: Box, simulator: PrinterSimulator, **settings: Any) -> None:
        self.box = box
        self.code = fresh("till")
        self.simulator = simulator
        self.endpoint = TcpDevice(simulator)
        self.endpoint.start()
        self.body = {
            "kind": "receipt_printer",
            "driver": "escpos",
            "transport": self.endpoint.address,
            "settings": {"profile": "TM-T20II", **settings},
        }
        answer = box.call("PUT", f"/v1/devices/{self.code}", json=self.body)
        assert answer.status_code == 201, answer.text

    def print(self, job_id: str, *, status: int = 202, **more: Any) -> httpx2.Response:
        return self.post({"id": job_id, "kind": "print", "document": DOCUMENT, **more}, status=status)

    def post(self, body: Any, *, status: int = 202, **request: Any) -> httpx2.Response:
        request = {"headers": {"Idempotency-Key": ""}, **request}
        answer = self.box.call("POST", f"/v1/devices/{self.code}/jobs", json=body, **request)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer

    def decide(self, job_id: str, printed: bool, *, status: int = 200) -> httpx2.Response:
        path = f"/v1/devices/{self.code}/jobs/{job_id}/decide"
        answer = self.box.call("POST", path, json={"printed": printed})
        assert answer.status_code == status, (answer.status_code, answer.text)
        return answer

    def job(self, job_id: str) -> Any:
        return self.box.get(f"/v1/devices/{self.code}/jobs/{job_id}")

    def until(self, job_id: str, state: str) -> Any:
        wait_until(lambda: self.job(job_id)["state"] == state, f"{job_id} to be {state}")
        return self.job(job_id)

    def health(self) -> Any:
        return self.box.get(f"/v1/devices/{self.code}")["health"]

    def events(self, **query: str) -> list[Any]:
        found: list[Any] = []
        page = self.feed(**query)
        while page["events"]:
            found += page["events"]
            page = self.feed(after=page["next_cursor"], **query)
        return found

    def feed(self, **query: str) -> Any:
        answer = self.box.call("GET", "/v1/feed/devices", params={"device": self.code, **query})
        assert answer.status_code == 200, answer.text
        msgspec.json.decode(answer.content, type=shapes.DeviceEventPage, strict=True)
        return answer.json()

    @property
    def paper(self) -> str:
        return "".join(self.simulator.text)


@contextmanager
def till(box: Box, *faults: Fault, **settings: Any) -> Iterator[Till]:
    made = Till(box, PrinterSimulator(bytes_per_s=1e6, faults=faults), **settings)
    try:
        yield made
    finally:
        box.call("DELETE", f"/v1/devices/{made.code}")
        made.endpoint.stop()


def problem(answer: httpx2.Response) -> tuple[int, str, str | None]:
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    return answer.status_code, said["code"], said.get("path")


def test_a_device_is_made_shown_with_its_health_listed_and_removed(box: Box) -> None:
    with till(box) as made:
        wait_until(lambda: made.health()["state"] == "ready", "a printer that is ready")
        answer = box.call("GET", f"/v1/devices/{made.code}")
        shown = msgspec.json.decode(answer.content, type=shapes.DeviceShown)
        assert (shown.code, shown.driver, shown.settings) == (made.code, "escpos", {"profile": "TM-T20II"})
        again = box.call("PUT", f"/v1/devices/{made.code}", json={"code": made.code, **made.body})
        assert (again.status_code, again.json()) == (200, {"code": made.code, **made.body})
        listed = msgspec.json.decode(box.call("GET", "/v1/devices").content, type=shapes.DevicePage)
        assert [each.health.state for each in listed.items if each.code == made.code] == ["ready"]
        assert box.call("DELETE", f"/v1/devices/{made.code}").status_code == 204
        assert problem(box.call("GET", f"/v1/devices/{made.code}")) == (404, "unknown_device", None)
        assert problem(box.call("DELETE", f"/v1/devices/{made.code}")) == (404, "unknown_device", None)
        assert problem(made.print("A", status=404)) == (404, "unknown_device", None)


def test_the_list_goes_on_from_a_cursor(box: Box) -> None:
    codes = sorted(fresh("scanner") for _ in range(3))
    scanner = {"kind": "scanner", "driver": "serial_scanner", "transport": "memory:"}
    for code in codes:
        box.put(f"/v1/devices/{code}", scanner)
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = box.call("GET", "/v1/devices", params={"limit": "2", **cursor}).json()
        found += [each["code"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [code for code in found if code in codes] == codes
    refused = box.call("POST", f"/v1/devices/{codes[0]}/jobs", json={"id": "A", "kind": "open_drawer"})
    assert problem(refused) == (422, "invalid_request", "device")
    assert box.get(f"/v1/devices/{codes[0]}/jobs") == {"items": [], "next_cursor": None}
    for code in codes:
        assert box.call("DELETE", f"/v1/devices/{code}").status_code == 204


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"driver": "matrix"}, "$"),
        ({"kind": "scanner"}, "$"),
        ({"transport": "serial:/dev/ttyUSB0"}, "$"),
        ({"transport": "tcp://nowhere"}, "$"),
        ({"transport": "file:/etc/crontab"}, "$"),
        ({"transport": "file:../admin.key"}, "$"),
        ({"settings": {"profile": "typewriter"}}, "$"),
        ({"settings": {"columns": 7}}, "$"),
        ({"settings": {"colour": "red"}}, "$"),
        ({"settings": []}, "$.settings"),
        ({"warehouse": "a b"}, "$.warehouse"),
        ({"code": "other"}, "$.code"),
        ({"owner": "me"}, "$.owner"),
    ],
)
def test_a_device_that_cannot_be_is_refused_when_it_is_saved(box: Box, change: dict[str, Any], path: str) -> None:
    body = {"kind": "receipt_printer", "driver": "escpos", "transport": "memory:", **change}
    assert problem(box.call("PUT", "/v1/devices/not-made", json=body)) == (422, "invalid_request", path)
    assert box.call("GET", "/v1/devices/not-made").status_code == 404


def test_a_device_stands_in_a_warehouse_that_there_is(box: Box) -> None:
    body = {"kind": "scale", "driver": "cas", "transport": "memory:", "warehouse": "nowhere"}
    assert problem(box.call("PUT", "/v1/devices/scale-1", json=body)) == (404, "unknown_warehouse", None)


def test_a_job_is_taken_in_printed_once_and_its_id_is_its_own(box: Box) -> None:
    with till(box) as made:
        answer = made.print("A")
        job = msgspec.json.decode(answer.content, type=shapes.DeviceJob)
        assert (job.id, job.kind, job.by) == ("A", "print", "admin")
        assert answer.headers["location"] == f"/v1/devices/{made.code}/jobs/A"
        assert "idempotent-replayed" not in answer.headers
        done = made.until("A", "confirmed")
        assert done["reasons"] == ["proved by the printer (gs_r)"]
        assert done["attempts"][0]["bytes_sent"] > 20
        again = made.print("A")
        assert (again.json()["state"], again.headers["idempotent-replayed"]) == ("confirmed", "true")
        other = {"id": "A", "kind": "print", "document": {"blocks": [{"text": "other"}]}}
        assert problem(made.post(other, status=422)) == (422, "id_reused", None)
        assert problem(made.post({"id": "A", "kind": "open_drawer"}, status=422)) == (422, "id_reused", None)
        by_header = {"kind": "print", "document": DOCUMENT}
        assert made.post(by_header, headers={"Idempotency-Key": "A"}).headers["idempotent-replayed"] == "true"
        assert problem(made.post(by_header, status=400)) == (400, "id_missing", None)
        assert made.paper.count("Tea & Co") == 1
        assert box.call("GET", f"/v1/devices/{made.code}/jobs/B").json()["code"] == "unknown_job"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"id": "A", "kind": "print", "document": {"blocks": []}}, "$.document"),
        ({"id": "A", "kind": "print", "document": {"blocks": [{"text": "a", "row": []}]}}, "$.document.blocks[0]"),
        ({"id": "A", "kind": "print", "document": {"blocks": [{"barcode": "4006381333932"}]}}, "$.document.barcode"),
        ({"id": "A", "kind": "print", "document": 7}, "$.document"),
        ({"id": "A", "kind": "print"}, "$.document"),
        ({"id": "A", "kind": "dance"}, "$.kind"),
        ({"id": "A", "kind": "open_drawer", "reason": "a\u202eb"}, "$.reason"),
        ({"id": "a b", "kind": "open_drawer"}, "$.id"),
        ({"id": "A", "kind": "print", "document": DOCUMENT, "deadline": "tomorrow"}, "$.deadline"),
    ],
)
def test_what_cannot_be_a_job_is_refused_with_its_place(box: Box, body: dict[str, Any], path: str) -> None:
    with till(box) as made:
        assert problem(made.post(body, status=422)) == (422, "invalid_request", path)
        assert box.get(f"/v1/devices/{made.code}/jobs")["items"] == []


def test_a_slip_past_its_deadline_is_not_printed(box: Box) -> None:
    with till(box) as made:
        made.print("A", deadline="2020-01-01T00:00:00Z")
        job = made.until("A", "failed_clean")
        assert (job["reasons"], job["deadline"]) == (["its deadline passed"], "2020-01-01T00:00:00.000Z")
        assert made.paper == ""


def test_a_drawer_is_opened_by_somebody_and_for_a_reason(box: Box) -> None:
    with till(box, drawer_open_level="high") as made:
        made.post({"id": "D", "kind": "open_drawer", "reason": "sale 17"})
        job = made.until("D", "confirmed")
        assert (job["why"], job["by"], made.simulator.drawer.kicks) == ("sale 17", "admin", 1)
        made.post({"id": "E", "kind": "open_drawer"})
        assert made.until("E", "failed_clean")["reasons"] == ["drawer_open"]


def test_a_job_in_doubt_is_decided_by_a_person_and_the_copy_says_so(box: Box) -> None:
    with till(box, Fault(FaultKind.CABLE, 90, lasts_s=0.2), Fault(FaultKind.CABLE, 400, lasts_s=0.2)) as made:
        made.print("A")
        made.until("A", "unknown")
        (waiting,) = box.get(f"/v1/devices/{made.code}/jobs?state=unknown")["items"]
        assert waiting["id"] == "A"
        decided = made.decide("A", False)
        said = decided.json()
        assert (said["state"], said["decided_by"], said["copy"]) == ("abandoned", "admin", "A:copy")
        assert "idempotent-replayed" not in decided.headers
        repeated = made.decide("A", False)
        assert (repeated.headers["idempotent-replayed"], repeated.json()["copy"]) == ("true", "A:copy")
        assert problem(made.decide("A", True, status=409))[:2] == (409, "conflict")
        assert problem(made.decide("nothing", True, status=404))[:2] == (404, "unknown_job")
        copy = made.until("A:copy", "confirmed")
        assert copy["copy_of"] == "A"
        assert made.paper.count("COPY") == 2
        assert problem(made.decide("A:copy", True, status=409))[:2] == (409, "conflict")


def test_the_list_of_jobs_goes_on_from_a_cursor_and_by_state(box: Box) -> None:
    with till(box) as made:
        made.simulator.run_out_of_paper()
        for number in range(5):
            made.print(f"J{number}")
        found: list[str] = []
        query = "?state=queued&limit=2"
        while True:
            page = msgspec.json.decode(
                box.call("GET", f"/v1/devices/{made.code}/jobs{query}").content, type=shapes.DeviceJobPage
            )
            found += [job.id for job in page.items]
            if page.next_cursor is None:
                break
            query = f"?state=queued&limit=2&cursor={page.next_cursor}"
        assert found == [f"J{number}" for number in range(5)]
        wait_until(lambda: made.health()["reasons"] == ["paper_out"], "a printer without paper")
        made.simulator.put_paper_in()
        made.until("J4", "confirmed")
        assert made.paper.count("Tea & Co") == 5
        assert problem(box.call("GET", f"/v1/devices/{made.code}/jobs?state=lost")) == (422, "invalid_request", "state")


def test_the_newest_jobs_come_first_when_asked_for_and_open_ones_are_counted(box: Box) -> None:
    with till(box) as made:
        made.simulator.run_out_of_paper()
        for number in range(3):
            made.print(f"J{number}")
        path = f"/v1/devices/{made.code}/jobs?order=newest&limit=2"
        first = msgspec.json.decode(box.call("GET", path).content, type=shapes.DeviceJobPage)
        second = box.get(f"{path}&cursor={first.next_cursor}")
        assert [job.id for job in first.items] == ["J2", "J1"]
        assert ([job["id"] for job in second["items"]], second["next_cursor"]) == (["J0"], None)
        assert box.get(f"/v1/devices/{made.code}")["jobs"] == {"queued": 3, "unknown": 0}
        assert problem(box.call("GET", f"/v1/devices/{made.code}/jobs?order=best")) == (422, "invalid_request", "order")


def test_a_picture_of_a_job_is_what_a_preview_of_its_document_is(box: Box) -> None:
    with till(box) as made:
        made.print("A")
        made.until("A", "confirmed")
        answer = box.call("GET", f"/v1/devices/{made.code}/jobs/A/picture")
        assert answer.headers["content-type"] == "image/png"
        profile = printer_profile(PrinterSettings("TM-T20II"))
        assert answer.content == as_png(slip(document_from(DOCUMENT), profile), profile)
        made.post({"id": "D", "kind": "open_drawer"})
        for job_id, code in (("D", "unknown_picture"), ("B", "unknown_job")):
            refused = box.call("GET", f"/v1/devices/{made.code}/jobs/{job_id}/picture")
            assert problem(refused)[:2] == (404, code)


def test_a_changed_document_reaches_its_device_and_a_removed_one_prints_nothing_more(box: Box) -> None:
    with till(box) as made, till(box) as other:
        made.simulator.run_out_of_paper()
        made.print("A")
        box.put(f"/v1/devices/{made.code}", {**made.body, "transport": "tcp://127.0.0.1:9"})
        wait_until(lambda: made.health()["state"] == "absent", "a device at its new address")
        assert made.job("A")["state"] == "queued"
        assert box.call("DELETE", f"/v1/devices/{made.code}").status_code == 204
        made.simulator.put_paper_in()
        box.put(f"/v1/devices/{made.code}", made.body)
        job = made.until("A", "abandoned")
        assert job["reasons"][-1] == "the device was removed"
        made.print("B")
        made.until("B", "confirmed")
        other.print("C")
        other.until("C", "confirmed")
        assert made.paper.count("Tea & Co") == 1


def test_a_dead_printer_holds_up_nobody(box: Box) -> None:
    with till(box) as alive, till(box) as dead:
        dead.endpoint.stop()
        for number in range(20):
            dead.print(f"J{number}")
            alive.print(f"J{number}")
        alive.until("J19", "confirmed")
        wait_until(lambda: dead.health()["state"] in ("absent", "unknown"), "a dead printer")
        assert dead.job("J0")["state"] == "queued"
        assert alive.paper.count("Tea & Co") == 20


def test_a_key_for_some_warehouses_prints_only_there(box: Box) -> None:
    with till(box) as made:
        elsewhere = box.make_key("store", client="berlin-box", warehouses=["berlin"])
        body = {"id": "A", "kind": "print", "document": DOCUMENT}
        refused = made.post(body, key=elsewhere, status=403)
        assert problem(refused) == (403, "forbidden", "device")
        path = f"/v1/devices/{made.code}/jobs/A/decide"
        assert box.call("POST", path, key=elsewhere, json={"printed": True}).status_code == 403
        box.put(f"/v1/devices/{made.code}", {**made.body, "warehouse": "berlin"})
        assert made.post(body, key=elsewhere).json()["by"] == "berlin-box"


def test_the_feed_tells_every_state_once_and_goes_on_from_any_cursor(box: Box) -> None:
    with till(box, Fault(FaultKind.CABLE, 90, lasts_s=0.2)) as made:
        made.print("A")
        made.until("A", "unknown")
        made.decide("A", True)
        events = made.events()
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        states = [event["state"] for event in events if event["kind"] == "job"]
        assert [state for state in states if state != "sent"] == ["queued", "sending", "unknown", "confirmed"]
        assert [event["by"] for event in events if event.get("state") == "confirmed"] == ["admin"]
        assert events[0]["kind"] == "start"
        assert {event["state"] for event in events if event["kind"] == "health"} & {"ready", "absent"}
        for at, event in enumerate(events):
            rest = made.feed(after=event["cursor"], limit="1000")["events"]
            assert [each["seq"] for each in rest][: len(events) - at - 1] == [each["seq"] for each in events[at + 1 :]]
        one_by_one: list[Any] = []
        cursor: dict[str, str] = {}
        while len(one_by_one) < len(events):
            page = made.feed(limit="1", **cursor)
            one_by_one += page["events"]
            cursor = {"after": page["next_cursor"]}
        assert one_by_one[: len(events)] == events
        assert made.feed(kind="job")["events"][0]["state"] == "queued"
        end = made.feed(after=events[-1]["cursor"], kind="start")
        assert end["events"] == []


def test_an_empty_page_gives_the_cursor_back(box: Box) -> None:
    assert box.get("/v1/feed/devices?device=never-made&after=AQAAAAAAAAA") == {
        "events": [],
        "next_cursor": "AQAAAAAAAAA",
    }
    for cursor in ("AgAAAAAAAAA", "AQ", "!", ""):
        refused = box.call("GET", "/v1/feed/devices", params={"after": cursor})
        assert problem(refused) == (422, "invalid_request", "after"), cursor


def test_the_live_feed_begins_now_and_goes_on_from_the_last_id(box: Box) -> None:
    def read(stream: Iterator[str], state: str) -> tuple[str, list[Any]]:
        seen: list[Any] = []
        last_id = ""
        for line in stream:
            if line.startswith("id: "):
                last_id = line[4:]
            if line.startswith("data: "):
                seen.append(json.loads(line[6:]))
                if seen[-1].get("state") == state:
                    return last_id, seen
        raise AssertionError("the stream ended")

    with till(box) as made:
        made.print("A")
        made.until("A", "confirmed")
        headers = {"Authorization": f"Bearer {box.admin}", "Accept": "text/event-stream"}
        query = {"device": made.code, "kind": "job"}
        with box.http.stream("GET", "/v1/feed/devices", headers=headers, params=query) as answer:
            assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            lines = answer.iter_lines()
            assert next(lines) == "retry: 1000"
            made.print("B")
            last_id, seen = read(lines, "sending")
        assert [(event["job"], event["state"]) for event in seen] == [("B", "queued"), ("B", "sending")]
        made.until("B", "confirmed")
        again = {**headers, "Last-Event-ID": last_id}
        with box.http.stream("GET", "/v1/feed/devices", headers=again, params=query) as answer:
            _, rest = read(answer.iter_lines(), "confirmed")
        assert [(event["job"], event["state"]) for event in rest] == [("B", "sent"), ("B", "confirmed")]
    assert STREAM_PAGE > 1
    assert box.runtime is not None
    feed = box.runtime.device_feed
    wait_until(lambda: feed.streams == 0, "the end of the streams")


def test_the_examples_of_the_page_are_answered_as_it_says(box: Box) -> None:
    page = box.call("GET", "/openapi.json").json()
    assert page["components"]["schemas"]["DeviceJob"]["properties"]["state"]

    def examples(path: str, method: str) -> list[Any]:
        body = page["paths"][path][method]["requestBody"]["content"]["application/json"]
        return [example["value"] for example in body["examples"].values()]

    (printer,) = examples("/v1/devices/{code}", "put")
    jobs = examples("/v1/devices/{code}/jobs", "post")
    decisions = examples("/v1/devices/{code}/jobs/{job_id}/decide", "post")
    assert box.call("PUT", "/v1/devices/example", json=printer).status_code == 201
    box.put("/v1/devices/example", {**printer, "transport": "file:/dev/null", "settings": {"proof": "none"}})
    for job in jobs:
        assert box.call("POST", "/v1/devices/example/jobs", json=job).status_code == 202
    path = f"/v1/devices/example/jobs/{jobs[0]['id']}"
    wait_until(lambda: box.get(path)["state"] == "unknown", "the hand-over")
    answers = [box.call("POST", f"{path}/decide", json=decision).status_code for decision in decisions]
    assert answers == [200, 409]
    assert box.call("DELETE", "/v1/devices/example").status_code == 204
