"""Where shards live: a `ShardPlace` does what Ray does, and the standby's snapshots are taken.

One actor with a mailbox, its process started anew when it died.
"""

from actors.follow import SegmentFollower
from actors.journal import JournalCorrupt, JournalError
from actors.process_group import Process
from actors.snapshotter import fold_and_write
from tests.simulation.disk import SimDisk
from tests.simulation.shards import LIMITS, Answer, Machine, ShardProcess


def take_snapshot(machine: Machine, shard: int, disk: SimDisk) -> None:
    """What the standby does now and then, in a process of its own: fold what is durable, and write it."""
    follower = SegmentFollower(machine.data.shard(shard), shard)
    try:
        taken = fold_and_write(follower, machine.data.snapshots(shard), LIMITS, disk=disk)
        if taken is not None:
            machine.counts["snapshot taken"] += 1
            machine.snapshots[shard] = taken.seq
    except JournalCorrupt:
        raise
    except (JournalError, OSError):
        machine.counts["snapshot not taken"] += 1
    finally:
        follower.close()


class ShardPlace:
    """One shard's address: whichever process lives there."""

    def __init__(self, machine: Machine, shard: int) -> None:
        self.shard = shard
        self.restarts = 0
        self.written: list[tuple[int, int]] = []
        """(seq, true time), of all processes"""
        self._machine = machine
        self.process = ShardProcess(machine, shard, self._died)
        self.zombies: list[ShardProcess] = []
        """stopped processes that were given up and may go on at any time"""

    def submit(self, message: bytes, answer: Answer) -> None:
        """A Batch for whoever lives here."""
        if self.process.alive:
            self.process.submit(message, answer)
        else:
            answer(None)

    def probe(self, answer: Answer) -> None:
        """A question for whoever lives here."""
        if self.process.alive:
            self.process.probe(answer)
        else:
            answer(None)

    def replace(self) -> None:
        """Start another process though this one has not died: it is taken for dead."""
        self.zombies = [process for process in self.zombies if process.alive] + [self.process]
        self._start()

    def kill(self, process: Process) -> bool:
        """SIGKILL by identity, as the watch does it."""
        for each in (self.process, *self.zombies):
            if each.alive and each.identity == process:
                each.die("killed")
                return True
        return False

    def owner(self) -> Process | None:
        """Who holds the lock of the journal."""
        owner = self._machine.owners.get(self.shard)
        return None if owner is None else owner.identity

    def _died(self, process: ShardProcess) -> None:
        self.written += process.written
        if process is self.process:
            self._machine.loop.call_later(0.02 + 0.4 * self._machine.chance.random() ** 2, self._restart, process)

    def _restart(self, dead: ShardProcess) -> None:
        if self.process is dead:
            self._start()

    def _start(self) -> None:
        self.restarts += 1
        self.process = ShardProcess(self._machine, self.shard, self._died)
