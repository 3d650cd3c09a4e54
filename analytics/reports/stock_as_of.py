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
with {LAST}
select p.sku, w.code as warehouse, cell.on_hand, cell.reserved, cell.incoming, cell.available
from cell join products p using (sku_key) join warehouses w using (warehouse)
order by p.sku, w.code""",
)
