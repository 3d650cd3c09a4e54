"""The reports in plain SQL over Parquet files of sales with discounts and of their returns, in the channel of the sale.

As somebody would write it who wants it quick: both are grouped apart, and what is left is added.
"""

from typing import Final

from benchmarks.plain_stock import suggestions

VIEWS: Final = (
    # A ticket's number is an order of its day: some have lines before and after four in the morning.
    """create view sold as
    select * replace (basket * 65536 + ((sold_at - interval 4 hour)::DATE - DATE '1970-01-01') as basket),
           units * unit_price as gross, gross - discount as paid, units * unit_cost as cost,
           (2 * paid * tax_rate + 1000000 + tax_rate) // (2 * (1000000 + tax_rate)) as tax,
           (sold_at - interval 4 hour)::DATE as day
    from read_parquet('{sales}', file_row_number = true)""",
    """create view back as
    select *, units * unit_price as amount, units * unit_cost as cost,
           (2 * amount * tax_rate + 1000000 + tax_rate) // (2 * (1000000 + tax_rate)) as tax,
           (returned_at - interval 4 hour)::DATE as day
    from read_parquet('{returns}', file_row_number = true)""",
)


def _sales(sold: str, back: str, shown: str = "period") -> str:
    return f"""
    with part as (
        select channel, {sold} as period, count(distinct basket) as orders, sum(units) as units, sum(gross) as gross,
               sum(discount) as discount, 0 as returns, sum(tax) as tax
        from sold group by all
        union all
        select channel, {back} as period, 0, 0, 0, 0, sum(amount), -sum(tax) from back group by all
    ),
    added as (
        select channel, period, sum(orders) as orders, sum(units) as units, sum(gross) as gross,
               sum(discount) as discount, sum(returns) as returns, sum(tax) as tax
        from part group by channel, period
    )
    select channel, {shown}, orders, units, gross, discount, returns, gross - discount - returns, tax, 'USD'
    from added order by channel, period"""


def hourly_profile(lines: str) -> str:
    """When orders come, by the view of sales `lines`."""
    return f"""
    with hours as (
        select channel, isodow(day) as weekday, hour(sold_at) as hour, count(distinct basket) as orders,
               sum(units) as units
        from {lines} group by all
    )
    select *, orders / sum(orders) over (partition by channel) from hours order by channel, weekday, hour"""


def abc_xyz(lines: str, amount: str) -> str:
    """Classes of products, by the view of sales `lines`, whose column `amount` is what was paid."""
    return f"""
    with week as (select sku, date_trunc('week', day) as week, sum(units) as units from {lines} group by all),
    weeks as (select date_diff('week', min(week), max(week)) + 1 as n from week),
    spread as (
        select sku, sqrt(greatest(sum(units * units) / any_value(n) - pow(sum(units) / any_value(n), 2), 0))
                    / (sum(units) / any_value(n)) as variation
        from week, weeks group by sku
    ),
    product as (
        select sku, sum(units) as units, sum({amount}) as sales, sum({amount} - tax - cost) as margin,
               sum({amount}) / sum(sum({amount})) over () as share,
               sum(sum({amount})) over (order by sum({amount}) desc, sku_key) / sum(sum({amount})) over () as running
        from {lines} join sku_keys using (sku) group by sku, sku_key
    )
    select sku, units, sales, share, running,
           case when running - share < 0.8 - 1e-12 then 'A' when running - share < 0.95 - 1e-12 then 'B' else 'C' end,
           variation, case when variation <= 0.5 + 1e-9 then 'X' when variation <= 1 + 1e-9 then 'Y' else 'Z' end,
           margin, 0, 'USD'
    from product join spread using (sku) order by sales desc, sku"""


