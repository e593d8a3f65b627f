"""Charts: tables in, plotly figures out; nothing here reads files or calls Streamlit.

Figures have room for their legends, so that nothing jumps. `plots.show` draws one on a page.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from fracture_core.verdicts.metrics import Confusion
from ui.shared import figures


@dataclass(frozen=True, kw_only=True)
class Ink:
    """Hex colours of a theme, see `theme.ink`."""

    text: str
    grid: str
    train: str
    dev: str
    valid: str


def literal(text: str) -> str:
    """Escape foreign text for Plotly's titles, names, ticks and hover templates.

    Plotly interprets tags, entities, `%{...}` and, between dollars, formulas.
    """
    text = html.escape(re.sub(r"\s", " ", text), quote=False)
    return text.replace("%", "&#37;").replace("$", "&#36;")


def sparkline(epochs: pd.DataFrame, ink: Ink) -> go.Figure:
    """Draw a run's accuracy at a glance: training and, if present, dev and valid.

    Args:
        epochs: `journal.metrics`.
    """
    figure = go.Figure()
    for role, colour in (("train", ink.train), ("dev", ink.dev), ("valid", ink.valid)):
        if f"{role}.accuracy" in epochs:
            y = epochs[f"{role}.accuracy"]
            figure.add_scatter(
                x=epochs["epoch"],
                y=y,
                name="training" if role == "train" else role,
                mode="lines+markers",
                line={"color": colour},
                marker={"size": 4},
            )
    figure.update_layout(
        height=150,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
    )
    figure.update_xaxes(visible=False, title="epoch")  # unseen, but read aloud
    figure.update_yaxes(visible=False, tickformat=".0%")
    return figure


def confusion(matrix: Confusion, unit: str, ink: Ink, colour: Callable[[str], str]) -> go.Figure:
    """Draw the confusion matrix: labels down, verdicts across, each cell a clickable point.

    Args:
        matrix: the counts.
        unit: "studies" or "images".
        ink: the colours.
        colour: hex colour of "accent" (right), "grey" (wrong), "fracture" and "none".

    Returns:
        A figure with the cell's name ("true positive"...) as custom data of its points.
    """
    figure = go.Figure()
    for name, x, y, count, of in (
        ("true positive", 0, 1, matrix.tp, matrix.tp + matrix.fn),
        ("false negative", 1, 1, matrix.fn, matrix.tp + matrix.fn),
        ("false positive", 0, 0, matrix.fp, matrix.fp + matrix.tn),
        ("true negative", 1, 0, matrix.tn, matrix.fp + matrix.tn),
    ):
        share = count / of if of else 0.0
        fill = colour("accent" if name.startswith("true") else "grey")
        box = {"x0": x - 0.48, "x1": x + 0.48, "y0": y - 0.47, "y1": y + 0.47}
        figure.add_shape(
            type="rect",
            fillcolor=fill,
            opacity=0.12 + 0.48 * share,
            line={"width": 0},
            layer="below",
            **box,
        )
        part = f"{figures.percent(share)} of {of:,}"
        text = f"<b style='font-size:30px'>{count:,}</b><br>{name}<br>{part}"
        figure.add_scatter(
            x=[x],
            y=[y],
            mode="markers+text",
            text=[text],
            customdata=[name],
            marker={"size": 120, "symbol": "square", "opacity": 0},  # takes the click
            textfont={"color": ink.text, "size": 14},
            unselected={"textfont": {"color": ink.text}},
            hovertemplate=f"{count:,} {unit}: {name}<extra></extra>",
        )
    return _framed(figure, ink, colour)


def _framed(figure: go.Figure, ink: Ink, colour: Callable[[str], str]) -> go.Figure:
    """Add the axes of a confusion matrix, with the shapes of fracture and no fracture."""
    figure.update_layout(
        height=340,
        margin={"l": 10, "r": 10, "t": 44, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ink.text, "size": 14},
        showlegend=False,
        clickmode="event+select",
        dragmode=False,
        uirevision="confusion",
    )
    plain = {"showgrid": False, "zeroline": False, "range": [-0.5, 1.5], "fixedrange": True}
    words = [
        f"<span style='color:{colour('fracture')}'>▲ fracture</span>",
        f"<span style='color:{colour('none')}'>● no fracture</span>",
    ]
    predicted, label = [f"predicted {w}" for w in words], [f"label<br>{w}" for w in words]
    figure.update_xaxes(tickvals=[0, 1], ticktext=predicted, side="top", **plain)
    figure.update_yaxes(tickvals=[1, 0], ticktext=label, automargin=True, **plain)
    return figure


def counts(parts: pd.DataFrame, fracture: str, no_fracture: str, ink: Ink) -> go.Figure:
    """Draw the studies of each split and part, stacked by label, each with colour and shape.

    Args:
        parts: `catalog.counts` without its rows of part "all", and negative_studies.
        fracture: hex colour of positive studies.
        no_fracture: of the others.
        ink: the colours of text and grid.
    """
    names = (parts["split"] + " " + parts["part"].replace("unknown", "")).str.strip().map(literal)
    figure = go.Figure()
    for column, shape, word, colour in (
        ("positive_studies", "▲", "fracture", fracture),
        ("negative_studies", "●", "no fracture", no_fracture),
    ):
        figure.add_bar(
            x=parts[column],
            y=names,
            name=f"{shape} {word} (n = {parts[column].sum():,})",
            orientation="h",
            marker={"color": colour},
            text=[f"{shape} {count:,}" for count in parts[column]],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,  # text that does not fit is hidden, not rotated
            hovertemplate=f"%{{y}}: %{{x:,}} {word}<extra></extra>",
        )
    figure.update_layout(
        barmode="stack",
        height=110 + 40 * len(parts),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ink.text, "size": 13},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        uirevision="counts",
        uniformtext={"minsize": 11, "mode": "hide"},  # the table has the counts too
    )
    figure.update_xaxes(title="studies", gridcolor=ink.grid, zeroline=False)
    figure.update_yaxes(autorange="reversed")
    return figure
