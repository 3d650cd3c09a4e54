"""What the machine says of itself."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actors.machine import Queueing

BUSY = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
print("busy", flush=True)
while True:
    pass
"""
BOUND_S = 60.0


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the system does not count it")
def test_who_shares_a_processor_has_waited_for_it() -> None:
    """Beside one that always runs, on one processor, half of the time; a share of it in any case."""
    before = os.sched_getaffinity(0)
    processor = max(before)
    with subprocess.Popen([sys.executable, "-c", BUSY, str(processor)], stdout=subprocess.PIPE) as busy:
        try:
            assert busy.stdout is not None
            busy.stdout.readline()
            os.sched_setaffinity(0, {processor})
            queueing = Queueing()
            until = time.monotonic() + BOUND_S
            worst = 0.0
            while worst < 0.25 and time.monotonic() < until:
                _run_for(0.2)
                worst = max(worst, queueing.share())
        finally:
            busy.kill()
            os.sched_setaffinity(0, before)
    assert 0.25 <= worst < math.inf


def test_a_system_that_does_not_count_is_one_that_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    assert Queueing().share() == math.inf


def _run_for(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
