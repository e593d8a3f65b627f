"""The chart of a verdict: every film on the scale of probability, with the threshold through it."""

from collections.abc import Sequence

import plotly.graph_objects as go

from fracture_core import aggregation
from ui.charts import Ink

ROW_PX, FRAME_PX = 34, 76  # of a film's row, and of the axis with its words


def films_on_scale(
    names: Sequence[str],
    probabilities: Sequence[float],
    threshold: float,
    fracture: str,
    no_fracture: str,
    ink: Ink,
    spreads: Sequence[tuple[float, float]] = (),
) -> go.Figure:
    """One row a film, its mark at its probability; right of the line a film is positive.

    Args:
        names: of the counted films, in their order.
        probabilities: theirs, 0 to 1.
        threshold: where the line stands.
        fracture: hex colour of what lies right of it.
        no_fracture: of the rest.
        ink: the colours of text and grid.
        spreads: least and greatest probability of each film when it is mirrored and turned.
    """
    rows = list(range(len(names)))
    positive = [bool(value) for value in aggregation.is_positive(probabilities, threshold)]
    colours = [fracture if each else no_fracture for each in positive]
    figure = go.Figure()
    for x0, x1, colour in ((0, threshold, no_fracture), (threshold, 1, fracture)):
        figure.add_vrect(x0=x0, x1=x1, fillcolor=colour, opacity=0.1, line_width=0, layer="below")
    figure.add_vline(x=threshold, line={"color": ink.text, "width": 2})
    figure.add_annotation(
        x=threshold, y=1, yref="paper", yanchor="bottom", showarrow=False,
        text=f"threshold {threshold:.2f}",
    )  # fmt: skip
    for row, (low, high) in enumerate(spreads):
        figure.add_scatter(
            x=[low, high], y=[row, row], mode="lines", opacity=0.6,
            line={"color": ink.text, "width": 5},
            hovertemplate=f"{low:.3f} to {high:.3f} when mirrored and turned<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=list(probabilities),
        y=rows,
        mode="markers+text",
        text=[f"{value:.3f}" for value in probabilities],
        textposition=["middle left" if value > 0.8 else "middle right" for value in probabilities],
        marker={
            "size": 15,
            "color": colours,
            "symbol": ["triangle-up" if each else "circle" for each in positive],
        },
        hovertemplate="%{text}<extra></extra>",
    )
    figure.update_layout(
        height=FRAME_PX + ROW_PX * max(1, len(names)),
        margin={"l": 10, "r": 10, "t": 24, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": ink.text, "size": 13},
        showlegend=False,
        dragmode=False,
        uirevision="scale",
    )
    figure.update_xaxes(
        range=[-0.01, 1.01],
        title="probability",
        gridcolor=ink.grid,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        tickvals=rows, ticktext=[_short(name) for name in names], range=[len(names) - 0.5, -0.5],
        automargin=True, showgrid=False, zeroline=False, fixedrange=True,
    )  # fmt: skip
    return figure


def _short(name: str) -> str:
    """A file's name as an axis has room for it, to the letter."""
    shown = name if len(name) <= 28 else f"{name[:13]}…{name[-13:]}"
    return shown.replace("&", "&amp;").replace("<", "&lt;")
