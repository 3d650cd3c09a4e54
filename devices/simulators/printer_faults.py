"""What can happen to a simulated printer, and at which byte."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FaultKind(StrEnum):
    """What can happen to a printer."""

    PAPER_OUT = "paper_out"
    """at byte k of what is printed; paper is put in after `lasts_s`"""
    COVER_OPEN = "cover_open"
    """the same with the cover"""
    POWER_LOSS = "power_loss"
    """at byte k received: memory and settings gone, the line with them, back after `lasts_s`"""
    BUFFER_LOSS = "buffer_loss"
    """the same behind a line that stays up: a box between network and printer"""
    HANG = "hang"
    """takes no more bytes and says nothing, with the line up, for `lasts_s`"""
    MUTE = "mute"
    """swallows everything and says nothing for `lasts_s`"""
    CABLE = "cable"
    """the line is cut at byte k and comes back after `lasts_s`; what was received is printed"""
    GARBAGE = "garbage"
    """says `noise` random bytes at byte k"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that happens once, at byte `at` (of those received; for paper and cover of those printed)."""

    kind: FaultKind
    at: int
    lasts_s: float = 5.0
    noise: int = 8


ON_PAPER: Final = frozenset({FaultKind.PAPER_OUT, FaultKind.COVER_OPEN})
"""counted in bytes printed, not received"""
