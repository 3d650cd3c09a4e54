"""SQL of planners: what they may ask is answered, and what they may not do is tried, one attack after the other."""

import asyncio
import fcntl
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet
from python_calamine import CalamineWorkbook

from actors import planner_sql
from actors.planner_sql import PlannerSql
from analytics.following import Following
from analytics.planner import copying, process
from analytics.planner.copying import COPY, NoCopy, fresh_copy
from analytics.questions import SQL_ROWS_MAX, SQL_SLOTS, Refused, SqlAsked
from analytics.store import FILE, Store
from tests.analytics.tables import Records
from tests.builders import receive, sell
from tests.world import World

BOUND_S = 60.0


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tables with two sales in them; their owner is alive and holds the file."""
    made = tmp_path_factory.mktemp("analytics")
    world = World.furnished()
    world.send(receive("A-1", "south", 100))
    for units in (2, 3):
        world.send(sell("A-1", "south", units))
    store = Store(made / FILE, era=0, shards=1)
    following = Following(store, [Records(world.records)])
    while following.advance():
        pass
    (made / "secret.csv").write_text("secret\n4711\n")
    yield made
    store.close()


def ask(directory: Path, sql: str, format_: str = "json") -> Any:
    """The rows, or the bytes of another format."""

    async def asked() -> tuple[Any, list[bytes]]:
        return await asyncio.wait_for(PlannerSql(directory).ask(SqlAsked(sql, format_)), BOUND_S)

    head, pieces = asyncio.run(asked())
    assert head.seqs
    body = b"".join(pieces)
    return json.loads(b"{" + body) if format_ == "json" else body


def refused(directory: Path, sql: str) -> tuple[int, str, str]:
    with pytest.raises(Refused) as caught:
        ask(directory, sql)
    return caught.value.problem


def test_a_planner_asks_the_tables_as_they_are(directory: Path) -> None:
    sql = "select p.sku, sum(quantity) / 1000 as units from sales join products p using (sku_key) group by all"
    assert ask(directory, sql) == {"columns": ["sku", "units"], "rows": [["A-1", 5.0]]}
    assert ask(directory, "from trade select count(*) as n")["rows"] == [[2]]
    assert ask(directory, "describe positions")["rows"][0][:2] == ["shard", "USMALLINT"]


def test_values_of_every_kind_come_out_in_every_format(directory: Path) -> None:
    sql = """select 1::HUGEINT << 100 as big, 18446744073709551615::UBIGINT as ubig, 1.5::DOUBLE as part,
    'nan'::DOUBLE as x, [1, 2] as list, {'a': 1} as struct, interval '1 day' as span, date '2026-06-01' as day,
    true as yes,
    '=1+1' as evil,
    timestamptz '2026-06-01 10:00:00.123456+02' as at, timestamp '2026-06-01 10:00' as local,
    12.345::DECIMAL(9,3) as dec, null as nothing, 'a'::BLOB as bytes, 1 as big,
    uuid '00000000-0000-0000-0000-000000000001' as uuid"""
    found = ask(directory, sql)
    row = dict(zip(found["columns"], found["rows"][0], strict=True))
    assert row["big"] == 1 << 100
    assert row["ubig"] == (1 << 64) - 1
    assert (row["at"], row["local"]) == ("2026-06-01T08:00:00.123Z", "2026-06-01T10:00:00.000Z")
    assert (row["day"], row["dec"], row["big_2"], row["x"], row["nothing"]) == ("2026-06-01", 12.345, 1, None, None)
    assert "'=1+1" in ask(directory, sql, "csv").decode()
    book = CalamineWorkbook.from_filelike(io.BytesIO(ask(directory, sql, "xlsx")))
    assert len(book.get_sheet_by_index(0).to_python()) == 2
    assert parquet.read_table(io.BytesIO(ask(directory, sql, "parquet"))).num_rows == 1
    assert pa.ipc.open_stream(ask(directory, sql, "arrow")).read_all().num_rows == 1


FILES = [
    "select * from read_csv('{dir}/secret.csv')",
    "select * from '{dir}/secret.csv'",
    "select * from read_text('{dir}/secret.csv')",
    "select * from read_blob('/proc/self/environ')",
    "select * from read_json('{dir}/secret.csv')",
    "select * from read_parquet('{dir}/*')",
    "select * from parquet_metadata('{dir}/secret.csv')",
    "select * from glob('{dir}/*')",
    "select * from sniff_csv('{dir}/secret.csv')",
    "select * from read_duckdb('{dir}/analytics.duckdb')",
    "select * from query('select * from read_text(''{dir}/secret.csv'')')",
    "select * from query_table('{dir}/secret.csv')",
    "from (select * from read_csv_auto('/etc/passwd'))",
    "with a as materialized (select * from read_text('/etc/hostname')) select * from a",
    "select (select content from read_text('/etc/passwd'))",
    "select getenv('PATH')",
    "select * from 'https://example.com/x.parquet'",
    "select * from read_csv('s3://bucket/x.csv')",
    "select * from sqlite_scan('{dir}/secret.csv', 'x')",
    "select * from postgres_scan('host=localhost', 'public', 'x')",
    "select load_extension('httpfs')",
    "select * from duckdb_secrets()",
    "select * from arrow_scan(1, 2, 3)",
    "select * from query('select * from arr'||'ow_scan()')",
    "select * from query('select * from pyth'||'on_map_function((select 1))')",
    "select * from arrow_scan(1::POINTER, 2::POINTER, 3::POINTER)",
    "select * from query('select * from arr'||'ow_scan(1::POINTER, 2::POINTER, 3::POINTER)')",
    "select * from query('from pand'||'as_scan(1::POINTER)')",
    "select * from pandas_scan(1::POINTER)",
    "select * from PYTHON_map_FUNCTION((select 1), 1)",
    "select * from directory",
    "select * from os",
]
"""A SELECT each, which looks like a question."""
NOTHING = '"columns":[],"rows":[]}'
STATEMENTS = [
    "attach '{dir}/other.duckdb'",
    "attach ':memory:' as other",
    "copy sales to '{dir}/out.csv'",
    "copy (select 1) to '/tmp/out.parquet'",
    "copy sales from '{dir}/secret.csv'",
    "export database '{dir}/out'",
    "import database '{dir}'",
    "install httpfs",
    "load httpfs",
    "force install 'x' from 'https://example.com'",
    "set memory_limit = '100GB'",
    "set threads = 64",
    "set enable_external_access = true",
    "set global lock_configuration = false",
    "reset enable_external_access",
    "pragma database_list",
    "pragma enable_external_access",
    "call pragma_version()",
    "checkpoint",
    "vacuum",
    "use memory",
    "create table mine as select 1",
    "create temp table mine as select 1",
    "create macro m() as 1",
    "create secret s (type s3)",
    "insert into sales select * from sales",
    "update sales set quantity = 0",
    "delete from sales",
    "truncate sales",
    "drop table sales",
    "alter table sales add column x int",
    "begin",
    "prepare p as select 1",
    "execute p",
    "explain analyze select 1",
    "select 1; select 2",
    "select 1; drop table sales",
    "drop table sales; select 1",
    "; ; ",
    "-- nothing",
    "",
    "with x as (insert into sales select * from sales returning *) select * from x",
]
"""Anything but one SELECT."""


MANY = """
import json, sys
from pathlib import Path
from analytics.planner.process import answer, behind_walls
from analytics.questions import Refused, SqlAsked
directory, *statements = json.load(sys.stdin)
connection = behind_walls(Path(directory), seconds=100.0)
found = []
for sql in statements:
    try:
        found.append([200, b"".join(answer(connection, SqlAsked(sql))).decode()])
    except Refused as refusal:
        found.append([refusal.problem[0], refusal.problem[2]])
