"""Charts of several runs: their overlaid curves, and an interval as a picture in a cell.

Plain functions, as in `ui/shared/charts.py`. A run has one colour and one marker, a role one dash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pandas as pd
import plotly.graph_objects as go

from fracture_core.analysis.curves import smoothed
from fracture_core.verdicts.closed_intervals import Difference, Proportion
from ui.shared.charts import NOTHING, Ink, literal

DASHES = {"train": "dot", "dev": "solid", "valid": "dash"}
ROLES = {"train": "training", "dev": "dev", "valid": "valid"}  # -> name in the legend
MARKERS = ("square", "diamond", "cross", "x", "star", "pentagon", "hexagram", "bowtie")
MARKED = 40  # points; more markers than that hide their line
WIDTH, HEIGHT = 150, 28  # px of an interval's picture: as high as its cell allows


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The x axis of curves.

    Args:
        column: of `curves.of_run`.
        title: with its unit.
        per_unit: divisor of the column.
    """

    column: str
    title: str
    per_unit: float = 1.0


def axis(name: str, seconds: float) -> Axis:
    """Return the axis called "epoch", "step", "images" or "time".

    Args:
        name: as in the address.
        seconds: of the longest run; they determine the unit of time.
    """
    if name != "time":
        titles = {"epoch": "epoch", "step": "training step", "images": "training films shown"}
        return Axis(column=name, title=titles[name])
    unit, size = next(
        (unit, size)
        for unit, size in (("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))
        if seconds >= 2 * size or size == 1.0
    )
    return Axis(column="seconds", title=f"{unit} of training, without pauses", per_unit=size)


def overlay(
    rows: pd.DataFrame,
    x: Axis,
    weight: float,
    title: str,
    looks: dict[str, tuple[str, str]],
    ink: Ink,
    ground: str,
) -> go.Figure:
    """Draw the overlaid curves of several runs.

    Args:
        rows: of `curves.of_run`, one quantity only, of all runs.
        x: the x axis.
        weight: of the smoothing, see `curves.smoothed`; the measured curve stays as a shadow.
        title: of the figure.
        looks: run -> hex colour and marker, in the legend's order; the first lies on top.
        ink: the colours of text and grid.
        ground: hex colour of the background, also of a saved picture.
    """
    share = bool(len(rows)) and rows["quantity"].iloc[0] != "loss"
    traces: list[dict[str, Any]] = []
    rank = 0
    for run, look in looks.items():
        for role, dash in DASHES.items():
            rank += 1
            part = rows[(rows["run"] == run) & (rows["role"] == role)].dropna(subset=[x.column])
            if len(part):
                lines = _curve(part, x, weight, share, (*look, dash))
                traces = [{**line, "legendrank": rank} for line in lines] + traces
    grid = {"gridcolor": ink.grid, "zeroline": False}
    longest = max((len(trace["name"]) for trace in traces), default=0)
    y = {"tickformat": ".0%" if share else ".2f", **grid}
    if share:  # up to 100 %, so that the remaining distance shows
        y["range"] = [max(0.0, min(0.4, rows["value"].min() - 0.05)), 1.02]
    layout = {
        "title": {"text": title, "font": {"size": 16}, "x": 0, "xref": "container", "y": 0.98},
        "height": 460,
        "margin": {"l": 56, "r": 12, "t": 56, "b": 12},
        "paper_bgcolor": ground,
        "plot_bgcolor": NOTHING,
        "font": {"color": ink.text, "size": 13},
        # A saved picture has a wider font than the page: room for its words too.
        "legend": {
            "orientation": "h",
            "y": -0.2,
            "yanchor": "top",
            "x": 0,
            "entrywidth": 8 * longest,
        },
        "showlegend": True,
        "hovermode": "closest",
        "uirevision": f"{title} {x.column}",
        "xaxis": {"title": {"text": x.title}, "rangemode": "tozero", **grid},
        "yaxis": y,
    }
    return go.Figure({"data": traces, "layout": layout})


def _curve(
    part: pd.DataFrame, x: Axis, weight: float, share: bool, look: tuple[str, str, str]
) -> list[dict[str, Any]]:
    """A run's curve in one role, and below a smoothed one the measured curve."""
    colour, marker, dash = look
    run, role, n = part["run"].iloc[0], part["role"].iloc[0], part["n"].iloc[-1]
    along = part[x.column] / x.per_unit
    line = {
        "x": along,
        "y": smoothed(part["value"].tolist(), weight) if weight else part["value"],
        "name": f"{literal(run)}, {ROLES[role]} (n = {n:,.0f})",
        "mode": "lines+markers" if len(part) <= MARKED else "lines",
        "line": {"color": colour, "dash": dash, "width": 2.5},
        "marker": {"size": 6, "symbol": marker},
        "text": [_hover_text(row, share) for row in part.itertuples()],
        "hovertemplate": "%{text}<extra></extra>",
    }
    if not weight:
        return [line]
    # Thin, and of a contrast of 3:1 on both grounds.
    shadow = {**line, "y": part["value"], "mode": "lines", "opacity": 0.8, "showlegend": False}
    return [{**shadow, "line": {"color": colour, "width": 1}, "hoverinfo": "skip"}, line]


def _hover_text(row: Any, share: bool) -> str:
    """The tooltip of a point: the measured value, never the smoothed one."""
    where = f"<b>{literal(row.run)}</b>, {ROLES[row.role]}, epoch {row.epoch}"
    if not share:
        return f"{where}<br>{row.value:.4f} (n = {row.n:,.0f})"
    bounds = f", 95 % interval {100 * row.low:.1f} to {100 * row.high:.1f}"
    has_bounds = row.low == row.low
    return f"{where}<br>{100 * row.value:.1f} % of {row.n:,.0f}{bounds if has_bounds else ''}"


# --- pictures in cells --------------------------------------------------------------------------


def scale(proportions: Sequence[Proportion]) -> tuple[float, float]:
    """Return the common range of a column's pictures: from the lowest bound, in tenths, to 1."""
    lowest = min((p.low for p in proportions if p.low is not None), default=0.0)
    return max(0.0, min(0.5, int(lowest * 10) / 10)), 1.0


def interval(
    p: Proportion | Difference, span: tuple[float, float], mark: float | None, ink: Ink
) -> str:
    """Draw a value with its 95 % interval, as an SVG picture's data address; "" if n is 0.

    Args:
        p: the value.
        span: range of the picture's width.
        mark: a value marked by a thin line in all of a column's pictures; `None` for none.
        ink: the colours.
    """
    if p.value is None or p.low is None or p.high is None:
        return ""

    def at(value: float) -> str:
        inside = min(max((value - span[0]) / (span[1] - span[0]), 0.0), 1.0)
        return f"{4 + inside * (WIDTH - 8):.1f}"

    low, high, middle = at(p.low), at(p.high), HEIGHT // 2
    line = ""
    if mark is not None:
        line = f'<path d="M{at(mark)} 0V{HEIGHT}" stroke="{ink.train}" stroke-dasharray="2 2"/>'
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">{line}'
        f'<path d="M{low} {middle}H{high}M{low} {middle - 5}v10M{high} {middle - 5}v10" '
        f'stroke="{ink.dev}" stroke-width="2"/>'
        f'<circle cx="{at(p.value)}" cy="{middle}" r="4" fill="{ink.dev}"/></svg>'
    )
    return f"data:image/svg+xml,{quote(drawn)}"
