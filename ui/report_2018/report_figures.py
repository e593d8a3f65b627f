"""The report's figures 2 to 8, drawn from its repeated experiments."""

from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fracture_core.analysis import report_2018
from fracture_core.analysis.report_2018 import FIGURES, ExperimentRuns, Figure, Length
from fracture_core.runs.run_folders import Run
from ui.cache import run_cache
from ui.shared import plots, theme
from ui.shared.charts import CLEAR

COLOURS = {  # of the experiments: they differ in dash too
    "one": ("#4FA3E0", "solid"),
    "three": ("#A79BFF", "solid"),
    "dense": ("#5CD6B6", "dash"),
    "dropout": ("#E6C34A", "dot"),
    "adagrad": ("#F2913D", "dashdot"),
    "slow": ("#8C96A3", "longdash"),
    "five": ("#F2913D", "solid"),
}
COLOURS_LIGHT = {
    "one": "#1767A8",
    "three": "#5B45D6",
    "dense": "#0E7C66",
    "dropout": "#8A6D00",
    "adagrad": "#B8520A",
    "slow": "#6B7480",
    "five": "#B8520A",
}
NAMES = {
    "train.accuracy": "accuracy",
    "valid.accuracy": "accuracy",
    "valid.loss": "loss per film",
}
HEIGHT, MIN_WIDTH = 330, 480  # px


def show(runs: ExperimentRuns, length: Length) -> None:
    """Draw the figures that have a curve, two side by side; the others are named.

    Args:
        runs: the runs so far.
        length: of the experiments.
    """
    st.header("Its figures, repeated", anchor=False)
    drawn = {figure: draw(figure, runs, length) for figure in FIGURES}
    ready = [figure for figure, plot in drawn.items() if plot.data]
    paired = len(ready) - len(ready) % 2  # the last of an odd number takes the whole width
    with st.grid(2, min_column_width=MIN_WIDTH, gap="medium") as grid:
        for figure in ready[:paired]:
            with grid.cell():
                _plot(figure, drawn[figure])
    for figure in ready[paired:]:
        _plot(figure, drawn[figure])
    if missing := [str(figure.number) for figure in FIGURES if figure not in ready]:
        noun = "Figure" if len(missing) == 1 else "Figures"
        st.markdown(f"{noun} {', '.join(missing)} will appear with the first epochs of their runs.")


def _plot(figure: Figure, drawn: go.Figure) -> None:
    title = f"Figure {figure.number}: {figure.title}"
    st.markdown(f"**{title}**")
    plots.show(drawn, f"figure-{figure.number}", title, config={"displaylogo": False})


def caveat(synthetic: bool) -> str:
    """Return the caveat for data other than the report's."""
    other = "Synthetic films" if synthetic else "Other films, or fewer steps, than the report's"
    return f"{other}: we draw no conclusion about the report's claims."


def draw(figure: Figure, runs: ExperimentRuns, length: Length) -> go.Figure:
    """Draw a figure's lines, one for each experiment and seed."""
    drawn = go.Figure()
    drawn.add_traces(lines(figure, runs, length, lambda run: run_cache.metrics_of(run.folder)))
    return dressed(drawn, figure, length)


def lines(
    figure: Figure, runs: ExperimentRuns, length: Length, table_of: Callable[[Run], pd.DataFrame]
) -> list[go.Scatter]:
    """Return a figure's lines of the runs' tables; `table_of` returns the table of a run."""
    drawn, light, last = [], st.context.theme.type == "light", figure.last(length)
    for key in figure.keys:
        colour, dash = COLOURS[key]
        is_first = True  # of its experiment: the legend names each once
        for seed, run in ((seed, run) for (name, seed), run in runs.items() if name == key):
            table = table_of(run)
            table = table[table["epoch"] <= last] if len(table) else pd.DataFrame()
            if not len(table) or figure.column not in table:
                continue
            role = figure.column.partition(".")[0]
            n, films = int(table[f"{role}.n"].iloc[-1]), f"{role} films"
            if role == "train":  # n counts films used more than once each time
                films = "films per epoch"
            drawn.append(
                go.Scatter(
                    x=table["epoch"],
                    y=table[figure.column],
                    mode="lines",
                    legendgroup=key,
                    name=f"{report_2018.BY_KEY[key].title} ({n:,} {films})",
                    showlegend=is_first,
                    line={
                        "color": COLOURS_LIGHT[key] if light else colour,
                        "dash": dash,
                        "width": 2.2 if seed == 1 else 1,
                    },
                    opacity=1 if seed == 1 else 0.55,
                    hovertemplate=f"{report_2018.BY_KEY[key].title}, seed {seed}, epoch %{{x}}: "
                    "%{y:.3f}<extra></extra>",
                )
            )
            is_first = False
    return drawn


def dressed(drawn: go.Figure, figure: Figure, length: Length) -> go.Figure:
    """Add axes, legend and the page's colours to a figure of one or more plots."""
    ink, percent = theme.ink(), figure.column.endswith("accuracy")
    if figure.further:
        drawn.add_vline(
            x=length.epochs,
            line={"color": ink.text, "width": 1, "dash": "dot"},
            annotation={"text": "trained on", "font": {"color": ink.text}},
            annotation_position="bottom right" if percent else "top right",  # curves are elsewhere
        )
    grid = {"gridcolor": ink.grid, "zeroline": False}
    drawn.update_layout(
        height=HEIGHT,
        margin={"l": 56, "r": 10, "t": 10, "b": 44},
        **CLEAR,
        font={"color": ink.text, "size": 13},
        showlegend=True,
        uirevision=str(figure.number),
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    drawn.update_xaxes(title="epoch", range=[0, figure.last(length) * 1.02], **grid)
    drawn.update_yaxes(title=NAMES[figure.column], tickformat=".0%" if percent else ".2f", **grid)
    return drawn
