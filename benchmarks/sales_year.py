"""A year of real sales of the sample retailer, as a Parquet file that knows nothing of journals and tables.

Each line is of one of three channels, by its store, with a tax rate by department and a cost by product, which the data
does not have.
"""

from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
from pyarrow import parquet

from analytics.retailer import SalesFiles
from benchmarks.sales_journal import BOOKED

_LINES: Final = f"""
with sold as (
    select t.basket_id as basket, t.product_id::VARCHAR as sku, 'store-' || t.store_id as store,
           t.quantity::BIGINT as units, ['till', 'web', 'collect'][t.store_id % 3 + 1] as channel,
           t.transaction_timestamp as sold_at, round(t.sales_value * 100)::BIGINT // t.quantity as unit_price,
           if(p.department = 'GROCERY', 70000, 190000)::INTEGER as tax_rate, t.product_id % 900 + 10 as unit_cost,
           p.department, p.product_category as category
    from read_parquet($transactions) t join read_parquet($products) p using (product_id)
    where p.department not in ('FUEL', 'COUPON', 'MISCELLANEOUS') and t.quantity between 1 and 100
),
numbered as (select *, row_number() over (order by sold_at, basket, sku) - 1 as line from sold)
select * exclude (line), {BOOKED} as booked_at from numbered where line < $rows order by line"""


def lines_of(files: SalesFiles, rows: int, path: Path) -> pa.Table:
    """The first so many lines, also as a Parquet file."""
    with duckdb.connect() as connection:
        given = {"transactions": str(files.transactions), "products": str(files.products), "rows": rows}
        found = connection.sql(_LINES, params=given).to_arrow_table()
    parquet.write_table(found, path)
    return found