print(json.dumps(found))
"""
"""Many statements in one process behind the walls: each would else want one of its own."""


def of_many(directory: Path, statements: list[str]) -> list[tuple[int, str]]:
    """(status, detail or body) of each."""
    said = json.dumps([str(directory), *(sql.format(dir=directory) for sql in statements)])
    done = subprocess.run([sys.executable, "-c", MANY], input=said, capture_output=True, text=True, timeout=BOUND_S)
    assert done.returncode == 0, done.stderr
    return [(status, text) for status, text in json.loads(done.stdout)]


def test_what_is_wrong_with_a_statement_is_said(directory: Path) -> None:
    assert "no_such_column" in refused(directory, "select no_such_column from sales")[2]
    assert refused(directory, "drop table sales") == (422, "invalid_request", "one SELECT, and nothing else")


def test_a_question_reads_nothing_but_tables(directory: Path) -> None:
    found = dict(zip(FILES, of_many(directory, FILES), strict=True))
    assert {sql: told for sql, told in found.items() if told[0] != 422 and told[1] != NOTHING} == {}
    assert not any("4711" in told for _, told in found.values())


def test_nothing_but_one_select_is_run(directory: Path) -> None:
    before = {path.name for path in directory.iterdir()}
    found = dict(zip(STATEMENTS, of_many(directory, STATEMENTS), strict=True))
    assert {sql: told for sql, told in found.items() if told[0] != 422} == {}
    assert {path.name for path in directory.iterdir()} - {"sql"} == before - {"sql"}
    assert ask(directory, "select count(*) from sales")["rows"] == [[2]]


def test_without_a_wall_nothing_is_run(directory: Path) -> None:
    """A system that cannot shut files off: refused, whatever DuckDB's own settings would hold."""
    code = (
        "from analytics.planner import process, walls; walls._restrict = lambda *_: False;"
        f" process.main([{str(directory)!r}, '{os.getpid()}'])"
    )
    said = json.dumps({"sql": "select count(*) from sales"}).encode()
    done = subprocess.run([sys.executable, "-c", code], input=said, capture_output=True, timeout=BOUND_S, check=False)
    assert b"this system cannot shut a statement off from: files" in done.stdout
    assert b"rows" not in done.stdout


