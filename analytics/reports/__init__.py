"""The named reports, one file each. To add one: its file, its line in `REPORTS`, and a golden test."""

from typing import Final

from analytics.reports import (
    abc_xyz,
    ageing,
    basket_affinity,
    book_corrections,
    books,
    channel_comparison,
    channel_sales,
    channel_tax,
    conversion,
    deliveries,
    demand,
    empty_searches,
    hourly_profile,
    late_corrections,
    product_channels,
    product_margins,
    reservation_funnel,
    slow_stock,
    stock_as_of,
    stock_outs,
    suggestions,
    turnover,
    unmet_demand,
)
from analytics.reports.report import Report

_ALL: Final = (
    channel_sales.REPORT,
    product_channels.REPORT,
    stock_as_of.REPORT,
    deliveries.REPORT,
    demand.REPORT,
    unmet_demand.REPORT,
    channel_comparison.REPORT,
    product_margins.REPORT,
    channel_tax.REPORT,
    books.REPORT,
    book_corrections.REPORT,
    late_corrections.REPORT,
    reservation_funnel.REPORT,
    hourly_profile.REPORT,
    conversion.REPORT,
    empty_searches.REPORT,
    basket_affinity.REPORT,
    suggestions.REPORT,
    abc_xyz.REPORT,
    slow_stock.REPORT,
    ageing.REPORT,
    stock_outs.REPORT,
    turnover.REPORT,
)

REPORTS: Final[dict[str, Report]] = {report.name: report for report in _ALL}
"""By name. Knows no DuckDB: API processes read what can be asked from here."""
