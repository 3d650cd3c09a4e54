"""Names become numbers here: SKU and text keys, partitions, command ids and reservation ids.

Nothing here is salted by the process (Python's own `hash` is): the same text gives the same number for ever.
"""

import re
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from engine.kernels import finish
from engine.kernels.jit import u64
from engine.kernels.siphash import siphash128
from engine.layout import PARTITIONS

_RESERVATION_TEXT = re.compile(r"r[0-9a-f]{19}\Z")
_KEY_BITS = 64
_KEY_MASK = (1 << _KEY_BITS) - 1


def text_key(text: str) -> int:
    """A fixed signed 64-bit hash of `text`; 0 for the empty text."""
    if not text:
        return 0
    data = np.frombuffer(text.encode(), np.uint8)
    return int(finish.text_key(data, 0, len(data)))


def text_keys(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """`text_key` of many texts that lie end to end: text i is data[offsets[i] : offsets[i + 1]]."""
    keys = np.empty(len(offsets) - 1, np.int64)
    finish.text_keys(_frozen(data), offsets, keys)
    return keys


@lru_cache(maxsize=1 << 18)
def sku_key(sku: str) -> int:
    """The SKU's number inside: a fixed signed 64-bit hash of its text."""
    return text_key(sku)


def partition_of(key: int) -> int:
    """The partition, 0 to 1023, of a sku_key."""
    return (key & _KEY_MASK) >> 54


def reservation_text(partition: int, key: int) -> str:
    """A reservation's id as the outside sees it."""
    return f"r{partition << _KEY_BITS | key:019x}"


def parse_reservation(text: str) -> tuple[int, int] | None:
    """(partition with its SPANS bit, key) of a reservation's id, or None when it cannot be one."""
    if not _RESERVATION_TEXT.match(text):
        return None
    value = int(text[1:], 16)
    partition = value >> _KEY_BITS
    return (partition, value & _KEY_MASK) if partition < 2 * PARTITIONS else None


def command_key(client: int, command_id: str, secret: bytes) -> tuple[int, int]:
    """(id_hi, id_lo) of a command id, as `finish_rows` gives it to rows."""
    data = np.frombuffer(command_id.encode(), np.uint8)
    k0, k1 = np.frombuffer(secret, np.uint64)
    hi, lo = siphash128(data, 0, len(data), u64(client), k0, k1)
    return int(hi), int(lo)


def finish_rows(rows: npt.NDArray[np.void], heap: npt.NDArray[np.uint8], secret: bytes) -> None:
    """Fill the columns of `rows` that follow from their content; see `engine.kernels.finish`.

    `secret`: the 16 bytes of the data directory. Before the call `content` holds the sender's crc32 of
    b"warehouse\\0to_warehouse\\0channel" (texts), because a code may be unknown today and known tomorrow.
    """
    k0, k1 = np.frombuffer(secret, np.uint64)
    finish.finish_rows(rows, _frozen(heap), k0, k1)


def _frozen(texts: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A read-only view: numba compiles a kernel anew, for many seconds, for an array that may be written to."""
    if not texts.flags.writeable:
        return texts
    view = texts.view()
    view.flags.writeable = False
    return view
