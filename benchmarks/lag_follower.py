"""`python -m benchmarks.lag_follower DIR FILE`: the analytics process, which says in FILE when it had entered what."""

import argparse
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from actors.analytics_actor import NICENESS, AnalyticsActor, AnalyticsFile
from actors.datadir import ANALYTICS_SOCKET, DataDir


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser("benchmarks.lag_follower", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("noted", type=Path)
    given = parser.parse_args(arguments)
    os.nice(NICENESS)
    data = DataDir.open(given.data)
    file = AnalyticsFile.of(data, None)
    actor = AnalyticsActor(file, data.path / ANALYTICS_SOCKET)
    hear = file.following.entered

    def note(began: float) -> None:
        with given.noted.open("a") as lines:
            lines.write(f"{time.monotonic()} {file.following.positions[0].seq}\n")
        hear(began)

    file.following.entered = note
    signal.signal(signal.SIGTERM, lambda *_: actor.stop())
    actor.run()
    file.close()


if __name__ == "__main__":
    main()
