"""Every cell at a moment: what replaying the journals up to then gives."""

from typing import Final

from analytics.reports.report import AT, GROUP, LAST, SKU, WAREHOUSE, Column, Report, Sort

REPORT: Final = Report(
    name="stock_as_of",
    about="Every cell as it was after the last record that its shard had decided at that moment.",
    columns=(
        Column("sku", Sort.TEXT, "of the cell"),
        Column("warehouse", Sort.TEXT, "code of the place; those of kind quarantine stand here too, by themselves"),
        Column("on_hand", Sort.UNITS, "in the place"),
        Column("reserved", Sort.UNITS, "of these held, by open holds and confirmed reservations"),
        Column("incoming", Sort.UNITS, "on their way"),
        Column("available", Sort.UNITS, "on_hand - reserved - safety_stock"),
    ),
    parameters=(AT, WAREHOUSE, SKU, GROUP),
    sql=f"""
with {LAST},
-- Names are put in order once, not once for each of their cells.
goods as (select sku_key, sku, (row_number() over (order by sku))::UINTEGER as rank from products where {{skus}}),
places as (select warehouse, code, (row_number() over (order by code))::USMALLINT as rank from warehouses)
select g.sku, w.code as warehouse, cell.on_hand, cell.reserved, cell.incoming, cell.available
from cell join goods g using (sku_key) join places w using (warehouse)
order by g.rank, w.rank""",
)
