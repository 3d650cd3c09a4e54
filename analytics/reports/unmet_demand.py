"""What customers asked for and did not get."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, SKU, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="unmet_demand",
    about=(
        "What was asked for and not obtained. A customer (else a reference) counts once for each SKU and day, with "
        "the most that was asked for at a time, less what the same one obtained then or later, in whatever channel."
    ),
    columns=(
        Column("sku", Sort.TEXT, "that was asked for"),
        Column("channel", Sort.TEXT, "in which it was first asked for"),
        Column("day", Sort.DAY, "business day; of a line without a place, by the clock of the most preferred place"),
        Column("requested", Sort.UNITS, "by those who did not get all of it"),
        Column("obtained", Sort.UNITS, "by the same, then or later"),
        Column("unmet", Sort.UNITS, "requested - obtained"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, SKU, GROUP),
    sql="""
with preferred as (
    select time_zone, day_start from warehouses where kind <> 'quarantine' and not archived
    order by priority, code limit 1
),
short as (
    select f.sku_key, f.channel, f.requested, f.obtained, f.booked_at, coalesce(f.customer, f.reference) as who,
           coalesce(f.command_id, '') as command, f.client,
           coalesce(f.customer, f.reference, concat_ws('-', f.shard, f.seq, f.row)) as asker,
           business_day(on_the_wall(f.occurred_at, coalesce(w.time_zone, (select time_zone from preferred), 'UTC')),
                        coalesce(w.day_start, (select day_start from preferred), interval '4 hours')) as day
    from refusals f left join warehouses w using (warehouse)
    where f.kind in ('reserve', 'sell') and f.outcome in ('insufficient_stock', 'ok')
      and ($warehouse::VARCHAR is null or w.code = $warehouse)
),
attempt as (
    select sku_key, who, asker, day, client, command, min(booked_at) as first_at,
           arg_min(channel, booked_at) as channel, sum(requested) as requested, sum(obtained) as obtained
    from short group by all
),
demand as (
    select sku_key, who, asker, day, min(first_at) as first_at, arg_min(channel, first_at) as channel,
           max(requested) as requested, max(obtained) as obtained
    from attempt group by all
),
taken as (
    select sku_key, coalesce(customer, reference) as who, booked_at, quantity from holds
    union all by name
    select sku_key, coalesce(customer, reference) as who, booked_at, quantity from sales where kind = 'sell'
),
later as (
    select d.sku_key, d.asker, d.day, sum(t.quantity) as obtained
    from demand d join taken t on t.sku_key = d.sku_key and t.who = d.who and t.booked_at >= d.first_at
    where d.who is not null group by all
),
met as (
    select d.*, least(d.requested, case when d.who is null then d.obtained else coalesce(l.obtained, 0) end) as got
    from demand d left join later l using (sku_key, asker, day)
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
