"""The two messages between a client and a shard: a batch there, a reply back. Flat bytes, no pickle.

A message is a fixed header of little-endian integers and then the arrays, each beginning at a multiple of
eight bytes. Decoding copies nothing: the arrays are read-only views of the message.
"""

import struct
from dataclasses import dataclass, field
from enum import IntEnum

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

    def to_bytes(self) -> bytes:
        """The message."""
        return _join(_BATCH_MAGIC, (self.epoch_seen, 0, 0), (self.rows, self.heap, self.questions))

    @classmethod
    def from_bytes(cls, message: bytes | memoryview) -> "Batch":
        """Read a message; raises WireError when it is none."""
        (epoch_seen, _, _), arrays = _split(_BATCH_MAGIC, message, (COMMAND, _HEAP, QUESTION))
        return cls(arrays[0], arrays[1], arrays[2], epoch_seen)


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

    def to_bytes(self) -> bytes:
        """The message."""
        arrays = (self.results, self.lines, self.answers, self.cells, self.reservations, self.reservation_lines)
        return _join(_REPLY_MAGIC, (int(self.state), self.epoch, self.seq), arrays)

    @classmethod
    def from_bytes(cls, message: bytes | memoryview) -> "Reply":
        """Read a message; raises WireError when it is none."""
        head, arrays = _split(_REPLY_MAGIC, message, (RESULT, LINE, ANSWER, CELL_VIEW, RESERVATION_VIEW, LINE))
        return cls(ShardState(head[0]), head[1], head[2], *arrays)


def _join(magic: int, head: tuple[int, int, int], arrays: tuple[Array | Bytes, ...]) -> bytes:
    parts: list[bytes | memoryview] = [
        struct.pack(f"<IIqqq{len(arrays)}Q", magic, len(arrays), *head, *(array.nbytes for array in arrays))
    ]
    for array in arrays:
        if array.nbytes:
            parts.append(memoryview(np.ascontiguousarray(array).view(np.uint8)).cast("B"))
            parts.append(bytes(-array.nbytes % 8))
    return b"".join(parts)


def _split(
    magic: int, message: bytes | memoryview, dtypes: tuple[np.dtype[np.void] | np.dtype[np.uint8], ...]
) -> tuple[tuple[int, int, int], list[npt.NDArray[np.void]]]:
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
