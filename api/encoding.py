"""Many commands to rows, giving way to others after each slice: JSON arrays and Arrow tables.

Arrays go by columns. A problem found there names some row; the one that is told is the first in the order of the
rows, so a JSON array with a problem is gone through again row by row.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from actors.documents.keys import Principal
from api import schemas as s
from api.columns import Columns
from api.command_columns import CommandRows
from api.encode import Encoder
from api.rows import Names
from api.status import Problem
from api.struct_columns import StructColumns
from engine.wire import Array, Bytes

COLUMNS_MIN: Final = 32
"""Fewer rows are faster one by one: columns cost 0.3 ms, however short they are."""
SLICE_ROWS: Final = 1_000
"""Rows encoded by columns between two turns of the event loop: 1 to 2 ms."""
SLOW_SLICE_ROWS: Final = 250
"""The same, one by one."""


class Encoded(NamedTuple):
    """What a shard can be sent, as soon as no place is unknown."""

    rows: Array
    heap: Bytes
    unknown_warehouses: set[str]
    unknown_channels: set[str]


async def encoded_structs(
    commands: Sequence[s.AnyCommand], names: Names, principal: Principal, arrived_ms: int
) -> Encoded:
    """The rows of an array of commands; raises what `api.encode` raises."""
    if len(commands) >= COLUMNS_MIN:
        try:
            return await _by_columns(commands, CommandRows(names, principal, arrived_ms))
        except (Problem, UnicodeEncodeError):
            pass
    encoder = Encoder(names, principal, arrived_ms)
    for at in range(0, len(commands), SLOW_SLICE_ROWS):
        encoder.commands(commands[at : at + SLOW_SLICE_ROWS], at)
        await asyncio.sleep(0)
    return Encoded(*encoder.arrays(), encoder.unknown_warehouses, encoder.unknown_channels)


async def _by_columns(commands: Sequence[s.AnyCommand], to: CommandRows) -> Encoded:
    for at in range(0, len(commands), SLICE_ROWS):
        to.add(StructColumns(commands[at : at + SLICE_ROWS]))
        await asyncio.sleep(0)
    return Encoded(*to.finished(), to.unknown_warehouses, to.unknown_channels)


def encoded_columns(columns: Columns, names: Names, principal: Principal, arrived_ms: int) -> Encoded:
    """The rows of a table of commands, which are some; raises what `api.command_columns` raises."""
    to = CommandRows(names, principal, arrived_ms)
    to.add(columns)
    return Encoded(*to.finished(), to.unknown_warehouses, to.unknown_channels)
