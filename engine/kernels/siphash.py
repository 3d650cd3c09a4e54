"""SipHash-2-4 with 128 bits of output over slices of a byte heap.

Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF" (2012); the 128-bit output is that
of the authors' reference code. Used keyed by a secret for ids, and with a fixed public key for names.
"""

import numpy as np
import numpy.typing as npt

from engine.kernels.jit import jit, u64

_13, _16, _17, _21, _32 = u64(13), u64(16), u64(17), u64(21), u64(32)
_43, _47, _48, _51, _64 = u64(43), u64(47), u64(48), u64(51), u64(64)
_8, _56 = u64(8), u64(56)
_V0, _V1, _V2, _V3 = (
    u64(0x736F6D6570736575),
    u64(0x646F72616E646F6D),
    u64(0x6C7967656E657261),
    u64(0x7465646279746573),
)
_EE, _DD = u64(0xEE), u64(0xDD)
_ZERO = u64(0)


@jit
def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 = v0 + v1
    v1 = (v1 << _13) | (v1 >> _51)
    v1 = v1 ^ v0
    v0 = (v0 << _32) | (v0 >> _32)
    v2 = v2 + v3
    v3 = (v3 << _16) | (v3 >> _48)
    v3 = v3 ^ v2
    v0 = v0 + v3
    v3 = (v3 << _21) | (v3 >> _43)
    v3 = v3 ^ v0
    v2 = v2 + v1
    v1 = (v1 << _17) | (v1 >> _47)
    v1 = v1 ^ v2
    v2 = (v2 << _32) | (v2 >> _32)
    return v0, v1, v2, v3


@jit
def siphash128(heap: npt.NDArray[np.uint8], start: int, length: int, prefix: int, k0: int, k1: int) -> tuple[int, int]:
    """(hi, lo) of the eight bytes of `prefix` followed by heap[start : start + length]."""
    v0 = k0 ^ _V0
    v1 = k1 ^ _V1 ^ _EE
    v2 = k0 ^ _V2
    v3 = k1 ^ _V3
    v3 = v3 ^ prefix
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 = v0 ^ prefix
    at = start
    for _ in range(length // 8):
        # Eight loads that LLVM joins into one.
        word = u64(heap[at])
        word |= u64(heap[at + 1]) << _8
        word |= u64(heap[at + 2]) << _16
        word |= u64(heap[at + 3]) << u64(24)
        word |= u64(heap[at + 4]) << _32
        word |= u64(heap[at + 5]) << u64(40)
        word |= u64(heap[at + 6]) << _48
        word |= u64(heap[at + 7]) << _56
        at += 8
        v3 = v3 ^ word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 = v0 ^ word
    word = u64(length + 8) << _56
    shift = _ZERO
    for rest in range(at, start + length):
        word |= u64(heap[rest]) << shift
        shift += _8
    v3 = v3 ^ word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 = v0 ^ word
    v2 = v2 ^ _EE
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    lo = v0 ^ v1 ^ v2 ^ v3
    v1 = v1 ^ _DD
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3, lo
