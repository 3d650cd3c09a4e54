"""The reports on stock in plain SQL over Parquet files of what came in and of what was sold, and perhaps returned.

Both sets of views give the same names: `moved` is everything that changed a cell, `came` what came in, `sale` the lines
sold.
"""

from typing import Final

RECEIPTS: Final = "receipts.parquet"
"""What cells were stocked with, beside the file of the sales."""
YEAR_AFTER: Final = "at=2018-06-01T12:00:00Z"
"""After everything: how old stock is depends on the day it is."""
YEAR_BEGUN: Final = "from=2017-01-04"
"""Some goods have been out since the day before, or longer."""

_RECEIPT: Final = "create view receipt as from read_parquet('{receipts}')"
_CAME: Final = """create view came as
    select sku, store, booked_at, booked_at as came_at, units, -1 as n from receipt"""
_MOVED: Final = """create view moved as
    select sku, store, booked_at, booked_at as happened_at, units, units as received, -1 as n from receipt
    union all
    select sku, store, booked_at, sold_at, -units, 0, file_row_number from {lines}"""

_BEHIND: Final = 1 << 40
"""The first returns may be booked at the moment of the last sales, and come after them all the same."""
STOCK: Final = (
    _RECEIPT,
    _CAME,
    _MOVED.replace("{lines}", "line"),
    "create view sale as select *, gross as paid, file_row_number as n from line",
)
STOCK_WITH_RETURNS: Final = (
    _RECEIPT,
    f"{_CAME} union all select sku, store, booked_at, returned_at, units, {_BEHIND} + file_row_number from back",
    f"{_MOVED.replace('{lines}', 'sold')} union all select sku, store, booked_at, returned_at, units, 0, "
    f"{_BEHIND} + file_row_number from back",
    "create view sale as select *, file_row_number as n from sold",
)
"""The same with returns; all of them are booked after the last sale."""


def _stock_outs(still: str) -> str:
    return f"""
    with ran as (
        select sku, store, booked_at, n,
               sum(units) over (partition by sku, store order by booked_at, n) > 0 as there
        from moved
    ),
    changed as (select *, lag(there) over (partition by sku, store order by booked_at, n) as before from ran),
    turned as (
        select *, lead(booked_at) over (partition by sku, store order by booked_at, n) as ended
        from changed where there is distinct from before
    ),
    gone as (
        select *, epoch_ms(coalesce(ended, newest)) - epoch_ms(booked_at) as ms
        from turned, (select max(booked_at) as newest from moved) where not there and before {still}
    ),
    rate as (
        select o.sku, o.store, o.booked_at, sum(s.units) as units
        from gone o join sale s on s.sku = o.sku and s.store = o.store and s.booked_at <= o.booked_at
             and s.booked_at > o.booked_at - interval 28 day
        group by all
    ),
    usual as (select *, (2000 * units * ms + 2419200000) // (2 * 2419200000) as lost from gone join rate
              using (sku, store, booked_at))
    select o.sku, o.store, o.booked_at::TIMESTAMPTZ, o.ended::TIMESTAMPTZ, o.ms / 3600000, 0,
           o.lost::DECIMAL(18, 0) * 0.001 as usual, usual, (2 * s.paid * o.lost + 1000 * s.units) // (2000 * s.units),
           sign(s.margin) * ((2 * abs(s.margin) * o.lost + 1000 * s.units) // (2000 * s.units)),
           'USD'
    from usual o asof join (select *, paid - tax - cost as margin from sale) s on s.sku = o.sku and o.n >= s.n
    order by o.booked_at, o.sku, o.store"""


