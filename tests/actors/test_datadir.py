"""The data directory: made once, private, and served by one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from actors.datadir import DataDir, DataDirError, make_journal
from actors.postgres_journal import PostgresJournal
from actors.segments import SegmentJournal


def test_a_new_directory_is_private_and_complete(tmp_path: Path) -> None:
    data = DataDir.make_or_open(tmp_path / "deep" / "data", shards=3)
    assert data.path.stat().st_mode & 0o777 == 0o700
    assert (data.path / "id.secret").stat().st_mode & 0o777 == 0o600
    assert len(data.secret) == 16
    assert (data.partitions.shards, data.partitions.era) == (3, 1)
    assert [data.snapshots(shard).is_dir() for shard in range(3)] == [True] * 3
    assert data.shard(2) == data.path / "shards" / "002"
    assert {data.fence(1).parent, data.known_seq(1).parent, data.note(1).parent} == {data.shard(1)}


def test_it_stays_what_it_is(tmp_path: Path) -> None:
    made = DataDir.make_or_open(tmp_path, shards=5, default_shards=2)
    for found in (
        DataDir.open(tmp_path),
        DataDir.make_or_open(tmp_path, default_shards=7),
        DataDir.make_or_open(tmp_path, shards=5),
    ):
        assert (found.secret, found.partitions) == (made.secret, made.partitions)
    with pytest.raises(DataDirError, match="5 shards"):
        DataDir.make_or_open(tmp_path, shards=4)


def test_the_default_number_of_shards_is_for_new_directories(tmp_path: Path) -> None:
    assert DataDir.make_or_open(tmp_path, default_shards=2).partitions.shards == 2


def test_an_interrupted_making_is_begun_again(tmp_path: Path) -> None:
    DataDir.make_or_open(tmp_path, shards=1)
    (tmp_path / "meta.json").unlink()
    assert DataDir.make_or_open(tmp_path, shards=2).partitions.shards == 2


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("meta.json", b"{", "cannot be used"),
        ("meta.json", b"[]", "cannot be used"),
        ("meta.json", json.dumps({"format": 99}).encode(), "format 99"),
        ("meta.json", json.dumps({"format": 1, "era": 1, "shards": 1, "map": "AAAA"}).encode(), "cannot be used"),
        ("id.secret", b"short", "damaged"),
    ],
)
def test_what_is_wrong_is_said_in_words(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    DataDir.make_or_open(tmp_path, shards=1)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataDirError, match=reason):
        DataDir.open(tmp_path)


def test_a_directory_that_was_made_before_there_was_a_check_is_served(tmp_path: Path) -> None:
    made = DataDir.make_or_open(tmp_path, shards=2)
    meta = json.loads((tmp_path / "meta.json").read_text())
    del meta["check"]
    (tmp_path / "meta.json").write_text(json.dumps(meta | {"format": 1}))
    assert DataDir.open(tmp_path).partitions == made.partitions


def test_a_place_that_is_no_data_directory(tmp_path: Path) -> None:
    with pytest.raises(DataDirError, match=r"meta\.json"):
        DataDir.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirError, match="cannot be made"):
        DataDir.make_or_open(tmp_path / "file" / "data")


def test_a_second_server_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    data = DataDir.make_or_open(tmp_path)
    program = (
        "import sys; from pathlib import Path; from actors.datadir import DataDir\n"
        "with DataDir.open(Path(sys.argv[1])).serve_lock(): print('locked', flush=True); sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == "locked\n"
            with pytest.raises(DataDirError, match=f"process {first.pid}"), data.serve_lock():
                pass
        finally:
            first.kill()
    with data.serve_lock(), pytest.raises(DataDirError, match="served already"), data.serve_lock():
        pass
    with data.serve_lock():
        pass


def test_journals_are_files_unless_there_is_a_database(tmp_path: Path) -> None:
    assert isinstance(make_journal(tmp_path, 0, None), SegmentJournal)
    assert isinstance(make_journal(tmp_path, 0, "postgresql://nowhere"), PostgresJournal)
