"""Charts of a verdict: its films on the scale of probability, and over the epochs."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from fracture_core.verdicts import aggregation
from ui.shared.charts import Ink, literal

ROW_PX, FRAME_PX = 34, 92  # of a film's row, and of the axis with its words
NUMBER_PX = 60  # right of the scale, where the numbers stand
EPOCHS_PX = 360  # height of the chart over the epochs
DASHES = ("solid", "dash", "dot", "dashdot")  # each with all colours before the next


def films_on_scale(
    names: Sequence[str],
    probabilities: Sequence[float],
    threshold: float,
    fracture: str,
    no_fracture: str,
    ink: Ink,
    spreads: Sequence[tuple[float, float]] = (),
) -> go.Figure:
    """Draw one row per film, marked at its probability; right of the line a film is positive.

    Args:
        names: of the counted films, in their order.
        probabilities: theirs, 0 to 1.
        threshold: position of the line.
        fracture: hex colour of the area right of it.
        no_fracture: of the rest.
        ink: the colours of text and grid.
        spreads: lowest and highest probability of each film when it is mirrored and rotated.
    """
    rows = list(range(len(names)))
    is_positive = np.asarray(aggregation.is_positive(np.array(probabilities), threshold))
    positive = [bool(value) for value in is_positive]
    colours = [fracture if each else no_fracture for each in positive]
    figure = go.Figure()
    for x0, x1, colour in ((0, threshold, no_fracture), (threshold, 1, fracture)):
        figure.add_vrect(x0=x0, x1=x1, fillcolor=colour, opacity=0.1, line_width=0, layer="below")
    figure.add_vline(x=threshold, line={"color": ink.text, "width": 2})
    figure.add_annotation(
        x=threshold,
        y=1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        text=f"threshold {threshold:.2f}",
    )
    for row, (low, high) in enumerate(spreads):
        figure.add_scatter(
            x=[low, high],
            y=[row, row],
            mode="lines",
            opacity=0.6,
            line={"color": ink.text, "width": 5},
            hovertemplate=f"{low:.3f} to {high:.3f} when mirrored and rotated<extra></extra>",
        )
    for row, value in zip(rows, probabilities, strict=True):  # beside the scale, clear of the bars
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=8, y=row, text=f"{value:.3f}", showarrow=False
        )
    figure.add_scatter(
        x=list(probabilities),
        y=rows,
        mode="markers",
        text=[f"{value:.3f}" for value in probabilities],
        cliponaxis=False,
        marker={
            "size": 15,
            "color": colours,
            "symbol": ["triangle-up" if each else "circle" for each in positive],
        },
        hovertemplate="%{text}<extra></extra>",
    )
    figure.update_layout(
        height=FRAME_PX + ROW_PX * max(1, len(names)),
        margin={"l": 10, "r": NUMBER_PX, "t": 30, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ink.text, "size": 13},
        showlegend=False,
        dragmode=False,
        uirevision="scale",
    )
    figure.update_xaxes(
        range=[-0.02, 1.02],
        title={"text": "probability", "standoff": 6},
        gridcolor=ink.grid,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[_short(name) for name in names],
        range=[len(names) - 0.5, -0.5],
        automargin=True,
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    return figure


def through_epochs(
    epochs: Sequence[int],
    values: np.ndarray,
    names: Sequence[str],
    threshold: float,
    current: int,
    fracture: str,
    no_fracture: str,
    ink: Ink,
    looks: Sequence[str],
) -> go.Figure:
    """Draw a line per film over the epochs; above the threshold a film is positive.

    Args:
        epochs: of the rows of `values`.
        values: (epochs, films), 0 to 1.
        names: of the films.
        threshold: position of the horizontal line.
        current: the epoch of the verdict on the page; marked.
        fracture: hex colour of the area above the threshold.
        no_fracture: of the rest.
        ink: the colours of text and grid.
        looks: hex colours of the films, in turn; dashes distinguish those of the same colour.
    """
    figure = go.Figure()
    for y0, y1, colour in ((0, threshold, no_fracture), (threshold, 1, fracture)):
        figure.add_hrect(y0=y0, y1=y1, fillcolor=colour, opacity=0.1, line_width=0, layer="below")
    figure.add_hline(y=threshold, line={"color": ink.text, "width": 2})
    figure.add_vline(x=current, line={"color": ink.text, "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=current,
        y=1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        text=f"verdict above: epoch {current}",
    )
    for number, (name, film) in enumerate(zip(names, values.T, strict=True)):
        positive = aggregation.is_positive(film, threshold)
        figure.add_scatter(
            x=list(epochs),
            y=film,
            name=_short(name, 20),
            mode="lines+markers",
            cliponaxis=False,
            line={
                "color": looks[number % len(looks)],
                "dash": DASHES[number // len(looks) % len(DASHES)],
            },
            marker={"size": 8, "symbol": ["triangle-up" if p else "circle" for p in positive]},
            hovertemplate=f"{_short(name)}<br>epoch %{{x}}: %{{y:.3f}}<extra></extra>",
        )
    figure.update_layout(
        height=EPOCHS_PX,
        margin={"l": 10, "r": 10, "t": 28, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ink.text, "size": 13},
        showlegend=True,
        uirevision="epochs",
    )
    whole = {"dtick": 1} if epochs[-1] - epochs[0] < 12 else {"tickformat": "d"}
    figure.update_xaxes(title="epoch", showgrid=False, zeroline=False, **whole)
    figure.update_yaxes(
        title=f"probability, threshold {threshold:.2f}",
        range=[-0.03, 1.03],
        gridcolor=ink.grid,
        zeroline=False,
        fixedrange=True,
    )
    return figure


def _short(name: str, most: int = 28) -> str:
    """A file's name, shortened to the room in a chart and escaped."""
    half = most // 2 - 1
    shown = name if len(name) <= most else f"{name[:half]}…{name[-half:]}"
    return literal(shown)