BOMBS = [
    "with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) from r",
    "select count(*) from range(3000000) a, range(3000000) b where a.range * b.range = -1",
    "select max(md5(repeat('x', 1000) || range)) from range(10000000000)",
]
"""They would go on for days."""
GREEDY = [
    "select list(range) from range(1000000000)",
    "select count(distinct md5(range::VARCHAR)) from range(100000000)",
]
"""They would fill any memory."""


@pytest.mark.parametrize("sql", BOMBS)
def test_what_goes_on_for_too_long_is_killed(sql: str, directory: Path) -> None:
    assert told_in_a_second(directory, sql) == planner_sql.TOO_LONG.problem


@pytest.mark.parametrize("sql", GREEDY)
def test_what_wants_too_much_is_refused(sql: str, directory: Path) -> None:
    status, _, detail = refused(directory, sql)
    assert status == 422
    assert "memory" in detail or detail == "the statement ended its process"


def told_in_a_second(directory: Path, sql: str) -> tuple[int, str, str]:
    """How it is refused by a process that gives every statement so long, and not half a minute."""
    code = (
        "import sys; from analytics.planner import process; process.SQL_S_MAX = 1.0;"
        f" process.main([{str(directory)!r}, '{os.getpid()}'])"
    )
    said = json.dumps({"sql": sql}).encode()
    done = subprocess.run([sys.executable, "-c", code], input=said, capture_output=True, timeout=BOUND_S, check=False)
    if done.returncode in planner_sql.OVERRUN:
        return planner_sql.TOO_LONG.problem
    size = int.from_bytes(done.stdout[: process.SIZE_BYTES], "little")
    status, word, detail = json.loads(done.stdout[process.SIZE_BYTES : process.SIZE_BYTES + size])["problem"]
    return status, word, detail


