"""Bytes laid into 512-byte sectors, each with a mark that says: I was written, for record number so-and-so.

A disk writes a sector wholly or not at all. After a crash each sector of a write that was not synced is either there
or still what it was, and in a journal that is zeros. The mark makes the two plain, whatever the sector carries: its
fixed half has no zero byte, so a sector counts as written when at least two of those four bytes are right. One
damaged byte can therefore neither make a written sector look unwritten (a lost record would pass for a torn one) nor
an unwritten one look written. The other half is the low half of a seq, by which records are found without an index.
"""

from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
T = TypeVar("T", int, npt.NDArray[np.int64])

SECTOR_BYTES: Final = 512
PAYLOAD_BYTES: Final = 504
_WRITTEN: Final = np.frombuffer(b"\xa5\x5c\xc9\x36", np.uint8)
_WRITTEN_BYTES_MIN: Final = 2
_SEQ_AT: Final = PAYLOAD_BYTES + 4


def sectors_for(data_bytes: int) -> int:
    """How many sectors hold so many bytes."""
    return -(-data_bytes // PAYLOAD_BYTES)


def frame(data: Bytes, seq: int) -> Bytes:
    """The sectors that hold `data`, for record `seq`."""
    count = sectors_for(len(data))
    sectors = np.empty((count, SECTOR_BYTES), np.uint8)
    whole = len(data) // PAYLOAD_BYTES
    sectors[:whole, :PAYLOAD_BYTES] = data[: whole * PAYLOAD_BYTES].reshape(whole, PAYLOAD_BYTES)
    rest = len(data) - whole * PAYLOAD_BYTES
    if rest:
        sectors[whole, :rest] = data[whole * PAYLOAD_BYTES :]
        sectors[whole, rest:PAYLOAD_BYTES] = 0
    sectors[:, PAYLOAD_BYTES:_SEQ_AT] = _WRITTEN
    sectors[:, _SEQ_AT:] = np.frombuffer((seq & 0xFFFFFFFF).to_bytes(4, "little"), np.uint8)
    return sectors.reshape(-1)


def unframe(sectors: Bytes, data_bytes: int) -> Bytes:
    """The inverse: a copy of the first `data_bytes` bytes that were laid into `sectors`."""
    table = sectors[: sectors_for(data_bytes) * SECTOR_BYTES].reshape(-1, SECTOR_BYTES)
    # numpy would give a view of a single sector, and who keeps that keeps all that was read with it.
    return np.array(table[:, :PAYLOAD_BYTES], order="C").reshape(-1)[:data_bytes]


def written(sectors: Bytes) -> npt.NDArray[np.bool_]:
    """Which of the sectors were ever written; what is missing of the last one counts as zeros."""
    if len(sectors) % SECTOR_BYTES:
        sectors = np.append(sectors, np.zeros(-len(sectors) % SECTOR_BYTES, np.uint8))
    marks = sectors.reshape(-1, SECTOR_BYTES)[:, PAYLOAD_BYTES:_SEQ_AT]
    return np.asarray((marks == _WRITTEN).sum(axis=1) >= _WRITTEN_BYTES_MIN)


def seqs(sectors: Bytes, near: int) -> npt.NDArray[np.int64]:
    """Which record each whole sector belongs to, given that it is less than 2^31 from `near`."""
    marks = sectors.reshape(-1, SECTOR_BYTES)[:, _SEQ_AT:].copy().view("<u4").reshape(-1)
    return near + _away(marks.astype(np.int64), near)


def seq_of(sector: Bytes, near: int) -> int:
    """Which record one sector belongs to."""
    return near + _away(int.from_bytes(sector[_SEQ_AT:SECTOR_BYTES].tobytes(), "little"), near)


def _away(mark: T, near: int) -> T:
    """How far from `near` the number is whose low half is `mark`."""
    return (mark - (near & 0xFFFFFFFF) + (1 << 31)) % (1 << 32) - (1 << 31)
