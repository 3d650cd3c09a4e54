"""The same history decided and folded by compiled and by interpreted kernels: the same records, the same state."""

import json
import os
import subprocess
import sys
from pathlib import Path

from engine.journal_format import encode, hash_of
from engine.kernels.jit import COMPILED
from engine.shard import Shard
from tests.actors.histories import history

ROOT = Path(__file__).resolve().parent.parent.parent
BATCHES = 40
BOUND_S = 250.0


def lived(batches: int) -> dict[str, str | bool]:
    """What a history of so many batches comes to, decided and then folded from its records."""
    world = history(batches)
    folded = Shard(world.shard.limits)
    record_hash = bytes(32)
    for record in world.records:
        record_hash = hash_of(encode(record, record_hash))
        folded.apply(record)
    return {
        "compiled": COMPILED,
        "records": record_hash.hex(),
        "state": world.shard.state_hash().hex(),
        "folded": folded.state_hash().hex(),
    }


def told(**variables: str) -> dict[str, str | bool]:
    """The same of a process of its own: ids are numbered from the start of one."""
    code = f"import json; from tests.actors.test_interpreted import lived; print(json.dumps(lived({BATCHES})))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str | bool] = json.loads(done.stdout)
    return found


def test_a_history_is_the_same_with_and_without_the_compiler() -> None:
    interpreted, compiled = told(NUMBA_DISABLE_JIT="1"), told(NUMBA_DISABLE_JIT="0")
    assert (interpreted.pop("compiled"), compiled.pop("compiled")) == (False, True)
    assert interpreted == compiled
    assert compiled["folded"] == compiled["state"]
