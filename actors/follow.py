"""Readers of a journal in other processes than the shard's: the feed, the standby, analytics, `verify`.

They go up to the position that the shard published after its sync, and never beyond; they write nothing, and the shard
does not know of them. A follower may be opened before there is a journal, and lives through new segments and new
epochs of the shard.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

from actors.durable import DurableFile, Position
from actors.journal import JournalReader
from actors.postgres_journal import PostgresReader
from actors.segment_files import SegmentReader
from actors.segments import durable_path
from engine.journal_format import Header

_POLL_FIRST_S: Final = 0.001
_POLL_MAX_S: Final = 0.05


class Follower(JournalReader, Protocol):
    """A JournalReader that can wait for more."""

    @property
    def first_seq(self) -> int:
        """The oldest record that is kept."""
        ...

    def headers(self, first_seq: int = 1, last_seq: int | None = None) -> Iterator[Header]:
        """The headers of durable records, to skip or count without unpacking."""
        ...

    def wait(self, after_seq: int, timeout_s: float) -> bool:
        """Until a record after `after_seq` is durable; False when the time is over. Blocks the calling thread."""
        ...


class SegmentFollower(SegmentReader):
    """Follows the segment files of a shard on this machine."""

    first_seq = 1

    def __init__(self, directory: Path, shard: int) -> None:
        self._durable_file = DurableFile(durable_path(directory))
        super().__init__(directory, shard, self._durable_file.read)

    @property
    def durable(self) -> Position:
        """What the shard has published."""
        return self._durable_file.read()

    def wait(self, after_seq: int, timeout_s: float) -> bool:
        """Until a record after `after_seq` is durable; False when the time is over."""
        return _poll(lambda: self.durable_seq > after_seq, timeout_s)

    def close(self) -> None:
        """Let go of the files."""
        super().close()
        self._durable_file.close()


class PostgresFollower(PostgresReader):
    """Follows the records of a shard on a server."""

    first_seq = 1

    def wait(self, after_seq: int, timeout_s: float) -> bool:
        """Until a record after `after_seq` is durable; False when the time is over."""
        return _poll(lambda: self.durable_seq > after_seq, timeout_s)


def _poll(there: Callable[[], bool], timeout_s: float) -> bool:
    """A publishing shard tells nobody, so this looks, more and more seldom."""
    give_up_at = time.monotonic() + timeout_s
    pause_s = _POLL_FIRST_S
    while not there():
        left_s = give_up_at - time.monotonic()
        if left_s <= 0:
            return False
        time.sleep(min(pause_s, left_s))
        pause_s = min(2 * pause_s, _POLL_MAX_S)
    return True
