"""Charts of the aggregation lab and of calibration: numbers in, plotly figures out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from fracture_core.operating_points import or_cost
from fracture_core.operating_points.or_cost import Price
from fracture_core.operating_points.study_scores import RULES
from fracture_core.operating_points.threshold_curves import Curve, Point
from ui.shared import figures
from ui.shared.charts import CLEAR, Ink

HEIGHT = 380  # px
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star")  # of the rules, in order
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def roc(curves: Mapping[str, Curve], points: Mapping[str, Point], look: "Look") -> go.Figure:
    """Draw the ROC curve of every rule, and a marker at the threshold."""
    lines = [look.line(rule, curve.roc[0], curve.roc[1]) for rule, curve in curves.items()]
    diagonal = look.guide([0, 1], [0, 1])
    at = [(1 - _or_nan(p.specificity.value), p.sensitivity.value) for p in points.values()]
    layout = look.layout("1 - specificity", "sensitivity")
    return go.Figure({"data": [diagonal, *lines, look.markers(at)], "layout": layout})


def recall(curves: Mapping[str, Curve], points: Mapping[str, Point], look: "Look") -> go.Figure:
    """Draw the precision-recall curve of every rule, and a marker at the threshold."""
    lines = [look.line(rule, curve.recall[0], curve.recall[1]) for rule, curve in curves.items()]
    some = next(iter(curves.values()))
    positive, n = len(some.positive), len(some.positive) + len(some.negative)
    guide = look.guide([0, 1], [positive / n] * 2 if n else [0, 0])
    at = [(p.sensitivity.value, p.ppv.value) for p in points.values()]
    layout = look.layout("sensitivity (recall)", "PPV (precision)")
    return go.Figure({"data": [guide, *lines, look.markers(at)], "layout": layout})


def over_threshold(
    curves: Mapping[str, Curve], points: Mapping[str, Point], threshold: float, look: "Look"
) -> go.Figure:
    """Draw sensitivity (falling) and specificity (rising) of every rule over the threshold."""
    lines = []
    for rule, curve in curves.items():
        grid, sensitivity, specificity = curve.over_threshold
        lines.append(look.line(rule, grid, sensitivity))
        lines.append({**look.line(rule, grid, specificity), "showlegend": False, "opacity": 0.65})
    at = [(threshold, p.sensitivity.value) for p in points.values()]
    at += [(threshold, p.specificity.value) for p in points.values()]
    layout = look.layout("threshold", "share of studies")
    guide = look.guide([threshold, threshold], [0, 1])
    return go.Figure({"data": [guide, *lines, look.markers(at)], "layout": layout})


def price(value: Price, threshold: float, look: "Look") -> go.Figure:
    """Draw the specificity of a study by its number of films: expected, measured, and elsewhere."""
    views = list(value.studies) or [1]
    along = list(range(1, max(*views, 2) + 1))
    film = value.film
    data = []
    if film.value is not None:
        expected = [or_cost.independent(film.value, n) for n in along]
        name = f"if films erred independently: {film.value:.3f}<sup>n</sup>"
        line = {"color": look.ink.text, "dash": "dash", "width": 2}
        data.append({**_scatter(along, expected, name), "mode": "lines+markers", "line": line})
    values = [each.value for each in value.studies.values()]
    reach = {
        "array": [_or_nan(p.high) - _or_nan(p.value) for p in value.studies.values()],
        "arrayminus": [_or_nan(p.value) - _or_nan(p.low) for p in value.studies.values()],
        "color": look.colours[0],
    }
    texts = [f"{p.count:,} of {p.n:,}" for p in value.studies.values()]
    measured = {
        **_scatter(list(value.studies), values, "measured here, with 95 % interval"),
        "mode": "markers",
        "marker": {"color": look.colours[0], "size": 10},
        "error_y": reach,
        "text": texts,
        "hovertemplate": "%{x} films: %{y:.1%} (%{text})<extra></extra>",
    }
    data.append(measured)
    wrists = or_cost.WRISTS
    marks = (
        ("diamond", wrists.study, "measured on patients elsewhere"),
        ("diamond-open", wrists.independent, "the same, if independent"),
    )
    for symbol, share, name in marks:
        marker = {"color": look.colours[2], "size": 12, "symbol": symbol}
        place = [len(wrists.films)]
        data.append({**_scatter(place, [share], name), "mode": "markers", "marker": marker})
    layout = look.layout("films of the study", f"specificity at {threshold:.3g}")
    layout["xaxis"] |= {"range": [0.6, along[-1] + 0.4], "dtick": 1}
    return go.Figure({"data": data, "layout": layout})


def price_table(value: Price) -> pd.DataFrame:
    """Return the values of `price` in words."""
    rows = []
    for n, share in value.studies.items():
        expected = None if value.film.value is None else or_cost.independent(value.film.value, n)
        rows.append((str(n), figures.percent(expected), figures.percent(share.value), share))
    wrists = or_cost.WRISTS
    table = [
        {
            "Films": n,
            "If independent": expected,
            "Measured": value,
            "95 % interval": figures.interval(share),
            "Negative studies": f"{share.n:,}",
        }
        for n, expected, value, share in rows
    ]
    table.append(
        {
            "Films": f"{len(wrists.films)} ({wrists.source})",
            "If independent": figures.percent(wrists.independent),
            "Measured": figures.percent(wrists.study),
            "95 % interval": figures.MISSING,
            "Negative studies": f"of {wrists.studies:,} studies",
        }
    )
    return pd.DataFrame(table)


def reliability(rows: pd.DataFrame, name: str, place: int, look: "Look") -> go.Figure:
    """Draw how often cases of a score are positive, with the count of each bin.

    Args:
        rows: of `calibration.reliability`.
        name: of the scores.
        place: of their colour and marker.
        look: colours.
    """
    colour, frequency = look.colours[place], rows["frequency"]
    points = {
        **_scatter(rows["score"].tolist(), frequency.tolist(), name),
        "mode": "lines+markers+text",
        "line": {"color": colour, "width": 1, "dash": DASHES[place]},
        "marker": {"color": colour, "size": 9, "symbol": MARKERS[place]},
        "text": [f"{n:,}" for n in rows["n"]],
        "textposition": "bottom right",
        "textfont": {"color": look.ink.text, "size": 11},
        "cliponaxis": False,
        "error_y": {
            "array": (rows["high"] - frequency).tolist(),
            "arrayminus": (frequency - rows["low"]).tolist(),
            "color": colour,
            "thickness": 1,
            "width": 2,
        },
        "hovertemplate": "score %{x:.2f}: %{y:.1%} positive (n = %{text})<extra></extra>",
    }
    layout = look.layout("mean score", "share positive") | {"showlegend": False, "height": 300}
    layout["xaxis"] |= {"range": [-0.02, 1.12]}
    layout["yaxis"] |= {"range": [-0.09, 1.05]}
    return go.Figure({"data": [look.guide([0, 1], [0, 1]), points], "layout": layout})


class Look:
    """Colours and frame of the lab's charts."""

    def __init__(self, ink: Ink, colours: Sequence[str]) -> None:
        self.ink, self.colours = ink, tuple(colours)

    def line(self, rule: str, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
        """Return a rule's line, with its colour and dash."""
        place = list(RULES).index(rule)
        style = {"color": self.colours[place], "dash": DASHES[place], "width": 2}
        return {**_scatter(x, y, RULES[rule]), "mode": "lines", "line": style}

    def guide(self, x: Sequence[float], y: Sequence[float]) -> dict[str, Any]:
        """Return a grey line without a name: of chance, or of the threshold."""
        style = {"color": self.ink.text, "width": 1, "dash": "dot"}
        silent = {"hoverinfo": "skip", "showlegend": False, "opacity": 0.6}
        return {**_scatter(x, y, ""), "mode": "lines", "line": style, **silent}

    def markers(self, points: Sequence[tuple[float | None, float | None]]) -> dict[str, Any]:
        """Return one marker per rule, in the order of the rules, once or twice."""
        times = -(-len(points) // len(RULES))
        colours = [*self.colours[: len(RULES)]] * times
        style = {"size": 11, "color": colours, "symbol": [*MARKERS] * times}
        style["line"] = {"color": self.ink.text, "width": 1}
        place = _scatter([x for x, _ in points], [y for _, y in points], "")
        return {**place, "mode": "markers", "marker": style, "showlegend": False}

    def layout(self, x: str, y: str) -> dict[str, Any]:
        """Return the frame of a chart from 0 to 1 on both axes."""
        axis = {"gridcolor": self.ink.grid, "zeroline": False, "range": [-0.02, 1.02]}
        return {
            **CLEAR,
            "height": HEIGHT,
            "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
            "font": {"color": self.ink.text, "size": 13},
            "legend": {"orientation": "h", "y": -0.3, "yanchor": "top", "x": 0},
            "xaxis": {**axis, "title": {"text": x}},
            "yaxis": {**axis, "title": {"text": y}},
            "uirevision": "lab",
        }


def _scatter(x: Any, y: Any, name: str) -> dict[str, Any]:
    return {"type": "scatter", "x": x, "y": y, "name": name}


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