def test_an_answer_has_a_length(directory: Path) -> None:
    assert refused(directory, f"from range({SQL_ROWS_MAX + 1})")[:2] == (413, "too_large")
    assert len(ask(directory, f"from range({SQL_ROWS_MAX})")["rows"]) == SQL_ROWS_MAX
    assert refused(directory, "select " + "(" * 5_000 + "1" + ")" * 5_000)[0] == 422
    assert refused(directory, "select " + "[" * 5_000)[0] == 422


def test_it_knows_nothing_of_where_it_came_from(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNISTOCK_DATABASE", "postgresql://u:hunter2@h/d")
    rows = ask(directory, "select value from duckdb_settings() where value is not null")["rows"]
    assert "hunter2" not in str(rows)


def test_a_statement_ends_with_whoever_asked(directory: Path) -> None:
    async def asked() -> set[int]:
        others = children()
        task = asyncio.create_task(PlannerSql(directory).ask(SqlAsked(BOMBS[0])))
        while not (found := children() - others):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        return found & children()

    assert asyncio.run(asked()) == set()


def children() -> set[int]:
    """Of this thread, which starts the processes; others may have some here too."""
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return {int(pid) for pid in path.read_text().split()}


def test_only_so_many_run_at_a_time(directory: Path) -> None:
    names = [directory / "sql" / f"slot-{number}.lock" for number in range(SQL_SLOTS)]
    names[0].parent.mkdir(exist_ok=True)
    slots = [os.open(name, os.O_RDWR | os.O_CREAT) for name in names]
    for slot in slots:
        fcntl.flock(slot, fcntl.LOCK_EX)
    assert refused(directory, "select 1")[:2] == (429, "overloaded")
    os.close(slots.pop())
    assert ask(directory, "select 1")["rows"] == [[1]]
    os.close(slots.pop())


def test_a_copy_is_of_one_moment_while_its_owner_writes(tmp_path: Path) -> None:
    """Every copy that can be made while rows and checkpoints come in holds as many rows as its position says."""
    code = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1]);"
        " c.execute('create table positions as select 0 as n');"
        " c.execute('create table rows as select 0 as n, repeat(md5(\\'x\\'), 20) as text');\n"
        "c.execute('checkpoint'); print('there', flush=True)\n"
        "for n in range(1, 100000):\n"
        " c.execute('begin'); c.execute('insert into rows select ?, md5(range::varchar) from range(500)', [n]);"
        " c.execute('update positions set n = ?', [n]); c.execute('commit')\n"
        " if n % 20 == 0: c.execute('checkpoint')\n"
    )
    source = tmp_path / FILE
    seen: list[tuple[int, int]] = []
    with subprocess.Popen([sys.executable, "-c", code, str(source)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        give_up_at = time.monotonic() + BOUND_S
        while len(seen) < 8 and time.monotonic() < give_up_at:
            directory = tmp_path / f"copy-{len(seen)}"
            try:
                copy = fresh_copy(source, directory)
            except NoCopy:
                continue
            with duckdb.connect(str(copy), read_only=True) as connection:
                seen += connection.execute("select n, (select count(*) - 1 from rows) from positions").fetchall()
        owner.kill()
    assert len(seen) == 8
    assert all(rows == 500 * n for n, rows in seen), seen
    assert seen[-1][0] > seen[0][0]


def test_a_copy_is_used_while_it_is_fresh_and_made_again_when_it_is_not(
    directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = fresh_copy(directory / FILE, tmp_path)
    made = copy.stat().st_ino
    assert fresh_copy(directory / FILE, tmp_path).stat().st_ino == made
    os.utime(directory / FILE)  # something was written
    assert fresh_copy(directory / FILE, tmp_path).stat().st_ino == made
    monkeypatch.setattr(copying, "FRESH_S", 0.0)
    monkeypatch.setattr(copying, "EFFORT", 0)
    assert fresh_copy(directory / FILE, tmp_path).stat().st_ino != made
    assert {path.name for path in tmp_path.iterdir()} == {COPY, "copy.json", "copy.lock"}
    with pytest.raises(NoCopy):
        fresh_copy(tmp_path / "nowhere", tmp_path / "of-nothing")
