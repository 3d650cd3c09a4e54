"""`python -m tests.soak --minutes 60`: at saturation for so long; exit code 1 when something grows."""

import argparse
import os
import sys
from pathlib import Path

from benchmarks.sizes import scratch
from tests.soak.run import Size, soak


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--rows-per-second", type=int, default=0, help="at most; 0 = as many as are taken")
    asked = parser.parse_args()
    size = Size(asked.minutes * 60, asked.shards, asked.workers, asked.connections, asked.rows_per_second)
    with scratch("soak") as directory:
        report = soak(directory / "data", size)
    sys.stdout.write(report.table() + "\n")
    if path := os.environ.get("SOAK_REPORT"):
        Path(path).write_text(report.table() + "\n")
    return 1 if report.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
