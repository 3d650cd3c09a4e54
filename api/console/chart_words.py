"""Charts in the reader's language: figures with their marks, moments by the clock of the place.

ECharts writes 1,234 and the browser's own clock for everybody; NiceGUI runs an option whose name begins with a colon as
JavaScript. Pure.
"""

import json
from typing import Any, Final

from api.console.figures import Figures

Options = dict[str, Any]

_LOCALES: Final = {"en": "en-GB", "ru": "ru-RU", "pl": "pl-PL"}
_DAY_S: Final = 86_400
_LABELLED: Final = ("bar", "funnel")


def spoken(options: Options, f: Figures) -> Options:
    """The same chart, as this reader writes figures, with their unit where one is pointed at."""
    locale = json.dumps(_LOCALES[f.language])
    number = f"new Intl.NumberFormat({locale},{{maximumFractionDigits:2,useGrouping:'always'}})"
    axes = [options[name] for name in ("xAxis", "yAxis") if name in options]
    unit = options["tooltip"].pop("unit", "")
    after = json.dumps(f"\N{NARROW NO-BREAK SPACE}{unit}" if unit else "")
    exact = f.decimals(unit)
    said = f"{{minimumFractionDigits:{exact},maximumFractionDigits:{exact or 2},useGrouping:'always'}}"
    figure = f"new Intl.NumberFormat({locale},{said}).format(value)+{after}"
    options["tooltip"][":valueFormatter"] = f"value => value == null ? '\N{EN DASH}' : {figure}"
    for axis in axes:
        if axis["type"] == "value":
            axis["axisLabel"][":formatter"] = f"value => {number}.format(value)"
        elif axis["type"] == "time":
            _clock(axis, options["series"], f, locale)
    for series in options["series"]:
        kind = series["type"]
        if kind in _LABELLED and series.get("label", {}).get("show"):
            named = "each.name+': '+" if kind == "funnel" else ""
            series["label"][":formatter"] = f"each => {{const value=each.value; return {named}{figure}}}"
        elif kind == "pie":
            options["tooltip"][":formatter"] = (
                f"each => each.name+': '+{number}.format(each.value)+{after}+' ('+{number}.format(each.percent)+' %)'"
            )
        elif kind == "heatmap":
            days, hours = json.dumps(options["yAxis"]["data"]), json.dumps(options["xAxis"]["data"])
            options["tooltip"][":formatter"] = (
                f"each => {days}[each.value[1]]+' '+{hours}[each.value[0]]+':00 \N{EN DASH} '"
                f"+{number}.format(each.value[2])+{after}"
            )
    # What a screen reader says; by itself it is English.
    names = [str(each["name"]) for each in options["series"] if "name" in each]
    options["aria"]["label"] = {"description": ", ".join(names) or unit}
    return options


def _clock(axis: Options, series: list[Options], f: Figures, locale: str) -> None:
    moments = [str(point[0]) for each in series for point in each["data"]]
    span_s = Figures.seconds_between(min(moments), max(moments)) if moments else 0.0
    shown = {"hour": "2-digit", "minute": "2-digit"}
    if span_s > 2 * _DAY_S:
        shown = {"day": "numeric", "month": "short"}
    elif span_s > _DAY_S / 2:
        shown |= {"day": "numeric", "month": "short"}
    elif span_s < _DAY_S / 100:
        shown |= {"second": "2-digit"}
    whole = {"day": "numeric", "month": "short", "hour": "2-digit", "minute": "2-digit", "second": "2-digit"}
    for place, fields in ((axis["axisLabel"], shown), (axis["axisPointer"]["label"], whole)):
        form = json.dumps({**fields, "timeZone": f.zone_name})
        value = "value" if place is axis["axisLabel"] else "value.value"
        place[":formatter"] = f"value => new Intl.DateTimeFormat({locale},{form}).format(new Date({value}))"
