"""The report's figures with both averages, and the mean change of their lines per epoch."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from fracture_core.analysis import fluctuation
from fracture_core.analysis.fluctuation import Fluctuation
from fracture_core.analysis.report_2018 import BY_KEY, ExperimentRuns, Figure, Length
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts.closed_intervals import Mean
from fracture_core.words import plural
from ui.cache import run_cache, shared_cache
from ui.report_2018 import report_figures
from ui.shared import figures, plots, theme

UNITS = {"valid.accuracy": ("points", 100, ".1f"), "valid.loss": ("loss per film", 1, ".3f")}


def running(run: Run) -> pd.DataFrame:
    """Return a run's metrics with running averages: one row per epoch."""
    return run_cache.metrics_of(run.folder)


def recomputed(run: Run) -> pd.DataFrame:
    """Return its metrics with recomputed averages: one row per epoch re-evaluated so far."""
    return run_cache.recomputed(run)[0]


def show(figure: Figure, runs: ExperimentRuns, length: Length, is_reports: bool) -> None:
    """Draw a figure with both averages, and the mean change of its lines from epoch to epoch.

    Args:
        figure: of the report.
        runs: of the experiments.
        length: of the experiments.
        is_reports: whether data and length are the report's.
    """
    title = f"Figure {figure.number}, with both averages: {figure.title}"
    st.markdown(f"**{title}**")
    runs = {key: run for key, run in runs.items() if key[0] in figure.keys}
    files = tuple(path for run in runs.values() for path in run_cache.files_of_averages(run))
    drawn, changes = shared_cache.of_files(
        "averages",
        files,
        (figure.number, length.name, st.context.theme.type),
        lambda: (draw(figure, runs, length), _changes(figure, runs, length)),
    )
    plots.show(drawn, f"averages-{figure.number}", title, config={"displaylogo": False})
    if not changes:
        return
    head = f"{UNITS[figure.column][0]} per epoch, {_films(runs)}"
    st.markdown(_table(head, changes, figure.column))
    if any(change.difference.n == 1 for change in changes.values()):
        st.caption("One seed gives no interval.")
    if is_reports:
        st.markdown(_follows(changes, figure.column))


def draw(figure: Figure, runs: ExperimentRuns, length: Length) -> go.Figure:
    """Draw a figure twice, on the same axes: with running averages, and with recomputed ones."""
    drawn = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.03)
    for column, table_of in enumerate((running, recomputed), 1):
        for line in report_figures.lines(figure, runs, length, table_of):
            line.showlegend = line.showlegend and column == 1
            drawn.add_trace(line, row=1, col=column)
    report_figures.dressed(drawn, figure, length)
    drawn.update_yaxes(title=None, col=2)
    if not any(line.xaxis == "x2" for line in drawn.data):
        drawn.add_annotation(
            text="not re-evaluated yet",
            showarrow=False,
            x=0.76,
            y=0.5,
            xref="paper",
            yref="paper",
            font={"color": theme.ink().text},
        )
    for column, ways in enumerate(("running", "recomputed"), 1):
        drawn.update_xaxes(title=f"epoch, with {ways} averages", col=column)
    return drawn


def _changes(figure: Figure, runs: ExperimentRuns, length: Length) -> dict[str, Fluctuation]:
    """The fluctuation of each experiment, over its seeds and the figure's epochs."""
    last, changes = figure.last(length), {}
    for key in figure.keys:
        own = [run for (experiment, _), run in runs.items() if experiment == key]
        tables = [(_up_to(running(r), last), _up_to(recomputed(r), last)) for r in own]
        change = fluctuation.compare(tables, figure.column)
        if change.difference.n:
            changes[key] = change
    return changes


def _up_to(table: pd.DataFrame, last: int) -> pd.DataFrame:
    return table[table["epoch"] <= last] if len(table) else table


def _films(runs: ExperimentRuns) -> str:
    """Number of valid films in words; runs on the same data have the same."""
    tables = [running(run) for run in runs.values()]
    counts = {int(t["valid.n"].iloc[-1]) for t in tables if "valid.n" in t}
    return " or ".join(plural(count, "valid film") for count in sorted(counts))


def _table(head: str, changes: dict[str, Fluctuation], column: str) -> str:
    rows = [
        f"| {BY_KEY[key].title} | {_words_of(change.running, column)} | "
        f"{_words_of(change.recomputed, column)} | {_words_of(change.difference, column, '+')} | "
        f"{change.difference.n} |"
        for key, change in changes.items()
    ]
    head = f"| Change, {head} | Running | Recomputed | Running minus recomputed | Seeds |"
    return "\n".join([head, "|:--|--:|--:|--:|--:|", *rows])


def _words_of(mean: Mean, column: str, sign: str = "") -> str:
    """A mean with its interval in the column's unit, as "4.1 (3.0 to 5.2)"."""
    _, factor, form = UNITS[column]
    if mean.value is None:
        return figures.MISSING
    value = f"{factor * mean.value:{sign}{form}}"
    if mean.low is None or mean.high is None:
        return value
    ends = (f"{factor * end:{sign}{form}}" for end in (mean.low, mean.high))
    return f"{value} ({figures.HARD_TO.join(ends)})"


def _follows(changes: dict[str, Fluctuation], column: str) -> str:
    """The share of the fluctuation due to averages, of experiments with a measurable one."""
    unit, parts, unknown = UNITS[column][0], [], []
    for key, change in changes.items():
        difference, title = change.difference, BY_KEY[key].title
        low, high, value = difference.low, difference.high, difference.value
        running = change.running.value
        if low is None or high is None or value is None or not running or low <= 0 <= high:
            unknown.append(title)
        elif low > 0:
            share = figures.percent(value / running)
            parts.append(f"{title} {share} ({_words_of(difference, column)} {unit})")
        else:
            parts.append(f"{title} none, recomputed averages fluctuate more")
    shares = [f"Share of the fluctuation due to averages: {'; '.join(parts)}."] if parts else []
    rest = [f"No measurable difference with these seeds: {', '.join(unknown)}."] if unknown else []
    return " ".join([*shares, *rest])
