"""How the parts are put together, the same way in every process and with every transport.

A shard gets its journal and its recovery as one value (`actors.shard_home`), because Ray makes it anew in another
process whenever it dies. Starts nothing by itself, and knows no Ray (`actors/cluster.py` does).
"""

import os
import random
import secrets
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from actors.client import Client
from actors.datadir import DataDir
from actors.documents.database import DocumentsSettings
from actors.local_transport import LocalTransport, MakeShard
from actors.settings import Settings
from actors.shard_actor import ShardActor, ShardConfig
from actors.shard_home import HousedShard, ShardHome
from actors.transport import Transport
from engine.layout import Limits

ShardArguments = tuple[ShardConfig, ShardHome]
"""What a HousedShard is made with, and made with again when its process died."""


def shard_arguments(data: DataDir, database: str | None, settings: Settings, limits: Limits) -> list[ShardArguments]:
    """Of every shard of a data directory."""
    return [
        (
            ShardConfig(
                shard=shard,
                era=data.partitions.era,
                limits=limits,
                settings=settings,
                known_seq_path=str(data.known_seq(shard)),
                note_path=str(data.note(shard)),
            ),
            ShardHome(data.path, shard, database, limits),
        )
        for shard in range(data.partitions.shards)
    ]


def local_shards(arguments: Sequence[ShardArguments]) -> LocalTransport:
    """Shards as threads of this process."""
    return LocalTransport([_maker(given) for given in arguments])


def make_client(transport: Transport, data: DataDir, settings: Settings) -> Client:
    """This process's way to the shards."""
    return Client(
        transport,
        data.partitions,
        data.secret,
        jitter=random.random,
        first_call=secrets.randbelow(1 << 61),
        settings=settings,
    )


def documents_settings(data: DataDir, database: str | None) -> DocumentsSettings:
    """Where the documents are."""
    return DocumentsSettings(data.path, database or "")


def wall_ms() -> int:
    """Milliseconds since 1970, as this machine's wall clock has them."""
    return time.time_ns() // 1_000_000


def keep_seqs(data: DataDir, seqs: Sequence[int]) -> None:
    """Write down the highest seq that each shard said was durable, for whoever opens its journal next.

    Not synced: it guards against a journal that was cut while the machine went on running, and an old
    number is still a true one.
    """
    for shard, seq in enumerate(seqs):
        path = data.known_seq(shard)
        new = path.with_name(path.name + ".new")
        new.write_text(str(seq))
        os.replace(new, path)


def _maker(given: ShardArguments) -> MakeShard:
    def make(die: Callable[[str], NoReturn]) -> ShardActor:
        return HousedShard(*given, die=die)

    return make
