"""The process that owns the analytics: `python -m actors.analytics_actor`. Follows the journals, answers questions.

It never asks a shard anything: it reads what is durable, a fraction of a second behind, with a lower priority than
everything that serves. One thread follows and enters; questions come by a Unix socket in the data directory and are
answered in threads of their own, from what is committed. Without this process nothing of the stock stops; reports do.
"""

import argparse
import contextlib
import logging
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Self

import msgspec

from actors.child import DATABASE_VARIABLE, supervisor_hears
from actors.datadir import ANALYTICS, ANALYTICS_SOCKET, DataDir
from actors.documents.database import DocumentsSettings
from actors.documents.details import DetailsReader
from actors.doorway import Doorway
from actors.journal import JournalCorrupt, JournalError, JournalReader
from actors.logs import set_up_logging
from actors.machine import Queueing, memory_bytes, processors
from actors.pulse import BEAT_S
from analytics.alerts.lookout import Lookout
from analytics.answering import Answering
from analytics.following import Following
from analytics.questions import decode_question
from analytics.store import FILE, MEMORY_BYTES, Store, remove

PAUSE_S: Final = 0.1
"""between two looks for more, when there was nothing"""
GATHER_S: Final = 0.5
"""At least so much time from one turn to the next while there is little and nobody waits: a turn costs 20 ms of a
processor, however little it enters."""
MUCH_ROWS: Final = 1 << 15
GATHER_MUCH_S: Final = 0.25
"""The same after a turn of so many rows: they are late by both the time they were gathered and that of the turn."""
FEW_PROCESSORS: Final = 4
"""With fewer, one that always follows is in the way of those who serve, however low its priority: processors share
their caches, memory and disk with each other. On two it took 26 % of what Arrow streams reach."""
SHORT: Final = 0.25
"""So long, for each second that its threads ran, they waited for a processor there: others want it too. Then what a
turn took is how long it rests before the next, unless somebody waits, and one piece is entered before the next is
read."""
TRY_AGAIN_S: Final = 2.0
"""After a journal could not be read."""
NICENESS: Final = 10
"""A shard that wants the processor has ten times its share: figures may be late, an order may not. At 5, a third, a
machine that was asked for more than it has left the tables 4 s behind instead of 8."""
CONNECTIONS_MAX: Final = 64
WORD_S: Final = 10.0
"""For whoever asks to say what, and to take a piece of the answer."""
QUESTION_BYTES_MAX: Final = 1 << 20
SIZE: Final = struct.Struct("<I")
"""before every piece; one of no bytes is the end"""
MEMORY_SHARE: Final = 8
"""of the machine's memory, one part of so many, is the most that DuckDB takes"""
_FIRST_TO_DIE: Final = "600"
"""When memory runs out the system ends this process before any other of ours."""

_log = logging.getLogger("omnistock.analytics")


