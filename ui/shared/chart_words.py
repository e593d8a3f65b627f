"""Text alternatives of figures: a sentence, and a table.

Plain functions over plotly figures, as in `ui/shared/charts.py`.
"""

import html
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui.shared import figures

SPOKEN = 12  # lines, or bars of each, in a figure's words; the others are counted
BACK = 5  # points before the last one that a trend is measured against
LEVEL_SHARE, LEVEL_PART = 0.01, 0.02  # a smaller change is no trend: of a share; of other values


def tabulated(figure: go.Figure) -> pd.DataFrame:
    """Return a figure's values in words: a row per position, a column per line or kind of bar.

    Of the traces those with a name count, else all; shadows (`hoverinfo` "skip") do not. Both
    names and values are plain text, to be escaped where Markdown is read.
    """
    columns: dict[str, pd.Series[str]] = {}
    for name, along, values in _values(figure):
        name = next(n for n in (name, *(f"{name}, {i}" for i in range(2, 99))) if n not in columns)
        words = [_written(figure, value) for value in values]
        columns[name] = pd.Series(words, index=along).groupby(level=0, sort=False).last()
    if not columns:
        return pd.DataFrame()
    table = pd.concat(columns, axis=1)
    if pd.api.types.is_numeric_dtype(table.index):
        table = table.sort_index(ascending=False)  # the last value first
    table.insert(0, _axis_title(figure), [_spoken(at) for at in table.index])
    return table.fillna("").reset_index(drop=True)


def described(figure: go.Figure, title: str) -> str:
    """Describe a figure in a sentence: each line's last value and trend, or each bar's value.

    Args:
        figure: with named traces.
        title: of the figure, as on the page.
    """
    spoken = [_in_words(figure, *each) for each in _values(figure)]
    if len(spoken) > SPOKEN:
        spoken = [*spoken[:SPOKEN], f"and {len(spoken) - SPOKEN} more"]
    return f"{title}: {'; '.join(spoken) or 'no values yet'}."


def trend(values: "pd.Series[float]", is_share: bool) -> str:
    """Return "rising", "falling" or "level" of the last values; "" for fewer than two."""
    if len(values) < 2:
        return ""
    last, before = values.iloc[-1], values.iloc[max(0, len(values) - 1 - BACK)]
    least = LEVEL_SHARE if is_share else LEVEL_PART * abs(before or 1)
    if abs(last - before) < least:
        return "level"
    return "rising" if last > before else "falling"


_Values = tuple[str, list[Any], "pd.Series[float]"]  # name, positions, and a value at each


def _values(figure: go.Figure) -> list[_Values]:
    """The values of each trace that counts, without those that are missing."""
    traces = [trace for trace in figure.data if trace.hoverinfo != "skip" and trace.x is not None]
    found = []
    for trace in [trace for trace in traces if trace.name] or traces:
        sideways = trace.type == "bar" and trace.orientation == "h"
        along, values = (trace.y, trace.x) if sideways else (trace.x, trace.y)
        values = pd.Series(np.asarray(values, np.float64), index=list(along)).dropna()
        name = html.unescape(trace.name or "value")
        found.append((name, [_plain(at) for at in values.index], values))
    return found


def _plain(at: Any) -> Any:
    """A position along the axis, of words without their escapes."""
    return html.unescape(at) if isinstance(at, str) else at


def _in_words(figure: go.Figure, name: str, along: list[Any], values: "pd.Series[float]") -> str:
    if not len(values):
        return f"{name} without values"
    written = [_written(figure, value) for value in values]
    if isinstance(along[-1], str):  # bars: none of them is the last
        pairs = [f"{at} {value}" for at, value in zip(along, written, strict=True)][:SPOKEN]
        more = f" and {len(along) - SPOKEN} more" if len(along) > SPOKEN else ""
        return f"{name}: {', '.join(pairs)}{more}"
    way = trend(values, _is_share(figure))
    where = f"{written[-1]} at {_axis_title(figure).lower()} {_spoken(along[-1])}"
    return f"{name} {where}, {way}" if way else f"{name} {where}"


def _axis_title(figure: go.Figure) -> str:
    """Name of the positions: "Epoch"; of bars, an empty one."""
    if any(trace.type == "bar" and trace.orientation == "h" for trace in figure.data):
        return ""
    words = html.unescape(figure.layout.xaxis.title.text or "position").partition(",")[0]
    return words[:1].upper() + words[1:]


def _is_share(figure: go.Figure) -> bool:
    return str(figure.layout.yaxis.tickformat or "").endswith("%")


def _written(figure: go.Figure, value: float) -> str:
    if _is_share(figure):
        return figures.percent(value)
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4f}"


def _spoken(at: Any) -> str:
    """A position along the axis in words."""
    return at if isinstance(at, str) else f"{round(float(at), 2):g}"
