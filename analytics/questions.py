"""What analytics can be asked, and how it answers: the messages between an API process and the one with the file.

Knows no DuckDB, so that whoever asks need not load it.
"""

from typing import Any, Final

import msgspec

WAIT_S_MAX: Final = 10.0
"""How long an answer may wait until the tables hold what the caller has seen on the feed."""
QUERY_S_MAX: Final = 60.0
"""How long a statement may run; then it is interrupted."""
ROWS_MAX: Final = 1_000_000
"""of an answer; more is refused with `too_large`. A sheet of XLSX ends at 1,048,576"""
QUESTIONS_MAX: Final = 4
"""answered at a time; more are refused with `overloaded`"""

SQL_S_MAX: Final = 30.0
"""How long a planner's statement may run; then its process is killed."""
SQL_ROWS_MAX: Final = 100_000
"""of its answer; more is refused with `too_large`"""
SQL_MEMORY_BYTES: Final = 512 << 20
SQL_SLOTS: Final = 2
"""statements of planners at a time; more are refused with `overloaded`"""
SQL_CHARACTERS_MAX: Final = 100_000

MEDIA: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
"""By name of the format."""


class ReportAsked(msgspec.Struct, frozen=True, tag="report"):
    """A named report."""

    name: str
    given: dict[str, Any]
    """parameters and choices by name, checked: days and moments as ISO texts"""
    format: str = "json"
    after: list[int] | None = None
    """for each shard the record that must be in the tables"""


class StockAsked(msgspec.Struct, frozen=True, tag="stock"):
    """A SKU's cells at a moment."""

    sku: str
    moment: str
    after: list[int] | None = None


class ExplainAsked(msgspec.Struct, frozen=True, tag="explain"):
    """What a cell's figures are made of."""

    sku: str
    warehouse: str
    moment: str | None
    """None = now"""
    entries_max: int
    after: list[int] | None = None


class CommandAsked(msgspec.Struct, frozen=True, tag="command"):
    """Why a command was refused, or sourced from where it was."""

    client: str | None
    """whose command; None = anybody's"""
    command_id: str
    after: list[int] | None = None


class AlertsAsked(msgspec.Struct, frozen=True, tag="alerts"):
    """What is raised now."""

    now_ms: int
    """by whose clock a snooze ends and a channel is silent"""
    now: str
    """the same as text"""
    limit: int
    offset: int = 0
    id: str | None = None
    kind: str | None = None
    state: str | None = None
    warehouse: str | None = None
    channel: str | None = None
    group: str | None = None
    by: str | None = None
    """group or warehouse: those alike together, with their sums"""
    after: list[int] | None = None


class DayAsked(msgspec.Struct, frozen=True, tag="day"):
    """What a business day came to, to be written down."""

    day: str
    now_ms: int
    """a day that is not over by then is refused"""
    warehouse: str | None = None
    """None = all"""
    channel: str | None = None
    after: list[int] | None = None


class CorrectionsAsked(msgspec.Struct, frozen=True, tag="corrections"):
    """What came to a closed day after it was closed."""

    day: str
    warehouse: str
    channel: str
    records: list[int]
    """for each shard the last record that was counted"""
    after: list[int] | None = None


class StatusAsked(msgspec.Struct, frozen=True, tag="status"):
    """How far it is."""

    after: list[int] | None = None


Question = (
    ReportAsked | StockAsked | ExplainAsked | CommandAsked | DayAsked | CorrectionsAsked | AlertsAsked | StatusAsked
)


class SqlAsked(msgspec.Struct, frozen=True):
    """A planner's own statement."""

    sql: str
    format: str = "json"


class Head(msgspec.Struct, frozen=True):
    """What comes before an answer's body. Of a refusal only `problem` counts."""

    media: str = MEDIA["json"]
    seqs: list[int] = []
    """for each shard the last record that the answer is made from"""
    at_ms: int = 0
    """the clock in the newest of these"""
    problem: tuple[int, str, str] | None = None
    """status, code and detail"""


class Status(msgspec.Struct, frozen=True):
    """How far it is, and what it has done."""

    behind_records: list[int]
    """for each shard what is durable and not in the tables"""
    lag_s: list[float]
    """for each shard how long ago it was all in the tables"""
    rows: int
    """entered since the process started"""
    turns: int
    busy_s: float
    odd: list[tuple[str, str]] = []
    """(channel, kind) of the alerts on channels that were found last"""
    looked_s: float | None = None
    """how long ago channels were looked at; None: not yet"""


class Refused(Exception):
    """A question that gets no answer; carries status, code and detail of the problem."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(status, code, detail)
        self.problem = (status, code, detail)


encode = msgspec.json.encode
decode_question = msgspec.json.Decoder(Question).decode
decode_sql = msgspec.json.Decoder(SqlAsked).decode
decode_head = msgspec.json.Decoder(Head).decode
decode_status = msgspec.json.Decoder(Status).decode
