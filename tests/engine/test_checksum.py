"""The checksum of large memory: every change of a word changes it, and it is what its definition says."""

import numpy as np
import numpy.typing as npt
import pytest

from engine.kernels.checksum import LANES, checksum

MASK = (1 << 64) - 1
PRIME_1, PRIME_2 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F


def plain(words: list[int]) -> list[int]:
    lanes = [PRIME_1 + PRIME_2, PRIME_2, 0, PRIME_1]
    for i, word in enumerate(words):
        lane = (lanes[i % LANES] + word * PRIME_2) & MASK
        lanes[i % LANES] = ((lane << 31 | lane >> 33) & MASK) * PRIME_1 & MASK
    return [lane & MASK for lane in lanes]


def summed(words: npt.NDArray[np.uint64]) -> list[int]:
    lanes = np.empty(LANES, np.uint64)
    checksum(words, lanes)
    return [int(lane) for lane in lanes]


@pytest.mark.parametrize("count", [0, 4, 8, 400])
def test_it_is_what_its_definition_says(count: int) -> None:
    words = np.random.default_rng(count).integers(0, 1 << 64, count, dtype=np.uint64)
    assert summed(words) == plain([int(word) for word in words])


def test_every_changed_bit_changes_it() -> None:
    words = np.random.default_rng(1).integers(0, 1 << 64, 16, dtype=np.uint64)
    before = summed(words)
    for i in range(len(words)):
        for bit in range(64):
            words[i] ^= np.uint64(1 << bit)
            assert summed(words) != before
            words[i] ^= np.uint64(1 << bit)
