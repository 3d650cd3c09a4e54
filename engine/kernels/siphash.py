"""SipHash-2-4 with 128 bits of output over slices of a byte heap.

Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF" (2012); the 128-bit output is that
of the authors' reference code. Used keyed by a secret for ids, and with a fixed public key for names.
"""

import numpy as np
import numpy.typing as npt

from engine.kernels.jit import jit

U64 = np.uint64
_13, _16, _17, _21, _32 = U64(13), U64(16), U64(17), U64(21), U64(32)
_43, _47, _48, _51, _64 = U64(43), U64(47), U64(48), U64(51), U64(64)
_8, _56 = U64(8), U64(56)
_V0, _V1, _V2, _V3 = (
    U64(0x736F6D6570736575),
    U64(0x646F72616E646F6D),
    U64(0x6C7967656E657261),
    U64(0x7465646279746573),
)
_EE, _DD = U64(0xEE), U64(0xDD)
_ZERO = U64(0)


@jit
def _round(v0: U64, v1: U64, v2: U64, v3: U64) -> tuple[U64, U64, U64, U64]:
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
def siphash128(heap: npt.NDArray[np.uint8], start: int, length: int, prefix: U64, k0: U64, k1: U64) -> tuple[U64, U64]:
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
        word = U64(heap[at])
        word |= U64(heap[at + 1]) << _8
        word |= U64(heap[at + 2]) << _16
        word |= U64(heap[at + 3]) << U64(24)
        word |= U64(heap[at + 4]) << _32
        word |= U64(heap[at + 5]) << U64(40)
        word |= U64(heap[at + 6]) << _48
        word |= U64(heap[at + 7]) << _56
        at += 8
        v3 = v3 ^ word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 = v0 ^ word
    word = U64(length + 8) << _56
    shift = _ZERO
    for rest in range(at, start + length):
        word |= U64(heap[rest]) << shift
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
