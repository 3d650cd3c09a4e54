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

TYPES: Final = {Ask.DAY: "DATE", Ask.CODE: "VARCHAR", Ask.TEXT: "VARCHAR", Ask.MOMENT: "TIMESTAMPTZ"}


class Choice(NamedTuple):
    """A parameter with a few values, each standing for a piece of the statement, which has it as `{name}`."""

    name: str
    about: str
    pieces: Mapping[str, str]
    """by value; the first one counts when none is given"""
    shown: Mapping[str, str] = {}
    """by value: what makes a text of it, once for each row of the answer; the statement has it as `{name_shown}`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One named report."""

    name: str
    about: str
    columns: tuple[Column, ...]
    parameters: tuple[Parameter, ...] = ()
    choices: tuple[Choice, ...] = ()
    sql: str
    """`{by}` and the like are pieces of choices; parameters are `$bound`, each used at least once"""
    names: tuple[str, ...] = field(init=False)
    """of everything that may be asked"""

    def __post_init__(self) -> None:
        names = (*(each.name for each in self.parameters), *(each.name for each in self.choices))
        object.__setattr__(self, "names", names)

    def statement(self, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The SQL and its parameters for what was asked, which was checked."""
        pieces: dict[str, str] = {}
        for each in self.choices:
            value = given.get(each.name) or next(iter(each.pieces))
            pieces |= {each.name: each.pieces[value], f"{each.name}_shown": each.shown.get(value, "")}
        return self.sql.format(**pieces), {each.bound: given.get(each.name) for each in self.parameters}
