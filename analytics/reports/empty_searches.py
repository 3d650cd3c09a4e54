"""What customers searched for and were shown nothing."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, SKU, TO, Column, Report, Sort

REPORT: Final = Report(
    name="empty_searches",
    about="What customers searched for and were shown nothing, the most often first: what to list, or to have again.",
    columns=(
        Column("query", Sort.TEXT, "what was searched for; null: the search was for a SKU"),
        Column("sku", Sort.TEXT, "the SKU that was searched for; null: for something else"),
        Column("channel", Sort.TEXT, "code of the channel"),
        Column("searches", Sort.COUNT, "that showed nothing"),
        Column("days", Sort.COUNT, "different days with one"),
        Column("first", Sort.DAY, "the first of them"),
        Column("last", Sort.DAY, "the last of them"),
    ),
    parameters=(FROM, TO, CHANNEL, SKU),
    sql="""
with counted as (
    -- By numbers; texts are made of what is left.
    select query, sku_key, channel, sum(empty_searches) as searches, count(distinct day) as days,
           min(day) as first, max(day) as last
    from interest
    where empty_searches > 0 and ($from_day::DATE is null or day >= $from_day)
      and ($to_day::DATE is null or day <= $to_day)
    group by query, sku_key, channel
)
select i.query, p.sku, c.code as channel, i.searches, i.days, i.first, i.last
from counted i join channels c using (channel) left join products p using (sku_key)
where ($channel::VARCHAR is null or c.code = $channel) and ($sku::VARCHAR is null or p.sku = $sku)
order by i.searches desc, i.query, p.sku, c.code""",
)
