"""Charts: tables in, plotly figures out. Nothing here reads files or asks Streamlit.

Every figure keeps its zoom while its data grows (`uirevision`) and has room for its legend, so
that nothing jumps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from fracture_core.metrics import Confusion

POINTS = 1_500  # more of them do not show on a screen, and cost on every update


@dataclass(frozen=True, kw_only=True)
class Ink:
    """Hex colours of a theme, see `theme.ink`."""

    text: str
    grid: str
    train: str
    dev: str
    valid: str


def learning_curve(
    epochs: pd.DataFrame,
    steps: pd.DataFrame,
    quantity: str,
    ink: Ink,
    last_epoch: int,
    majority: float | None = None,
    marks: Sequence[tuple[float, str]] = (),
) -> go.Figure:
    """Loss or accuracy over the epochs: inside the epoch, and training, dev and valid after it.

    Args:
        epochs: `journal.metrics`.
        steps: `journal.steps`.
        quantity: "loss" or "accuracy".
        ink: the colours.
        last_epoch: epochs asked for; the axis is as long from the start.
        majority: accuracy of always guessing the more frequent label of the valid films, drawn as
            a line; `None` for none.
        marks: (epoch, what happened there), each a light vertical line that tells on hovering.
    """
    traces = _inside(steps, quantity, ink) + _after(epochs, quantity, ink)
    layout = _dress(quantity, ink, last_epoch)
    shapes, notes = layout["shapes"], layout["annotations"]
    if "dev.loss" in epochs and len(epochs):
        best = int(epochs.loc[epochs["dev.loss"].idxmin(), "epoch"])
        line = {"color": ink.dev, "width": 1, "dash": "dash"}
        shapes.append({"x0": best, "x1": best, "y0": 0, "y1": 1, "yref": "y domain", "line": line})
        notes.append(
            {
                "text": f"best on dev: {best}",
                "font": {"color": ink.dev},
                "x": best,
                "xanchor": "right" if best > last_epoch / 2 else "left",
                "y": 1,
                "yanchor": "top",
                "yref": "y domain",
                "showarrow": False,
            }
        )
    if majority is not None:
        line = {"color": ink.text, "width": 1, "dash": "dot"}
        span = {"x0": 0, "x1": 1, "xref": "x domain", "y0": majority, "y1": majority}
        shapes.append({**span, "line": line, "opacity": 0.6})
        notes.append(
            {
                "text": "always guessing the majority",
                "font": {"size": 11},
                "x": 1,
                "xanchor": "right",
                "xref": "x domain",
                "y": majority,
                "yanchor": "top",
                "showarrow": False,
            }
        )
    if quantity == "accuracy":
        # Up to perfect, so that the room sees how far there is to go.
        lowest = min((min(trace["y"]) for trace in traces if len(trace["y"])), default=0.5)
        layout["yaxis"]["range"] = [max(0.0, min(0.4, lowest - 0.05)), 1.0]
    elif not traces:
        layout["yaxis"]["range"] = [0, 1]
    if marks:
        traces.append(_marked(marks, ink))
    # At once and not bit by bit: each change of a figure costs as much as making it.
    return go.Figure({"data": traces, "layout": layout})


def _inside(steps: pd.DataFrame, quantity: str, ink: Ink) -> list[dict[str, Any]]:
    """The thin line inside the epochs."""
    if not len(steps):
        return []
    shown = steps.iloc[:: max(1, len(steps) // POINTS)]
    return [
        {
            "x": shown["epoch"],
            "y": shown[quantity],
            "name": "training, live",
            "mode": "lines+markers",
            "line": {"color": ink.train, "width": 1},
            "marker": {"size": 3},
            "opacity": 0.55,
        }
    ]


def _after(epochs: pd.DataFrame, quantity: str, ink: Ink) -> list[dict[str, Any]]:
    """A line for each role that was judged after each epoch."""
    lines = (("train", ink.train, "solid"), ("dev", ink.dev, "solid"), ("valid", ink.valid, "dot"))
    return [
        {
            "x": epochs["epoch"],
            "y": epochs[f"{role}.{quantity}"],
            "name": f"{'training' if role == 'train' else role} "
            f"(n = {int(epochs[f'{role}.n'].iloc[-1]):,})",
            "mode": "lines+markers",
            "line": {"color": colour, "dash": dash, "width": 2.5},
            "marker": {"size": 5},
        }
        for role, colour, dash in lines
        if f"{role}.{quantity}" in epochs
    ]


def _marked(marks: Sequence[tuple[float, str]], ink: Ink) -> dict[str, Any]:
    """Light vertical lines, on a scale of their own that spans the plot whatever the data."""
    return {
        "x": [x for epoch, _ in marks for x in (epoch, epoch, None)],
        "y": [y for _ in marks for y in (0, 1, None)],
        "text": [text for _, words in marks for text in (words, words, "")],
        "name": "resumed or changed",
        "mode": "lines",
        "line": {"color": ink.text, "width": 1, "dash": "dot"},
        "opacity": 0.45,
        "hovertemplate": "%{text}<extra></extra>",
        "yaxis": "y2",
    }


def _dress(quantity: str, ink: Ink, last_epoch: int) -> dict[str, Any]:
    """What a learning curve looks like, before there is anything on it."""
    title = {"loss": "Loss (nats a film)", "accuracy": "Accuracy of images"}[quantity]
    grid = {"gridcolor": ink.grid, "zeroline": False}
    return {
        "title": {"text": title, "font": {"size": 16, "color": ink.text}, "x": 0, "y": 0.98},
        "height": 400,
        # Fixed, so that the plot keeps its place when the first numbers and legends come.
        "margin": {"l": 56, "r": 12, "t": 48, "b": 92, "autoexpand": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": ink.text, "size": 13},
        "legend": {"orientation": "h", "y": -0.2, "x": 0},
        "uirevision": quantity,
        "hovermode": "x unified",
        "showlegend": True,
        "shapes": [],
        "annotations": [],
        "xaxis": {"title": {"text": "epoch"}, "range": [0, max(1, last_epoch) * 1.02], **grid},
        "yaxis": {"tickformat": ".0%" if quantity == "accuracy" else ".2f", **grid},
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
    }


def sparkline(epochs: pd.DataFrame, ink: Ink) -> go.Figure:
    """A run's accuracy at a glance: training and, where there is one, dev or valid.

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
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def confusion(matrix: Confusion, unit: str, ink: Ink, colour: Callable[[str], str]) -> go.Figure:
    """The confusion matrix: labels down, verdicts across, each cell a point that can be clicked.

    Args:
        matrix: the counts.
        unit: "studies" or "images".
        ink: the colours.
        colour: hex colour of "accent" (right), "grey" (wrong), "fracture" and "none".

    Returns:
        A figure whose points hold the cell's name ("true positive"...) as custom data.
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
        text = f"<b style='font-size:30px'>{count:,}</b><br>{name}<br>{share:.0%} of {of:,}"
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
    """The axes of a confusion matrix, in the shapes that fracture and no fracture have."""
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
    judged, label = [f"judged {w}" for w in words], [f"label<br>{w}" for w in words]
    figure.update_xaxes(tickvals=[0, 1], ticktext=judged, side="top", **plain)
    figure.update_yaxes(tickvals=[1, 0], ticktext=label, automargin=True, **plain)
    return figure


def counts(parts: pd.DataFrame, fracture: str, no_fracture: str, ink: Ink) -> go.Figure:
    """Studies of each split and part, stacked by label; shapes tell the labels as colours do.

    Args:
        parts: `datasets.counts` without its rows of part "all", and negative_studies.
        fracture: hex colour of positive studies.
        no_fracture: of the others.
        ink: the colours of text and grid.
    """
    names = (parts["split"] + " " + parts["part"].replace("unknown", "")).str.strip()
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
            textangle=0,  # what does not fit is hidden, not turned
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
        uniformtext={"minsize": 11, "mode": "hide"},  # the numbers stand in the table too
    )
    figure.update_xaxes(title="studies", gridcolor=ink.grid, zeroline=False)
    figure.update_yaxes(autorange="reversed")
    return figure
