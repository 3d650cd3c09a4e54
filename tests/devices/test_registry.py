"""Every driver of the registry runs against its own simulator; what cannot be a device is refused with the reason."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from devices.attendant import Attendant, DisplayTurns, ScaleTurns, ScannerTurns
from devices.clock import ManualClock, SystemClock, Waker
from devices.device_document import DeviceDocument
from devices.drivers.customer_display import CustomerDisplay, DisplaySettings
from devices.drivers.scale import Scale, ScaleSettings, Weight
from devices.drivers.scanner import Scan, Scanner, ScannerSettings
from devices.health import Health, HealthKeeper, HealthState
from devices.job_lines import JournalRefused
from devices.registry import DRIVERS, DeviceRefused, Told, check, make
from devices.shown import Total
from devices.simulators.customer_display import DisplaySimulator
from devices.simulators.endpoints import TcpDevice
from devices.simulators.scale import ScaleSimulator
from devices.simulators.scanner import ScannerSimulator
from devices.simulators.simulated_line import SimulatedLine

BOUND_S = 30.0
FIRST_STATE = {"receipt_printer": "ready", "scanner": "unknown", "scale": "ready", "customer_display": "unknown"}
"""What an untouched device may be called: one that never spoke is not ready."""


@pytest.fixture
def waker() -> Iterator[Waker]:
    waker = Waker()
    yield waker
    waker.close()


@pytest.mark.parametrize("name", sorted(DRIVERS))
def test_every_driver_runs_against_its_own_simulator(name: str, tmp_path: Path) -> None:
    told = threading.Event()
    healths: list[Health] = []

    def tell(health: Health) -> None:
        healths.append(health)
        told.set()

    device = TcpDevice(DRIVERS[name].simulate())
    device.start()
    kind = DRIVERS[name].kind
    running = make(f"{name}-1", DeviceDocument(kind, name, device.address), tmp_path, SystemClock(), Told(health=tell))
    assert running.health().state == "connecting"
    running.start()
    assert told.wait(BOUND_S)
    assert healths[0].state == FIRST_STATE[kind]
    running.stop()
    device.stop()


@pytest.mark.parametrize(
    ("code", "document", "why"),
    [
        ("a/b", DeviceDocument("scale", "cas", "memory:"), "letters, digits"),
        ("", DeviceDocument("scale", "cas", "memory:"), "letters, digits"),
        ("x" * 65, DeviceDocument("scale", "cas", "memory:"), "64"),
        ("s", DeviceDocument("scale", "balance", "memory:"), "no driver 'balance'"),
        ("s", DeviceDocument("scanner", "cas", "memory:"), "drives a scale"),
        ("s", DeviceDocument("scale", "cas", "tcp://x"), "host:port"),
        ("s", DeviceDocument("scale", "cas", "memory:", {"settle": 1}), "settle"),
        ("s", DeviceDocument("receipt_printer", "escpos", "memory:", {"proof": "hope"}), "proof"),
        ("s", DeviceDocument("receipt_printer", "escpos", "memory:", {"profile": "typewriter"}), "profile typewriter"),
        ("s", DeviceDocument("receipt_printer", "escpos", "memory:", {"code_pages": {"17": "CP0"}}), "code page CP0"),
    ],
)
def test_what_cannot_be_a_device_is_refused(code: str, document: DeviceDocument, why: str) -> None:
    with pytest.raises(DeviceRefused, match=why):
        check(code, document)


def test_a_template_that_no_scale_prints_is_refused(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"templates": [{"pattern": "29", "holds": "weight"}]}
    with pytest.raises(DeviceRefused, match="no template"):
        make("s", DeviceDocument("scanner", "serial_scanner", "memory:", settings), tmp_path, ManualClock())


def test_a_printers_patience_knows_its_lines_speed() -> None:
    document = DeviceDocument("receipt_printer", "escpos", "serial:/by-id/P?baud=19200")
    assert msgspec.to_builtins(check("p", document)[1])["bytes_per_s"] == 1920


def attend(turns: Any, clock: ManualClock, waker: Waker) -> Attendant:
    return Attendant(turns, clock, waker, random.Random(1))


def mind(attendant: Attendant, clock: ManualClock, seconds: float) -> str:
    until = clock.now() + seconds
    while clock.now() < until:
        clock.wait(attendant.step(), Waker())
    return str(attendant.health().state)


def test_a_scanner_is_ready_after_a_scan_and_unknown_when_long_unused(waker: Waker) -> None:
    clock, simulator = ManualClock(), ScannerSimulator()
    scans: list[Scan] = []
    scanner = Scanner(SimulatedLine(simulator, clock), ScannerSettings(), clock)
    attendant = attend(ScannerTurns(scanner, clock, scans.append), clock, waker)
    assert mind(attendant, clock, 5.0) == "unknown"
    simulator.scan("4006381333931", "]E0")
    assert mind(attendant, clock, 2.0) == "ready"
    assert isinstance(scans[0], Scan)
    clock.advance(3700.0)
    assert mind(attendant, clock, 2.0) == "unknown"
    simulator.line_up = False
    assert mind(attendant, clock, 2.0) == "absent"


def test_a_scan_that_cannot_be_written_down_is_a_fault_until_one_can(waker: Waker) -> None:
    clock, simulator, room = ManualClock(), ScannerSimulator(), [False]
    heard: list[Scan] = []

    def note(scan: Scan) -> None:
        if not room[0]:
            raise JournalRefused("jobs", "no space left on device")
        heard.append(scan)

    turns = ScannerTurns(Scanner(SimulatedLine(simulator, clock), ScannerSettings(), clock), clock, note)
    attendant = attend(turns, clock, waker)
    mind(attendant, clock, 1.0)
    simulator.scan("A-1")
    assert mind(attendant, clock, 5.0) == "error"
    assert attendant.health().reasons == ("journal: no space left on device",)
    room[0] = True
    simulator.scan("A-2")
    assert mind(attendant, clock, 5.0) == "ready"
    assert [scan.scan.data for scan in heard] == ["A-2"]


def test_a_scale_that_is_silent_is_unknown_and_weighs_again_when_it_speaks(waker: Waker) -> None:
    clock, simulator = ManualClock(), ScaleSimulator("cas")
    turns = ScaleTurns(Scale("cas", SimulatedLine(simulator, clock), ScaleSettings(), clock), clock, waker)
    attendant = attend(turns, clock, waker)
    assert mind(attendant, clock, 2.0) == "ready"
    simulator.mute = True
    assert mind(attendant, clock, 2.0) == "unknown"
    simulator.mute = False
    simulator.put(700)
    assert mind(attendant, clock, 2.0) == "ready"
    weight = turns.weigh()
    assert isinstance(weight, Weight)
    assert weight.grams == 700
    simulator.put(0)
    mind(attendant, clock, 1.0)  # is seen empty
    simulator.put(300)
    second = turns.weigh()
    assert isinstance(second, Weight)
    assert second.sequence == 2
    simulator.line_up = False
    assert turns.weigh() == "silent"
    simulator.line_up = True
    simulator.put(20_000)
    mind(attendant, clock, 5.0)
    assert (attendant.health().state, attendant.health().reasons) == ("degraded", ("over",))


def test_a_display_shows_the_last_state_after_a_pulled_cable_and_is_never_called_ready(waker: Waker) -> None:
    clock, simulator = ManualClock(), DisplaySimulator("cp866")
    display = CustomerDisplay("cd5220", SimulatedLine(simulator, clock), DisplaySettings(), clock)
    turns = DisplayTurns(display, clock, waker)
    attendant = attend(turns, clock, waker)
    turns.show(Total("1.00"))
    turns.show(Total("2.00"))
    assert mind(attendant, clock, 2.0) == "unknown"
    assert [upper.split()[-1] for upper, _ in simulator.history if upper.strip()] == ["2.00"]
    simulator.line_up = False
    simulator.cycle_power()
    turns.show(Total("3.00"))
    assert mind(attendant, clock, 2.0) == "absent"
    simulator.line_up = True
    mind(attendant, clock, 10.0)
    assert simulator.lines[0].split()[-1] == "3.00"


def test_a_display_without_news_is_missed_when_its_cable_is_out_and_told_again_after_a_power_cut(waker: Waker) -> None:
    clock, simulator = ManualClock(), DisplaySimulator("cp866")
    display = CustomerDisplay("epson_display", SimulatedLine(simulator, clock), DisplaySettings(), clock)
    turns = DisplayTurns(display, clock, waker)
    attendant = attend(turns, clock, waker)
    turns.show(Total("1.00"))
    assert mind(attendant, clock, 2.0) == "unknown"
    simulator.cycle_power()
    assert simulator.lines[0].strip() == ""
    mind(attendant, clock, 12.0)
    assert simulator.lines[0].split()[-1] == "1.00"
    simulator.line_up = False
    assert mind(attendant, clock, 2.0) == "absent"


def test_health_tells_since_when_and_by_what() -> None:
    keeper = HealthKeeper(1000)
    assert keeper.look(5000).state is HealthState.CONNECTING
    assert keeper.report(6000, HealthState.BLOCKED, ("paper_out",), b"\x7e")
    assert not keeper.report(9000, HealthState.BLOCKED, ("paper_out",))
    assert keeper.look(9500) == Health(HealthState.BLOCKED, ("paper_out",), 6000, 9000, "7e", 0)
    old = keeper.look(9000 + 30_001)
    assert (old.state, old.reasons, old.since_ms) == (HealthState.UNKNOWN, ("silent",), 9000)
