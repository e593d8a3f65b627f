"""A learning curve on Runs: its forecast in a sentence, the points with their band, a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fracture_core.learning_curve import curve_words
from fracture_core.learning_curve.curve import LEVELS, Curve, Level, Point
from fracture_core.runs.run_folders import Run
from fracture_core.sweeps.sweep import Sweep
from fracture_core.verdicts import figure_words
from ui.run_groups import group_cache, sweep_charts
from ui.shared import figures, plots, theme
from ui.shared.charts import CLEAR, Ink, literal

HEIGHT = 320  # px
PLACES = 60  # along the band


def show(value: Sweep, runs: Sequence[Run], role: str) -> None:
    """Draw a learning curve on the studies of a role, or what it waits for."""
    own = group_cache.learning_curve(value, runs, role)
    if isinstance(own, str):
        st.markdown(theme.plain(own))
        sweep_charts.table(value, runs, None)
        return
    studies, films = (curve_words.sentence(own, name) for name in LEVELS)
    st.markdown(f"**{theme.plain(studies)}**")
    st.markdown(f"Single films: {theme.plain(films)}")
    title = f"Learning curve of {value.name}"
    level = own.levels["studies"]
    plots.show(
        figure(level, role, theme.colour("accent"), theme.colour("grey"), theme.ink()),
        f"learning-curve-{value.name}",
        theme.plain(title),
        words=f"{title}: {studies} The table below has its points.",
        table=rows(own),
        config={"displayModeBar": False},
    )
    st.dataframe(
        rows(own),
        hide_index=True,
        key=f"shares-{value.name}",
        width="content",
        placeholder=figures.MISSING,
    )
    sweep_charts.compare_button(value, runs)
    law = curve_words.law(level)
    best = f" Best law for studies: {law}." if law else ""
    st.caption(theme.plain(f"{curve_words.method(own)}{best}"))


def rows(own: Curve) -> pd.DataFrame:
    """Return a row per share: its films, and the accuracy on studies and films with interval."""
    both = zip(*(own.levels[name].points for name in LEVELS), strict=True)
    return pd.DataFrame([_row(*points) for points in both])


def _row(*points: Point) -> dict[str, Any]:
    row: dict[str, Any] = {
        "Patients": f"{points[0].share:.0%}",
        "Training films": f"{points[0].films:,.0f}",
    }
    for point, name, mark in zip(points, LEVELS, ("", " "), strict=True):
        accuracy = point.accuracy
        row[f"Accuracy on {name}"] = figure_words.value("accuracy", accuracy)
        row[f"95 % interval{mark}"] = figure_words.interval("accuracy", accuracy) or figures.MISSING
        row[f"n{mark}"] = f"{accuracy.n:,}"
        row[f"Seeds{mark}"] = ", ".join(f"{100 * x:.1f}" for x in point.by_seed)
    return row


def figure(level: Level, role: str, accent: str, grey: str, ink: Ink) -> go.Figure:
    """Return accuracy over the number of training films, on a logarithmic axis.

    Args:
        level: points, and the band where there is a forecast.
        role: "dev" or "valid", the studies of the accuracy.
        accent: hex colour of the means and of the band.
        grey: of single trainings.
        ink: the colours of text and grid.
    """
    drawn = go.Figure()
    if level.laws and not level.refusal:
        _band(drawn, level, accent)
    films = [point.films for point in level.points]
    each = [(point.films, x) for point in level.points for x in point.by_seed]
    drawn.add_scatter(
        x=[at for at, _ in each],
        y=[x for _, x in each],
        mode="markers",
        marker={"color": grey, "size": 6},
        name="one training",
        hovertemplate="%{x:,.0f} films: %{y:.1%}<extra>one training</extra>",
    )
    figures_ = [point.accuracy for point in level.points]
    values = [own.value or 0.0 for own in figures_]
    drawn.add_scatter(
        x=films,
        y=values,
        mode="markers",
        marker={"color": accent, "size": 10},
        error_y={
            "type": "data",
            "array": [(own.high or x) - x for own, x in zip(figures_, values, strict=True)],
            "arrayminus": [x - (own.low or x) for own, x in zip(figures_, values, strict=True)],
            "color": accent,
        },
        name="mean (95 % interval over patients)",
        hovertemplate="%{x:,.0f} films: %{y:.1%}<extra>mean</extra>",
    )
    _axes(drawn, films, role, ink)
    return drawn


def _band(drawn: go.Figure, level: Level, accent: str) -> None:
    """Draw the laws' middle and band: up to the largest forecast, dashed beyond the last point."""
    laws, first, last = level.laws, level.points[0].films, level.points[-1].films
    if laws is None:
        return
    along = np.geomspace(first, last * max(level.gains), PLACES)
    low, middle, high = 1 - laws.band(along)[::-1]
    red, green, blue = (int(accent[at : at + 2], 16) for at in (1, 3, 5))
    drawn.add_scatter(
        x=np.concatenate([along, along[::-1]]),
        y=np.concatenate([low, high[::-1]]),
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.2)",
        line={"width": 0},
        hoverinfo="skip",
        name="95 % of the laws that fit",
    )
    inside = along <= last
    for part, dash, name in ((inside, "solid", "middle law"), (~inside, "dash", "forecast")):
        drawn.add_scatter(
            x=along[part],
            y=middle[part],
            mode="lines",
            line={"color": accent, "dash": dash, "width": 2},
            name=name,
            hovertemplate="%{x:,.0f} films: %{y:.1%}<extra>" + name + "</extra>",
        )


def _axes(drawn: go.Figure, films: Sequence[float], role: str, ink: Ink) -> None:
    ticks = [*films, *(films[-1] * factor for factor in (2, 4))]
    drawn.update_layout(
        height=HEIGHT,
        margin={"l": 60, "r": 20, "t": 10, "b": 90},
        font={"color": ink.text, "size": 13},
        hovermode="closest",
        legend={"orientation": "h", "y": -0.25, "yanchor": "top", "x": 0},
        **CLEAR,
    )
    drawn.update_xaxes(
        type="log",
        title=literal("training films"),
        tickvals=ticks,
        ticktext=[f"{at:,.0f}" for at in ticks],
        gridcolor=ink.grid,
        zeroline=False,
    )
    drawn.update_yaxes(
        title=literal(f"accuracy on {role} studies"),
        tickformat=".0%",
        gridcolor=ink.grid,
        zeroline=False,
    )
