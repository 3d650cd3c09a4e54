"""A checksum of large memory at the speed of memory: four lanes, as in XXH64 (Y. Collet's public specification).

Each step of a lane can be undone, so two blocks that differ in one word never have the same checksum. It protects
against disks, not against people: what must resist those is hashed by SHA-256.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from engine.kernels.jit import jit

UInt64s = npt.NDArray[np.uint64]

LANES: Final = 4
_PRIME_1 = np.uint64(0x9E3779B185EBCA87)
_PRIME_2 = np.uint64(0xC2B2AE3D27D4EB4F)
_31 = np.uint64(31)
_33 = np.uint64(33)


@jit
def checksum(words: UInt64s, lanes: UInt64s) -> None:
    """Set lanes[4] to the checksum of `words`, whose length must be a multiple of four."""
    a, b = _PRIME_1 + _PRIME_2, _PRIME_2
    c, d = np.uint64(0), _PRIME_1
    for i in range(0, len(words), 4):
        a += words[i] * _PRIME_2
        b += words[i + 1] * _PRIME_2
        c += words[i + 2] * _PRIME_2
        d += words[i + 3] * _PRIME_2
        a = ((a << _31) | (a >> _33)) * _PRIME_1
        b = ((b << _31) | (b >> _33)) * _PRIME_1
        c = ((c << _31) | (c >> _33)) * _PRIME_1
        d = ((d << _31) | (d >> _33)) * _PRIME_1
    lanes[0], lanes[1], lanes[2], lanes[3] = a, b, c, d
