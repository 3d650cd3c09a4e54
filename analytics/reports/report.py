"""What a report is: a statement over the tables, its parameters, and the columns it answers with. Knows no DuckDB."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple


class Sort(StrEnum):
    """What a column holds, and so how it is written."""

    TEXT = "text"
    UNITS = "units"
    """a quantity; thousandths in the statement, as people write it in the answer"""
    MONEY = "money"
    """minor units"""
    COUNT = "count"
    SHARE = "share"
    """a part of a whole, 0 to 1"""
    DAY = "day"
    MOMENT = "moment"


class Column(NamedTuple):
    """A column of the answer."""

    name: str
    sort: Sort
    about: str


class Ask(StrEnum):
    """What a parameter holds."""

    DAY = "day"
    CODE = "code"
    TEXT = "text"
    MOMENT = "moment"


class Parameter(NamedTuple):
    """Something that may be asked for; the statement sees it as `$bound`, null when it was not given."""

    name: str
    bound: str
    ask: Ask
    about: str


FROM: Final = Parameter("from", "from_day", Ask.DAY, "first business day")
TO: Final = Parameter("to", "to_day", Ask.DAY, "last business day, included")
CHANNEL: Final = Parameter("channel", "channel", Ask.CODE, "only this channel")
WAREHOUSE: Final = Parameter("warehouse", "warehouse", Ask.CODE, "only this place")
SKU: Final = Parameter("sku", "sku", Ask.CODE, "only this SKU")
GROUP: Final = Parameter("group", "group_name", Ask.TEXT, "only products with this name in their group path")
AT: Final = Parameter("at", "moment", Ask.MOMENT, "as of this moment; now unless given")

CONDITIONS: Final = {
    FROM: "business_day >= $from_day::DATE",
    TO: "business_day <= $to_day::DATE",
    CHANNEL: "channel in (select channel from channels where code = $channel::VARCHAR)",
    WAREHOUSE: "warehouse in (select warehouse from warehouses where code = $warehouse::VARCHAR)",
    SKU: "product in (select product from products where sku = $sku::VARCHAR)",
    GROUP: "product in (select product from products where list_contains(group_path, $group_name::VARCHAR))",
}
"""What a line of sales or returns must be that was asked for. A statement has those that were asked for as `{only}`,
or apart as `{places}`, its `{days}`, and `{goods}`: a condition that nobody asked for would cost a join of every line.
"""
CELLS: Final = {
    WAREHOUSE: CONDITIONS[WAREHOUSE],
    SKU: "sku_key in (select sku_key from products where sku = $sku::VARCHAR)",
    GROUP: "sku_key in (select sku_key from products where list_contains(group_path, $group_name::VARCHAR))",
}
"""The same of whatever has a cell, as `{cells}`; of whatever has a SKU and no place, as `{skus}`."""
LAST: Final = """
last as (
    -- A cell's movements lie in the order of its shard's journal: the last of them has the highest number of a row.
    select max(rowid) as spot from movements
    where warehouse is not null and ($moment::TIMESTAMPTZ is null or booked_at <= $moment) and {cells}
    group by sku_key, warehouse
),
cell as (
    select sku_key, warehouse, on_hand, reserved, incoming, available
    from movements where rowid in (select spot from last)
)"""
"""Every cell at a moment; twice as fast as the latest of each figure."""
_GROUPED: Final = (
    ("only", CONDITIONS, tuple(CONDITIONS)),
    ("places", CONDITIONS, (FROM, TO, CHANNEL, WAREHOUSE)),
    ("days", CONDITIONS, (FROM, TO)),
    ("goods", CONDITIONS, (SKU, GROUP)),
    ("cells", CELLS, tuple(CELLS)),
    ("skus", CELLS, (SKU, GROUP)),
)

TYPES: Final = {Ask.DAY: "DATE", Ask.CODE: "VARCHAR", Ask.TEXT: "VARCHAR", Ask.MOMENT: "TIMESTAMPTZ"}


class Choice(NamedTuple):
    """A parameter with a few values, each standing for a piece of the statement, which has it as `{name}`."""

    name: str
    about: str
    pieces: Mapping[str, str]
    """by value; the first one counts when none is given"""
    shown: Mapping[str, str] = {}
    """by value: what makes a text of it, once for each row of the answer; the statement has it as `{name_shown}`"""
    joined: Mapping[str, str] = {}
    """by value: what it is taken from beside the lines, where that is more than they have; `{name_joined}`"""


class Part(NamedTuple):
    """A piece of the statement that is only wanted when some of these parameters are given."""

    asked: tuple[Parameter, ...]
    sql: str
    otherwise: str = ""
    every: bool = False
    """wanted only when all are given"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One named report."""

    name: str
    about: str
    columns: tuple[Column, ...]
    parameters: tuple[Parameter, ...] = ()
    choices: tuple[Choice, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)
    """by the name that stands for them in the statement"""
    sql: str
    """`{by}` and the like are pieces of choices and parts, `{only}` and `{cells}` the conditions of what was asked for,
    `$bound` the parameters"""
    names: tuple[str, ...] = field(init=False)
    """of everything that may be asked"""

    def __post_init__(self) -> None:
        names = (*(each.name for each in self.parameters), *(each.name for each in self.choices))
        object.__setattr__(self, "names", names)

    def statement(self, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The SQL and its parameters for what was asked, which was checked."""
        pieces = {}
        for name, conditions, among in _GROUPED:
            asked = (each for each in self.parameters if each in among and given.get(each.name) is not None)
            pieces[name] = " and ".join(conditions[each] for each in asked) or "true"
        for choice in self.choices:
            value = given.get(choice.name) or next(iter(choice.pieces))
            pieces |= {
                choice.name: choice.pieces[value],
                f"{choice.name}_shown": choice.shown.get(value, ""),
                f"{choice.name}_joined": choice.joined.get(value, ""),
            }
        for name, part in self.parts.items():
            wanted = (all if part.every else any)(given.get(each.name) is not None for each in part.asked)
            pieces[name] = part.sql if wanted else part.otherwise
        sql = self.sql.format(**pieces)
        return sql, {each.bound: given.get(each.name) for each in self.parameters if f"${each.bound}" in sql}
