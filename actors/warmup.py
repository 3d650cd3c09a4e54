"""Every kernel run once: compiled into the cache the first time on a machine, loaded from it afterwards.

A shard runs it before it opens, so that no caller waits for a compiler; `python -m actors.warmup` runs it
ahead of all shards, so that they do not compile the same at the same time, and lets a second process compile
what folds and reads while it compiles what decides. It is one tiny life of a shard, with the read-only arrays
that messages deliver, and it ends with a proof: the fold of what was journaled is the state that was decided.
A machine whose compiler gets that wrong does not start.
"""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from actors.kernel_cache import VARIABLE, mark_warm
from engine.ids import command_key, finish_rows, sku_key, text_keys
from engine.journal_format import decode, encode
from engine.kinds import Flag, Kind, QuestionKind, WarehouseKind
from engine.layout import COMMAND, NO_LINE, NO_WAREHOUSE, QUESTION, Limits
from engine.outcomes import Outcome
from engine.record import Record, RecordKind
from engine.shard import Decision, Shard
from engine.wire import Array, Batch, Bytes

_LIMITS = Limits(
    skus_max=64, cells_max=64, ids_max=1024, reservations_max=64, lines_max=64, sources_max=64, warehouses_max=8,
    channels_max=8, clients_max=8, batch_rows_max=64, movements_max=1024,
)  # fmt: skip
_NOW_MS = 1_700_000_000_000
_SKU = "warm-up"
_HELD = 5
_READING = "--reading"


class WarmUpFailed(Exception):
    """The kernels do not do what they do elsewhere."""


def warm_up() -> float:
    """Run every kernel of client and shard; gives the seconds it took, raises WarmUpFailed."""
    began = time.monotonic()
    shard, batch, decision = compile_deciding()
    folded = Shard(_LIMITS)
    answers = shard.answer(batch.questions)
    if not (decision.results["outcome"] == Outcome.OK).all() or answers.answers["reserved"][0] != _HELD:
        raise WarmUpFailed(f"outcomes {decision.results['outcome'].tolist()}")
    decided = Record(
        RecordKind.BATCH, 0, 1, 1, 1, _NOW_MS, rows=batch.rows, results=decision.results,
        movements=decision.movements, lines=decision.lines, heap=batch.heap,
    )  # fmt: skip
    opened = Record(RecordKind.OPEN, 0, 1, 2, 2, _NOW_MS + 2_000, downtime_ms=1_000)
    for record in (decided, opened):
        _, found = decode(encode(record, bytes(32)))
        folded.apply(found)
    shard.apply(opened)
    if shard.state_hash() != folded.state_hash():
        raise WarmUpFailed("the fold of the journal is not what was decided")
    if VARIABLE in os.environ:
        mark_warm(Path(os.environ[VARIABLE]))
    return time.monotonic() - began


def compile_deciding() -> tuple[Shard, Batch, Decision]:
    """The half that clients and deciding shards need: (shard, what it was sent, what it decided)."""
    text_keys(np.frombuffer(b"ab", np.uint8), np.array([0, 1, 2], np.int32))
    command_key(0, _SKU, bytes(16))
    rows, heap = _story()
    finish_rows(rows, heap, bytes(16))
    # Through a message: the arrays that a shard is given are read-only views.
    batch = Batch.from_bytes(Batch(rows, heap, _questions()).to_bytes())
    shard = Shard(_LIMITS)
    return shard, batch, shard.decide(batch.rows, batch.heap, now_ms=_NOW_MS, seq=1)


def compile_reading() -> None:
    """The half that folds and answers, from nothing: what is compiled depends on types alone."""
    shard = Shard(_LIMITS)
    _, nothing = decode(encode(Record(RecordKind.BATCH, 0, 1, 1, 1, _NOW_MS), bytes(32)))
    shard.apply(nothing)
    shard.apply(Record(RecordKind.OPEN, 0, 1, 2, 2, _NOW_MS + 2_000, downtime_ms=1_000))
    asked = Batch(np.zeros(0, COMMAND), np.zeros(0, np.uint8), _questions())
    shard.answer(Batch.from_bytes(asked.to_bytes()).questions)


def _story() -> tuple[Array, Bytes]:
    """One unit of everything: defined, received, half of it held."""
    rows = np.zeros(6, COMMAND)
    kinds = (
        Kind.DEFINE_SKU, Kind.DEFINE_WAREHOUSE, Kind.DEFINE_CHANNEL, Kind.DEFINE_CLIENT, Kind.RECEIVE, Kind.RESERVE,
    )  # fmt: skip
    texts = b"".join(b"warm-up-%d" % number for number in range(len(kinds)))
    size = len(texts) // len(kinds)
    rows["kind"] = kinds
    rows["text_at"] = np.arange(len(kinds)) * size
    rows["text_lengths"][:, 0] = size
    rows["sku_key"] = sku_key(_SKU)
    rows["not_after_ms"] = _NOW_MS + 60_000
    rows["to_warehouse"] = NO_WAREHOUSE
    rows["line"] = NO_LINE
    rows["place_kind"][1] = WarehouseKind.WAREHOUSE
    rows["flags"][2] = Flag.ALL_WAREHOUSES
    rows["quantity"][4] = 10_000
    rows["quantity"][5] = _HELD * 1_000
    rows["warehouse"][5] = NO_WAREHOUSE
    rows["line"][5] = 0
    rows["ttl_s"][5] = 60
    rows["flags"][5] = Flag.WANT_LINES
    return rows, np.frombuffer(texts, np.uint8)


def _questions() -> Array:
    questions = np.zeros(len(QuestionKind), QUESTION)
    questions["kind"] = list(QuestionKind)
    questions["key"] = np.int64(sku_key(_SKU)).view(np.uint64)
    questions["channel"] = NO_WAREHOUSE
    questions["limit"] = 10
    return questions


def main(arguments: list[str]) -> None:
    """Compile with two processes; raises WarmUpFailed."""
    if arguments == [_READING]:
        compile_reading()
        return
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # It may fail: then this process compiles that half too, and says what is wrong.
    reading = subprocess.Popen([sys.executable, "-m", "actors.warmup", _READING], stderr=subprocess.DEVNULL)
    try:
        began = time.monotonic()
        compile_deciding()
        reading.wait()
        warm_up()
    finally:
        reading.kill()
        reading.wait()
    logging.getLogger("omnistock.warmup").info("kernels are ready after %.1f s", time.monotonic() - began)


if __name__ == "__main__":
    main(sys.argv[1:])
