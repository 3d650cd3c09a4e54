"""What the report compares with what, and what was wanted: one row of the table for each claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


def short(value: float) -> str:
    """A number as people read it."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:.2f} M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.0f} k"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class Target:
    """What was wanted; `share` of another figure when one is named, else the figure itself."""

    bound: float
    of: str = ""
    below: bool = False
    """a time or a size: less is better"""
    text: str = ""

    def shown(self, unit: str) -> str:
        """In the table."""
        if self.of:
            return self.text or f"{short(self.bound)} x"
        return f"{'at most' if self.below else 'at least'} {short(self.bound)} {unit}".strip()


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table. `beside`: figures of the same run, the best one of each entry's keys, with its name."""

    what: str
    figure: Sequence[str]
    """of several, the highest"""
    beside: Sequence[tuple[str, Sequence[str]]] = ()
    targets: Sequence[Target] = ()
    why: str = ""
    """what is known of the reason, shown when a target is missed"""


_POSTGRES: Final = ("PostgreSQL, best batch", ("postgres batch 1000", "postgres batch 8192"))
_REDIS: Final = ("Redis, scripts pipelined", ("redis script",))
_TIGER: Final = ("TigerBeetle", ("tigerbeetle",))
_SINGLE: Final = ("PostgreSQL, 32 sessions", ("postgres single",))
_RAY: Final = ("ray reserve 2", "ray reserve 3", "ray reserve 4")

_REPORTS: Final = (
    *("channel_sales day", "product_channels", "channel_comparison", "books", "abc_xyz", "basket_affinity"),
    *("stock_as_of", "turnover", "stock_outs"),
)
"""Those of which the table tells the times."""
_ORDERS: Final = (
    *("unmet_demand", "reservation_funnel", "deliveries", "conversion sku", "empty_searches", "books"),
    *("book_corrections", "stock_as_of"),
)
_AS_PLAIN: Final = (Target(1.2, below=True),)

