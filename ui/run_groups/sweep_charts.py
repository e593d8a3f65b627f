"""A sweep's combinations: a line each across its settings to its accuracy, and as a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.sweeps.answer import Answer
from fracture_core.sweeps.sweep import Sweep
from fracture_core.verdicts import figure_words
from ui.shared import figures, plots, theme
from ui.shared.charts import CLEAR, Ink, literal
from ui.shell import state

HEIGHT = 300  # px
APART = 0.12  # share of the way between two values over which their lines fan out


def parallel(value: Sweep, answer: Answer) -> None:
    """Draw the plot of all combinations."""
    title = f"Settings and accuracy of {value.name}"
    plots.show(
        figure(value, answer, theme.colour("accent"), theme.colour("grey"), theme.ink()),
        f"parallel-{value.name}",
        theme.plain(title),
        words=f"{len(value.combinations)} combinations, a line each; the table below has them.",
        table=rows(value, answer),
        config={"displayModeBar": False},
    )


def figure(value: Sweep, answer: Answer, accent: str, grey: str, ink: Ink) -> go.Figure:
    """Return parallel coordinates: an upright per setting, and one for the accuracy.

    Args:
        value: the sweep.
        answer: its accuracies.
        accent: hex colour of the best combination.
        grey: of the others.
        ink: the colours of text and grid.
    """
    places = [
        {level: place / (len(axis.values) - 1) for place, level in enumerate(axis.values)}
        for axis in value.axes
    ]
    accuracies = np.array([figure.value or 0.0 for figure in answer.accuracies.values()])
    low, high = float(accuracies.min()), float(accuracies.max())
    span = max(high - low, 0.01)
    order = accuracies.argsort().argsort()
    drawn = go.Figure()
    for number in sorted(answer.accuracies, key=lambda each: each == answer.best):
        own = value.combinations[number - 1]
        fan = APART * (order[number - 1] / max(1, len(order) - 1) - 0.5)
        ups = [at[own[axis.path]] for at, axis in zip(places, value.axes, strict=True)]
        ups = [
            up + fan / max(1, len(axis.values) - 1)
            for up, axis in zip(ups, value.axes, strict=True)
        ]
        accuracy = accuracies[number - 1]
        is_best = number == answer.best
        drawn.add_scatter(
            x=list(range(len(value.axes) + 1)),
            y=[*ups, (accuracy - low) / span],
            mode="lines+markers",
            line={"color": accent if is_best else grey, "width": 4 if is_best else 1.5},
            marker={"size": 9 if is_best else 6, "color": accent if is_best else grey},
            name=literal(value.words(number)),
            hovertemplate=f"{literal(value.words(number))}<br>{100 * accuracy:.1f}&#37;"
            "<extra></extra>",
            showlegend=False,
        )
    _uprights(drawn, value, places, (low, high, span), ink)
    return drawn


def _uprights(
    drawn: go.Figure,
    value: Sweep,
    places: Sequence[dict[Any, float]],
    scale: tuple[float, float, float],
    ink: Ink,
) -> None:
    """Draw the uprights with their values."""
    low, high, span = scale
    ends = {low: 0.0} if low == high else {low: 0.0, high: (high - low) / span}
    texts = [
        [(axis.words(level), up) for level, up in at.items()]
        for axis, at in zip(value.axes, places, strict=True)
    ]
    texts.append([(f"{100 * share:.1f} %", up) for share, up in ends.items()])
    for x, own in enumerate(texts):
        drawn.add_vline(x=x, line={"color": ink.text, "width": 1})
        for words, up in own:
            drawn.add_annotation(
                x=x, y=up, text=literal(words), showarrow=False, xanchor="left", xshift=8
            )
    titles = [literal(axis.setting.title) for axis in value.axes] + ["accuracy on studies"]
    drawn.update_layout(
        height=HEIGHT,
        margin={"l": 40, "r": 60, "t": 10, "b": 40},
        font={"color": ink.text, "size": 13},
        hovermode="closest",
        **CLEAR,
    )
    drawn.update_xaxes(
        tickvals=list(range(len(titles))),
        ticktext=titles,
        range=[-0.15, len(titles) - 0.6],
        showgrid=False,
        zeroline=False,
    )
    drawn.update_yaxes(visible=False, range=[-0.15, 1.15])


def table(value: Sweep, runs: Sequence[Run], answer: Answer | None) -> None:
    """Draw a row per combination, the best first, and the way to its runs."""
    shown = rows(value, answer, runs)
    st.dataframe(
        shown,
        hide_index=True,
        key=f"combinations-{value.name}",
        width="content",
        placeholder=figures.MISSING,
    )
    compare_button(value, runs)


def compare_button(value: Sweep, runs: Sequence[Run]) -> None:
    """Draw the button that leads to the curves of a sweep's runs."""
    if runs and st.button(
        "Compare curves",
        icon=":material/stacked_line_chart:",
        key=f"curves-{value.name}",
        help="The curves of all its runs, below.",
    ):
        state.put(state.CHOSEN, [run.name for run in runs])
        st.rerun()  # the whole page: the curves are below


def rows(value: Sweep, answer: Answer | None, runs: Sequence[Run] = ()) -> pd.DataFrame:
    """Return a row per combination: its values, accuracy with interval and n, and each seed's.

    Args:
        value: the sweep.
        answer: its accuracies; `None` before there are any.
        runs: those that it has; their number is a column where not all have finished.
    """
    numbers = list(range(1, len(value.combinations) + 1))
    if answer:
        numbers.sort(key=lambda number: -(answer.accuracies[number].value or 0.0))
    places, made = value.places, []
    for number in numbers:
        own = value.combinations[number - 1]
        row: dict[str, Any] = {
            axis.setting.title: axis.setting.words(own[axis.path]) for axis in value.axes
        }
        if answer:
            accuracy = answer.accuracies[number]
            row["Accuracy"] = figure_words.value("accuracy", accuracy)
            row["95 % interval"] = figure_words.interval("accuracy", accuracy) or figures.MISSING
            row["n"] = f"{accuracy.n:,}"
            row["Seeds"] = ", ".join(f"{100 * x:.1f}" for x in answer.by_seed[number - 1])
        done = [
            run
            for run in runs
            if places.get(run.name, (0, 0))[0] == number and run.status.state is State.FINISHED
        ]
        if len(runs) < len(places) or any(run.status.state is not State.FINISHED for run in runs):
            row["Finished"] = f"{len(done)} of {value.seeds}"
        made.append(row)
    return pd.DataFrame(made)
