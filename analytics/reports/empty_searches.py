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
select i.query, p.sku, c.code as channel, sum(i.empty_searches) as searches, count(distinct i.day) as days,
       min(i.day) as first, max(i.day) as last
from interest i join channels c using (channel) left join products p using (sku_key)
where i.empty_searches > 0 and ($from_day::DATE is null or i.day >= $from_day)
  and ($to_day::DATE is null or i.day <= $to_day)
  and ($channel::VARCHAR is null or c.code = $channel) and ($sku::VARCHAR is null or p.sku = $sku)
group by i.query, p.sku, c.code
order by searches desc, i.query, p.sku, channel""",
)
