"""What is known of one receipt printer: its paper and letters, its line, its voice, its drawer.

The `settings` of a device's document with the driver `escpos`. Receipts are laid out by the first part
(`receipts/profiles.py`), the driver goes by the others; one struct, so that both read the same document.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

COLUMNS_MIN: Final = 20
COLUMNS_MAX: Final = 96
WAIT_S_MAX: Final = 3_600.0

Wait = Annotated[float, Meta(ge=0.0, le=WAIT_S_MAX)]


class PrinterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Of a `receipt_printer`. The waits are long: a wrong "unknown" costs a cashier's look at the paper."""

    profile: str = "default"
    columns: Annotated[int, Meta(ge=COLUMNS_MIN, le=COLUMNS_MAX)] | None = None
    """instead of the profile's"""
    dots: Annotated[int, Meta(ge=160, le=1_024)] | None = None
    code_pages: dict[Annotated[int, Meta(ge=0, le=255)], str] | None = None
    """instead of the profile's: `ESC t` number to name"""
    text: Literal["auto", "drawn"] = "auto"
    """drawn: every line as a picture, for a printer whose code pages are not what its papers say"""

    proof: Literal["gs_h", "gs_r", "none"] = "gs_r"
    """`GS ( H` names what it proves; `GS r` is what clones have; none = it never answers anything"""
    clears: bool = True
    """understands `DLE DC4 8`"""
    bytes_per_s: Annotated[int, Meta(ge=0, le=100_000_000)] = 0
    """how fast the line is; 0 = a serial line's speed, or a network's"""
    open_s: Wait = 3.0
    answer_s: Wait = 0.5
    stall_s: Wait = 10.0
    """before a job: without room for one more byte the printer hangs"""
    restart_s: Wait = 1.0
    """in the middle of a job: silent for longer, it may have restarted; shorter is a hiccup of the line"""
    proof_s: Wait = 30.0
    """from the last byte to the proof, while the printer says that nothing is wrong"""
    blocked_s: Annotated[float, Meta(ge=0.0, le=86_400.0)] = 900.0
    """for paper to be put in, in the middle of a receipt"""

    drawer_pin: Literal[0, 1] = 0
    drawer_pulse_100ms: Literal[1, 2, 3, 4, 5, 6, 7, 8] = 2
    drawer_open_level: Literal["high", "low", ""] = ""
    """what the drawer's switch says when it is open; depends on the drawer, so it is found by trying"""
    drawer_pause_s: Wait = 1.0
    """between two kicks"""
    drawer_left_open_s: Wait = 60.0