ROWS: Final = (
    Row("kernel, reserve with idempotency, 8,192 of a million cells", ("kernel reserve",), (), (Target(4e6),)),
    Row("kernel, mixed life cycle", ("kernel mixed",), (("kernel, reserve", ("kernel reserve",)),), (Target(2e6),)),
    Row("kernel, ids that are known", ("kernel repeated",)),
    Row(
        "one counter of a random cell of a million, cells as records of 64 bytes",
        ("layout records",),
        (("as a column per counter", ("layout columns",)),),
    ),
    Row(
        "a pass over a million cells, as records",
        ("layout pass records",),
        (("as a column per counter", ("layout pass columns",)),),
    ),
    Row(
        "alerts of 10 million cells judged anew, all with a reorder point",
        ("alert scan",),
        (("only reading the same bytes", ("alert bytes",)),),
        (Target(0.7, "alert bytes", text="70 % of only reading"),),
    ),
    Row("the same, cells", ("alert scan cells",)),
    Row("ids, fingerprints and keys of rows (in the API process)", ("finish rows",)),
    Row("kernel, sourced, 500 warehouses, 5 cells a SKU", ("kernel sourced 5",), (), (Target(1e6),)),
    Row("kernel, sourced, 500 warehouses, 500 cells a SKU", ("kernel sourced 500",)),
    Row(
        "kernel, one hot SKU",
        ("kernel hot",),
        (("spread over all cells", ("kernel reserve",)),),
        (Target(0.95, "kernel reserve", text="95 % of spread"),),
    ),
    Row(
        "shard with segment journal, durable",
        ("shard reserve",),
        (_POSTGRES, _REDIS, ("kernel alone", ("kernel reserve",))),
        (Target(1.2e6),),
    ),
    Row("the same, mixed life cycle", ("shard mixed",), (("shard, reserve", ("shard reserve",)),)),
    Row(
        "the same, one hot SKU",
        ("shard hot",),
        (("spread", ("shard reserve",)),),
        (Target(0.95, "shard reserve", text="95 % of spread"),),
    ),
    Row("the same, a batch of one row", ("shard single",), (("fdatasync of 4 KB", ("fdatasync small",)),)),
    Row(
        "through Ray from one client process, the best of 2, 3 and 4 calls in flight",
        _RAY,
        (_POSTGRES, _REDIS, _TIGER, ("shard without Ray", ("shard reserve",))),
        (
            Target(0.9e6),
            Target(25, "postgres batch 1000|postgres batch 8192", text="25 x PostgreSQL's best batch"),
            Target(2.5, "tigerbeetle", text="2.5 x TigerBeetle"),
        ),
    ),
    Row("the same, 2 calls in flight", ("ray reserve 2",)),
    Row("the same, 4 calls in flight", ("ray reserve 4",)),
    Row("the same, mixed life cycle, 2 calls", ("ray mixed",)),
    Row(
        "the same, one hot SKU, 2 calls",
        ("ray hot",),
        (
            ("spread", ("ray reserve 2",)),
            ("PostgreSQL, one hot SKU", ("postgres hot",)),
            ("Redis, one hot SKU", ("redis hot",)),
        ),
        (Target(0.95, "ray reserve 2", text="95 % of spread"),),
    ),
    Row("HTTP, Arrow streams of 8,192 rows", ("http arrow",), (("through Ray", _RAY),), (Target(500e3),)),
    Row("HTTP, JSON arrays of 1,000", ("http json",), (_POSTGRES,), (Target(100e3),)),
    Row(
        "HTTP, single reservations, 32 connections",
        ("http single",),
        (("bare uvicorn echo", ("echo",)), _SINGLE),
        (Target(0.45, "echo", text="45 % of the echo"),),
    ),
    Row(
        "HTTP, single, open loop at half load, p50",
        ("http half p50",),
        (("echo at its half load", ("echo half p50",)),),
    ),
    Row(
        "HTTP, single, open loop at half load, p99",
        ("http half p99",),
        (("echo at its half load", ("echo half p99",)),),
        (Target(15, below=True),),
    ),
    Row("HTTP, single, open loop at full load, p50", ("http full p50",)),
    Row("HTTP, single, open loop at full load, p99", ("http full p99",)),
    Row("HTTP, single, alone on one connection, p50", ("http alone p50",)),
    *(
        row
        for name, what in (("json", "JSON arrays"), ("arrow", "Arrow streams"), ("single", "single reservations"))
        for row in (
            Row(
                f"HTTP at three times the peak, {what}: done, of the peak",
                (f"overload {name} ratio",),
                (),
                (Target(0.9),),
            ),
            *(
                [Row("the same, p99 of the refusals", (f"overload {name} refused p99",), (), (Target(50, below=True),))]
                if name != "single"
                else [Row("the same, p99 of the answers; none is refused", (f"overload {name} done p99",))]
            ),
        )
    ),
    Row(
        "the load generator, against fixed bytes",
        ("generator",),
        (("echo", ("echo",)),),
        (Target(2, "http single", text="2 x the engine's singles"),),
    ),
    Row("replay, folding records in memory", ("replay",), (), (Target(4e6),)),
    Row("recovery from the journal alone: read, check, unpack, fold", ("recovery rate",), (), (Target(4e6),)),
    Row(
        "recovery, snapshot of a million cells and 4 M rows behind it",
        ("recovery with snapshot",),
        (("without snapshot", ("recovery without snapshot",)),),
    ),
    Row("a shard of a million cells killed (SIGKILL) after every second of load: back", ("back after early kills",)),
    Row("the same, p99", ("back after early kills p99",), (), (Target(3, below=True),)),
    Row("commands behind the last of these kills", ("early rows",)),
    Row(
        "killed after another minute of load: back",
        ("back after a kill",),
        (),
        (Target(3, below=True),),
    ),
    Row("load before that kill, rows made on the way", ("storm rate",)),
    Row("and then again after every second of it", ("back after late kills",)),
    Row("over HTTP, little stock: back after SIGKILL of a shard", ("back after shard",), (), (Target(3, below=True),)),
    Row(
        "the same, of Ray's head: everything is built again", ("back after gcs_server",), (), (Target(20, below=True),)
    ),
    Row("the same, of the keeper of Ray", ("back after actors.keeper",), (), (Target(20, below=True),)),
    Row("ready after `omnistock serve`, Ray", ("ready ray",), (), (Target(15, below=True),)),
    Row("ready after `omnistock serve`, local", ("ready local",), (), (Target(3, below=True),)),
    Row("memory of a cell, its SKU included", ("cell bytes",), (), (Target(120, below=True),)),
    Row("memory of an id", ("id bytes",), (), (Target(48, below=True),)),
    Row("memory of a reservation of one line", ("reservation bytes",)),
    Row("journal, bytes a row, reserve", ("journal bytes reserve",)),
    Row("journal, bytes a row, mixed life cycle", ("journal bytes mixed",)),
    Row("analytics follow the journal, a year of real sales", ("analytics follow",), (), (Target(200e3),)),
    *(
        Row(f"report {name}, over that year", (f"report {name}",), (("plain SQL on Parquet", (f"plain {name}",)),))
        for name in _REPORTS
    ),
    Row("the slowest of them beside plain SQL; in brackets how many", ("report slowest ratio",), (), _AS_PLAIN),
    Row("analytics follow orders of that year: sold, reserved, carried on, given up", ("orders follow",)),
    *(
        Row(
            f"report {name}, over those orders",
            (f"orders report {name}",),
            (("plain SQL on Parquet", (f"orders plain {name}",)),),
        )
        for name in _ORDERS
    ),
    Row("the slowest of them beside plain SQL; in brackets how many", ("orders report slowest ratio",), (), _AS_PLAIN),
    Row(
        "a shard takes 200,000 rows/s: from durable to in the tables, p50",
        ("lag p50",),
    ),
    Row(
        "the same, p99",
        ("lag p99",),
        (),
        (Target(1000, below=True),),
        "on fewer than four processors the tables rest as long as they work",
    ),
    Row("analytics follow TPC-DS: 10 M sales and their returns, in three channels", ("tpcds follow",)),
    *(
        Row(
            f"report {name}, over TPC-DS",
            (f"tpcds report {name}",),
            (("plain SQL on Parquet", (f"tpcds plain {name}",)),),
        )
        for name in _REPORTS
        if name != "basket_affinity"  # there it is asked for one product
    ),
    Row("the slowest of them beside plain SQL; in brackets how many", ("tpcds report slowest ratio",), (), _AS_PLAIN),
    Row("analytics follow orders of TPC-DS: 2 M lines sold, or reserved and carried on", ("tpcds orders follow",)),
    *(
        Row(
            f"report {name}, over orders of TPC-DS",
            (f"tpcds orders report {name}",),
            (("plain SQL on Parquet", (f"tpcds orders plain {name}",)),),
        )
        for name in _ORDERS
    ),
    Row(
        "the slowest of them beside plain SQL; in brackets how many",
        ("tpcds orders report slowest ratio",),
        (),
        _AS_PLAIN,
    ),
    Row(
        "receipt of 12 lines, from facts to a printer's bytes, one core",
        ("receipt",),
        (("python-escpos alone, lines laid out for it", ("receipt escpos",)),),
        (Target(200),),
    ),
    Row("the same, slowest of a hundred", ("receipt p99",), (), (Target(20, below=True),)),
    Row("the same on a printer without Cyrillic: letters and QR code drawn", ("receipt drawn",), (), (Target(200),)),
    Row("the same, drawn, slowest of a hundred", ("receipt drawn p99",), (), (Target(20, below=True),)),
    Row("a receipt's bytes to the picture of a preview", ("receipt preview",)),
    Row(
        "document to the first byte, job journal on the disk, slowest of a hundred",
        ("device p99",),
        (),
        (Target(20, below=True),),
    ),
    Row("the same, a receipt for each of 50 printers at once", ("devices p99",), (), (Target(300, below=True),)),
)

LIMITS: Final = (
    ("fdatasync of 4 KB into written zeros", "fdatasync small"),
    ("write and fdatasync of 850 KB (8,192 rows)", "fdatasync large"),
    ("the same as bandwidth", "disk large"),
    ("memory, copy", "memory copy"),
    ("memory, fresh from the system", "fresh memory"),
)
