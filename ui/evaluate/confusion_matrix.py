"""The confusion matrix: what goes wrong draws the eye, missed fractures most; the rest is calm."""

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go

from fracture_core.verdicts.metrics import Confusion
from ui.shared import figures
from ui.shared.charts import CLEAR, Ink

MISSED, FALSE_ALARM, CALM = 0.7, 0.3, 0.1  # opacity of a cell; words on it stay readable
HEIGHT = 340  # px
NAMES = {  # of the cells, as they are clicked -> as radiologists call them, and as all do
    "true positive": ("found", "true positive"),
    "false negative": ("missed fracture", "false negative"),
    "false positive": ("false alarm", "false positive"),
    "true negative": ("cleared", "true negative"),
}


def draw(matrix: Confusion, unit: str, ink: Ink, colour: Callable[[str], str]) -> go.Figure:
    """Draw the matrix: labels down, verdicts across, each cell a clickable point.

    Args:
        matrix: the counts.
        unit: "studies" or "images".
        ink: the colours of text and grid.
        colour: hex colour of "error", "grey", "fracture" and "none".

    Returns:
        A figure with the cell's name ("true positive"...) as custom data of its points.
    """
    figure = go.Figure()
    for name, x, y, count, of in _cells(matrix):
        is_error = name.startswith("false") and count
        opacity = (MISSED if name == "false negative" else FALSE_ALARM) if is_error else CALM
        box = {"x0": x - 0.48, "x1": x + 0.48, "y0": y - 0.47, "y1": y + 0.47}
        figure.add_shape(
            type="rect",
            fillcolor=colour("error" if is_error else "grey"),
            opacity=opacity,
            line={"width": 0},
            layer="below",
            **box,
        )
        words, term = NAMES[name]
        share = f"{figures.percent(count / of)} of {of:,}" if of else "none with this label"
        size = 34 if is_error else 26
        figure.add_scatter(
            x=[x],
            y=[y],
            mode="markers+text",
            text=[
                f"<b style='font-size:{size}px'>{count:,}</b><br>{words}<br>"
                f"<span style='font-size:12px'>{term}<br>{share}</span>"
            ],
            customdata=[name],
            marker={"size": 120, "symbol": "square", "opacity": 0},  # takes the click
            textfont={"color": ink.text, "size": 15},
            unselected={"textfont": {"color": ink.text}},
            hovertemplate=f"{count:,} {unit}: {term}<extra></extra>",
        )
    return _framed(figure, ink, colour)


def words(matrix: Confusion, unit: str) -> str:
    """Describe the matrix in a sentence, errors first."""
    cells = {name: (count, of) for name, _, _, count, of in _cells(matrix)}
    order = ("false negative", "false positive", "true positive", "true negative")
    spoken = [
        f"{NAMES[name][0]} ({NAMES[name][1]}) {cells[name][0]:,} of {cells[name][1]:,}"
        for name in order
    ]
    return f"Confusion matrix of {matrix.tp + matrix.fn + matrix.fp + matrix.tn:,} {unit}: " + (
        f"{', '.join(spoken)}."
    )


def table(matrix: Confusion) -> pd.DataFrame:
    """Return the counts as a table: labels down, verdicts across."""
    rows = [
        ("fracture", f"{matrix.tp:,}", f"{matrix.fn:,}", f"{matrix.tp + matrix.fn:,}"),
        ("no fracture", f"{matrix.fp:,}", f"{matrix.tn:,}", f"{matrix.fp + matrix.tn:,}"),
    ]
    return pd.DataFrame(rows, columns=["Label", "predicted fracture", "predicted no fracture", "n"])


def _cells(matrix: Confusion) -> list[tuple[str, int, int, int, int]]:
    """Name, column, row, count, and number with the same label, of each cell."""
    positive, negative = matrix.tp + matrix.fn, matrix.fp + matrix.tn
    return [
        ("true positive", 0, 1, matrix.tp, positive),
        ("false negative", 1, 1, matrix.fn, positive),
        ("false positive", 0, 0, matrix.fp, negative),
        ("true negative", 1, 0, matrix.tn, negative),
    ]


def _framed(figure: go.Figure, ink: Ink, colour: Callable[[str], str]) -> go.Figure:
    """Add the axes, with the shapes of fracture and no fracture."""
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 10, "r": 10, "t": 44, "b": 10},
        **CLEAR,
        font={"color": ink.text, "size": 14},
        showlegend=False,
        clickmode="event+select",
        dragmode=False,
        uirevision="confusion",
    )
    plain = {"showgrid": False, "zeroline": False, "range": [-0.5, 1.5], "fixedrange": True}
    marks = [
        f"<span style='color:{colour('fracture')}'>▲ fracture</span>",
        f"<span style='color:{colour('none')}'>● no fracture</span>",
    ]
    predicted, label = [f"predicted {m}" for m in marks], [f"label<br>{m}" for m in marks]
    figure.update_xaxes(tickvals=[0, 1], ticktext=predicted, side="top", **plain)
    figure.update_yaxes(tickvals=[1, 0], ticktext=label, automargin=True, **plain)
    return figure
