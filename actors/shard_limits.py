"""What shards are built with: the same for whoever decides, folds, snapshots or verifies.

The environment may say otherwise, for data directories that are made to be thrown away: a soak wants ids to be
forgotten and their memory to be used again within minutes. `OMNISTOCK_ID_WINDOW_S` may also be set for good, and
changed: every record says what was in force. `OMNISTOCK_IDS_MAX` must never change for a data directory that once was
full of ids.
"""

import os
from dataclasses import replace
from typing import Final

from engine.layout import Limits

ID_WINDOW_VARIABLE: Final = "OMNISTOCK_ID_WINDOW_S"
"""For how many seconds an id is remembered, instead of seven days."""
IDS_MAX_VARIABLE: Final = "OMNISTOCK_IDS_MAX"
"""How many ids a shard has room for; beyond, work is refused."""


def shard_limits() -> Limits:
    """Of every shard, as this process's environment says."""
    limits = Limits()
    if window_s := os.environ.get(ID_WINDOW_VARIABLE):
        limits = replace(limits, id_window_ms=max(1, int(window_s)) * 1000)
    if ids_max := os.environ.get(IDS_MAX_VARIABLE):
        limits = replace(limits, ids_max=max(limits.batch_rows_max, int(ids_max)))
    return limits