def open_store(data: DataDir) -> Store:
    """The file of a data directory; raises StoreUnusable."""
    directory = data.path / ANALYTICS
    directory.mkdir(mode=0o700, exist_ok=True)
    threads = max(1, (os.cpu_count() or 2) // 2)
    memory = min(MEMORY_BYTES, memory_bytes() // MEMORY_SHARE)
    return Store(directory / FILE, data.partitions.era, data.partitions.shards, threads, memory)


def forget(data: DataDir) -> None:
    """Remove the file: the next one is made from the journals alone."""
    remove(data.path / ANALYTICS / FILE)


class AnalyticsFile:
    """The tables, and what they are followed from."""

    def __init__(self, store: Store, journals: Sequence[JournalReader], documents: DetailsReader) -> None:
        self.following = Following(store, journals)
        """its thread is let go of by `close`"""
        self._journals = journals
        self._documents = documents

    @classmethod
    def of(cls, data: DataDir, database: str | None) -> Self:
        """Of a data directory; raises StoreUnusable."""
        journals = [data.follower(shard, database) for shard in range(data.partitions.shards)]
        store = open_store(data)
        if not _follows(store, journals):
            _log.warning("the tables are not of these journals, perhaps put back from a copy: they are made anew")
            store.close()
            forget(data)
            store = open_store(data)
        return cls(store, journals, DetailsReader(DocumentsSettings(data.path, database or "")))

    @classmethod
    def made_anew(cls, data: DataDir, database: str | None) -> Self:
        """From nothing; the caller has the directory for itself."""
        forget(data)
        return cls.of(data, database)

    def turn(self) -> bool:
        """Have the names as the documents have them, and a piece of every journal; whether there was any.

        The piece is perhaps still being entered afterwards, see `Following.take`; when there was none, all are.
        """
        began = time.monotonic()
        store = self.following.store
        details = self._documents.read_after(store.documents_version)
        if details is not None:
            self.following.settle()
            store.enter_details(details)
        return self.following.take(began)

    def close(self) -> None:
        """Let go of the file, the journals and the documents."""
        self.following.close()
        self.following.store.close()
        for journal in self._journals:
            journal.close()
        self._documents.close()


def _follows(store: Store, journals: Sequence[JournalReader]) -> bool:
    """Whether the tables end with records that these journals have."""
    return all(
        journals[shard].durable_seq >= position.seq and journals[shard].hash_at(position.seq) == position.hash
        for shard, position in store.positions().items()
    )


class AnalyticsActor:
    """Keeps a file up to date and answers from it."""

    def __init__(self, file: AnalyticsFile, path: Path, *, beat: Callable[[], None] = lambda: None) -> None:
        """`path`: of the socket. `beat` is called at every turn."""
        self._file = file
        self._following = file.following
        self._queueing = Queueing() if processors() < FEW_PROCESSORS else None
        self._stopping = False
        self._beat = beat
        self._beat_at = 0.0
        self._lookout = Lookout(file.following)
        self._answering = Answering(file.following, self._lookout)
        self._following.entered = self._answering.moved
        self._door = Doorway(path, "answer", partial(_answer_to, answering=self._answering), CONNECTIONS_MAX)

    def run(self) -> None:
        """Until `stop` is called."""
        wanted = self._answering.wanted
        self._lookout.start()
        try:
            while not self._stopping:
                began = time.monotonic()
                if began >= self._beat_at:
                    self._beat_at = began + BEAT_S
                    self._beat()
                pause_s = self._turn(began)
                if pause_s:
                    wanted.wait(pause_s)
                wanted.clear()
        finally:
            self._door.close()
            self._lookout.stop()

    def stop(self) -> None:
        """End `run` after its turn; may be called from anywhere."""
        self._stopping = True
        self._answering.wanted.set()

    def _turn(self, began: float) -> float:
        """Enter what there is; gives how long to wait."""
        try:
            moved = self._file.turn()
        except JournalCorrupt:
            raise
        except (JournalError, OSError) as error:
            _log.warning("a journal cannot be followed now: %s", error)
            return TRY_AGAIN_S
        if not moved:
            return PAUSE_S
        rest = self._queueing is not None and self._queueing.share() > SHORT
        if rest:
            self._following.settle()
        took = time.monotonic() - began
        # What came during the turn is no reason for the next one: many small records would make it run all the time.
        gather_s = 0.0 if self._following.left_some else self._gather_s()
        return max(0.0, gather_s - took, took if rest else 0.0)

    def _gather_s(self) -> float:
        return GATHER_MUCH_S if self._following.rows_taken >= MUCH_ROWS else GATHER_S


def _answer_to(connection: socket.socket, answering: Answering) -> None:
    """One question, and its answer piece by piece."""
    try:
        connection.settimeout(WORD_S)
        (size,) = SIZE.unpack(_exactly(connection, SIZE.size))
        if size > QUESTION_BYTES_MAX:
            return
        question = decode_question(_exactly(connection, size))
        for piece in answering.answer(question):
            if piece:
                connection.sendall(SIZE.pack(len(piece)))
                connection.sendall(piece)
        connection.sendall(SIZE.pack(0))
    except (OSError, msgspec.DecodeError) as error:
        _log.info("somebody who asked has gone: %s", error)
    except Exception:
        _log.exception("a question could not be answered")


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise ConnectionResetError("it said only a part")
        data += piece
    return bytes(data)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser("actors.analytics_actor", description="follows the journals, answers reports")
    parser.add_argument("--data", type=Path, required=True, help="the data directory")
    parser.add_argument("--database", default=os.environ.get(DATABASE_VARIABLE), help="where the journals are")
    given = parser.parse_args(arguments)
    os.umask(0o077)
    set_up_logging()
    os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_DIE)
    data = DataDir.open(given.data)
    file = AnalyticsFile.of(data, given.database)
    actor = AnalyticsActor(file, data.path / ANALYTICS_SOCKET, beat=supervisor_hears())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: actor.stop())
    actor.run()
    file.close()
    # A question may still be in a thread; whoever asked hears that the connection has ended.
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
