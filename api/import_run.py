"""One import: the rows of a file checked, sent in chunks, and what became of each of them.

Ids are made of the file's content, so the same file run again changes nothing, and an interrupted run is finished
by another. A bad row is left out with its line and the reason; the others go on.
"""

import asyncio
import csv
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from api.engine_client import EngineClient
from api.import_files import Row, Source
from api.import_rows import SHAPES, Cells, Kind, Options, Shape, reason_of
from api.import_sending import Prepared, Sender, Sent
from api.status import Problem

ROWS_PER_REQUEST: Final = 8_000
REQUESTS_IN_FLIGHT: Final = {Kind.PRODUCTS: 2, Kind.STOCK: 1, Kind.SALES: 1}
"""Rows of stock and sales take effect in the order of the file; of products no two are the same."""
LINE_COLUMN: Final = "import_line"
REASON_COLUMN: Final = "import_error"
_OURS: Final = frozenset((LINE_COLUMN, REASON_COLUMN))


class WrongUsage(Exception):
    """What was asked cannot be done with this file; carries why, in words."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out."""

    line: int
    cells: list[str]
    reason: str


@dataclass(slots=True)
class Report:
    """How an import went."""

    rows: int = 0
    sent: Sent = field(default_factory=Sent)
    empty: int = 0
    """rows with nothing to do, such as a quantity of zero"""
    bad: list[BadRow] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    """columns that this kind of file does not have"""

    def words(self, name: str, errors: Path) -> str:
        """One line for a person."""
        if self.rows == 0:
            return f"{name} has no rows"
        parts = [f"{self.sent.done:,} of {self.rows:,} rows imported"]
        if self.sent.known and self.sent.known == self.sent.done:
            parts = [f"nothing changed: its {self.sent.known:,} good rows were imported before"]
        elif self.sent.known:
            parts.append(f"{self.sent.known:,} of them before")
        if self.empty:
            parts.append(f"{self.empty:,} with a quantity of zero")
        if self.bad:
            parts.append(f"{len(self.bad):,} refused, see {errors}: correct them there and import that file")
        return f"{name}: {'; '.join(parts)}"


class Importer:
    """Turns the rows of one file into requests, a chunk at a time."""

    def __init__(self, source: Source, kind: Kind, options: Options) -> None:
        """Raises WrongUsage when a column is missing or there twice."""
        self._source = source
        self._shape: Shape = SHAPES[kind]
        self._options = options
        self._seen: dict[str, int] | None = {} if kind is Kind.PRODUCTS else None
        missing = [name for name in self._shape.needed if name not in source.columns]
        if missing:
            raise WrongUsage(
                f"{source.path.name} has no column {', '.join(missing)}; it has {', '.join(source.columns) or 'none'}."
                f" `omnistock import --kind {kind} --sample` shows the columns"
            )
        used = [name for name in source.columns if name in self._shape.names or self._shape.keeps_others]
        twice = sorted({name for name in used if name and used.count(name) > 1})
        if twice:
            raise WrongUsage(f"{source.path.name} has the column {', '.join(twice)} twice")

    def report(self) -> Report:
        """An empty one."""
        if self._shape.keeps_others:
            return Report()
        names = self._shape.names
        return Report(
            unused=[name for name in self._source.columns if name and name not in names and name not in _OURS]
        )

    def chunks(self, report: Report, count_max: int) -> Iterator[tuple[list[Prepared], int]]:
        """(well-formed rows, how much of the file was read with them); the others go to `report`."""
        chunk: list[Prepared] = []
        read = 0
        for row in self._source.rows():
            report.rows += 1
            read = row.read
            prepared = self._prepared(row, report)
            if prepared is not None:
                chunk.append(prepared)
            if len(chunk) >= count_max:
                yield chunk, read
                chunk = []
        yield chunk, read

    def _prepared(self, row: Row, report: Report) -> Prepared | None:
        reason = ""
        if any(row.cells[len(self._source.columns) :]):
            reason = f"it has {len(row.cells)} cells, the header {len(self._source.columns)}"
        else:
            cells = self._cells(row)
            absent = [name for name in self._shape.needed if name not in cells]
            if absent:
                reason = f"{', '.join(absent)}: empty"
            elif not (reason := self._twice(cells, row.line)):
                try:
                    body = self._shape.body(cells, self._options)
                except Problem as problem:
                    reason = reason_of(problem)
                else:
                    if body is not None:
                        return Prepared(row.line, row.cells, body)
                    report.empty += 1
                    return None
        report.bad.append(BadRow(row.line, row.cells, reason))
        return None

    def _cells(self, row: Row) -> Cells:
        wanted = self._shape.names
        return {
            name: cell
            for name, cell in zip(self._source.columns, row.cells, strict=False)
            if cell and name and (name in wanted or (self._shape.keeps_others and name not in _OURS))
        }

    def _twice(self, cells: Cells, line: int) -> str:
        """Products: the second of two rows with one SKU would undo the first."""
        if self._seen is None:
            return ""
        first = self._seen.setdefault(cells["sku"], line)
        return "" if first == line else f"sku: the same as in line {first}"


async def run(
    client: EngineClient, source: Source, kind: Kind, options: Options, progressed: Callable[[int], None]
) -> Report:
    """Import a file that was looked at; raises WrongUsage, FileProblem, Refused or NotServed."""
    importer = Importer(source, kind, options)
    report = importer.report()
    sender = Sender(client, kind, SHAPES[kind], source.digest)
    chunks = importer.chunks(report, ROWS_PER_REQUEST)
    sending: deque[tuple[asyncio.Task[Sent], int]] = deque()

    async def take_oldest() -> None:
        task, read = sending[0]
        sent = await task
        sending.popleft()
        report.sent.add(sent)
        report.bad += [BadRow(row.line, row.cells, reason) for row, reason in sent.bad]
        progressed(read)

    try:
        # The next chunk is read while those before it are on their way.
        while (following := await asyncio.to_thread(next, chunks, None)) is not None:
            if len(sending) >= REQUESTS_IN_FLIGHT[kind]:
                await take_oldest()
            sending.append((asyncio.create_task(sender.send(following[0])), following[1]))
        while sending:
            await take_oldest()
    finally:
        for task, _ in sending:
            task.cancel()
        await asyncio.gather(*(task for task, _ in sending), return_exceptions=True)
    report.bad.sort(key=lambda bad: bad.line)
    return report


def write_errors(path: Path, source: Source, bad: list[BadRow]) -> None:
    """The bad rows as they were, behind their lines and reasons; importable when they are corrected."""
    keep = [at for at, name in enumerate(source.columns) if name not in _OURS]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=source.delimiter)
        writer.writerow([LINE_COLUMN, REASON_COLUMN, *(source.header[at] for at in keep)])
        for row in bad:
            cells = [row.cells[at] if at < len(row.cells) else "" for at in keep]
            writer.writerow([row.line, row.reason, *cells, *row.cells[len(source.columns) :]])


def errors_path(path: Path) -> Path:
    """Where the bad rows of a file go."""
    return path.with_name(f"{path.name}.errors.csv")
