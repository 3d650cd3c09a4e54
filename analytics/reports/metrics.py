"""What each figure of the reports is: formula, window, and how tax, returns and missing values are treated.

One source for all who show figures: `GET /v1/reports` gives it beside every column, `docs/metrics.md` is this as a page
(a test compares the two), and a figure without an entry here fails a test.
"""

from typing import Final, NamedTuple

from analytics.reports.report import Report, Sort
from analytics.reports.suggestions import LOOKED_DAYS
from analytics.reports.unmet_demand import SERVED_WITHIN


class Metric(NamedTuple):
    """One figure."""

    formula: str
    window: str
    tax: str = "not in it"
    returns: str = "not taken off"
    nulls: str = "never null"


FIGURES: Final = (Sort.UNITS, Sort.MONEY, Sort.COUNT, Sort.SHARE)
"""Sorts of columns that hold a figure; the others name what it is of."""

_SOLD: Final = "business days of the sales asked for"
_TRADED: Final = "business days asked for: of sales, and of returns by the day they came back"
_MADE: Final = "reservations made on the business days asked for, with all that became of them since"
_DECIDED: Final = "business days asked for: of confirmations, releases and sales, by when they happened"
_DEMAND: Final = "business days on which it was asked for"
_MOMENT: Final = "the moment asked for, else now; by when it was booked"
_LOOKED: Final = "days asked for of which the channel said what its customers looked at"
_RECENT: Final = f"days asked for; without a first day, {LOOKED_DAYS} days up to the last, or up to now"
_OUT: Final = "stock-outs that lasted on any of the business days asked for, each from its beginning to its end"
_CLOSED: Final = "the business day, as it was when it was closed"
_NO_PRICE: Final = "lines without a price count 0 and stand in rows with `currency` null"
_NO_COST: Final = "null: no line has a known cost; lines without one are counted in `uncosted`, never taken as 0"
_GOODS: Final = "has nothing to do with it"

