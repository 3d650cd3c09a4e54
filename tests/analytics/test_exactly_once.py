"""Killed at any step and started again: the tables are the fold of the journals, nothing twice and nothing left out."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest

from actors.analytics_actor import AnalyticsFile, forget, open_store
from actors.datadir import DataDir
from actors.journal import JournalCorrupt
from analytics import store as store_module
from analytics.following import Following, Journal
from analytics.store import Store, StoreUnusable
from engine.record import Record
from tests.actors.histories import history, journaled
from tests.analytics.tables import Tables, content
from tests.world import World

KILLS = 6
BOUND_S = 60.0
SLOWLY = """
import sys
from pathlib import Path
from actors.analytics_actor import open_store
from actors.datadir import DataDir
from analytics.following import Following
data = DataDir.open(Path(sys.argv[1]))
following = Following(open_store(data), [data.follower(0)], rows_max=40)
for turn in range(1000):
    print("turn", flush=True)
    if not (following.take(0.0) if turn % 3 else following.advance()):
        break
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def world() -> World:
    return history(400, seed=11)


@pytest.fixture
def data(tmp_path: Path, world: World) -> DataDir:
    return journaled(tmp_path, world.records)


@pytest.fixture(scope="module")
def wanted(world: World) -> dict[str, list[str]]:
    """The fold of the journal by somebody who was never interrupted."""
    tables = Tables(world).follow()
    found = without_positions(content(tables.store))
    tables.close()
    return found


def without_positions(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """A journal in memory has no hashes."""
    return {table: rows for table, rows in found.items() if table != "positions"}


def followed(data: DataDir) -> dict[str, list[str]]:
    """The tables after following to the end, from wherever they are."""
    store, journal = open_store(data), data.follower(0)
    following = Following(store, [journal])
    while following.advance():
        pass
    assert following.behind() == [0]
    found = without_positions(content(store))
    journal.close()
    store.close()
    return found


@pytest.mark.long
def test_killed_again_and_again_it_ends_with_the_same_tables(
    data: DataDir, wanted: dict[str, list[str]], tell: Callable[[str], None]
) -> None:
    rng = random.Random(5)
    reached = []
    command = [sys.executable, "-c", SLOWLY, str(data.path)]
    for _ in range(KILLS):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(rng.randrange(1, 12)):
                process.stdout.readline()
            # Somewhere in the turn that began now, or in the next: where, chance says.
            with suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0, 0.03))
            os.kill(process.pid, signal.SIGKILL)
        store = open_store(data)
        reached += [position.seq for position in store.positions().values()]
        store.close()
    assert reached == sorted(reached)
    assert reached[-1] > 0
    tell(f"killed after records {reached} of {data.follower(0).durable_seq}")
    assert followed(data) == wanted


class Power(Exception):
    """It went."""


def test_a_step_that_fails_leaves_nothing_behind(
    tmp_path: Path, world: World, wanted: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every statement of a turn fails once, the last of them the commit."""
    data = journaled(tmp_path / "data", world.records)
    store, journal = open_store(data), data.follower(0)
    following = Following(store, [journal], rows_max=1_500)
    connection = store._connection
    steps = 0
    for fails_at in range(1, 30):
        store._connection = Failing(connection, fails_at)  # type: ignore[assignment]
        before = following.positions[0].seq
        try:
            following.advance()
        except Power:
            steps += 1
            assert following.positions[0].seq == before
            store._connection = connection
            assert store.positions().get(0, following.positions[0]).seq == before
            if fails_at % 4 == 0:
                following.advance()
    store._connection = connection
    while following.advance():
        pass
    assert steps > 10
    assert without_positions(content(store)) == wanted
    journal.close()
    store.close()


def test_a_piece_is_read_while_the_one_before_it_is_entered(
    data: DataDir, wanted: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And waits for it; what has been entered is told once, in order."""
    store, journal = open_store(data), Watched(data.follower(0))
    following = Following(store, [journal], rows_max=40)
    told: list[tuple[float, int]] = []
    following.entered = lambda began: told.append((began, following.positions[0].seq))
    let_go = threading.Event()
    enter = Store.enter

    def when_let_go(store: Store, pieces: Any) -> None:
        assert let_go.wait(BOUND_S)
        enter(store, pieces)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "enter", when_let_go)
        assert following.take(1.0)
        assert following.positions[0].seq == 0
        first = journal.read_to
        taking = threading.Thread(target=following.take, args=(2.0,))
        taking.start()
        assert journal.read_beyond(first)
        assert not told
        let_go.set()
        taking.join(BOUND_S)
        following.settle()
    second = following.positions[0].seq
    assert told == [(1.0, first), (2.0, second)]
    assert first < second
    while following.take(3.0):
        assert following.positions[0].seq <= journal.read_to
    assert following.positions[0].seq == journal.durable_seq
    assert without_positions(content(store)) == wanted
    following.close()
    store.close()


