"""What customers asked for and did not get."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, SKU, TO, WAREHOUSE, Column, Report, Sort

SERVED_WITHIN: Final = 7
"""business days after that of the demand: what the same one obtains later serves it no more"""

REPORT: Final = Report(
    name="unmet_demand",
    about=(
        "What was asked for and not obtained. A customer (else a reference) counts once for each SKU and day, with the "
        f"most that was asked for at a time, less what the same one obtained then or within {SERVED_WITHIN} business "
        "days, in whatever channel."
    ),
    columns=(
        Column("sku", Sort.TEXT, "that was asked for"),
        Column("channel", Sort.TEXT, "in which it was first asked for"),
        Column("day", Sort.DAY, "business day; of a line without a place, by the clock of the most preferred place"),
        Column("requested", Sort.UNITS, "by those who did not get all of it"),
        Column(
            "obtained", Sort.UNITS, f"by the same, then or within {SERVED_WITHIN} business days; each unit serves once"
        ),
        Column("unmet", Sort.UNITS, "requested - obtained"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, SKU, GROUP),
    sql=f"""
with preferred as (
    select coalesce(any_value(time_zone), 'UTC') as time_zone,
           coalesce(any_value(day_start), interval '4 hours') as day_start
    from (select time_zone, day_start from warehouses where kind <> 'quarantine' and not archived
          order by priority, code limit 1)
),
short as (
    select f.shard, f.seq, f.row, f.sku_key, f.channel, f.requested, f.obtained, f.booked_at, f.client, f.command_id,
           f.customer, f.reference, coalesce(f.customer, f.reference) is null as alone,
           business_day(on_the_wall(f.occurred_at, coalesce(w.time_zone, preferred.time_zone)),
                        coalesce(w.day_start, preferred.day_start)) as day
    from refusals f left join warehouses w using (warehouse), preferred
    where f.kind in ('reserve', 'sell') and f.outcome in ('insufficient_stock', 'ok')
      and ($warehouse::VARCHAR is null or w.code = $warehouse)
),
known as (
    -- A reference is its customer's, if it came with one only.
    select reference, case when min(customer) = max(customer) then min(customer) end as customer,
           count(customer) = 0 as nobodys
    from short where reference is not null group by reference
),
attempt as (
    select s.sku_key, s.day, s.client, s.command_id, min(s.booked_at) as first_at, min(s.seq << 24 | s.row) as place,
           coalesce(s.customer, k.customer, s.reference, concat_ws('-', s.shard, s.seq, s.row)) as asker,
           arg_min(s.channel, s.seq << 24 | s.row) as channel, sum(s.requested) as requested
    from short s left join known k using (reference) group by all
),
demand as (
    select d.*, timezone(p.time_zone, d.day + {SERVED_WITHIN + 1} + p.day_start) as until
    from (select sku_key, asker, day, min(first_at) as first_at, arg_min(channel, place) as channel,
                 max(requested) as requested
          from attempt group by all) d, preferred p
),
own as (
    -- Of a line of nobody: what took the part that it obtained.
    select s.sku_key, concat_ws('-', s.shard, s.seq, s.row) as asker, m.shard, m.reservation, m.line, m.warehouse
    from short s join movements m on m.shard = s.shard and m.seq = s.seq and m.row = s.row and m.kind = 'reserve'
    where s.alone and s.obtained > 0
),
taken as (
    select sku_key, customer, reference, booked_at, quantity, shard, reservation, line, warehouse from holds
    union all by name
    select sku_key, customer, reference, booked_at, quantity from sales where kind = 'sell'
),
theirs as (
    -- A reference that was refused without a customer is the asker, whoever comes with it later.
    select t.*, if(k.nobodys, k.reference, coalesce(t.customer, k.customer, k.reference)) as asker
    from taken t left join known k using (reference)
    where t.customer is not null or k.reference is not null
    union all by name
    select own.*, h.booked_at, h.quantity from own join holds h using (shard, reservation, line, warehouse)
),
got as (from theirs semi join demand using (sku_key, asker)),
given_back as (
    select shard, reservation, line, warehouse, coalesce(-sum(quantity) filter (kind = 'expire'), 0) as expired,
           coalesce(-sum(quantity) filter (kind = 'release'), 0) as let_go,
           coalesce(-sum(quantity) filter (kind = 'release' and state = 'held'), 0) as let_go_held
    from movements
    where kind in ('expire', 'release') and not hidden and reservation in (select reservation from got) group by all
),
confirmed as (
    select distinct shard, reservation from movements
    where kind = 'confirm' and not hidden and reservation in (select reservation from given_back)
),
kept as (
    -- Cancelled after it was confirmed, it had been obtained.
    select got.sku_key, got.asker, got.booked_at,
           got.quantity - coalesce(b.expired + if(c.reservation is null, b.let_go, b.let_go_held), 0) as quantity
    from got left join given_back b using (shard, reservation, line, warehouse)
    left join confirmed c on c.shard = b.shard and c.reservation = b.reservation
),
reach as (
    -- What an asker obtained of a SKU stands in a row, by when; a demand may take from `behind` it up to `upto`.
    select d.sku_key, d.asker, d.day, d.channel, d.requested,
           coalesce(sum(kept.quantity) filter (kept.booked_at < d.first_at), 0) as behind,
           coalesce(sum(kept.quantity) filter (kept.booked_at < d.until), 0) as upto
    from demand d left join kept using (sku_key, asker) group by all
),
queue as (
    -- Of those only for whom there was something in their days: the others take nothing from anybody.
    select *, sum(requested) over (partition by sku_key, asker order by day) as wanted
    from reach where behind < upto
),
end_of as (
    -- The oldest takes first: its end is least(upto, greatest(behind, end of the one before) + requested). Unrolled,
    -- `level` is that end less `wanted`: the greatest of what it would be had it begun anew with each of the older.
    select sku_key, asker, day, max(begun) as level
    from (
        select q.sku_key, q.asker, q.day,
               least(o.behind - o.wanted + o.requested,
                     min(o.upto - o.wanted) over (partition by q.sku_key, q.asker, q.day order by o.day desc)) as begun
        from queue q join queue o on o.sku_key = q.sku_key and o.asker = q.asker and o.day <= q.day
    )
    group by all
),
met as (
    select q.channel, q.day, q.sku_key, q.requested,
           greatest(q.wanted + e.level - greatest(q.behind, coalesce(
               lag(q.wanted + e.level) over (partition by q.sku_key, q.asker order by q.day), 0)), 0) as got
    from queue q join end_of e using (sku_key, asker, day)
    union all
    select channel, day, sku_key, requested, 0 from reach where behind >= upto
)
select p.sku, c.code as channel, met.day, sum(met.requested) as requested, sum(met.got) as obtained,
       sum(met.requested - met.got) as unmet
from met join products p using (sku_key) join channels c using (channel)
where met.got < met.requested
  and ($from_day::DATE is null or met.day >= $from_day) and ($to_day::DATE is null or met.day <= $to_day)
  and ($channel::VARCHAR is null or c.code = $channel) and ($sku::VARCHAR is null or p.sku = $sku)
  and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
group by all
order by met.day, p.sku, channel""",
)
