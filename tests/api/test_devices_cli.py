"""`omnistock devices` as somebody with a cable in his hand uses it."""

import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from api.devices_cli import Typed, obey, register, show
from devices.codecs.displays import encode
from devices.simulators.customer_display import DisplaySimulator
from devices.simulators.endpoints import PtyDevice, TcpDevice
from devices.simulators.receipt_printer import PrinterSimulator
from devices.simulators.scale import ScaleSimulator
from devices.simulators.scanner import ScannerSimulator
from tests.devices.counter import Counter, print_job


def run(*words: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["devices", *words])


def test_a_printer_that_works_is_probed_without_a_mark_on_its_paper() -> None:
    simulator = PrinterSimulator()
    simulator.near_end = True
    device = TcpDevice(simulator)
    device.start()
    done = run("probe", "escpos", device.address, "--tape")
    device.stop()
    assert done.exit_code == 0, done.output
    assert "degraded: paper_near_end" in done.output
    assert "> 10 04 01" in done.output
    assert simulator.printed == b""
    assert device.clients == 1


def test_nobody_there_is_said_in_words() -> None:
    device = TcpDevice(PrinterSimulator())  # holds the port, and is no printer yet
    device._listener.close()
    done = run("probe", "escpos", device.address)
    assert done.exit_code == 1
    assert "absent: connection refused" in done.output
    assert "cable" in done.output


@pytest.mark.parametrize(
    ("words", "why"), [(("probe", "typewriter", "tcp://x:1"), "no driver"), (("probe", "cas", "x"), "begins with none")]
)
def test_a_device_that_cannot_be_is_wrong_usage(words: tuple[str, ...], why: str) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert why in done.output


def test_drivers_and_serial_devices_are_listed_by_the_names_that_a_transport_takes(tmp_path: Path) -> None:
    (tmp_path / "by-id").mkdir()
    (tmp_path / "by-id" / "usb-Scale-7").touch()
    done = run("list", "--folder", str(tmp_path))
    assert done.exit_code == 0
    assert "toledo8217" in done.output
    assert "serial:/by-id/usb-Scale-7" in done.output
    assert "no serial device" in run("list", "--folder", str(tmp_path / "none")).output


def test_a_simulated_printers_text_is_shown_as_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    simulator = PrinterSimulator()
    turns = iter([True, True, False])

    def go_on() -> bool:
        simulator.receive(b"AB\n")
        simulator.pass_time(1.0)
        return next(turns)

    show(simulator, go_on)
    assert capsys.readouterr().out == "AB\nAB\n"
    assert run("simulate", "escpos", "--fault", "cable").exit_code == 2
    assert run("simulate", "typewriter").exit_code == 2


def test_what_is_typed_is_done_to_a_simulated_device(capsys: pytest.CaptureFixture[str]) -> None:
    scanner, scale, printer, display = ScannerSimulator(), ScaleSimulator("cas"), PrinterSimulator(), DisplaySimulator()
    for device, lines in (
        (scanner, ["]E04006381333931\n", "]d201<GS>93\n", "\n", "фи\n"]),
        (scale, ["1250 2.5\n", "heavy\n"]),
        (printer, ["paper out\n", "cover open\n", "shout\n"]),
        (display, ["hello\n"]),
    ):
        for line in lines:
            obey(device, line)
    assert scanner.say() == b"]E04006381333931\r\n]d201\x1d93\r\n"
    assert (scale.grams, scale.moves_s) == (1250, 2.5)
    assert (printer.paper_out, printer.cover_open) == (True, True)
    assert capsys.readouterr().err.count("not understood") == 4
    display.receive(encode("cd5220", "A", "B", "cp437"))
    turns = iter([True, False])
    show(display, lambda: next(turns))
    assert "|A                   |\n|B                   |\n" in capsys.readouterr().out


def test_typed_words_come_line_by_line_until_nobody_types_any_more() -> None:
    reader, writer = os.pipe()
    typed = Typed(reader)
    os.write(writer, b"paper out\npaper")
    assert typed.lines() == ["paper out"]
    os.write(writer, b" in\n")
    os.close(writer)
    assert typed.lines() == ["paper in"]
    assert typed.lines() == typed.lines() == []
    os.close(reader)


def test_a_scale_on_a_pseudo_terminal_is_probed() -> None:
    device = PtyDevice(ScaleSimulator("toledo8217"))
    device.start()
    done = run("probe", "toledo8217", device.address)
    device.stop()
    assert (done.exit_code, "ready" in done.output) == (0, True), done.output


def test_the_doctor_tells_what_a_person_must_decide_and_which_journal_is_damaged(tmp_path: Path) -> None:
    counter = Counter(tmp_path / "till-1", PrinterSimulator())
    for name in "AB":
        counter.desk.submit(print_job(name))
    counter.desk.sending("A")
    assert "till-1: epoch 1, running, 1 waiting" in run("doctor", str(tmp_path)).output
    counter.close()
    done = run("doctor", str(tmp_path))
    assert done.exit_code == 0
    assert "not running, 1 waiting, 1 to decide: look at the paper" in done.output
    jobs = tmp_path / "till-1" / "jobs"
    data = bytearray(jobs.read_bytes())
    data[100] ^= 1
    jobs.write_bytes(data)
    done = run("doctor", str(tmp_path))
    assert done.exit_code == 1
    assert "the line is damaged" in done.output
    assert jobs.read_bytes() == data
