"""Old segments lie elsewhere and are read as before; whatever happens while they move, every record is there."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from actors.archive import Archive, GivenUp
from actors.datadir import DataDir
from actors.follow import SegmentFollower
from actors.journal import JournalFailed
from actors.segment_files import path_of, segments_in
from actors.standby import Standby
from actors.verify import verify
from api import cli
from api.serving import open_archive
from tests.actors.histories import history, journaled
from tests.actors.journal_stores import small_journal
from tests.world import World


@pytest.fixture(scope="module")
def world() -> World:
    """Enough for some segments."""
    return history(40, seed=11)


@pytest.fixture
def data(tmp_path: Path, world: World) -> DataDir:
    """Its records, in segments that a few of them fill."""
    made = journaled(tmp_path / "data", world.records)
    assert len(segments_in(made.shard(0))) > 4
    return made


@pytest.fixture
def archive(tmp_path: Path, data: DataDir) -> Archive:
    return Archive(tmp_path / "archive", data.mark)


def links(data: DataDir) -> list[int]:
    """The segments that lie elsewhere."""
    directory = data.shard(0)
    return [name for name in segments_in(directory) if path_of(directory, name).is_symlink()]


def contents(data: DataDir) -> list[bytes]:
    """Of every record."""
    follower = SegmentFollower(data.shard(0), 0)
    found = [record.rows.tobytes() + record.results.tobytes() for record in follower.scan()]
    follower.close()
    return found


def test_what_lies_before_a_record_goes_and_reads_as_before(data: DataDir, archive: Archive) -> None:
    directory, before = data.shard(0), contents(data)
    names = segments_in(directory)
    seq = names[3]
    moved = archive.take(directory, 0, seq)
    assert moved == names[:3] == links(data), "the third ends right before it, the fourth has it"
    assert [path.stat().st_mode & 0o777 for path in archive.of(0).iterdir()] == [0o600] * 3
    assert contents(data) == before
    assert verify(data.path).ok
    assert archive.take(directory, 0, seq) == [], "once"


def test_the_two_newest_segments_stay_whatever_is_asked(data: DataDir, archive: Archive) -> None:
    names = segments_in(data.shard(0))
    assert archive.take(data.shard(0), 0, 1 << 60) == names[:-2]


def test_a_shard_opens_goes_on_and_is_archived_again(data: DataDir, archive: Archive, world: World) -> None:
    archive.take(data.shard(0), 0, 1 << 60)
    journal = small_journal(data.shard(0))
    opening = journal.open()
    assert opening.seq == len(world.records)
    journal.close()
    assert len(archive.take(data.shard(0), 0, 1 << 60)) == 1
    assert verify(data.path).ok


@pytest.mark.parametrize("at", range(14))
def test_a_machine_that_stops_at_any_step_leaves_every_record(
    data: DataDir, archive: Archive, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    class PowerCut(BaseException):
        pass

    before = contents(data)
    steps = iter(range(1 << 30))

    def cut(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **more: Any) -> Any:
            if next(steps) == at:
                raise PowerCut(name)
            return real(*args, **more)

        return step

    with monkeypatch.context() as patched:
        for name in ("pwrite", "fdatasync", "fsync", "replace", "rename", "symlink", "unlink"):
            patched.setattr(os, name, cut(name, getattr(os, name)))
        with pytest.raises(PowerCut):
            archive.take(data.shard(0), 0, 1 << 60)
    assert contents(data) == before
    archive.take(data.shard(0), 0, 1 << 60)
    assert links(data) == segments_in(data.shard(0))[:-2]
    assert contents(data) == before
    assert {path.suffix for path in archive.of(0).iterdir()} == {".journal"}


def test_a_copy_that_reads_back_otherwise_does_not_take_the_place(
    data: DataDir, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pread
    with monkeypatch.context() as patched:
        patched.setattr(os, "pread", lambda *where: real(*where)[:-1] + b"!")
        with pytest.raises(OSError, match="not what was copied"):
            archive.take(data.shard(0), 0, 1 << 60)
    assert links(data) == []
    assert list(archive.of(0).iterdir()) == []


def test_a_copy_can_be_given_up(data: DataDir, archive: Archive) -> None:
    with pytest.raises(GivenUp):
        archive.take(data.shard(0), 0, 1 << 60, lambda: True)
    assert links(data) == []
    assert list(archive.of(0).iterdir()) == []


def test_without_the_archive_a_shard_says_where_its_records_were_and_with_it_again_opens(
    data: DataDir, archive: Archive, tmp_path: Path
) -> None:
    before = contents(data)
    archive.take(data.shard(0), 0, 1 << 60)
    (tmp_path / "archive").rename(tmp_path / "elsewhere")
    journal = small_journal(data.shard(0))
    with pytest.raises(JournalFailed, match="archived, and the archive is not there"):
        journal.open()
    open_archive(tmp_path / "elsewhere", data)
    journal = small_journal(data.shard(0))
    assert journal.open().seq == len(before)
    journal.close()
    assert contents(data) == before


def test_several_engines_may_share_a_disk(data: DataDir, tmp_path: Path, world: World) -> None:
    other = journaled(tmp_path / "other", world.records)
    assert other.mark != data.mark
    for each in (data, other):
        Archive(tmp_path / "archive", each.mark).take(each.shard(0), 0, 1 << 60)
    assert len(list((tmp_path / "archive").iterdir())) == 2
    shutil.rmtree(other.path)
    assert len(contents(data)) == len(world.records)


def test_the_standby_archives_what_its_snapshots_have(data: DataDir, archive: Archive, tmp_path: Path) -> None:
    standby = Standby(data, tail_rows_max=1, archive=tmp_path / "archive")
    assert standby.archive() == 0, "there is no snapshot"
    assert standby.look() == 1
    names = segments_in(data.shard(0))
    assert standby.archive() == len(names) - 2
    assert standby.archive() == 0
    standby.close()
    assert links(data) == names[:-2]


def test_an_archive_that_cannot_be_written_to_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    words = ["serve", "--data", str(tmp_path / "data"), "--port", "0", "--transport", "local"]
    result = CliRunner().invoke(cli.app, [*words, "--archive", str(tmp_path / "file")])
    assert result.exit_code == 1
    assert "cannot be the archive" in result.output


def test_a_database_keeps_its_journals_itself(tmp_path: Path) -> None:
    words = ["serve", "--data", str(tmp_path / "data"), "--database", "postgresql://host/db"]
    result = CliRunner().invoke(cli.app, [*words, "--archive", str(tmp_path / "archive")])
    assert result.exit_code == 2
