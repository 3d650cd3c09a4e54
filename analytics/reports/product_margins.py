"""What each product earns in each channel."""

from typing import Final

from analytics.reports.report import CHANNEL, FROM, GROUP, SKU, TO, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="product_margins",
    about="What each product earns in each channel: net of tax, less what the goods cost when they left.",
    columns=(
        Column("sku", Sort.TEXT, "of the product"),
        Column("channel", Sort.TEXT, "code of the channel; of a return: that of the sale it belongs to"),
        Column("units", Sort.UNITS, "sold; returned units are not taken off"),
        Column("net", Sort.MONEY, "gross - discount - returns"),
        Column("tax", Sort.MONEY, "the tax in net"),
        Column("cost", Sort.MONEY, "of the goods sold less those returned, as far as it is known; null: of none it is"),
        Column("margin", Sort.MONEY, "net - tax - cost, of the lines with a known cost; null: there are none"),
        Column("margin_rate", Sort.SHARE, "margin / (net - tax), both of the lines with a known cost"),
        Column("uncosted", Sort.COUNT, "lines sold and returned whose cost is not known: they are in no margin"),
        Column("currency", Sort.TEXT, "of the amounts; null: these lines came without a price and count 0"),
    ),
    parameters=(FROM, TO, CHANNEL, WAREHOUSE, SKU, GROUP),
    sql="""
with summed as (
    select t.sku_key, t.channel, t.currency, sum(t.units) as units, sum(t.gross - t.discount - t.returns) as net,
           sum(t.tax) as tax, sum(t.cost) as cost, sum(t.gross - t.discount - t.returns - t.tax - t.cost) as margin,
           sum(t.gross - t.discount - t.returns - t.tax) filter (t.cost is not null) as revenue,
           count(*) filter (t.cost is null) as uncosted
    from trade t join channels c using (channel) join warehouses w using (warehouse) join products p using (sku_key)
    where ($from_day::DATE is null or t.business_day >= $from_day)
      and ($to_day::DATE is null or t.business_day <= $to_day)
      and ($channel::VARCHAR is null or c.code = $channel) and ($warehouse::VARCHAR is null or w.code = $warehouse)
      and ($sku::VARCHAR is null or p.sku = $sku)
      and ($group_name::VARCHAR is null or list_contains(p.group_path, $group_name))
    group by t.sku_key, t.channel, t.currency
)
select p.sku, c.code as channel, s.units, s.net, s.tax, s.cost, s.margin,
       s.margin::DOUBLE / nullif(s.revenue, 0)::DOUBLE as margin_rate, s.uncosted, s.currency
from summed s join products p using (sku_key) join channels c using (channel)
order by p.sku, s.margin desc nulls last, c.code, s.currency""",
)
