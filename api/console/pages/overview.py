"""How is it going, everywhere, now? Sales as they happen, today beside the same weekday, alerts, the health."""

import time
from datetime import datetime
from typing import Any, Final

from fastapi import Request
from nicegui import ui

from api.console import charts
from api.console.alerts import alert_lines, open_alerts
from api.console.by_now import so_far
from api.console.chart_words import spoken
from api.console.client import ApiProblem
from api.console.events import event_line
from api.console.frame import frame, route
from api.console.live import SOLD
from api.console.pages.stock import OUT
from api.console.parts import Section, badge, card, empty, kpi, line, loading
from api.console.text import Text, anchor, box
from api.console.visit import Desk, Visit, business_day, visit_of

LIVE_S: Final = 1.0
SLOW_S: Final = 15.0
LATEST: Final = 12


def register(desk: Desk) -> None:
    """`/`"""

    @route("/")
    async def overview(request: Request) -> None:
        visit = visit_of(request, desk)
        t = visit.t
        with frame(visit, t("Overview"), t("All places and channels, as it happens")):
            figures = _Today(visit)
            with box("os-grid"):
                with card(t("Sales by channel, last five minutes"), t("units in each five seconds"), "os-w8"):
                    live = _LiveSales(visit)
                with card(t("Alerts"), classes="os-w4"):
                    alerts = Section(
                        visit, lambda: open_alerts(visit), lambda found: alert_lines(visit, found), lines=5
                    )
                    anchor(visit.link("/stock", only=OUT), "os-small", t("All that is out of stock"))
                with card(t("Just now"), classes="os-w8"):
                    latest = _Latest(visit)
                with card(t("The engine"), classes="os-w4"):
                    health = _Health(visit)

            def tick() -> None:
                desk.live.watch()
                live.show()
                latest.show()

            ui.timer(LIVE_S, tick)
            ui.timer(SLOW_S, figures.load)
            ui.timer(SLOW_S, health.load)
            ui.timer(SLOW_S, alerts.renew, immediate=False)


class _Today:
    """The figures of the day, its finished hours compared with those of the same weekday last week."""

    def __init__(self, visit: Visit) -> None:
        t = visit.t
        self._visit = visit
        with box("os-kpis"):
            self._sales = kpi(t("Sales today"), href="/channels?span=today")
            self._orders = kpi(t("Orders today"), href="/channels?span=today")
            self._units = kpi(t("Units sold today"), href="/products?span=today")
            self._lost = kpi(t("Asked for and not there today"), href="/reports/unmet_demand?span=today")

    async def load(self) -> None:
        """Ask for them."""
        desk, f = self._visit.desk, self._visit.f
        try:
            places = await desk.warehouses()
            place = next(iter(places.values()), None)
            self._visit.use_zone((place or {}).get("time_zone"))
            today = business_day(place)
            selling = {code: each for code, each in places.items() if each.get("kind") != "quarantine"}
            found = await so_far(self._visit, today, selling)
            unmet = await desk.report("unmet_demand", {"from": f"{today}", "to": f"{today}"})
        except ApiProblem:
            for each in (self._sales, self._orders, self._units, self._lost):
                each.show("–", self._visit.t("no answer"))
            return
        currency = main_currency(found.rows) or main_currency(found.hours_before)
        net = found.compared(self._visit, "net", currency)
        self._sales.show(f.money(net.value, currency) if currency else "0", net.hint, net.trend)
        for one, name in ((self._orders, "orders"), (self._units, "units")):
            count = found.compared(self._visit, name)
            one.show(f.number(count.value), count.hint, count.trend)
        lost = sum(row["unmet"] for row in unmet)
        asked = self._visit.t("units of {n} products", n=len({row["sku"] for row in unmet}))
        self._lost.show(f.number(lost), asked if lost else self._visit.t("nothing was missing"), -1 if lost else 0)


