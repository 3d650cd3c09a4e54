"""The named reports, one file each. To add one: its file, its line in `REPORTS`, and a golden test."""

from typing import Final

from analytics.reports import channel_sales, late_corrections, product_channels, stock_as_of, unmet_demand
from analytics.reports.report import Report

_ALL: Final = (
    channel_sales.REPORT,
    product_channels.REPORT,
    stock_as_of.REPORT,
    unmet_demand.REPORT,
    late_corrections.REPORT,
)

REPORTS: Final[dict[str, Report]] = {report.name: report for report in _ALL}
"""By name. Knows no DuckDB: API processes read what can be asked from here."""
