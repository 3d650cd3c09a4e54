"""What the processes of a run use, sample by sample, and whether it grows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from actors.process_group import Process
from tests.e2e.served import command_line

GROWTH_PER_HOUR_MAX: Final = 0.01
SURE_MINUTES: Final = 20.0
"""Below, a slope is mostly noise: judged is then what was really gained."""
GAINED_MAX: Final = 0.05
GAINED_BYTES: Final = 12 << 20
"""...of a process, beside the share, for allocators have their moments"""
MORE_MAX: Final = 12
"""Descriptors or threads that may have come: some come and go, and a reader keeps a few segments open."""
P99_DRIFT_MAX: Final = 2.0
_NAME_MAX: Final = 17

_NAMES: Final = {
    "-m api.serve": "API worker",
    "-m actors.keeper": "keeper",
    "-m actors.standby": "standby",
    "-m actors.analytics_actor": "analytics",
    "-m api.cli": "supervisor",
    "ray::ListeningShard": "shard",
    "ray::DocumentsActor": "documents",
    "gcs_server": "gcs_server",
    "raylet/raylet": "raylet",
    "log_monitor.py": "Ray's logs",
    "_private/monitor.py": "Ray's scaler",
    "dashboard/dashboard.py": "Ray's dashboard",
    "ray::DashboardAgent": "Ray's agent",
    "ray::RuntimeEnvAgent": "Ray's environments",
}


@dataclass(slots=True)
class Track:
    """One process over time."""

    name: str
    process: Process
    at: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def sample(self, now: float) -> None:
        """Look now; a process that is gone is not looked at."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            descriptors = len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))
        except (FileNotFoundError, ProcessLookupError):
            return
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        self.at.append(now)
        self.rss.append(int(fields["VmRSS"].split()[0]) << 10)
        self.descriptors.append(descriptors)
        self.threads.append(int(fields["Threads"]))


@dataclass(frozen=True, slots=True)
class Line:
    """What a track came to after the warm-up."""

    name: str
    rss_first: float
    rss_last: float
    per_hour: float
    """share of itself that it would gain in an hour, by the fitted line"""
    unsure: float
    """two standard errors of that"""
    descriptors: tuple[float, int]
    """median of the first third, and the most of the last"""
    threads: tuple[float, int]
    minutes: float

    def complaints(self) -> list[str]:
        """What is wrong with it."""
        found = []
        gained = self.rss_last - self.rss_first
        sure = self.minutes >= SURE_MINUTES
        if sure and self.per_hour - self.unsure > GROWTH_PER_HOUR_MAX:
            found.append(f"{self.name} grows by {self.per_hour:.1%} an hour, +- {self.unsure:.1%}")
        if not sure and gained > GAINED_MAX * self.rss_first + GAINED_BYTES:
            found.append(f"{self.name} gained {gained / 1e6:.1f} MB in {self.minutes:.1f} minutes")
        for what, (before, after) in (("descriptors", self.descriptors), ("threads", self.threads)):
            if after > before + MORE_MAX:
                found.append(f"{self.name} has {after} {what}, and had {before:g}")
        return found


def line_of(track: Track, warm_at: float) -> Line:
    """From the moment on at which all was warm."""
    at = np.array(track.at)
    steady = at >= warm_at
    hours = (at[steady] - at[steady][0]) / 3600
    rss = np.array(track.rss, np.float64)[steady]
    slope, error = _fitted(hours, rss)
    third = max(1, len(rss) // 3)
    descriptors, threads = (np.array(values)[steady] for values in (track.descriptors, track.threads))
    return Line(
        track.name,
        float(np.median(rss[:third])),
        float(np.median(rss[-third:])),
        slope / float(rss.mean()),
        2 * error / float(rss.mean()),
        (float(np.median(descriptors[:third])), int(descriptors[-third:].max())),
        (float(np.median(threads[:third])), int(threads[-third:].max())),
        float(hours[-1] * 60),
    )


def tracks_of(processes: Sequence[Process]) -> list[Track]:
    """One for every process; by its command where it has no name here."""
    found = []
    for process in processes:
        words = command_line(process.pid)
        name = next((name for part, name in _NAMES.items() if part in words), words[:_NAME_MAX])
        found.append(Track(name, process))
    return sorted(found, key=lambda track: (track.name, track.process.pid))


def percentile_drift(latencies: Sequence[tuple[float, float]], warm_at: float, until: float) -> tuple[float, float]:
    """(p99 of the first third after the warm-up, p99 of the last), in milliseconds."""
    third = (until - warm_at) / 3
    first = [ms for at, ms in latencies if warm_at <= at < warm_at + third]
    last = [ms for at, ms in latencies if at >= until - third]
    return float(np.percentile(first, 99)), float(np.percentile(last, 99))


def _fitted(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float]:
    """(slope, its standard error) of the line of least squares.

    Samples follow each other closely and are no independent ones: one in ten counts.
    """
    if len(x) < 3:
        return 0.0, float("inf")
    slope, offset = np.polyfit(x, y, 1)
    rest = y - (slope * x + offset)
    spread = float(((x - x.mean()) ** 2).sum())
    independent = max(1.0, len(x) / 10)
    error = (float((rest**2).sum()) / independent / max(spread, 1e-18)) ** 0.5
    return float(slope), error
