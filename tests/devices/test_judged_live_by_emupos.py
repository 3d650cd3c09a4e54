"""Somebody else's printer, drawer, scale and scanner, running: emupos over TCP and pseudo-terminals, with its faults.

Its decoder judges our bytes elsewhere; here our drivers talk to devices that we did not write.
"""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from devices.clock import SystemClock
from devices.device_document import DeviceDocument, folder_of
from devices.job_events import JobEvents, ScanEvent
from devices.jobs import JobKind
from devices.station import Station, Wanted
from tests.devices.judges.homes import emupos_python
from tests.e2e.served import wait_until

NEVER_MS = 1 << 60
CONFIG = """
schema: 1
api: {{ port: {api} }}
devices:
  - {{ id: till, type: printer, profile: epson-tm-t20iii, connections: [{{ tcp: {{ port: {port} }} }}] }}
  - {{ id: cable, type: printer, profile: epson-tm-t20iii, connections: [{{ serial: {{ pty: true, link: cable }} }}] }}
  - {{ id: scale, type: scale, profile: toledo8217-15kg, connections: [{{ serial: {{ pty: true, link: scale }} }}] }}
  - {{ id: lane, type: scanner, mode: serial, connections: [{{ serial: {{ pty: true, link: lane }} }}] }}
"""


class Emupos:
    """The running judge, and what a person does to its devices."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            api, self.port = one.getsockname()[1], two.getsockname()[1]
        (folder / "run").mkdir()
        (folder / "emupos.yaml").write_text(CONFIG.format(api=api, port=self.port))
        self.links = folder / "run" / "emupos"
        self._http = httpx2.Client(base_url=f"http://127.0.0.1:{api}/api/v1", trust_env=False)
        command = [str(emupos_python().with_name("emupos")), "run", "--config", str(folder / "emupos.yaml")]
        self._log = open(folder / "log", "wb")  # noqa: SIM115
        environment = {"TMPDIR": str(folder / "run"), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
        self._process = subprocess.Popen(command, cwd=folder, env=environment, stdout=self._log, stderr=self._log)
        wait_until(self._is_there, "emupos")

    def _is_there(self) -> bool:
        assert self._process.poll() is None, "emupos ended"
        try:
            return self._http.get("/health").status_code == 200
        except httpx2.TransportError:
            return False

    def ask(self, method: str, path: str, **body: Any) -> Any:
        answer = self._http.request(method, f"/devices/{path}", json=body or None)
        assert answer.status_code < 300, answer.text
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    def printed(self, printer: str) -> list[str]:
        """The text of each receipt, as emupos reads it, the oldest first."""
        ids = [each["id"] for each in self.ask("GET", f"{printer}/receipts")]
        return [self.ask("GET", f"{printer}/receipts/{each}/text") for each in reversed(ids)]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._http.close()
        self._log.close()


@pytest.fixture(scope="module")
def emupos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emupos]:
    made = Emupos(tmp_path_factory.mktemp("emupos"))
    yield made
    made.stop()


@pytest.fixture
def paper(emupos: Emupos, tmp_path: Path) -> Iterator[Any]:
    """Makes stations; serial lines are linked where a device may name a file."""
    made: list[Station] = []

    def station(link: str, kind: str, driver: str, **settings: Any) -> Station:
        (tmp_path / "paper").mkdir(exist_ok=True)
        if link != "till":
            (tmp_path / "paper" / link).symlink_to((emupos.links / link).resolve())
        transport = f"tcp://127.0.0.1:{emupos.port}" if link == "till" else f"file:{link}"
        made.append(
            Station(link, DeviceDocument(kind, driver, transport, settings), tmp_path / "devices", SystemClock())
        )
        made[-1].start()
        return made[-1]

    yield station
    for each in made:
        each.stop()


def hand_in(station: Station, job_id: str) -> None:
    blocks = b'{"text":"%s \xd0\xa7\xd0\xb0\xd0\xb9, \xc5\xbb\xc3\xb3\xc5\x82ty"},{"cut":true}' % job_id.encode()
    station.submit(Wanted(job_id, JobKind.PRINT, b'{"blocks":[%s]}' % blocks, None, "anna", "", NEVER_MS))


def until(station: Station, job_id: str, state: str) -> None:
    wait_until(lambda: str(station.find(job_id).state) == state, f"{job_id} to be {state}")


@pytest.mark.parametrize("link", ["till", "cable"])
def test_paper_that_runs_out_in_somebody_elses_printer_gives_one_receipt_each(
    emupos: Emupos, paper: Any, link: str
) -> None:
    station = paper(link, "receipt_printer", "escpos", profile="TM-T20II")
    hand_in(station, "A")
    until(station, "A", "confirmed")
    for fault, reason in (("paper-out", "paper_out"), ("cover-open", "cover_open")):
        emupos.ask("PUT", f"{link}/faults/{fault}")
        hand_in(station, f"B-{fault}")
        wait_until(lambda reason=reason: reason in station.health().reasons, reason)  # type: ignore[misc]
        assert str(station.health().state) == "blocked"
        emupos.ask("DELETE", f"{link}/faults/{fault}")
        until(station, f"B-{fault}", "confirmed")
    wait_until(lambda: len(emupos.printed(link)) >= 3, "the receipts")
    assert [text.split(" Чай")[0].strip() for text in emupos.printed(link)] == ["A", "B-paper-out", "B-cover-open"]
    assert all("Żółty" in text for text in emupos.printed(link))


def test_somebody_elses_drawer_opens_once_and_says_so(emupos: Emupos, paper: Any) -> None:
    station = paper("till", "receipt_printer", "escpos", drawer_open_level="high", drawer_pause_s=0.0)
    wait_until(lambda: str(station.health().state) == "ready", "the printer")
    for job_id, state in (("first", "confirmed"), ("again", "failed_clean")):
        station.submit(Wanted(job_id, JobKind.OPEN_DRAWER, b"", None, "anna", "sale 1", NEVER_MS))
        until(station, job_id, state)
    assert station.find("again").reasons[-1] == "drawer_open"
    emupos.ask("POST", "till/drawer/close")


def test_somebody_elses_scale_is_believed_when_it_is_still(emupos: Emupos, paper: Any) -> None:
    station = paper("scale", "scale", "toledo8217")
    wait_until(lambda: str(station.health().state) == "ready", "the scale")
    emupos.ask("PUT", "scale/weight", grams=1250, stable=False)
    wait_until(lambda: getattr(station.weigh("W1", 50)[0], "grams", None) == 1200, "a weight that came to rest")
    assert station.weigh("W2", 0)[0] == "not_emptied"
    emupos.ask("PUT", "scale/weight", grams=16_000)
    wait_until(lambda: station.weigh("W3", 0)[0] == "over", "too much")


def test_somebody_elses_scanner_is_heard(emupos: Emupos, paper: Any, tmp_path: Path) -> None:
    station = paper("lane", "scanner", "serial_scanner")
    wait_until(lambda: station.health().checked_ms > 0, "the line")
    emupos.ask("POST", "lane/scans", data="4006381333931", countdown_seconds=0)
    events = JobEvents(folder_of(tmp_path / "devices", "lane"))

    def scanned() -> list[ScanEvent]:
        return [event for event in events.after(0, 100) if isinstance(event, ScanEvent)]

    wait_until(lambda: bool(scanned()), "the scan")
    assert scanned()[0].scan.means == {"kind": "article", "gtin": "04006381333931"}