PLAIN_STOCK: Final[dict[tuple[str, str], str]] = {
    ("stock_as_of", ""): """
    select sku, store, sum(units) as on_hand, 0, 0, on_hand as available
    from moved group by all order by sku, store""",
    ("slow_stock", YEAR_AFTER): """
    with level as (
        select *, sum(units) over (partition by sku, store order by booked_at, n) as after from moved
    ),
    cell as (
        select sku, store, sum(units) as on_hand,
               (max(happened_at) filter (after > 0 and after - units <= 0) - interval 4 hour)::DATE as there_since
        from level group by all having on_hand > 0
    ),
    received as (
        select sku, store, (min(booked_at) - interval 4 hour)::DATE as first_in,
               (max(booked_at) - interval 4 hour)::DATE as last_in, any_value(unit_cost) as unit_cost
        from receipt group by all
    ),
    gone as (select sku, store, max(day) as last_sold from sale group by all)
    select sku, store, on_hand, first_in, last_in, there_since, last_sold,
           date '2018-06-01' - greatest(there_since, coalesce(last_sold, there_since)) as days,
           case when days >= 90 then 'dead' when days >= 28 then 'slow' else 'moving' end,
           on_hand * unit_cost, 'USD'
    from cell join received using (sku, store) left join gone using (sku, store)
    order by last_sold is not null, days desc, sku, store""",
    ("ageing", YEAR_AFTER): """
    with cell as (select sku, store, sum(units) as on_hand from moved group by all having on_hand > 0),
    price as (select sku, any_value(unit_cost) as unit_cost from receipt group by sku),
    layer as (
        select sku, store, units, date '2018-06-01' - (came_at - interval 4 hour)::DATE as age,
               sum(units) over (partition by sku, store order by booked_at desc, n desc
                                rows between unbounded preceding and current row) - units as newer
        from came
    ),
    left_over as (
        select sku, store, on_hand, age, least(units, on_hand - newer) as units
        from layer join cell using (sku, store) where newer < on_hand
    )
    select sku, store, on_hand, sum(units * age) / on_hand as days, date '2018-06-01' - max(age)::INTEGER,
           coalesce(sum(units) filter (age <= 30), 0), coalesce(sum(units) filter (age between 31 and 60), 0),
           coalesce(sum(units) filter (age between 61 and 90), 0),
           coalesce(sum(units) filter (age between 91 and 180), 0), coalesce(sum(units) filter (age > 180), 0),
           on_hand * any_value(unit_cost), 'USD'
    from left_over join price using (sku) group by sku, store, on_hand order by days desc, sku, store""",
    ("turnover", ""): """
    with daily as (
        select sku, store, (booked_at - interval 4 hour)::DATE as day, sum(units) as change, sum(received) as received
        from moved group by all
    ),
    span as (select min(day) as first, max(day) as last, last - first + 1 as days from daily),
    closing as (
        select *, sum(change) over (partition by sku, store order by day) as on_hand,
               lead(day) over (partition by sku, store order by day) as next
        from daily
    ),
    stock as (
        select sku, store, sum(on_hand * (coalesce(next, last + 1) - day)) as unit_days,
               arg_max(on_hand, day) as on_hand, sum(received) as received
        from closing, span group by all
    ),
    gone as (
        select sku, store, sum(units) as units, sum(cost) as cost, sum(paid - tax - cost) as margin
        from sale, span where sale.day between first and last group by all
    ),
    price as (select sku, any_value(unit_cost) as unit_cost from receipt group by sku)
    select sku, store, days, coalesce(gone.units, 0), received,
           ((2000 * unit_days + days) // (2 * days))::DECIMAL(18, 0) * 0.001, on_hand,
           coalesce(gone.units, 0) * days / nullif(unit_days, 0), on_hand * days / nullif(gone.units, 0),
           coalesce(gone.units, 0) / nullif(coalesce(gone.units, 0) + on_hand, 0), cost, margin, 0,
           on_hand * unit_cost, 'USD'
    from stock join price using (sku) left join gone using (sku, store), span order by sku, store""",
    ("stock_outs", ""): _stock_outs(""),
    ("stock_outs", YEAR_BEGUN): _stock_outs("and not coalesce(ended < '2017-01-04 04:00', false)"),
}
"""By report and what is asked of it."""


def suggestions(sku: str) -> str:
    """What was bought with a product, the one in stock first; nobody says what was looked at."""
    return f"""
    with bought as (select distinct basket, sku from sale),
    pair as (
        select sku, count(*) as n from bought
        where basket in (select basket from bought where sku = '{sku}') and sku <> '{sku}' group by sku
    ),
    here as (select sku, sum(units) as units from moved where sku in (select sku from pair) group by sku)
    select '{sku}', sku, n, n / (select count(*) from bought where sku = '{sku}'), units, 'bought_together', 0, 0
    from pair join here using (sku) order by units > 0 desc, n desc, sku"""
