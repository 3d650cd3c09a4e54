"""Fencing: the successor owns the lock only when the predecessor is proven dead, and kills nobody else."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actors.fencing import FenceError, owner_of, take
from actors.process_group import Process

HOLDER = """
import sys
from pathlib import Path
from actors.fencing import take
fence = take(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until it is killed."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_free_lock_is_taken_and_says_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert owner_of(path) is None
    fence = take(path)
    assert fence.holds()
    assert owner_of(path) == Process.this()
    assert path.stat().st_mode & 0o777 == 0o600
    fence.release()
    fence.release()
    assert not fence.holds()
    assert owner_of(path) is None
    take(path).release()


@pytest.mark.parametrize("stopped", [False, True])
def test_the_predecessor_is_killed_and_dead_before_the_lock_is_ours(tmp_path: Path, stopped: bool) -> None:
    path = tmp_path / "lock"
    with holder(path) as process:
        assert owner_of(path) == Process.of(process.pid)
        if stopped:
            process.send_signal(signal.SIGSTOP)
        fence = take(path)
        assert Process.of(process.pid) is None, "a zombie at most"
        assert process.wait() == -signal.SIGKILL
    assert fence.holds()
    fence.release()


def test_this_very_process_is_never_killed(tmp_path: Path) -> None:
    fence = take(tmp_path / "lock")
    with pytest.raises(FenceError, match="this very process"):
        take(tmp_path / "lock")
    assert fence.holds()
    fence.release()


@pytest.mark.parametrize("change", ["started", "boot"])
def test_a_process_that_only_has_the_same_number_is_left_alone(tmp_path: Path, change: str) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as bystander:
        process = Process.of(bystander.pid)
        assert process is not None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        owner = {"pid": process.pid, "started": process.started, "boot": boot}
        owner[change] = process.started + 1 if change == "started" else "another boot"
        path.write_text(json.dumps(owner))
        fence = take(path)
        assert bystander.poll() is None
        fence.release()
        assert bystander.stdin is not None
        bystander.stdin.close()


def test_an_owner_that_lost_its_lock_without_dying_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process:
        name = path.read_bytes()
        path.unlink()  # somebody tidied up: the flock is on a file that is no longer there
        path.write_bytes(name)
        fence = take(path)
        assert process.wait(10) == -signal.SIGKILL
    fence.release()


def test_the_owner_of_a_directory_that_was_copied_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "original").mkdir()
    with holder(tmp_path / "original" / "lock") as process:
        shutil.copytree(tmp_path / "original", tmp_path / "copy")
        assert owner_of(tmp_path / "copy" / "lock") is None
        fence = take(tmp_path / "copy" / "lock")
        assert process.poll() is None
        assert owner_of(tmp_path / "original" / "lock") == Process.of(process.pid)
        fence.release()
        process.communicate()


def test_a_directory_that_was_renamed_has_the_same_owner(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with holder(tmp_path / "before" / "lock") as process:
        (tmp_path / "before").rename(tmp_path / "after")
        fence = take(tmp_path / "after" / "lock")
        assert process.wait() == -signal.SIGKILL
    fence.release()


@pytest.mark.parametrize("content", [b"", b"{", b'{"pid": "x"}', b"\xff" * 2000])
def test_a_lock_file_that_says_nothing_is_taken(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    fence = take(tmp_path / "lock")
    assert fence.holds()
    fence.release()


def test_a_lock_without_a_name_is_waited_for_and_given_up(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    fence = take(path)
    os.truncate(path, 0)
    assert not fence.holds()
    with pytest.raises(FenceError, match="not said its name"):
        take(path, timeout_s=0.05)
    fence.release()


def test_a_fence_whose_file_was_replaced_no_longer_holds(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    fence = take(path)
    path.rename(tmp_path / "elsewhere")
    assert not fence.holds()
    path.write_bytes((tmp_path / "elsewhere").read_bytes())
    assert not fence.holds()
    fence.release()
