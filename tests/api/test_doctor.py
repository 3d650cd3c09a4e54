"""The doctor says in words what is wrong, and its exit code is 1 only when something is."""

import os
import shutil
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actors.datadir import DataDir
from actors.listening import Listeners
from api import cli, doctor
from api.doctor import Verdict


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir(mode=0o700)
    return directory


def free_port() -> int:
    listeners = Listeners.bind("127.0.0.1", 0, 1)
    listeners.close()
    return listeners.port


def test_a_machine_that_runs_the_tests_has_nothing_bad(data: Path) -> None:
    findings = list(doctor.examine(data, "127.0.0.1", free_port()))
    assert [finding for finding in findings if finding.verdict is Verdict.BAD] == []
    assert {finding.what for finding in findings} >= {
        "python", "packages", "sqlite", "kernels", "memory", "overcommit", "open files", "shared memory", "clock",
        "port", "directory", "file system", "free space", "syncs", "lock",
    }  # fmt: skip


def test_a_port_in_use_is_bad_and_the_exit_code_says_so(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = CliRunner().invoke(cli.app, ["doctor", "--data", str(data), "--port", port])
    assert result.exit_code == 1
    assert f"port {port}: another program listens there" in result.output


def test_a_directory_that_others_can_read_is_worth_a_look(data: Path) -> None:
    data.chmod(0o755)
    finding = doctor.data_directory(data)
    assert finding.verdict is Verdict.LOOK
    assert f"chmod 700 {data}" in finding.words


def test_a_file_in_place_of_the_directory_is_bad(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert doctor.data_directory(tmp_path / "data").verdict is Verdict.BAD


def test_a_directory_that_is_not_there_will_be_made(tmp_path: Path) -> None:
    finding = doctor.data_directory(tmp_path / "not" / "yet")
    assert finding.verdict is Verdict.GOOD
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("ext4", Verdict.GOOD), ("tmpfs", Verdict.BAD), ("nfs4", Verdict.BAD), ("overlay", Verdict.LOOK)],
)
def test_what_the_directory_lies_on(data: Path, monkeypatch: pytest.MonkeyPatch, kind: str, verdict: Verdict) -> None:
    monkeypatch.setattr(doctor, "_mount_of", lambda _: ("/somewhere", kind))
    finding = doctor.file_system(data)
    assert finding.verdict is verdict
    assert f"{kind}, mounted at /somewhere" in finding.words


@pytest.mark.parametrize(
    ("free", "verdict"), [(500 << 20, Verdict.BAD), (5 << 30, Verdict.LOOK), (50 << 30, Verdict.GOOD)]
)
def test_how_much_space_is_left(data: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict) -> None:
    usage = shutil._ntuple_diskusage(100 << 30, 0, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert doctor.free_space(data).verdict is verdict


def test_the_measurement_of_syncs_leaves_nothing_behind(data: Path) -> None:
    finding = doctor.syncs(data)
    assert "a second" in finding.words
    assert list(data.iterdir()) == []


def test_who_serves_the_directory_is_named(tmp_path: Path) -> None:
    data = DataDir.make_or_open(tmp_path / "data")
    assert doctor.lock(data.path).words == "nobody has served this directory yet"
    with data.serve_lock():
        assert doctor.lock(data.path).words == f"process {os.getpid()} serves this directory"
    assert doctor.lock(data.path).words == "nobody serves this directory"


def test_a_directory_that_cannot_be_written_to_is_bad_in_words() -> None:
    # Nobody, whatever their rights, makes a file there.
    findings = list(doctor.examine(Path("/proc/self/task"), "127.0.0.1", free_port()))
    assert {finding.what for finding in findings} >= {"directory", "syncs", "lock"}
    assert any(finding.verdict is Verdict.BAD for finding in findings)
