"""Decides when a shard is asked how it is, and when its process has to be killed.

Ray restarts an actor whose process died, but never notices one that is stopped or hangs: that is found here,
and cured by killing the process, so that Ray sees a death. A state machine without clock, process or Ray:
times are arguments, kills are answers. The keeper drives it (`actors/keeper.py`), the tests too.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.process_group import Process
from actors.settings import Settings
from actors.transport import ShardStatus


@dataclass(frozen=True, slots=True)
class Kill:
    """A process must die now."""

    shard: int
    process: Process | None
    """None: nobody knows who it is, for it neither answered nor took the shard's lock"""
    reason: str


@dataclass(slots=True)
class _Watched:
    quiet_since_ms: int
    asked: bool = False
    next_probe_ms: int = 0
    report: ShardStatus | None = None
    process: Process | None = None
    seq: int = 0


@dataclass(slots=True)
class Watchdog:
    """One for all shards of a cluster; how long a shard may take for what stands in `Settings`.

    A probe runs beside the batches, on a thread of its own, and is answered during opening and replay too. So
    silence means stopped or stuck, except between the death of a process and the first answer of the next.
    """

    shards: int
    now_ms: int
    settings: Settings = field(default_factory=Settings)
    _watched: list[_Watched] = field(init=False)

    def __post_init__(self) -> None:
        self._watched = [_Watched(self.now_ms, next_probe_ms=self.now_ms) for _ in range(self.shards)]

    def due(self, now_ms: int) -> list[int]:
        """The shards to probe now; each counts as asked until `answered` or `failed` is called for it."""
        found = []
        for shard, watched in enumerate(self._watched):
            if not watched.asked and now_ms >= watched.next_probe_ms:
                watched.asked = True
                found.append(shard)
        return found

    def answered(self, report: ShardStatus, now_ms: int) -> list[Kill]:
        """The probe came back; a batch that never ends is found here."""
        watched = self._watched[report.shard]
        watched.asked = False
        watched.next_probe_ms = now_ms + self.settings.probe_period_ms
        watched.quiet_since_ms = now_ms
        watched.report = report
        watched.process = Process(report.pid, report.started)
        watched.seq = max(watched.seq, report.seq)
        if report.busy_ms <= self.settings.busy_max_ms:
            return []
        return [self._kill(report.shard, f"its batch has been decided on for {report.busy_ms} ms", now_ms)]

    def failed(self, shard: int, now_ms: int) -> None:
        """The probe raised: the process is gone, and Ray is starting another."""
        watched = self._watched[shard]
        watched.asked = False
        watched.next_probe_ms = now_ms + self.settings.probe_period_ms
        if watched.process is not None:
            watched.process = None
            watched.quiet_since_ms = now_ms
        watched.report = None

    def unknown(self) -> list[int]:
        """The shards whose process has not answered yet; their lock files may say who it is."""
        return [shard for shard, watched in enumerate(self._watched) if watched.process is None]

    def owned(self, shard: int, process: Process, now_ms: int) -> None:
        """This process holds the shard's lock: it has begun to open, and must answer from now on."""
        watched = self._watched[shard]
        if watched.process is None:
            watched.process = process
            watched.quiet_since_ms = now_ms

    def overdue(self, now_ms: int) -> list[Kill]:
        """The processes that have been silent for too long."""
        kills = []
        for shard, watched in enumerate(self._watched):
            silent_ms = now_ms - watched.quiet_since_ms
            known = watched.process is not None
            if silent_ms > (self.settings.probe_silence_max_ms if known else self.settings.starting_max_ms):
                kills.append(self._kill(shard, f"it has not answered for {silent_ms} ms", now_ms))
        return kills

    def reports(self) -> Iterable[ShardStatus | None]:
        """The latest answer of each shard; None while it is away."""
        return (watched.report for watched in self._watched)

    def seqs(self) -> list[int]:
        """The highest seq that each shard ever said was durable: no journal may be opened below it."""
        return [watched.seq for watched in self._watched]

    def _kill(self, shard: int, reason: str, now_ms: int) -> Kill:
        watched = self._watched[shard]
        kill = Kill(shard, watched.process, reason)
        # The next process gets the time that starting takes before it is suspected.
        watched.process = None
        watched.report = None
        watched.quiet_since_ms = now_ms
        return kill
