"""The cache's name follows every source that is compiled; warming up proves the compiler right."""

import os
import time
from pathlib import Path

import pytest

from actors import kernel_cache, warmup
from engine.shard import Shard


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_a_change_in_any_source_is_another_directory(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("a = 1\n")
    two.write_text("b = 2\n")
    before = kernel_cache.digest([one, two])
    assert kernel_cache.digest([two, one]) == before
    two.write_text("b = 3\n")
    assert kernel_cache.digest([one, two]) != before


def test_the_same_source_at_another_place_or_time_is_another_directory(tmp_path: Path) -> None:
    one = tmp_path / "one.py"
    one.write_text("a = 1\n")
    before = kernel_cache.digest([one])
    os.utime(one, (1, 1))
    later = kernel_cache.digest([one])
    elsewhere = one.rename(tmp_path / "two.py")
    assert len({before, later, kernel_cache.digest([elsewhere])}) == 3


def test_two_files_do_not_add_up_to_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("ab")
    two.write_text("c")
    before = kernel_cache.digest([one, two])
    one.write_text("a")
    two.write_text("bc")
    assert kernel_cache.digest([one, two]) != before


def test_the_directory_is_made_for_this_user_and_named_in_the_environment(home: Path) -> None:
    directory = Path(kernel_cache.kernel_cache_environment()["NUMBA_CACHE_DIR"])
    assert directory.parent == home / "omnistock"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert not kernel_cache.is_warm(directory)
    kernel_cache.mark_warm(directory)
    assert kernel_cache.is_warm(directory)


def test_old_directories_of_other_sources_are_dropped_and_young_ones_kept(home: Path) -> None:
    old, young = home / "omnistock" / "kernels-old", home / "omnistock" / "kernels-young"
    for directory in (old, young):
        directory.mkdir(parents=True)
    os.utime(old, (0, 0))
    kernel_cache.kernel_cache_environment()
    assert not old.exists()
    assert young.exists()


def test_of_many_directories_only_some_outlive_a_day(home: Path) -> None:
    two_days_ago = time.time() - 2 * 24 * 3600
    for number in range(20):
        directory = home / "omnistock" / f"kernels-{number:02d}"
        directory.mkdir(parents=True)
        os.utime(directory, (two_days_ago + number, two_days_ago + number))
    kernel_cache.kernel_cache_environment()
    kept = {path.name for path in (home / "omnistock").iterdir()} - {kernel_cache.kernel_cache().name}
    assert kept == {f"kernels-{number:02d}" for number in range(13, 20)}


def test_warming_up_runs_the_kernels_and_proves_the_fold() -> None:
    assert warmup.warm_up() > 0


def test_a_fold_that_comes_to_another_state_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = iter([b"one", b"other"])
    monkeypatch.setattr(Shard, "state_hash", lambda _: next(hashes))
    with pytest.raises(warmup.WarmUpFailed):
        warmup.warm_up()
