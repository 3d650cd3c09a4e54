"""TigerBeetle, when the environment variable TIGERBEETLE names its binary: pending transfers as reservations.

Its own `benchmark` command starts one replica on a temporary file and drives it with its native client, which is the
best there is for it: batches of the largest size, 10,000 accounts, a pending transfer for each row. A transfer has 128
bytes and no texts.
"""

import os
import re
import subprocess
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 300
VARIABLE: Final = "TIGERBEETLE"


def program() -> Path | None:
    """The binary, if one is named."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def version(where: Path) -> str:
    """As it says."""
    return subprocess.run([where, "version"], check=True, capture_output=True, text=True, timeout=30).stdout.strip()


def pending_per_s(where: Path, directory: Path, transfers: int) -> float:
    """Pending transfers a second; its files are made below `directory`."""
    found = subprocess.run(
        [where.resolve(), "benchmark", "--transfer-pending", f"--transfer-count={transfers}", "--query-count=0"],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=directory,
        timeout=TIMEOUT_S,
    )
    rate = re.search(r"load accepted = ([\d_,]+) tx/s", found.stdout)
    assert rate is not None, found.stdout[-2000:]
    return float(rate[1].replace("_", "").replace(",", ""))
