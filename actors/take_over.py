"""The successor's side of a hand-over: a copy of a shard's state from the standby's memory.

Called when a shard opens (`actors.shard_home`). The copy goes into memory with huge pages of this process's own, by
bytes and by two threads, at several GB/s; nothing of the standby's is kept. It proves nothing: `actors.recovery`
compares the record that it stands at with the journal.
"""

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from actors.doorway import short_path
from actors.handover import (
    ANSWER,
    ANSWER_S,
    COPY_S,
    FORMAT,
    KEPT,
    WORD_S,
    Ask,
    Done,
    Lent,
    NoHandOver,
    Refused,
    close_all,
    receive,
    send,
)
from engine.layout import Limits
from engine.shard import Shard

Offer = tuple[Shard, Lent]
"""The copy, and what was said about it."""
_BLOCK_BYTES: Final = 16 << 20
_THREADS: Final = 2


def take_over(path: Path, shard: int, limits: Limits, answer_s: float = ANSWER_S) -> Offer:
    """A copy of what the standby at `path` has of the shard; raises NoHandOver."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(WORD_S)
            with short_path(path) as name:
                connection.connect(name)
            send(connection, Ask(FORMAT, shard))
            answer, descriptors = receive(connection, ANSWER, time.monotonic() + answer_s)
            try:
                if isinstance(answer, Refused):
                    raise NoHandOver(answer.reason)
                if len(descriptors) != 1:
                    raise NoHandOver(f"{len(descriptors)} descriptors came with its answer")
                engine = _copied(answer, descriptors[0], limits)
            finally:
                close_all(descriptors)
            connection.settimeout(WORD_S)
            send(connection, Done())
            receive(connection, KEPT, time.monotonic() + WORD_S)
    except (OSError, ValueError, TypeError, msgspec.MsgspecError) as error:
        raise NoHandOver(str(error) or repr(error)) from error
    _check(answer, shard, engine)
    return engine, answer


def _copied(lent: Lent, descriptor: int, limits: Limits) -> Shard:
    """The state in memory of this process's own."""
    engine = Shard(limits)
    blocks: list[tuple[memoryview, int]] = []
    strided: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []
    for place in lent.arrays:
        room = engine.room_for(place.name, np.dtype(place.dtype), place.shape)
        target = room
        if not room.flags.c_contiguous:
            target = np.empty(room.shape, room.dtype)
            strided.append((room, target))
        data = target.reshape(-1).view(np.uint8).data
        blocks += [
            (data[at : at + _BLOCK_BYTES], place.offset + at) for at in range(0, len(data), _BLOCK_BYTES)
        ]  # fmt: skip

    def copy(block: tuple[memoryview, int]) -> None:
        data, offset = block
        # Not by mapping it here: a page of 4 KB would then cost as much as to copy it twice.
        while data:
            count = os.preadv(descriptor, [data], offset)
            if count <= 0:
                raise ValueError("the memory ends before the state does")
            data, offset = data[count:], offset + count

    give_up_at = time.monotonic() + COPY_S
    with ThreadPoolExecutor(_THREADS, "take-over") as pool:
        for _ in pool.map(copy, blocks, timeout=COPY_S):
            if time.monotonic() > give_up_at:
                pool.shutdown(cancel_futures=True)
                raise TimeoutError("copying took too long")
    for room, source in strided:
        room[...] = source
    return engine


def _check(lent: Lent, shard: int, engine: Shard) -> None:
    """What can be seen without the journal: it is of this shard, of one seq, and as long as its own counts say."""
    if lent.shard != shard:
        raise NoHandOver(f"it is of shard {lent.shard}")
    if (engine.seq, engine.now_ms) != (lent.seq, lent.now_ms):
        raise NoHandOver(f"it says record {lent.seq} and is at {engine.seq}")
    found = {name: array.shape for name, array in engine.arrays().items()}
    if found != {place.name: place.shape for place in lent.arrays}:
        raise NoHandOver("its tables are not as long as they should be")
