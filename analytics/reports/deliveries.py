"""What is on its way: to where, how much, from which order or transfer, and when it should be there."""

from typing import Final

from analytics.reports.report import AT, GROUP, SKU, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="deliveries",
    about="What is on its way to each place, by purchase order or transfer; what should be there first comes first.",
    columns=(
        Column("sku", Sort.TEXT, "on its way"),
        Column("warehouse", Sort.TEXT, "code of the place that it goes to; quarantine is left out"),
        Column("source", Sort.TEXT, "the purchase order, or the id of the transfer"),
        Column("incoming", Sort.UNITS, "still to come from it"),
        Column("due", Sort.MOMENT, "when it should be there, as was said last; null: nobody said, as of a transfer"),
        Column("announced", Sort.MOMENT, "when it was first said to be on its way"),
    ),
    parameters=(AT, WAREHOUSE, SKU, GROUP),
    sql="""
with entry as (
    select sku_key, warehouse, source, incoming_delta, due, booked_at, seq << 24 | n as place
    from movements
    where (incoming_delta <> 0 or due is not null) and source is not null
      and ($moment::TIMESTAMPTZ is null or booked_at <= $moment)
      and {cells}
),
coming as (
    select sku_key, warehouse, source, sum(incoming_delta) as incoming,
           arg_max(due, place) filter (due is not null) as due, min(booked_at) as announced
    from entry group by all having sum(incoming_delta) > 0
)
select p.sku, w.code as warehouse, c.source, c.incoming, c.due, c.announced
from coming c join products p using (sku_key) join warehouses w using (warehouse)
where w.kind <> 'quarantine'
order by c.due nulls last, c.announced, p.sku, w.code, c.source""",
)