class _LiveSales:
    """Units by channel in buckets of five seconds."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._version = -1
        self._drawn_s = 0.0
        with box("os-row"):
            self._state = badge(visit.t("connecting"), "warn")
            self._rate = Text("", "span", "os-muted os-small")
        self._chart = ui.echart(charts.columns([], {}), renderer="svg").classes("os-chart")
        self._chart.set_visibility(False)
        self._quiet = box("os-section")
        with self._quiet:
            empty("hourglass_empty", visit.t("Quiet just now"), visit.t("What is sold appears here by itself"))

    def show(self) -> None:
        """Draw again what is new, and every five seconds anyhow: time goes on."""
        live, t, now_s = self._visit.desk.live, self._visit.t, time.time()
        if live.version == self._version and now_s - self._drawn_s < 5:
            return
        self._version, self._drawn_s = live.version, now_s
        self._state.set_text(t("live") if live.connected else t("connecting"))
        self._state.classes(replace=f"os-badge os-badge-{'good' if live.connected else 'warn'}")
        kinds = live.kinds(now_s)
        sales = sum(kinds.get(kind, 0) for kind in SOLD)
        self._rate.set_text(
            t("{sales} sale lines and {all} movements in the last minute", sales=sales, all=sum(kinds.values()))
        )
        begins, channels = live.sold(now_s)
        self._chart.set_visibility(bool(channels))
        self._quiet.set_visibility(not channels)
        labels = [f"{datetime.fromtimestamp(at, self._visit.f.zone):%H:%M:%S}" for at in begins]
        palette = self._visit.channel_colours(channels)
        named = {self._visit.channel(code): units for code, units in channels.items()}
        options = charts.columns(labels, named, stacked=True, unit=t("units"), palette=palette)
        options["legend"]["show"] = True
        options["animation"] = False
        self._chart.options.clear()
        self._chart.options.update(spoken(options, self._visit.f))
        self._chart.update()


class _Latest:
    """The last movements, in words."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._version = -1
        self._list = box("os-list").props("aria-live=polite data-testid=latest")
        with self._list:
            loading(4)

    def show(self) -> None:
        """What came since the last look."""
        live, t = self._visit.desk.live, self._visit.t
        if live.version == self._version:
            return
        self._version = live.version
        shown = [event for event in live.events if event["kind"] not in ("configure",)][-LATEST:]
        self._list.clear()
        with self._list:
            if not shown:
                empty(
                    "hourglass_empty",
                    t("Quiet just now"),
                    t("What is sold, reserved or received appears here by itself"),
                )
            for event in reversed(shown):
                event_line(self._visit, event)
        unnamed = self._visit.desk.unknown(event["sku"] for event in shown)
        if unnamed:
            ui.timer(0.01, lambda: self._learn(unnamed), once=True)

    async def _learn(self, skus: list[str]) -> None:
        await self._visit.desk.names(skus)
        self._version = -1


class _Health:
    """Every shard, and how far the figures are behind."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._box = box("os-list")
        with self._box:
            loading(3)

    async def load(self) -> None:
        """Ask for it."""
        visit, api = self._visit, self._visit.desk.api
        t = visit.t
        try:
            ready: dict[str, Any] = await api.shared("/health/ready", for_s=3.0)
        except ApiProblem as problem:
            ready = {"shards": [], "status": problem.code}
        try:
            lag_s = analytics_lag_s(await api.shared("/metrics", for_s=10.0))
        except ApiProblem:
            lag_s = None
        self._box.clear()
        with self._box:
            if not ready["shards"]:
                empty("heart_broken", t("The engine does not answer just now"))
            for shard in ready["shards"]:
                good = shard["state"] == "ready"
                with line(
                    t("Shard {n}", n=shard["shard"]), t("{n} records", n=visit.f.number(shard["seq"])), icon="memory"
                ):
                    badge(t(shard["state"]), "good" if good else "bad")
            with line(t("Figures"), t("how far reports are behind the sales"), icon="query_stats"):
                badge(
                    t("away") if lag_s is None else t("{n} s behind", n=visit.f.number(round(lag_s, 1))),
                    "bad" if lag_s is None or lag_s > 60 else "good",
                )
            anchor("/feed", "os-small", t("All movements"))


def main_currency(rows: list[dict[str, Any]], amount: str = "net") -> str | None:
    """The currency that most of it is in: amounts of different currencies are never added."""
    sums: dict[str, float] = {}
    for row in rows:
        if row["currency"]:
            sums[row["currency"]] = sums.get(row["currency"], 0) + abs(row[amount] or 0)
    return max(sums, key=lambda each: sums[each], default=None)


def analytics_lag_s(metrics: str) -> float | None:
    """The largest lag of any shard, of the text that `/metrics` answers; None when the analytics are away."""
    found = [
        float(line_.rpartition(" ")[2])
        for line_ in metrics.splitlines()
        if line_.startswith("omnistock_analytics_lag_seconds")
    ]
    return max(found, default=None)
