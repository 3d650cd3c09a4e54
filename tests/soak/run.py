"""One soak: an engine, senders that never pause, a sample every second, and the table at the end."""

import os
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from actors.process_group import Process
from actors.shard_limits import ID_WINDOW_VARIABLE, IDS_MAX_VARIABLE
from tests.e2e.served import Served
from tests.soak.samples import P99_DRIFT_MAX, SURE_MINUTES, Line, Track, line_of, percentile_drift, tracks_of
from tests.soak.work import ROWS, Sender, open_shop

SAMPLE_S: Final = 0.5
WARM_SHARE: Final = 0.4
"""Of a short run; a longer one is warm after..."""
WARM_S_MAX: Final = 300.0
WINDOW_SHARE: Final = 0.1
WINDOW_S: Final = (2, 8)
"""An id is remembered for a tenth of the run, but for so long at least, and no longer than that."""
IDS_MAX: Final = 1 << 22
"""Of a shard: room for what comes in that time, which is all in use within a minute, and used again from then on."""
ARCHIVE_BYTES: Final = 8 << 30
"""Old segments go to an archive, tens of megabytes a second; from there the oldest are taken away beyond so much."""
FREE_BYTES: Final = 5 << 30
"""With less room on the disk the run ends early."""
_LEFT_BEHIND: Final = "archived, and the archive is not there"
"""what the analytics say when they wanted what was taken away"""


