"""The two messages between a client and a shard: a batch there, a reply back. Flat bytes, no pickle.

A message is a fixed header of little-endian integers and then the arrays, each beginning at a multiple of
eight bytes. Decoding copies nothing: the arrays are read-only views of the message.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.layout import ANSWER, CELL_VIEW, COMMAND, LINE, QUESTION, RESERVATION_VIEW, RESULT

Array = npt.NDArray[np.void]
Bytes = npt.NDArray[np.uint8]

_BATCH_MAGIC = 0x4F4D4231  # "OMB1"
_REPLY_MAGIC = 0x4F4D5231  # "OMR1"
_HEAP = np.dtype("u1")


class WireError(ValueError):
    """The bytes are not such a message: the two ends run different versions."""


class ShardState(IntEnum):
    """How a shard is; the text form is the lower-case name."""

    STARTING = 1
    READY = 2
    READ_ONLY = 3
    AWAY = 4

    @property
    def text(self) -> str:
        """The wire name, such as `read_only`."""
        return self.name.lower()


def _empty(dtype: np.dtype[np.void]) -> Array:
    return np.empty(0, dtype)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to decide and questions to answer after them, for one shard."""

    rows: Array = field(default_factory=lambda: _empty(COMMAND))
    heap: Bytes = field(default_factory=lambda: np.empty(0, _HEAP))
    questions: Array = field(default_factory=lambda: _empty(QUESTION))
    epoch_seen: int = 0
    """the highest epoch the sender has seen of this shard: a lower one must not answer"""
    call: int = 0
    """the sender's number of this call, so that a batch that kills its shard can be told from the others"""

    def to_bytes(self) -> bytes:
        """The message."""
        return _join(_BATCH_MAGIC, (self.epoch_seen, self.call, 0), (self.rows, self.heap, self.questions))

    @classmethod
    def from_bytes(cls, message: bytes | memoryview) -> "Batch":
        """Read a message; raises WireError when it is none."""
        (epoch_seen, call, _), arrays = _split(_BATCH_MAGIC, message, (COMMAND, _HEAP, QUESTION))
        return cls(arrays[0], arrays[1], arrays[2], epoch_seen, call)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a shard answers: one result per row, one answer per question.

    In state STARTING or AWAY there are no results; in READ_ONLY every row that would write is UNAVAILABLE.
    """

    state: ShardState
    epoch: int
    seq: int
    """the highest durable seq when this was answered"""
    results: Array = field(default_factory=lambda: _empty(RESULT))
    lines: Array = field(default_factory=lambda: _empty(LINE))
    """of `results`"""
    answers: Array = field(default_factory=lambda: _empty(ANSWER))
    cells: Array = field(default_factory=lambda: _empty(CELL_VIEW))
    reservations: Array = field(default_factory=lambda: _empty(RESERVATION_VIEW))
    reservation_lines: Array = field(default_factory=lambda: _empty(LINE))
    """of `reservations`"""
    reservation_commands: Array = field(default_factory=lambda: _empty(COMMAND))
    """the journaled rows that made `reservations`, one each: their references and customers stand there"""
    commands: Array = field(default_factory=lambda: _empty(COMMAND))
    """the journaled rows of COMMAND answers, at their items_at"""
    command_results: Array = field(default_factory=lambda: _empty(RESULT))
    """what was answered to `commands`, row by row"""
    command_lines: Array = field(default_factory=lambda: _empty(LINE))
    """of `command_results`"""
    heap: Bytes = field(default_factory=lambda: np.empty(0, _HEAP))
    """the texts of `reservation_commands` and `commands`"""

    def to_bytes(self) -> bytes:
        """The message."""
        return _join(
            _REPLY_MAGIC,
            (int(self.state), self.epoch, self.seq),
            (
                *(self.results, self.lines, self.answers, self.cells, self.reservations, self.reservation_lines),
                *(self.reservation_commands, self.commands, self.command_results, self.command_lines, self.heap),
            ),
        )

    @classmethod
    def from_bytes(cls, message: bytes | memoryview) -> "Reply":
        """Read a message; raises WireError when it is none."""
        (state, epoch, seq), arrays = _split(_REPLY_MAGIC, message, _REPLY_ARRAYS)
        return cls(ShardState(state), epoch, seq, *arrays)


_REPLY_ARRAYS = (RESULT, LINE, ANSWER, CELL_VIEW, RESERVATION_VIEW, LINE, COMMAND, COMMAND, RESULT, LINE, _HEAP)


def _join(magic: int, head: tuple[int, int, int], arrays: Sequence[Array | Bytes]) -> bytes:
    parts: list[Any] = [
        struct.pack(f"<IIqqq{len(arrays)}Q", magic, len(arrays), *head, *(array.nbytes for array in arrays))
    ]
    for array in arrays:
        if array.nbytes:
            # By the buffer protocol: a memoryview of a structured array would first spell out its format.
            parts.append(np.ascontiguousarray(array))
            parts.append(bytes(-array.nbytes % 8))
    return b"".join(parts)


def _split(
    magic: int, message: bytes | memoryview, dtypes: Sequence[np.dtype[np.void] | np.dtype[np.uint8]]
) -> tuple[tuple[int, int, int], list[Any]]:
    """The three numbers of the header, and read-only views of the arrays with these dtypes."""
    layout = struct.Struct(f"<IIqqq{len(dtypes)}Q")
    if len(message) < layout.size:
        raise WireError("shorter than its header")
    found, count, a, b, c, *sizes = layout.unpack_from(message)
    if found != magic or count != len(dtypes):
        raise WireError(f"magic {found:#x} with {count} arrays")
    arrays = []
    at = layout.size
    for dtype, size in zip(dtypes, sizes, strict=True):
        if size % dtype.itemsize or at + size > len(message):
            raise WireError("an array does not fit the message")
        arrays.append(np.frombuffer(message, dtype, size // dtype.itemsize, at))
        at += size + (-size % 8)
    return (a, b, c), arrays
