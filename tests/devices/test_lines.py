"""Lines over real sockets, real pseudo-terminals and files: deadlines kept, losses noticed, bytes counted."""

import contextlib
import os
import random
import socket
import struct
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.clock import ManualClock, SystemClock, Waker
from devices.transports.address import AddressRefused, line_to, parse_address
from devices.transports.line import Backoff, Line, LineLost, LineRefused, Tape
from devices.transports.memory import MemoryLine
from devices.transports.serial_port import Port, SerialLine, SerialSettings
from devices.transports.tcp import TcpLine


@pytest.fixture
def waker() -> Iterator[Waker]:
    waker = Waker()
    yield waker
    waker.close()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def line(server: socket.socket, waker: Waker) -> Iterator[TcpLine]:
    line = TcpLine("127.0.0.1", server.getsockname()[1], SystemClock(), waker)
    yield line
    line.abort()


def soon(seconds: float = 10.0) -> float:
    return SystemClock().now() + seconds


def read_all(line: Line, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = line.read(soon())
        assert piece, data
        data += piece
    return data


def test_bytes_go_both_ways_and_are_on_the_tape(line: TcpLine, server: socket.socket) -> None:
    line.open(soon())
    peer, _ = server.accept()
    with peer:
        assert line.write(b"hello", soon()) == 5
        assert peer.recv(10) == b"hello"
        peer.sendall(b"\x12\x16")
        assert read_all(line, 2) == b"\x12\x16"
    assert [(piece.sent, piece.data) for piece in line.tape.pieces()] == [(True, b"hello"), (False, b"\x12\x16")]


def test_nothing_to_read_is_no_bytes_at_the_deadline(line: TcpLine, server: socket.socket) -> None:
    line.open(soon())
    assert line.read(SystemClock().now() + 0.01) == b""


def test_a_waker_ends_a_read(line: TcpLine, server: socket.socket, waker: Waker) -> None:
    line.open(soon())
    waker.wake()
    assert line.read(soon(3600)) == b""


def test_a_peer_that_never_reads_costs_the_deadline_and_the_bytes_are_counted(
    line: TcpLine, server: socket.socket
) -> None:
    """A printer that hangs: its window closes, and the rest stays here."""
    line.open(soon())
    peer, _ = server.accept()
    with peer:
        taken = total = 1
        while taken:
            taken = line.write(b"x" * 65536, SystemClock().now() + 0.02)
            total += taken
        line.abort()
        received, piece = 0, b"?"
        with contextlib.suppress(ConnectionResetError):
            while piece:
                piece = peer.recv(1 << 20)
                received += len(piece)
        assert received < total, "what was given up did not come later"


def test_a_reset_and_an_end_are_losses(line: TcpLine, server: socket.socket) -> None:
    for linger in (struct.pack("ii", 1, 0), None):
        line.open(soon())
        peer, _ = server.accept()
        if linger:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        peer.close()
        with pytest.raises(LineLost):
            line.read(soon())
        assert not line.is_open


def test_nobody_there_is_a_refusal(waker: Waker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(LineRefused, match="refused"):
        TcpLine("127.0.0.1", port, SystemClock(), waker).open(soon())


def test_each_address_of_a_name_is_tried(server: socket.socket, waker: Waker, monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` is often ::1 first, and a simulated printer listens at 127.0.0.1."""
    port = server.getsockname()[1]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **how: found)
    line = TcpLine("till", port, SystemClock(), waker)
    line.open(soon())
    assert line.is_open
    line.close()


def test_a_name_that_nobody_answers_for_costs_the_deadline(waker: Waker, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **how: [asked.wait(60)][:0])
    with pytest.raises(LineRefused, match="no answer to its name"):
        TcpLine("till", 9100, SystemClock(), waker).open(SystemClock().now() + 0.05)
    asked.set()


@pytest.fixture
def pty() -> Iterator[tuple[int, int]]:
    main, other = os.openpty()
    tty.setraw(other)
    yield main, other
    for descriptor in (main, other):
        if descriptor >= 0:
            try:
                os.close(descriptor)
            except OSError:
                continue


def by_id(folder: Path, name: str, path: str) -> None:
    (folder / "by-id").mkdir(parents=True, exist_ok=True)
    link = folder / "by-id" / name
    link.unlink(missing_ok=True)
    link.symlink_to(path)


def test_a_serial_port_is_found_by_its_name_wherever_it_is_today(
    tmp_path: Path, pty: tuple[int, int], waker: Waker
) -> None:
    """Row 18: numbers move when cables do; the role belongs to the device."""
    second_main, second = os.openpty()
    tty.setraw(second)
    try:
        line = SerialLine("by-id/usb-Scanner-A", SerialSettings(), SystemClock(), waker, tmp_path)
        with pytest.raises(LineRefused, match="not plugged in"):
            line.open(soon())
        for main, other in (pty, (second_main, second)):
            by_id(tmp_path, "usb-Scanner-A", os.ttyname(other))
            by_id(tmp_path, "usb-Scanner-B", os.ttyname(second if other == pty[1] else pty[1]))
            line.open(soon())
            os.write(main, b"A\r\n")
            assert read_all(line, 3) == b"A\r\n"
            line.write(b"\x06", soon())
            assert os.read(main, 1) == b"\x06"
            line.close()
    finally:
        os.close(second_main)
        os.close(second)


def test_a_serial_port_is_found_by_its_usb_serial_number(tmp_path: Path, pty: tuple[int, int], waker: Waker) -> None:
    ports = [Port("/dev/null", "OTHER"), Port(os.ttyname(pty[1]), "A50285BI")]
    line = SerialLine("usb/A50285BI", SerialSettings(), SystemClock(), waker, tmp_path, lambda: ports)
    line.open(soon())
    line.close()
    ports.append(Port("/dev/null", "A50285BI"))
    with pytest.raises(LineRefused, match="2 ports"):
        line.open(soon())


def test_a_serial_port_is_set_as_the_address_says(tmp_path: Path, pty: tuple[int, int], waker: Waker) -> None:
    by_id(tmp_path, "scale", os.ttyname(pty[1]))
    line = SerialLine("by-id/scale", SerialSettings(baud=2400, bits=7, parity="E"), SystemClock(), waker, tmp_path)
    line.open(soon())
    port = line._serial  # a pseudo-terminal has 8 bits whatever one asks for
    assert port is not None
    assert (port.bytesize, port.parity, port.stopbits) == (7, "E", 1)
    assert termios.tcgetattr(pty[1])[5] == termios.B2400
    line.close()


def test_a_pulled_serial_cable_is_a_loss_to_reader_and_writer(tmp_path: Path, waker: Waker) -> None:
    main, other = os.openpty()
    tty.setraw(other)
    by_id(tmp_path, "printer", os.ttyname(other))
    line = SerialLine("by-id/printer", SerialSettings(), SystemClock(), waker, tmp_path)
    line.open(soon())
    os.close(other)
    os.close(main)
    with pytest.raises(LineLost):
        line.read(soon())
    with pytest.raises(LineLost):
        line.write(b"x", soon())


def test_a_port_that_another_process_holds_is_refused(tmp_path: Path, pty: tuple[int, int], waker: Waker) -> None:
    by_id(tmp_path, "printer", os.ttyname(pty[1]))
    first, second = (SerialLine("by-id/printer", SerialSettings(), SystemClock(), waker, tmp_path) for _ in range(2))
    first.open(soon())
    with pytest.raises(LineRefused):
        second.open(soon())
    first.close()
    second.open(soon())
    second.close()


def test_a_file_keeps_what_would_be_printed(tmp_path: Path, waker: Waker) -> None:
    line = line_to(parse_address(f"file:{tmp_path}/receipts"), ManualClock(), waker)
    for text in (b"one ", b"two"):
        line.open(0)
        line.write(text, 0)
        assert line.read(5.0) == b""
        line.close()
    assert (tmp_path / "receipts").read_bytes() == b"one two"
    line.open(0)
    (tmp_path / "receipts").rename(tmp_path / "of yesterday")
    line.open(0)
    line.write(b"three", 0)
    assert line.keeps
    line.close()
    assert (tmp_path / "receipts").read_bytes() == b"three"
    with pytest.raises(LineRefused):
        line_to(parse_address(f"file:{tmp_path}/no/folder"), ManualClock(), waker).open(0)


def test_a_device_writes_to_files_of_one_folder_to_temporary_ones_and_to_printers(tmp_path: Path) -> None:
    files = tmp_path / "data" / "paper"
    for given, meant in (
        ("file:slips", f"{files}/slips"),
        (f"file:{files}/kitchen/slips", f"{files}/kitchen/slips"),
        ("file:/dev/usb/lp0", "/dev/usb/lp0"),
        ("file:/dev/lp1", "/dev/lp1"),
        ("file:/dev/null", "/dev/null"),
        (f"file:{tmp_path}/slips", f"{tmp_path}/slips"),
    ):
        assert parse_address(given, files).target == meant


@pytest.mark.parametrize(
    "text",
    ["/etc/cron.d/x", "/etc/ssh/sshd_config", "../admin.key", "a/../../admin.key", "{files}/../admin.key",
     "{files}", "{files}/../../data/admin.key", "{data}/admin.key", "{link}", "", ".", "/dev/sda", "/dev/mem",
     "/dev/pts/3", "/dev/usb/lp0/../../sda", "/dev/usb/lp0x"],
)  # fmt: skip
def test_a_device_writes_to_no_other_file(text: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "link").symlink_to("/etc/crontab")
    path = text.format(files=data / "paper", data=data, link=tmp_path / "link")
    with pytest.raises(AddressRefused, match="folder paper"):
        parse_address(f"file:{path}", data / "paper")


def test_a_file_line_takes_no_pipe_for_a_file(tmp_path: Path, waker: Waker) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LineRefused, match="neither"):
        line_to(parse_address(f"file:{tmp_path}/pipe"), ManualClock(), waker).open(0)


def test_a_line_in_memory_can_refuse_lose_and_be_full(waker: Waker) -> None:
    line = MemoryLine(ManualClock(), waker, answer=lambda data: data[::-1])
    line.refusing = True
    with pytest.raises(LineRefused):
        line.open(0)
    line.refusing = False
    line.open(0)
    assert line.write(b"abc", 0) == 3
    assert line.read(0) == b"cba"
    line.room = 2
    assert [line.write(b"abc", 0), line.write(b"c", 0)] == [2, 0]
    line.room = None
    line.lost_after = 1
    assert line.write(b"xy", 0) == 1
    with pytest.raises(LineLost):
        line.write(b"y", 0)
    assert bytes(line.sent) == b"abcabx"


def test_the_tape_keeps_the_last_bytes_of_both_ways() -> None:
    tape = Tape(bytes_max=4)
    tape.note(1.0, b"abc", sent=True)
    tape.note(2.0, b"12", sent=False)
    tape.note(3.0, b"de", sent=True)
    assert [(piece.sent, piece.data) for piece in tape.pieces()] == [(True, b"bc"), (False, b"12"), (True, b"de")]
    assert str(tape.pieces()[1]) == "2.000 < 31 32"
    assert tape.totals == {True: 5, False: 2}


def test_waits_between_tries_grow_and_differ() -> None:
    backoff = Backoff(random.Random(3), first_s=1.0, most_s=8.0)
    waits = [backoff.failed() for _ in range(8)]
    assert all(step / 2 <= wait <= step for step, wait in zip([1, 2, 4, 8, 8, 8, 8, 8], waits, strict=True))
    assert len(set(waits)) == 8
    backoff.worked()
    assert backoff.failed() <= 1.0


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tcp://printer", "host:port"),
        ("tcp://printer:0", "no such port"),
        ("tcp://printer:99999999999999999999999", "no such port"),
        ("tcp:printer:9100", "host:port"),
        ("serial:/ttyUSB0", "by-id"),
        ("serial:/by-id/../ttyUSB0", "by-id"),
        ("serial:/by-id/X?baud=9601", "bauds"),
        ("serial:/by-id/X?speed=9600", "unknown: speed"),
        ("serial:/by-id/X?baud=fast", "baud is a number"),
        ("serial:/by-id/X?flow=yes", "flow"),
        ("file:/dev/ttyUSB0", "numbers move"),
        ("file:receipts", "whole path"),
        ("http://printer", "begins with none"),
        ("tcp://printer:9100\n", "printable"),
    ],
)
def test_an_address_that_cannot_work_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(AddressRefused, match=why):
        parse_address(text)


def test_addresses_that_are_understood() -> None:
    assert parse_address("tcp://[::1]:9100").target == "::1"
    scale = parse_address("serial:/by-path/pci-1?baud=2400&bits=7&parity=e&stop=2&flow=rts")
    assert scale.serial == SerialSettings(2400, 7, "E", 2, xon_xoff=False, rts_cts=True)
    assert parse_address("memory:").scheme == "memory"
