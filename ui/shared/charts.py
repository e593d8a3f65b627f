"""Charts: tables in, plotly figures out; nothing here reads files or calls Streamlit.

Figures have room for their legends, so that nothing jumps. `plots.show` draws one on a page.
"""

import html
import re
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

NOTHING = "rgba(0,0,0,0)"
CLEAR = {"paper_bgcolor": NOTHING, "plot_bgcolor": NOTHING}  # a figure on the page's own ground


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


def counts(parts: pd.DataFrame, fracture: str, no_fracture: str, ink: Ink) -> go.Figure:
    """Draw the studies of each split and part, stacked by label, each with colour and shape.

    Args:
        parts: `film_counts.counts` without its rows of part "all", and negative_studies.
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
        **CLEAR,
        font={"color": ink.text, "size": 13},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        uirevision="counts",
        uniformtext={"minsize": 11, "mode": "hide"},  # the table has the counts too
    )
    figure.update_xaxes(title="studies", gridcolor=ink.grid, zeroline=False)
    figure.update_yaxes(autorange="reversed")
    return figure
