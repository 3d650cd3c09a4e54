"""Histories of a real shard: commands of every sort, decided, with openings in between, as journal records."""

import random
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

from actors.datadir import DataDir
from actors.segments import SegmentJournal
from engine.record import Record, RecordKind
from tests.builders import (
    adjust,
    configure,
    confirm,
    extend,
    fulfil,
    receive,
    release,
    reserve,
    sell,
    standard_definitions,
    together,
    transfer,
)
from tests.rows import Row
from tests.world import World

OPEN_EVERY = 7


def history(batches: int, seed: int = 1) -> World:
    """A world that has lived; `world.records` is its journal, `world.shard` its state."""
    rng = random.Random(seed)
    world = World.furnished()
    world.send(*(receive(sku, place, 500) for sku in ("A-1", "B-2") for place in ("north", "south")))
    held: list[Row] = []
    for batch in range(batches):
        world.now_ms += rng.randrange(120_000)
        if batch % OPEN_EVERY == 0:
            reopen(world)
        world.send(*(_command(rng, held) for _ in range(rng.randrange(1, 12))))
    return world


def before_alerts() -> World:
    """A world whose records were decided by rules without alerts: five of A-1, to be reordered at ten."""
    world = World()
    decide = world.shard.decide
    with patch.object(world.shard, "decide", partial(decide, rules=1)):
        world.send(*standard_definitions())
        world.send(receive("A-1", "north", 5), configure("A-1", "north", reorder_point=10))
    world.records = [replace(record, rules=1) for record in world.records]
    return world


def reopen(world: World) -> None:
    """What a new opener journals first; the deadlines move by its downtime."""
    downtime_ms = 30_000
    world.now_ms += downtime_ms
    record = Record(RecordKind.OPEN, 0, 0, world.next_seq, 1, world.now_ms, downtime_ms=downtime_ms)
    world.shard.apply(record)
    world.records.append(record)


def _command(rng: random.Random, held: list[Row]) -> Row | list[Row]:
    sku, place = rng.choice(["A-1", "B-2"]), rng.choice(["north", "south"])
    kind = rng.randrange(9)
    if kind < 3 or not held:
        lines = [reserve(sku, rng.randrange(1, 9), rng.choice([place, ""])) for _ in range(rng.randrange(1, 4))]
        command = together(*lines)
        held.append(command[0])
        return command
    hold = rng.choice(held[-20:])
    settle = {3: confirm, 4: extend, 5: release, 6: fulfil}.get(kind)
    if settle is not None:
        return settle(hold)
    others = (
        sell(sku, place, 2),
        adjust(sku, place, rng.randrange(-3, 9) or 1),
        receive(sku, place, 5),
        transfer(sku, "north", "south", 3),
        configure(sku, place, safety_stock=rng.randrange(4), floor=rng.randrange(3)),
    )
    return rng.choice(others)


def journaled(data: Path, records: list[Record]) -> DataDir:
    """A data directory of one shard whose journal has these records."""
    directory = DataDir.make_or_open(data, shards=1)
    journal = SegmentJournal(directory.shard(0), 0, segment_bytes=16 << 10, step_bytes=64 << 10, record_bytes_max=1)
    opening = journal.open()
    for record in records:
        journal.append(replace(record, epoch=opening.epoch))
    journal.close()
    return directory