METRICS: Final[dict[str, Metric]] = {
    "orders": Metric(
        "different orders with a sale: a reservation; over the counter the lines of one reference of a client and "
        "channel on a day, else of one group, else one command",
        _SOLD,
        returns="make no order",
    ),
    "units": Metric("sum of the quantities sold over the counter or fulfilled", _SOLD, _GOODS),
    "gross": Metric(
        "sum over the lines of unit_price x quantity, each rounded half up", _SOLD, "included", nulls=_NO_PRICE
    ),
    "discount": Metric(
        "sum of the lines' discounts; of a line fulfilled in parts each part's share, rounded so that they add up",
        _SOLD,
        "included",
        nulls="no discount: 0",
    ),
    "returns": Metric(
        "sum over the returned lines of unit_price x quantity, each rounded half up",
        "business days on which the goods came back",
        "included",
        "is them; in the channel of the sale that `original` names",
        "a return without a price counts 0",
    ),
    "sales": Metric("gross - discount", _SOLD, "included", nulls=_NO_PRICE),
    "net": Metric("gross - discount - returns", _TRADED, "included", "taken off", _NO_PRICE),
    "product_channels.net": Metric(
        "gross - discount - returns",
        _TRADED,
        "included",
        "taken off",
        "null: in several currencies, which are never added",
    ),
    "tax": Metric(
        "sum over the lines of amount x rate / (1 + rate), each rounded half up",
        _TRADED,
        "is it",
        "taken off",
        "no rate: 0",
    ),
    "rate": Metric("the rate of tax as it was given", _TRADED, "is it", "by their own rate", "no rate: 0"),
    "basket": Metric("(gross - discount) / orders, rounded half up", _SOLD, "included", nulls="null: no orders"),
    "share": Metric(
        "part / whole of what the column says", _SOLD, "as in the figure it is a part of", nulls="null: of 0"
    ),
    "channel_comparison.share": Metric(
        "net of the channel / net of all channels in this currency", _TRADED, "included", "taken off", "null: of 0"
    ),
    "growth": Metric(
        "net / net of as many days just before `from`, less 1",
        _TRADED,
        "included",
        "taken off",
        "null: no `from` or `to`, or nothing before",
    ),
    "refusal_rate": Metric(
        "lines of reserve and sell refused for lack of stock / all lines asked for, in all currencies",
        _DEMAND,
        _GOODS,
        _GOODS,
        "nothing asked for: 0",
    ),
    "return_rate": Metric(
        "units returned / units sold, in all currencies", _TRADED, _GOODS, "is them", "null: nothing sold"
    ),
    "cost": Metric(
        "sum over the lines of the SKU's moving average when the goods left x quantity, each rounded half up; average "
        "= (on hand before x average + received x unit_cost) / (on hand before + received) at each receipt with one, "
        "over all places of the SKU",
        _TRADED,
        "as in the `unit_cost` given, which should be without",
        "taken off, at the average when they came back",
        _NO_COST,
    ),
    "turnover.cost": Metric(
        "cost of what was sold",
        _SOLD,
        "as in the `unit_cost` given",
        nulls="null: of no line it is known, or in several currencies",
    ),
    "margin": Metric("net - tax - cost, of the lines with a known cost", _TRADED, "taken off", "taken off", _NO_COST),
    "turnover.margin": Metric(
        "gross - discount - tax - cost, of the lines with a known cost", _SOLD, "taken off", nulls="like cost"
    ),
    "abc_xyz.margin": Metric(
        "gross - discount - tax - cost, of the lines with a known cost", _SOLD, "taken off", nulls=_NO_COST
    ),
    "margin_rate": Metric(
        "margin / (net - tax), both of the lines with a known cost", _TRADED, "taken off", "taken off", "null: of 0"
    ),
    "uncosted": Metric("lines whose cost is not known in their currency", _TRADED, _GOODS, "counted too"),
    "contribution": Metric(
        "margin - fee_rate x net - payment_rate x (gross - discount) - fixed_cost x orders, of the lines with a known "
        "cost, at the rates that the channel has now",
        _TRADED,
        "taken off; fees are of prices with tax",
        "taken off; the fee is given back with them, payment and fixed cost are not",
        "null: no known cost, or the fixed cost is in another currency",
    ),
    "per_order": Metric(
        "contribution / orders with a line of known cost, rounded half up",
        _TRADED,
        "like contribution",
        "taken off",
        "null: no such order",
    ),
    "closed_net": Metric("net as it was written down", _CLOSED, "included", "taken off", "null: the day is not closed"),
    "closed_tax": Metric("tax as it was written down", _CLOSED, "is it", "taken off", "null: the day is not closed"),
    "difference": Metric(
        "net - closed_net",
        "what came to the day after it was closed",
        "included",
        "taken off",
        "null: the day is not closed",
    ),
    "lines": Metric("sold and returned lines", _TRADED, _GOODS, "counted too"),
    "late_corrections.units": Metric("units sold - units returned", _TRADED, _GOODS, "taken off"),
    "hour": Metric("hour of the clock on the wall of the place", _SOLD, _GOODS),
    "weekday": Metric("of the business day, 1 Monday to 7 Sunday", _SOLD, _GOODS),
    "requested": Metric(
        "the most that one customer (else reference) asked for in one command, of each SKU and business day, of those "
        "who did not get all of it",
        _DEMAND,
        _GOODS,
        _GOODS,
    ),
    "obtained": Metric(
        "what the same one held or bought from then on, in whatever channel, at most requested; each unit serves one "
        "demand, the oldest that it can; units of holds that expired or were released before they were confirmed are "
        "none; a reference is its customer's if it was refused with one only",
        f"business days on which it was asked for, and the {SERVED_WITHIN} after each of them",
        _GOODS,
    ),
    "unmet": Metric("requested - obtained", _DEMAND, _GOODS, _GOODS),
    "reservation_funnel.requested": Metric("held + refused", _DEMAND, _GOODS, _GOODS),
    "reservation_funnel.refused": Metric(
        "sum of what lines of reserve asked for and did not get; asked again it counts again", _DEMAND, _GOODS, _GOODS
    ),
    "reservations": Metric("different reservations that held anything", _MADE, _GOODS, _GOODS),
    "held": Metric("units reserved at first", _MADE, _GOODS, _GOODS),
    "confirmed": Metric("units still held when their reservation was confirmed", _MADE, _GOODS, _GOODS),
    "fulfilled": Metric("units that left the house", _MADE, _GOODS),
    "cancelled": Metric("units released after their reservation was confirmed", _MADE, _GOODS, _GOODS),
    "released": Metric("units released before", _MADE, _GOODS, _GOODS),
    "expired": Metric("units given back at their deadline", _MADE, _GOODS, _GOODS),
    "open": Metric("held - fulfilled - cancelled - released - expired", _MADE, _GOODS, _GOODS),
    "reservation_funnel.conversion": Metric("fulfilled / held", _MADE, _GOODS, nulls="null: nothing was held"),
    "confirm_hours": Metric(
        "hours from reserving to confirming, on average over the confirmed units",
        _MADE,
        _GOODS,
        _GOODS,
        "null: none confirmed",
    ),
    "demand.orders": Metric(
        "different reservations confirmed, and orders sold over the counter", _DECIDED, returns="make no order"
    ),
    "demand.units": Metric("confirmed + counter; what was cancelled is not taken off", _DECIDED, _GOODS),
    "demand.confirmed": Metric(
        "units still held when their reservation was confirmed, on the day of the confirmation", _DECIDED, _GOODS
    ),
    "counter": Metric("units sold over the counter", _DECIDED, _GOODS),
    "demand.cancelled": Metric(
        "units released after their reservation was confirmed, on the day of the release", _DECIDED, _GOODS, _GOODS
    ),
    "views": Metric("sum of what the channel said, its last word for each SKU and day", _LOOKED, _GOODS, _GOODS),
    "cart_adds": Metric("sum of what the channel said, its last word for each SKU and day", _LOOKED, _GOODS, _GOODS),
    "conversion.orders": Metric("different orders with a sale of these products", _LOOKED, _GOODS, "make no order"),
    "conversion.units": Metric("units sold of these products", _LOOKED, _GOODS),
    "cart_rate": Metric("cart_adds / views", _LOOKED, _GOODS, _GOODS, "null: no views"),
    "conversion": Metric("orders / views", _LOOKED, _GOODS, nulls="null: no views"),
    "searches": Metric(
        "sum of the searches that showed nothing, as the channel said last", "days asked for", _GOODS, _GOODS
    ),
    "empty_searches.days": Metric("different days with such a search", "days asked for", _GOODS, _GOODS),
    "basket_affinity.orders": Metric("different orders with both products", _SOLD, _GOODS, "make no order"),
    "suggestions.orders": Metric(
        "different orders with both products, in all channels", _SOLD, _GOODS, "make no order"
    ),
    "suggestions.confidence": Metric(
        "orders with both / orders with the first", _SOLD, _GOODS, nulls="null: no order with the first"
    ),
    "suggestions.cart_adds": Metric(
        "sum of what the channels said, their last word for each day", _RECENT, _GOODS, _GOODS
    ),
    "suggestions.views": Metric("sum of what the channels said, their last word for each day", _RECENT, _GOODS, _GOODS),
    "confidence": Metric("orders with both / orders with the first", _SOLD, _GOODS),
    "lift": Metric("confidence / (orders with the second / all orders)", _SOLD, _GOODS),
    "running": Metric(
        "shares of this product and of all before it, added", _SOLD, "as in the figure", nulls="null: of 0"
    ),
    "variation": Metric(
        "standard deviation of a week's units / their mean, over all ISO weeks asked for, weeks without a sale as 0",
        _SOLD,
        _GOODS,
    ),
    "on_hand": Metric("sum of all that came in and went out", _MOMENT, _GOODS, "back in, in the place that took them"),
    "reserved": Metric("units in open holds and confirmed reservations", _MOMENT, _GOODS, _GOODS),
    "incoming": Metric("expected - received, by source", _MOMENT, _GOODS, _GOODS),
    "available": Metric("on_hand - reserved - safety_stock", _MOMENT, _GOODS, "back in, in the place that took them"),
    "turnover.days": Metric("business days from the first to the last asked for", "is it", _GOODS, _GOODS),
    "sold": Metric("units sold in the place", _SOLD, _GOODS),
    "received": Metric(
        "units that came by `receive`", "business days asked for, by when it was booked", _GOODS, "are not among them"
    ),
    "average_stock": Metric(
        "sum of on hand at the end of each business day / days, rounded half up",
        "business days asked for",
        _GOODS,
        "back in",
    ),
    "turnover.on_hand": Metric(
        "on hand at the end of the last business day", "the last business day asked for", _GOODS, "back in"
    ),
    "turns": Metric("sold / average stock", "business days asked for", _GOODS, nulls="null: no stock"),
    "days_of_cover": Metric(
        "on hand / (sold / days)", "business days asked for", _GOODS, nulls="null: nothing was sold"
    ),
    "sell_through": Metric("sold / (sold + on hand)", "business days asked for", _GOODS, nulls="null: neither"),
    "value": Metric(
        "on hand x the SKU's moving average, rounded half up",
        _MOMENT,
        "as in the `unit_cost` given",
        "back in, at the average",
        "null: no cost is known, or costs are in several currencies",
    ),
    "days_without_sale": Metric(
        "business days since the later of two: the last sale in the place, and when on hand last rose from 0 or below "
        "to above, by whatever movement",
        _MOMENT,
        _GOODS,
        "are no sale; goods that came back where there were none are there since then",
    ),
    "ageing.days": Metric(
        "age of a unit on average: on hand is taken to be what came in last (first in, first out)",
        _MOMENT,
        _GOODS,
        "begin anew in the place that took them",
    ),
    **{
        name: Metric("units on hand of this age, first in, first out", _MOMENT, _GOODS, "begin anew")
        for name in ("to_30", "to_60", "to_90", "to_180", "older")
    },
    "hours": Metric("from `began` to `ended`, else to the newest record", _OUT, _GOODS, _GOODS),
    "refused": Metric(
        "asked for in this place and refused meanwhile; of lines that name no place those for which it was the first "
        "of the places that were out, as their channel sources; of one customer (else reference) the most",
        _OUT,
        _GOODS,
        _GOODS,
    ),
    "usual": Metric(
        "units sold in the place in the 28 days before it began x hours / (28 x 24), rounded half up", _OUT, _GOODS
    ),
    "lost": Metric("the larger of refused and usual", _OUT, _GOODS),
    "lost_sales": Metric(
        "lost x (gross - discount) / quantity of the SKU's last priced sale before, in any place, rounded half up",
        _OUT,
        "included",
        nulls="null: no priced sale before",
    ),
    "lost_margin": Metric(
        "lost x (gross - discount - tax - cost) / quantity of that sale, rounded half up",
        _OUT,
        "taken off",
        nulls="null: its cost is not known",
    ),
}
"""By the name of the column, or `report.column` where it means something else in one report."""


def metric_of(report: str, column: str) -> Metric | None:
    """What a column's figure is; None for a column that holds none."""
    return METRICS.get(f"{report}.{column}") or METRICS.get(column)


def page(reports: dict[str, Report]) -> str:
    """`docs/metrics.md`: every figure with the reports that show it."""
    lines = []
    for name, metric in sorted(METRICS.items(), key=lambda item: (item[0].rpartition(".")[2], item[0])):
        shown = [r.name for r in reports.values() for c in r.columns if metric_of(r.name, c.name) is metric]
        cells = (name.rpartition(".")[2], ", ".join(shown), *metric)
        lines.append(f"| {' | '.join(cells)} |")
    return _HEAD + "\n".join(lines) + "\n"


_HEAD: Final = """# Metrics

What each figure of the reports is. `GET /v1/reports` gives the same beside every column. Amounts are in minor units;
those of different currencies are never added. Business days are those of the place ([days](analytics.md#days)); a line
that comes late is counted in the day it happened. Quarantine is in no figure of stock but those of `stock_as_of`.

| figure | reports | formula | window | tax | returns | missing values |
|---|---|---|---|---|---|---|
"""