def test_a_piece_that_could_not_be_entered_is_said_by_the_next_turn_and_read_again(
    data: DataDir, wanted: dict[str, list[str]]
) -> None:
    store, journal = open_store(data), data.follower(0)
    following = Following(store, [journal], rows_max=40)
    following.advance()
    before, connection = following.positions[0], store._connection
    store._connection = Failing(connection, 3)  # type: ignore[assignment]
    assert following.take(0.0)
    with pytest.raises(Power):
        following.take(0.0)
    assert following.positions[0] == before
    store._connection = connection
    while following.take(0.0):
        pass
    assert without_positions(content(store)) == wanted
    following.close()
    journal.close()
    store.close()


class Watched:
    """A journal that says how far it was read."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._moved = threading.Condition()
        self.read_to = 0

    def scan(self, first_seq: int = 1, last_seq: int | None = None, prev_hash: bytes | None = None) -> Iterator[Record]:
        for record in self._journal.scan(first_seq, last_seq, prev_hash):
            with self._moved:
                self.read_to = record.seq
                self._moved.notify_all()
            yield record

    def read_beyond(self, seq: int) -> bool:
        with self._moved:
            return self._moved.wait_for(lambda: self.read_to > seq, BOUND_S)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


class Failing:
    """A connection whose n-th statement does not come to pass."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, fails_at: int) -> None:
        self._connection = connection
        self._left = fails_at

    def execute(self, statement: str, *more: Any) -> Any:
        if statement != "rollback":
            self._left -= 1
            if not self._left:
                raise Power
        return self._connection.execute(statement, *more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_it_never_goes_beyond_what_is_durable(data: DataDir, world: World) -> None:
    journal = data.follower(0)
    store = open_store(data)
    limited = Limited(journal, 7)
    following = Following(store, [limited])
    assert following.advance()
    assert not following.advance()
    assert store.positions()[0].seq == 7
    limited.durable_seq = 9
    assert following.behind() == [2]
    assert following.advance()
    assert store.positions()[0].seq == 9
    journal.close()
    store.close()


class Limited:
    """A journal of which only a part is durable."""

    def __init__(self, journal: Any, durable_seq: int) -> None:
        self._journal = journal
        self.durable_seq = durable_seq

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


def test_made_again_from_nothing_it_is_the_same(data: DataDir, wanted: dict[str, list[str]]) -> None:
    assert followed(data) == wanted
    forget(data)
    assert followed(data) == wanted


def test_a_file_of_another_version_is_made_again(
    data: DataDir, wanted: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(store_module, "VERSION", 0)
        followed(data)
    assert followed(data) == wanted


def test_a_damaged_file_is_made_again(data: DataDir, wanted: dict[str, list[str]]) -> None:
    followed(data)
    path = data.path / "analytics" / "analytics.duckdb"
    path.write_bytes(b"nonsense" * 2_000)
    assert followed(data) == wanted


def test_a_file_in_use_is_left_alone(data: DataDir) -> None:
    code = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('there', flush=True); sys.stdin.read()"
    followed(data)
    path = data.path / "analytics" / "analytics.duckdb"
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"there\n"
        with pytest.raises(StoreUnusable):
            Store(path, data.partitions.era, 1)
        assert other.stdin is not None
        other.stdin.close()
    assert path.stat().st_size > 0


def test_tables_of_another_journal_are_not_gone_on_with(data: DataDir, tmp_path: Path) -> None:
    """A data directory that was put back from an older copy: the next record is not chained to the last one known."""
    store, journal = open_store(data), data.follower(0)
    following = Following(store, [journal], rows_max=40)
    following.advance()
    following.positions[0] = following.positions[0].__class__(following.positions[0].seq, b"x" * 32, 0)
    with pytest.raises(JournalCorrupt):
        following.advance()
    journal.close()
    store.close()


def test_tables_that_are_further_than_their_journal_are_made_again(
    tmp_path: Path, world: World, wanted: dict[str, list[str]]
) -> None:
    ahead = journaled(tmp_path / "ahead", world.records)
    followed(ahead)
    restored = journaled(tmp_path / "restored", world.records[:50])
    (restored.path / "analytics").mkdir()
    for file in (ahead.path / "analytics").iterdir():
        file.rename(restored.path / "analytics" / file.name)
    file_ = AnalyticsFile.of(restored, None)
    while file_.turn():
        pass
    assert [position.seq for position in file_.following.positions] == [50]
    found = content(file_.following.store)["movements"]
    file_.close()
    assert 0 < len(found) < len(wanted["movements"])


@pytest.fixture(autouse=True)
def no_leftovers(tmp_path: Path) -> Iterator[None]:
    """Nothing but the file, and perhaps its log."""
    yield
    for directory in tmp_path.rglob("analytics"):
        assert {path.name for path in directory.iterdir()} <= {"analytics.duckdb", "analytics.duckdb.wal"}
