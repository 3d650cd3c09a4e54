"""ECharts options in the console's colours, legible on light and on dark ground alike. Pure."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

SERIES: Final = ("#4f7cff", "#22b07d", "#f2a33a", "#e4587a", "#9b6bf2", "#2fb5c9", "#a3a948", "#d07a4a")
FONT: Final = 'system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif'
"""that of the pages, by name: the room for a word is measured before it is on the page"""
STEPS: Final = ("#1e3a9e", "#2446bd", "#2f5bea", "#3d67ec")
"""of a funnel: one thing that becomes less, and white words are legible on each"""
INK: Final = "#758298"
"""of axes and words, where the look does not say: readable on white and on black"""
RULE: Final = "rgba(135,147,166,.22)"
DARKEST: Final = 0.98
"""of the values of a heat chart are told apart by their shade"""
GOOD: Final = "#22b07d"
BAD: Final = "#e4587a"

Options = dict[str, Any]


def colours(codes: Iterable[str]) -> dict[str, str]:
    """A colour for each channel, the same on every page, and different as long as there are colours."""
    taken: dict[str, str] = {}
    for code in sorted(set(codes)):
        at = zlib.crc32(code.encode()) % len(SERIES)
        free = [colour for colour in (*SERIES[at:], *SERIES[:at]) if colour not in taken.values()]
        taken[code] = free[0] if free else SERIES[at]
    return taken


def _base(legend: bool, unit: str = "") -> Options:
    return {
        "backgroundColor": "transparent",
        "textStyle": {"color": INK, "fontFamily": FONT},
        "grid": {"left": 8, "right": 14, "top": 36 if legend or unit else 14, "bottom": 6, "containLabel": True},
        "tooltip": {"trigger": "axis", "confine": True, "axisPointer": {"type": "shadow"}, "unit": unit},
        "legend": {
            "show": legend,
            "top": 0,
            "left": 0,
            "type": "scroll",
            "textStyle": {"color": INK},
            "icon": "roundRect",
        },
        "animationDuration": 250,
        "aria": {"enabled": True},
    }


def _axis(kind: str, **more: Any) -> Options:
    return {
        "type": kind,
        "axisLine": {"lineStyle": {"color": RULE}},
        "axisTick": {"show": False},
        "axisLabel": {"color": INK, "hideOverlap": True},
        "splitLine": {"show": kind == "value", "lineStyle": {"color": RULE}},
        **more,
    }


def columns(
    categories: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    *,
    unit: str = "",
    stacked: bool = False,
    palette: Mapping[str, str] | None = None,
) -> Options:
    """Upright bars; several series beside or on each other."""
    options = _base(len(series) > 1, unit)
    options["xAxis"] = _axis("category", data=list(categories))
    options["yAxis"] = _axis("value", name=unit, nameTextStyle={"color": INK, "align": "left"})
    if len(series) > 1:
        options["yAxis"]["name"] = ""
    options["series"] = [
        {
            "name": name,
            "type": "bar",
            "data": list(values),
            "stack": "all" if stacked else None,
            "barMaxWidth": 34,
            "itemStyle": {
                "color": (palette or {}).get(name, SERIES[at % len(SERIES)]),
                "borderRadius": 0 if stacked else [3, 3, 0, 0],
            },
        }
        for at, (name, values) in enumerate(series.items())
    ]
    return options


def bars(
    categories: Sequence[str], values: Sequence[float | None], *, unit: str = "", colour: str = SERIES[0]
) -> Options:
    """Lying bars, the first on top: for long names."""
    options = _base(False)
    options["yAxis"] = _axis("category", data=list(categories), inverse=True)
    options["yAxis"]["axisLabel"] |= {"width": 150, "overflow": "truncate"}
    # Each bar says its figure, so that nobody has to measure it against an axis.
    options["xAxis"] = _axis("value", show=False)
    options["grid"]["right"] = 70 + 7 * len(unit)
    options["tooltip"]["unit"] = unit
    options["series"] = [
        {
            "type": "bar",
            "data": list(values),
            "barMaxWidth": 18,
            "label": {"show": True, "position": "right", "color": INK},
            "itemStyle": {"color": colour, "borderRadius": [0, 3, 3, 0]},
        }
    ]
    return options


def lines(
    series: Mapping[str, Sequence[tuple[str | int, float]]],
    *,
    unit: str = "",
    steps: bool = False,
    area: bool = False,
    palette: Mapping[str, str] | None = None,
) -> Options:
    """(moment, value) over time; `steps`: a value holds until the next one."""
    options = _base(len(series) > 1, unit)
    options["tooltip"]["axisPointer"] = {"type": "line"}
    options["xAxis"] = _axis("time", axisPointer={"label": {}})
    options["yAxis"] = _axis(
        "value", name="" if len(series) > 1 else unit, nameTextStyle={"color": INK, "align": "left"}
    )
    options["series"] = [
        {
            "name": name,
            "type": "line",
            "data": [list(each) for each in points],
            "step": "end" if steps else False,
            "showSymbol": False,
            "lineStyle": {"width": 2},
            "areaStyle": {"opacity": 0.12} if area else None,
            "itemStyle": {"color": (palette or {}).get(name, SERIES[at % len(SERIES)])},
        }
        for at, (name, points) in enumerate(series.items())
    ]
    return options


def ring(parts: Sequence[tuple[str, float]], palette: Mapping[str, str] | None = None, *, unit: str = "") -> Options:
    """Parts of a whole."""
    options = _base(True)
    options["tooltip"] = {"trigger": "item", "confine": True, "unit": unit}
    options["legend"] |= {"top": "auto", "bottom": 0, "left": "center", "type": "plain"}
    options["series"] = [
        {
            "type": "pie",
            "radius": ["52%", "76%"],
            "center": ["50%", "44%"],
            "label": {"show": False},
            "itemStyle": {"borderRadius": 3, "borderWidth": 2, "borderColor": "transparent"},
            "data": [
                {
                    "name": name,
                    "value": value,
                    "itemStyle": {"color": (palette or {}).get(name, SERIES[at % len(SERIES)])},
                }
                for at, (name, value) in enumerate(parts)
            ],
        }
    ]
    return options


def heat(rows: Sequence[str], columns_: Sequence[str], cells: Sequence[tuple[int, int, float]]) -> Options:
    """(column, row, value) as shades: weekdays by hours."""
    options = _base(False)
    options["tooltip"] = {"position": "top", "confine": True}
    options["xAxis"] = _axis("category", data=list(columns_), splitArea={"show": False})
    options["yAxis"] = _axis("category", data=list(rows), inverse=True)
    # One wild hour must not make all others look the same.
    values = sorted(value for _, _, value in cells)
    most = (values[int(DARKEST * (len(values) - 1))] if values else 0) or 1
    options["visualMap"] = {
        "show": False,
        "min": 0,
        "max": most,
        "inRange": {"color": ["rgba(79,124,255,.08)", SERIES[0]]},
    }
    options["series"] = [{"type": "heatmap", "data": [list(cell) for cell in cells], "itemStyle": {"borderRadius": 2}}]
    return options


def funnel(stages: Sequence[tuple[str, float]]) -> Options:
    """How much is left after each step."""
    options = _base(False)
    options["tooltip"] = {"trigger": "item", "confine": True}
    options["series"] = [
        {
            "type": "funnel",
            "sort": "none",
            "gap": 3,
            "left": "4%",
            "width": "92%",
            "top": 8,
            "bottom": 8,
            "minSize": "8%",
            "label": {"show": True, "position": "inside", "color": "#fff", "fontWeight": 600},
            "data": [
                {"name": name, "value": value, "itemStyle": {"color": STEPS[at % len(STEPS)], "borderWidth": 0}}
                for at, (name, value) in enumerate(stages)
            ],
        }
    ]
    return options
