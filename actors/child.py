"""What the processes beside the shards have in common: how they are told where the journals are, and how they beat."""

import os
from collections.abc import Callable
from typing import Final

from actors.pulse import Beat, Pulse
from actors.supervisor import PULSE_VARIABLE

DATABASE_VARIABLE: Final = "OMNISTOCK_DATABASE"
"""Not on a command line: the address may hold a password."""


def supervisor_hears() -> Callable[[], None]:
    """Says that this process runs, if anybody started it who wants to know."""
    descriptor = os.environ.get(PULSE_VARIABLE)
    if descriptor is None:
        return lambda: None
    pulse = Pulse(int(descriptor))
    return lambda: pulse.say(Beat())
