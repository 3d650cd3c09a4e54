"""Seeds that are played on every run of the suite, and what the simulator itself must be."""

import importlib
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from actors.datadir import make_journal
from actors.segments import SegmentJournal
from actors.shard_actor import ShardActor
from actors.socket_server import ListeningShard
from tests.conftest import Tell
from tests.simulation.__main__ import main
from tests.simulation.planted import BUGS
from tests.simulation.pool import parted, play, play_all
from tests.simulation.report import never_happened, replay, table, total
from tests.simulation.run import COMMANDS, run

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "500"))
SPEED_MIN = 2_000
"""commands in a second of one core: else a night of seeds is worth much less"""


def test_worlds_come_to_rest_with_everything_right(tell: Tell) -> None:
    failed, ran = parted(list(play_all(range(SEEDS), COMMANDS)))
    tell(table(ran))
    assert not failed, "\n".join(f"{replay(each.seed, COMMANDS)}\n  {each.reason}" for each in failed)
    assert sum(each.commands for each in ran) >= SEEDS * COMMANDS
    assert never_happened(total(ran)) == []
    # Of its own processor's time, which others on the machine hardly change.
    assert sum(each.commands for each in ran) >= SPEED_MIN * sum(each.cpu_s for each in ran)


def test_a_seed_is_the_same_history_every_time() -> None:
    one, other = run(7, 300), run(7, 300)
    assert (one.counts, one.simulated_s, one.commands) == (other.counts, other.simulated_s, other.commands)


def test_a_failure_names_its_seed_and_the_one_command_that_plays_it_again(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command is run as it stands, and fails with the same words."""
    request.addfinalizer(lambda: logging.disable(logging.NOTSET))
    with BUGS["floors are lower than they were configured"].plant():
        ((failed,), _) = parted([play((0, 1000))])
    command = replay(failed.seed, 1000)
    assert command == "python -m tests.simulation --seed 0 --commands 1000"
    monkeypatch.setattr("sys.argv", command.split()[2:])
    with BUGS["floors are lower than they were configured"].plant(), pytest.raises(AssertionError) as again:
        main()
    assert failed.reason.endswith(str(again.value))
    assert main() == 0, "without the bug nothing is wrong with it"
    assert "1 seeds, 1," in capsys.readouterr().out


SHARED = [
    # (what production runs, what the simulator runs)
    ("actors.composition.Client", "tests.simulation.clients.Client"),
    ("actors.client.Dispatcher", "actors.dispatcher.Dispatcher"),
    ("actors.client.Admission", "actors.admission.Admission"),
    ("actors.client.OverShards", "actors.over_shards.OverShards"),
    ("actors.over_shards.Round", "actors.saga.Round"),
    ("actors.over_shards.SagaScan", "actors.saga_scan.SagaScan"),
    ("actors.dispatcher.Link", "actors.link.Link"),
    ("actors.link.Batcher", "actors.batcher.Batcher"),
    ("actors.keeper.ShardWatch", "tests.simulation.world.ShardWatch"),
    ("actors.shard_watch.Watchdog", "actors.watchdog.Watchdog"),
    ("actors.shard_home.ShardActor", "tests.simulation.shards.ShardActor"),
    ("actors.shard_home.recover_shard", "tests.simulation.shards.recover_shard"),
    ("actors.segments.SegmentJournal", "tests.simulation.shards.SegmentJournal"),
    ("actors.segments.encode", "engine.journal_format.encode"),
    ("actors.segment_files.decode", "engine.journal_format.decode"),
    ("actors.shard_actor.OpenShard", "actors.open_shard.OpenShard"),
    ("actors.recovery.Shard", "tests.simulation.shards.Shard"),
    ("actors.warm_shard.fold_and_write", "tests.simulation.places.fold_and_write"),
    ("actors.composition.keep_seqs", "tests.simulation.world.keep_seqs"),
    ("actors.client.ShardClock", "tests.simulation.clients.ShardClock"),
]


@pytest.mark.parametrize(("production", "simulated"), SHARED)
def test_production_drives_the_very_same_classes(production: str, simulated: str) -> None:
    """By identity: what is proved here is what runs there."""
    assert _named(production) is _named(simulated)


def test_a_data_directory_gives_its_shards_the_simulated_journal(tmp_path: Path) -> None:
    assert type(make_journal(tmp_path, 0, None)) is SegmentJournal
    assert issubclass(ListeningShard, ShardActor)


def _named(path: str) -> Any:
    module, name = path.rsplit(".", 1)
    return vars(importlib.import_module(module))[name]
