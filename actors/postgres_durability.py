"""Whether what a PostgreSQL server says is committed may be called durable: asked by a journal that opens there.

A server that does not sync, or that tells a commit before it is synced, is refused. A standby that must have every
record too is wanted by a setting of the database itself, which travels with its URL and its replicas:

    alter database shop set omnistock.synchronous_standbys = 1;

(or `options=-comnistock.synchronous_standbys=1` in the URL). Then the server's own `synchronous_standby_names` must ask
for so many, and so many must be connected; without them nothing is opened, and nothing is acknowledged.
"""

import re
from typing import Any, Final

import psycopg

from actors.journal import JournalFailed

_ASK: Final = """
    select current_setting('fsync'), current_setting('synchronous_commit'),
        current_setting('synchronous_standby_names'), current_setting('omnistock.synchronous_standbys', true),
        (select count(*) from pg_stat_replication where state = 'streaming' and sync_state in ('sync', 'quorum'))"""
_SYNCED: Final = ("on", "remote_apply")
_ASKS_FOR: Final = re.compile(r"\s*(?:(?:first|any)\s+)?(\d+)\s*\(", re.IGNORECASE)


def durable_names(connection: psycopg.Connection[Any], shard: int) -> str | None:
    """`synchronous_standby_names` when standbys are wanted, else None; raises JournalFailed when it is not durable.

    As long as the names stay the same, and so do `fsync` and `synchronous_commit`, every commit waits for the disks.
    """
    row = connection.execute(_ASK).fetchone()
    assert row is not None
    fsync, commit, names, wanted_text, connected = row
    if fsync != "on":
        raise JournalFailed(shard, "the server may lose what it committed: its fsync is off")
    if commit not in _SYNCED:
        raise JournalFailed(shard, f"the server may lose what it committed: synchronous_commit is {commit}")
    if not (wanted_text or "0").isdecimal():
        raise JournalFailed(shard, f"omnistock.synchronous_standbys is no number: {wanted_text}")
    wanted = int(wanted_text or 0)
    if not wanted:
        return None
    if asked_for(names) < wanted:
        raise JournalFailed(
            shard, f"{wanted} synchronous standby wanted, and the server's synchronous_standby_names is '{names}'"
        )
    if connected < wanted:
        raise JournalFailed(
            shard, f"{wanted} synchronous standby wanted, {connected} connected (seen by roles with pg_read_all_stats)"
        )
    return str(names)


def asked_for(names: str) -> int:
    """How many standbys a commit waits for."""
    counted = _ASKS_FOR.match(names)
    return int(counted[1]) if counted else int(bool(names.strip()))