PLAIN_WITH_RETURNS: Final[dict[tuple[str, str], str]] = {
    ("channel_sales", "day"): _sales("day", "day", "strftime(period, '%Y-%m-%d')"),
    ("channel_sales", "hour"): _sales(
        "date_trunc('hour', sold_at)", "date_trunc('hour', returned_at)", "strftime(period, '%Y-%m-%dT%H:00')"
    ),
    ("channel_sales", "week"): _sales(
        "date_trunc('week', day)", "date_trunc('week', day)", "strftime(period, '%G-W%V')"
    ),
    ("channel_sales", "group"): _sales("department", "department"),
    ("product_channels", ""): """
    with part as (
        select sku, channel, sum(units) as units, sum(paid) as net from sold group by all
        union all
        select sku, channel, 0, -sum(amount) from back group by all
    )
    select sku, channel, sum(units) as units, sum(net), sum(units) / sum(sum(units)) over (partition by sku)
    from part group by sku, channel order by sku, units desc, channel""",
    ("product_margins", ""): """
    with part as (
        select sku, channel, sum(units) as units, sum(paid) as net, sum(tax) as tax, sum(cost) as cost
        from sold group by all
        union all
        select sku, channel, 0, -sum(amount), -sum(tax), -sum(cost) from back group by all
    ),
    added as (
        select sku, channel, sum(units) as units, sum(net) as net, sum(tax) as tax, sum(cost) as cost
        from part group by all
    )
    select sku, channel, units, net, tax, cost, net - tax - cost as margin, margin / nullif(net - tax, 0), 0, 'USD'
    from added order by sku, margin desc, channel""",
    ("channel_comparison", ""): """
    with s as (
        select channel, count(distinct basket) as orders, sum(units) as units, sum(paid) as paid, sum(tax) as tax,
               sum(cost) as cost
        from sold group by channel
    ),
    r as (
        select channel, sum(units) as units, sum(amount) as amount, sum(tax) as tax, sum(cost) as cost
        from back group by channel
    )
    select channel, orders, s.units, paid - amount as net, net / sum(net) over (), null,
           (2 * paid + orders) // (2 * orders), 0.0, r.units / s.units, s.tax - r.tax as taxes,
           s.cost - r.cost as costs,
           net - taxes - costs as margin, 0, margin, round(margin / orders), 'USD'
    from s join r using (channel) order by net desc""",
    ("channel_tax", ""): """
    with part as (
        select channel, store, tax_rate, sum(paid) as sales, 0 as returns, sum(tax) as tax from sold group by all
        union all
        select channel, store, tax_rate, 0, sum(amount), -sum(tax) from back group by all
    )
    select channel, store, tax_rate / 1000000, sum(sales), sum(returns), sum(sales - returns), sum(tax), 'USD'
    from part group by channel, store, tax_rate order by channel, store, tax_rate""",
    ("books", ""): """
    with part as (
        select day, store, channel, count(distinct basket) as orders, sum(units) as units, sum(gross) as gross,
               sum(discount) as discount, 0 as returns, sum(tax) as tax
        from sold group by all
        union all
        select day, store, channel, 0, 0, 0, 0, sum(amount), -sum(tax) from back group by all
    )
    select day, store, channel, sum(orders), sum(units), sum(gross), sum(discount), sum(returns),
           sum(gross - discount - returns), sum(tax), null, null, null, null, null, 'USD'
    from part group by day, store, channel order by day, store, channel""",
    ("hourly_profile", ""): hourly_profile("sold"),
    ("late_corrections", ""): """
    with part as (
        select day, (booked_at - interval 4 hour)::DATE as booked, store, channel, count(*) as lines,
               sum(units) as units, sum(paid) as sales, 0 as returns
        from sold where booked > day group by all
        union all
        select day, (booked_at - interval 4 hour)::DATE as booked, store, channel, count(*), -sum(units), 0, sum(amount)
        from back where booked > day group by all
    )
    select day, booked, store, channel, sum(lines), sum(units), sum(sales), sum(returns), 'USD'
    from part group by day, booked, store, channel order by day, booked, store, channel""",
    ("abc_xyz", ""): abc_xyz("sold", "paid"),
    ("basket_affinity", "sku=item-1"): """
    with bought as (select distinct basket, sku from sold),
    sold_of as (select sku, count(*) as n from bought group by sku),
    pair as (
        select a.sku as first, b.sku as second, count(*) as n
        from bought a join bought b on a.basket = b.basket and a.sku <> b.sku
        where a.sku = 'item-1' group by all having count(*) > 1
    )
    select first, second, pair.n, pair.n / a.n, (pair.n / a.n) / (b.n / (select count(distinct basket) from sold))
    from pair join sold_of a on a.sku = first join sold_of b on b.sku = second""",
    ("suggestions", "sku=item-1"): suggestions("item-1"),
}
"""By report and what is asked of it. All pairs of random baskets are more than a report may answer: one product's."""
