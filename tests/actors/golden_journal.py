"""The golden journal: files as format 1 wrote them, kept as text. `python -m tests.actors.golden_journal` made it.

It is made once for each format and never again: what it proves is that files of then are read now. A new format gets
a file of its own beside it.
"""

import base64
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from actors.segments import SegmentJournal
from engine.ids import finish_rows, sku_key
from engine.kinds import Flag, Kind
from engine.layout import COMMAND, NO_LINE, NO_WAREHOUSE
from engine.outcomes import Outcome
from engine.record import Record, RecordKind
from tests.actors.histories import reopen
from tests.builders import confirm, receive, release, reserve, row, together
from tests.engine.test_replay import busy_world
from tests.world import SECRET, World

GOLDEN: Final = Path(__file__).parent / "golden"
_LINE: Final = 114


def golden_history() -> World:
    """Every command, carried out and refused, a clean stop in the middle and a second life after it."""
    world = busy_world()
    held = reserve("A-1", 2)
    world.send(receive("A-1", "north", 9), held, together(reserve("A-1", 1), reserve("B-2", 1)))
    seal = Record(RecordKind.SEAL, 0, 0, world.next_seq, 1, world.now_ms)
    world.shard.apply(seal)
    world.records.append(seal)
    reopen(world)
    world.send(confirm(held), reserve("A-1", 1, ttl_s=60), held)
    world.send(release(held), row(Kind.DEFINE_CLIENT, id="client", client="shop"))
    _over_several_shards(world)
    return world


def _over_several_shards(world: World) -> None:
    """Two reservations that are prepared here; one is carried out and one dropped, and this shard decides a third."""
    kept, dropped = (
        _send(
            world, kind=Kind.RESERVE, flags=Flag.PREPARE | Flag.WANT_LINES, sku_key=sku_key("A-1"), line=0, ttl_s=60,
            quantity=1000, source_key=operation,
        )
        for operation in (7, 8)
    )  # fmt: skip
    due_ms = world.now_ms + 60_000
    _send(world, kind=Kind.DECIDE, reservation=4242, due_ms=due_ms, flags=Flag.COMMIT)
    _send(world, kind=Kind.APPLY, reservation=kept, source_key=7, due_ms=due_ms, flags=Flag.COMMIT | Flag.WANT_LINES)
    _send(world, kind=Kind.APPLY, reservation=dropped, source_key=8, due_ms=due_ms)


def _send(world: World, **columns: Any) -> int:
    """One row by its columns; the reservation that it was about."""
    rows = np.zeros(1, COMMAND)
    rows["warehouse"], rows["line"] = NO_WAREHOUSE, NO_LINE
    for name, value in columns.items():
        rows[name] = value
    heap = np.frombuffer(b"step-%d" % world.next_seq, np.uint8)
    rows["text_lengths"][0, 0] = len(heap)
    finish_rows(rows, heap, SECRET)
    seq = world.next_seq
    decision = world.shard.decide(rows, heap, now_ms=world.now_ms, seq=seq)
    assert decision.results["outcome"][0] == Outcome.OK, decision.results
    world.records.append(
        Record(
            RecordKind.BATCH, 0, 0, seq, 1, world.now_ms, id_window_ms=world.limits.id_window_ms, rows=rows,
            results=decision.results, movements=decision.movements, lines=decision.lines, heap=heap,
        )
    )  # fmt: skip
    return int(decision.results["reservation"][0])


def write(directory: Path, world: World) -> None:
    """The history as two owners of the shard wrote it."""
    seal = next(record for record in world.records if record.kind == RecordKind.SEAL)
    for lives in (world.records[: seal.seq], world.records[seal.seq :]):
        journal = SegmentJournal(directory, 0, segment_bytes=8 << 10, step_bytes=64 << 10, record_bytes_max=1)
        epoch = journal.open().epoch
        for record in lives:
            journal.append(replace(record, epoch=epoch))
        journal.close()


def to_text(directory: Path) -> str:
    """Every segment: its name, then its bytes in lines."""
    lines: list[str] = []
    for path in sorted(directory.glob("*.journal")):
        text = base64.b64encode(path.read_bytes()).decode()
        lines += [path.name, *(text[at : at + _LINE] for at in range(0, len(text), _LINE))]
    return "\n".join(lines) + "\n"


def from_text(text: str, directory: Path) -> None:
    """The files again."""
    files: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.endswith(".journal"):
            name = line
        files[name] = files.get(name, "") + ("" if line == name else line)
    for name, data in files.items():
        (directory / name).write_bytes(base64.b64decode(data))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        history = golden_history()
        write(Path(made), history)
        sys.stdout.write(to_text(Path(made)))
        sys.stderr.write(f"{len(history.records)} records, state {history.shard.state_hash().hex()}\n")