@dataclass(frozen=True, slots=True)
class Size:
    """Of a run."""

    seconds: float
    shards: int = 2
    workers: int = 2
    connections: int = 4
    rows_per_s: int = 0
    """at most; 0 = saturation"""

    @property
    def pause_s(self) -> float:
        """From one batch of a connection to the next."""
        return ROWS * self.connections / self.rows_per_s if self.rows_per_s else 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to."""

    lines: Sequence[Line]
    parts: Sequence[tuple[float, float, float, float]]
    """(minute at its end, rows/s, p50 ms, p99 ms) of each part"""
    p99: tuple[float, float]
    window_s: int
    written: int
    """bytes in the data directory and in the archive at the end"""
    taken_away: int
    """bytes of segments that the archive had no room for"""
    complaints: Sequence[str]
    left_behind: bool
    """whether segments were taken away that the analytics had not read: at saturation they may not keep up"""

    def table(self) -> str:
        """For people."""
        rows = [f"{'minute':>8}{'rows/s':>10}{'p50 ms':>9}{'p99 ms':>9}"]
        rows += [f"{minute:>8.2f}{per_s:>10.0f}{p50:>9.1f}{p99:>9.1f}" for minute, per_s, p50, p99 in self.parts]
        rows.append("")
        rows.append(
            f"{'after the warm-up':<17}{'RSS MB':>10}{'then':>9}{'an hour':>10}{'+-':>9}"
            f"{'fds':>7}{'then':>6}{'threads':>9}{'then':>6}"
        )
        for line in self.lines:
            (fds, fds_then), (threads, threads_then) = line.descriptors, line.threads
            rows.append(
                f"{line.name:<17}{line.rss_first / 1e6:>10.1f}{line.rss_last / 1e6:>9.1f}{line.per_hour:>+10.1%}"
                f"{line.unsure:>9.1%}{fds:>7.0f}{fds_then:>6}{threads:>9.0f}{threads_then:>6}"
            )
        rows.append(f"p99 {self.p99[0]:.1f} ms, then {self.p99[1]:.1f} ms; an id is remembered for {self.window_s} s,")
        rows.append(f"{IDS_MAX:,} of them by a shard;")
        rows.append(
            f"{self.written / 1e9:.2f} GB lie there, {self.taken_away / 1e9:.2f} GB were archived and taken away"
        )
        if self.left_behind:
            rows.append("the analytics were left behind: what they had not read was taken away; try --rows-per-second")
        rows += [f"WRONG: {words}" for words in self.complaints] or ["nothing grows"]
        return "\n".join(rows)


@dataclass(slots=True)
class Shelf:
    """Where the archive is, and somebody who takes from it what does not fit."""

    directory: Path
    taken_away: int = 0

    def tidy(self) -> None:
        """Take the oldest away."""
        files = sorted((path.stat().st_mtime, path) for path in self.directory.rglob("*.journal"))
        used = self.used()
        for _, path in files:
            if used <= ARCHIVE_BYTES:
                break
            size = path.stat().st_size
            path.unlink()
            used -= size
            self.taken_away += size

    def used(self) -> int:
        """Bytes."""
        return sum(path.stat().st_size for path in self.directory.rglob("*.journal"))


def soak(data: Path, size: Size) -> Report:
    """Run it; the engine is stopped in order at the end."""
    window_s = int(np.clip(size.seconds * WINDOW_SHARE, *WINDOW_S))
    os.environ |= {ID_WINDOW_VARIABLE: str(window_s), IDS_MAX_VARIABLE: str(IDS_MAX)}
    shelf = Shelf(data.with_name(f"{data.name}-archive"))
    words = ["--shards", str(size.shards), "--workers", str(size.workers), "--archive", str(shelf.directory)]
    try:
        with Served(data, *words) as served:
            report = _at_work(served, size, window_s, shelf)
            assert served.stop() == 0
            return report
    finally:
        del os.environ[ID_WINDOW_VARIABLE], os.environ[IDS_MAX_VARIABLE]


def _at_work(served: Served, size: Size, window_s: int, shelf: Shelf) -> Report:
    open_shop(served)
    host, port = served.url.removeprefix("http://").split(":")
    senders = [Sender((host, int(port)), served.key, seed, size.pause_s) for seed in range(size.connections)]
    enough = threading.Event()
    threads = [threading.Thread(target=sender.run, args=(enough,)) for sender in senders]
    began = time.monotonic()
    tracks: list[Track] = []
    for thread in threads:
        thread.start()
    try:
        until = began + size.seconds
        while time.monotonic() < until and not any(sender.failure for sender in senders):
            # All processes are there a moment after the first batches.
            if not tracks and time.monotonic() > began + min(2.0, size.seconds / 10):
                supervisor = Process.of(served.popen.pid)
                assert supervisor is not None
                tracks = tracks_of([supervisor, *served.family()])
            for track in tracks:
                track.sample(time.monotonic())
            shelf.tidy()
            if shutil.disk_usage(served.data).free < FREE_BYTES:
                break
            time.sleep(SAMPLE_S)
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    ended = time.monotonic()
    for sender in senders:
        if sender.failure is not None:
            raise sender.failure
    return _report(served, tracks, senders, began, ended, window_s, shelf)


def _report(
    served: Served, tracks: Sequence[Track], senders: Sequence[Sender], began: float, ended: float, window_s: int,
    shelf: Shelf,
) -> Report:  # fmt: skip
    warm_at = began + min(WARM_SHARE * (ended - began), WARM_S_MAX)
    latencies = sorted(each for sender in senders for each in sender.latencies)
    rows_each = sum(sender.rows for sender in senders) / len(latencies)
    part_s = max(60.0, (ended - began) / 60) if ended - began >= 180 else (ended - began) / 5
    parts = []
    at = began
    while at < ended - part_s / 2:
        own = [ms for when, ms in latencies if at <= when < at + part_s]
        if own:
            p50, p99 = np.percentile(own, [50, 99])
            parts.append(((at + part_s - began) / 60, rows_each * len(own) / part_s, float(p50), float(p99)))
        at += part_s
    lines = [line_of(track, warm_at) for track in tracks if len(track.at) > 3 and track.at[-1] > warm_at]
    p99s = percentile_drift(latencies, warm_at, ended)
    complaints = [words for line in lines for words in line.complaints()]
    complaints += [f"{track.name} died" for track in tracks if not track.process.alive()]
    if p99s[1] > P99_DRIFT_MAX * p99s[0]:
        complaints.append(f"p99 was {p99s[0]:.1f} ms and is {p99s[1]:.1f} ms")
    there = [file for file in served.data.rglob("*") if file.is_file() and not file.is_symlink()]
    written = shelf.used() + sum(file.stat().st_blocks * 512 for file in there)
    if ended - began >= 60 * SURE_MINUTES and not shelf.taken_away + shelf.used():
        complaints.append("no segment was archived")
    left_behind = _LEFT_BEHIND in served.log.read_text(errors="replace")
    return Report(lines, parts, p99s, window_s, written, shelf.taken_away, complaints, left_behind)
