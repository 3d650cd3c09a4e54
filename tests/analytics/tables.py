"""A small shop whose journal is folded into tables in memory, and the few calls that tests make to them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from analytics.following import ROWS_MAX, Following
from analytics.formats import as_columns
from analytics.reports import REPORTS
from analytics.reports.report import Sort
from analytics.schema import TABLES
from analytics.store import Details, Store
from engine.ids import sku_key
from engine.record import Record
from tests.world import World

NO_HASH = bytes(32)


class Records:
    """A journal as a list."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records

    @property
    def durable_seq(self) -> int:
        return len(self.records)

    def read(self, seq: int) -> Record:
        return self.records[seq - 1]

    def scan(self, first_seq: int = 1, last_seq: int | None = None, prev_hash: bytes | None = None) -> Iterator[Record]:
        yield from self.records[first_seq - 1 : last_seq]

    def hash_at(self, seq: int) -> bytes:
        return NO_HASH


class Tables:
    """Of one shard; `follow` has them up to date."""

    def __init__(self, world: World, rows_max: int = ROWS_MAX) -> None:
        self.world = world
        self.store = Store(None, era=0, shards=1)
        self.following = Following(self.store, [Records(world.records)], rows_max)

    def follow(self) -> "Tables":
        while self.following.advance():
            pass
        return self

    def close(self) -> None:
        self.store.close()

    def places(self, *places: tuple[str, str | None, str | None]) -> None:
        """(code, time zone, begin of the business day) as the documents have them."""
        rows = [
            (self.world.warehouses[code], code, code, "store", 1, zone, day_start, False)
            for code, zone, day_start in places
        ]
        self.store.enter_details(Details(self.store.documents_version + 1, warehouses=rows))

    def groups(self, **groups: list[str]) -> None:
        """Group paths of goods, "_" for "-"."""
        names = {name.replace("_", "-"): path for name, path in groups.items()}
        rows = [(sku_key(sku), sku, 0, sku, path, False) for sku, path in names.items()]
        self.store.enter_details(Details(self.store.documents_version + 1, products=rows))

    def ask(self, sql: str, **bound: Any) -> list[dict[str, Any]]:
        """Rows of any statement."""
        self.follow()
        cursor = self.store.cursor()
        found: list[dict[str, Any]] = cursor.sql(sql, params=bound).to_arrow_table().to_pylist()
        cursor.close()
        return found

    def report(self, name: str, **given: Any) -> list[tuple[Any, ...]]:
        """Rows of a report, days as texts and quantities as plain numbers."""
        self.follow()
        report = REPORTS[name]
        sql, bound = report.statement({key.rstrip("_"): value for key, value in given.items()})
        cursor = self.store.cursor()
        found: pa.Table = as_columns(cursor.sql(sql, params=bound).to_arrow_table(), report.columns)
        cursor.close()
        plain = {Sort.DAY: str, Sort.UNITS: float}
        values = [
            [plain[column.sort](value) if column.sort in plain else value for value in values.to_pylist()]
            for values, column in zip(found.columns, report.columns, strict=True)
        ]
        return list(zip(*values, strict=True))


def ms(text: str) -> int:
    """A moment such as 2026-03-29T00:30+01:00."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def content(store: Store) -> dict[str, list[str]]:
    """Every row of every table, in one order."""
    cursor = store.cursor()
    found = {
        table: sorted(row[0] for row in cursor.execute(f"select to_json(t)::VARCHAR from {table} t").fetchall())
        for table in TABLES
    }
    cursor.close()
    return found
