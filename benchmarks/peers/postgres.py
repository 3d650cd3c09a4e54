"""PostgreSQL as a stock engine: a conditional update and a reservation row, durable, a million cells.

Two ways. Single statements, each a transaction, prepared, from 32 sessions of pgbench in C. And the best batch that we
know: one statement per 8,192 (or 1,000) rows that sums them per cell, updates the cells that have enough and inserts
the reservations; sent by psycopg over two connections, each with the SKUs of its own half, so that they never wait for
each other's locks. Lenient to PostgreSQL: a batch takes or refuses all rows of a cell together, and there is neither a
journal of movements nor a content check of repeated ids. Settings: fsync and synchronous_commit on, 1 GB of shared
buffers, 8 GB of WAL before a checkpoint, so that none falls into the measurement.
"""

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.peers.servers import other_user, running
from benchmarks.sizes import scratch
from benchmarks.workload import CHANNEL, ID_BYTES, PLENTY, REFERENCE_BYTES, Goods, uuids

SESSIONS: Final = 32
_SETTINGS: Final = {
    "listen_addresses": "",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "autovacuum": "off",
    "max_connections": "50",
    "fsync": "on",
    "synchronous_commit": "on",
}
_TABLES: Final = """
create table stock (
    sku int not null, warehouse smallint not null, on_hand bigint not null, reserved bigint not null default 0,
    safety_stock bigint not null default 0, floor bigint not null default 0, primary key (sku, warehouse)
) with (fillfactor = 50);
create table reservation (
    id text primary key, sku int not null, warehouse smallint not null, quantity bigint not null,
    channel smallint not null, unit_price bigint not null, currency text not null, reference text not null,
    state smallint not null default 1, expires_at timestamptz not null, made_at timestamptz not null default now()
)
"""
_FILL: Final = """
insert into stock (sku, warehouse, on_hand)
select sku, warehouse, %(units)s from generate_series(0, %(skus)s - 1) sku, generate_series(0, %(places)s - 1) warehouse
"""
_SINGLE: Final = """\\set sku random(0, {last})
\\set warehouse random(0, {places} - 1)
with taken as (
    update stock set reserved = reserved + 2
    where sku = :sku and warehouse = :warehouse and on_hand - reserved - safety_stock + floor >= 2 returning sku
)
insert into reservation (id, sku, warehouse, quantity, channel, unit_price, currency, reference, expires_at)
select gen_random_uuid()::text, :sku, :warehouse, 2, 0, 1999, 'EUR', 'ORDER-26000000000001', now() + interval '1 day'
from taken on conflict (id) do nothing;
"""
_BATCH: Final = """
with asked as materialized (
    select * from unnest(
        %(id)b::text[], %(sku)b::int[], %(warehouse)b::smallint[], %(quantity)b::bigint[], %(price)b::bigint[],
        %(reference)b::text[]
    ) as asked (id, sku, warehouse, quantity, unit_price, reference)
), fresh as materialized (
    select * from asked where not exists (select from reservation known where known.id = asked.id)
), wanted as (
    select sku, warehouse, sum(quantity) as quantity from fresh group by sku, warehouse order by sku, warehouse
), taken as (
    update stock set reserved = reserved + wanted.quantity from wanted
    where stock.sku = wanted.sku and stock.warehouse = wanted.warehouse
    and on_hand - reserved - safety_stock + floor >= wanted.quantity returning stock.sku, stock.warehouse
)
insert into reservation (id, sku, warehouse, quantity, channel, unit_price, currency, reference, expires_at)
select id, sku, warehouse, quantity, %(channel)s, unit_price, 'EUR', reference, now() + interval '1 day'
from fresh join taken using (sku, warehouse)
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with its tables filled."""

    programs: Path
    directory: Path
    goods: Goods

    @property
    def url(self) -> str:
        """For psycopg."""
        return f"postgresql://postgres@/postgres?host={self.directory}"

    def singles_per_s(self, seconds: int, *, hot: bool = False) -> float:
        """Transactions a second, by pgbench."""
        last, places = (0, 1) if hot else (self.goods.skus - 1, self.goods.warehouses)
        script = self.directory / "single.sql"
        script.write_text(_SINGLE.format(last=last, places=places))
        command: list[str | Path] = [self.programs / "pgbench", "-n", "-M", "prepared", "-c", str(SESSIONS), "-j", "2"]
        options: list[str | Path] = [
            "-T",
            str(seconds),
            "-f",
            script,
            "-h",
            self.directory,
            "-U",
            "postgres",
            "postgres",
        ]
        found = subprocess.run([*command, *options], check=True, capture_output=True, text=True, timeout=seconds + 60)
        rate = re.search(r"tps = ([\d.]+)", found.stdout)
        assert rate is not None, found.stdout
        assert "number of failed transactions: 0 " in found.stdout, found.stdout
        return float(rate[1])

    def batches(self, count: int, rows: int) -> list[list[dict[str, Any]]]:
        """Parameters of `count` statements, for two connections with a half of the SKUs each."""
        return [[self._batch(rows, half) for _ in range(count // 2)] for half in (0, 1)]

    def run(self, lanes: Sequence[Sequence[dict[str, Any]]]) -> None:
        """Every statement is a durable transaction; every row must have been taken."""
        failed: list[BaseException] = []

        def lane(statements: Sequence[dict[str, Any]]) -> None:
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    for parameters in statements:
                        done = connection.execute(_BATCH, parameters, prepare=True)
                        assert done.rowcount == len(parameters["id"]), done.rowcount
            except BaseException as error:  # told to the caller's thread
                failed.append(error)

        threads = [threading.Thread(target=lane, args=(statements,)) for statements in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]

    def _batch(self, rows: int, half: int) -> dict[str, Any]:
        sku, warehouse, quantity = self.goods.wishes(rows)
        ids = uuids(self.goods.rng, rows).view(f"S{ID_BYTES}").ravel().astype(str).tolist()
        references = self.goods.references(rows).view(f"S{REFERENCE_BYTES}").ravel().astype(str).tolist()
        return {
            "id": ids,
            "sku": (sku // 2 * 2 + half).clip(0, self.goods.skus - 1).tolist(),
            "warehouse": warehouse.tolist(),
            "quantity": quantity.tolist(),
            "price": self.goods.rng.integers(99, 49_999, rows).tolist(),
            "reference": references,
            "channel": CHANNEL,
        }


def programs() -> Path | None:
    """Where initdb, postgres and pgbench are: Debian keeps them out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("pgbench")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def serving(where: Path, goods: Goods) -> Iterator[Server]:
    """A server in a directory of its own, with every cell of the goods."""
    with scratch("pg") as directory:
        user = other_user()
        if user is not None:
            os.chown(directory, user, -1)
        data = directory / "data"
        initdb: list[str | Path] = [
            where / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        subprocess.run(initdb, user=user, check=True, capture_output=True, cwd=directory, timeout=120)
        server = Server(where, directory, goods)
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [where / "postgres", "-D", data, "-k", directory, *settings]
        with running(command, directory, lambda: _answers(server), user=user):
            _fill(server)
            yield server


def _answers(server: Server) -> bool:
    try:
        psycopg.connect(server.url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _fill(server: Server) -> None:
    goods = server.goods
    size = {"units": PLENTY, "skus": goods.skus, "places": goods.warehouses}
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(_TABLES.encode())
        connection.execute(_FILL.encode(), size)
        connection.execute("vacuum analyze stock")
        connection.execute("checkpoint")
