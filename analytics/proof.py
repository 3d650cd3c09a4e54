"""The replay's proof: was every decision right, judged by someone who was not there?

Takes the plan (from the Parquet files), the answers that the client got, every event of the feed, and the stock
as the engine reports it at the end. Folds the events per cell from nothing, in feed order, in plain SQL, and
asks of that fold whether each acceptance had room, and whether each refusal at its place in the order really had
not. No line of this shares code with the engine; the statements themselves stand in `analytics.proof_statements`.

The place of a refusal: refused rows are not on the feed, but the client knows the order in which it asked. A
*position* grows with every row of a lane, and a cell is only asked by one lane. So a refusal stands after the
events of earlier positions and before those of later ones. What may lie between the two are expiries, which the
engine decides by its own clock: the refusal must then agree with the stock at one of these places, and the
`available` it was answered with must be exactly what the fold has there.
"""

from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from analytics.proof_statements import STATEMENTS, Statement
from analytics.retailer import Plan, SalesFiles


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the replay collected."""

    answers: pa.Table
    """id, outcome, available, first_at, last_at of every line. A row that had to be sent again has the position of
    its first attempt and of its last; otherwise the two are equal"""
    opening: pa.Table
    """id, outcome of every opening receipt; all were answered before the first line was sent"""
    follow_ups: pa.Table
    """id, kind, basket, outcome, first_at, last_at of every confirm, fulfil and release"""
    reservations: pa.Table
    """basket, reservation: the id that the engine gave"""
    events: pa.Table
    """n (order on the feed), kind, command_id, sku, warehouse, quantity, on_hand, reserved, available, reservation,
    unit_price (minor units) of every movement"""
    cells: pa.Table
    """sku, warehouse, on_hand, reserved, available as the engine reports them at the end"""


@dataclass(frozen=True, slots=True)
class Check:
    """One statement, how many things it was held against, and what contradicts it."""

    statement: str
    looked_at: int
    wrong: int
    examples: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts it."""
        return self.wrong == 0


_PREPARE = """
create temp table line as
select l.id, l.kind, l.sku, l.warehouse::varchar as warehouse, l.quantity, l.unit_price, l.basket,
       l.fate::varchar as fate, a.outcome::varchar as outcome, a.available, a.first_at, a.last_at, l.line
from plan_lines l left join answers a using (id);

-- What an event does to its cell, by its kind alone.
create temp table event as
select n, kind::varchar as kind, command_id, sku, warehouse::varchar as warehouse, abs(quantity) as moved,
       on_hand, reserved, available, reservation, unit_price,
       case kind when 'receive' then abs(quantity) when 'return' then abs(quantity) when 'sell' then -abs(quantity)
                 when 'fulfil' then -abs(quantity) when 'adjust' then quantity when 'transfer' then quantity
                 else 0 end as on_hand_by,
       case kind when 'reserve' then abs(quantity) when 'release' then -abs(quantity) when 'expire' then -abs(quantity)
                 when 'fulfil' then -abs(quantity) else 0 end as reserved_by
from events;

create temp table fold as
select *, on_hand_then - reserved_then as free_then,
       on_hand_then - reserved_then - on_hand_by + reserved_by as free_before
from (
    select *, sum(on_hand_by) over cell as on_hand_then, sum(reserved_by) over cell as reserved_then
    from event window cell as (partition by sku, warehouse order by n)
);

-- When each command was sent, in its lane. Opening receipts came before everything.
create temp table sent as
select id, first_at, last_at from line
union all select id, first_at, last_at from follow_ups
union all select id, 0, 0 from opening;

-- Where a refusal can be held against the fold: its cell, or for a sourced line the pool of all hubs.
create temp table refusal as
select id, sku, coalesce(warehouse, '(hubs)') as place, quantity, outcome, available, first_at, last_at
from line where outcome in ('insufficient_stock', 'group_failed');

create temp table step as
select place, sku, n, row_number() over run as k, first_at, last_at, sum(free_by) over run as free
from (
    select fold.warehouse as place, sku, n, command_id, free_then - free_before as free_by
    from fold semi join refusal on fold.sku = refusal.sku and fold.warehouse = refusal.place
    union all
    -- what a sourced line can draw on: the sum of what each hub has free, never less than nothing
    select '(hubs)', sku, n, command_id, greatest(0, free_then) - greatest(0, free_before)
    from fold semi join (select * from refusal where place = '(hubs)') wanted on fold.sku = wanted.sku
    where warehouse in (select store from hubs)
) left join sent on command_id = sent.id
window run as (partition by place, sku order by n);

-- The steps between which each refusal stands: after `low`, before `high`. Step 0 is the empty cell.
create temp table window_of as
select r.id, r.sku, r.place, r.quantity, r.outcome, r.available,
       coalesce(max(s.k) filter (s.last_at < r.first_at), 0) as low,
       coalesce(min(s.k) filter (s.first_at > r.last_at), coalesce(max(s.k), 0) + 1) as high
from refusal r left join step s on r.sku = s.sku and r.place = s.place
group by all;

create temp table refusal_seen as
select w.id, any_value(w.outcome) as outcome, any_value(w.quantity) as quantity, any_value(w.available) as available,
       bool_or(free < w.quantity and free = w.available) as was_short, bool_or(free >= w.quantity) as had_room,
       string_agg(free::varchar, ' ' order by k) as free_there
from window_of w join (select place, sku, k, free from step union all
                       select distinct place, sku, 0, 0 from refusal) s
     on w.sku = s.sku and w.place = s.place and s.k >= w.low and s.k < w.high
group by w.id;
"""

_PARQUET = """
create temp table parquet_line as
select t.basket_id || '.' || t.product_id as key, t.quantity
from read_parquet($transactions) t join read_parquet($products) p on p.product_id = t.product_id
where not list_contains(['FUEL', 'COUPON', 'MISCELLANEOUS'], p.department) and t.quantity >= 1 and t.quantity <= 100
order by t.transaction_timestamp, t.basket_id, t.product_id
limit $rows
"""


def prove(plan: Plan, files: SalesFiles, evidence: Evidence) -> list[Check]:
    """Hold every statement against the evidence; all must hold."""
    con = duckdb.connect()
    try:
        tables = {
            "plan_lines": plan.lines, "plan_opening": plan.opening, "answers": evidence.answers,
            "opening": evidence.opening, "follow_ups": evidence.follow_ups, "reservations": evidence.reservations,
            "events": evidence.events, "cells": evidence.cells,
        }  # fmt: skip
        for name, table in tables.items():
            con.register(name, table)
        con.execute("create temp table hubs (store varchar, rank integer)")
        con.executemany("insert into hubs values (?, ?)", [(store, rank) for rank, store in enumerate(plan.hubs)])
        paths = {"transactions": str(files.transactions), "products": str(files.products)}
        con.execute(_PARQUET, {**paths, "rows": plan.lines.num_rows})
        con.execute(_PREPARE)
        return [_check(con, plan.name, statement) for statement in STATEMENTS]
    finally:
        con.close()


def _check(con: duckdb.DuckDBPyConnection, name: str, statement: Statement) -> Check:
    values = {"name": name} if "$name" in statement.contradicted else {}
    looked_at = con.execute(statement.counted).fetchall()[0][0]
    con.execute(
        f"create or replace temp table wrong as select * from ({statement.contradicted}) as wrong(what)", values
    )
    wrong = con.execute("select count(*) from wrong").fetchall()[0][0]
    examples = [str(row[0]) for row in con.execute("select what from wrong order by what limit 3").fetchall()]
    return Check(statement.text, looked_at, wrong, examples)
