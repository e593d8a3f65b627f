"""Overlaid curves of the chosen runs, and below them their comparison."""

from functools import partial
from itertools import cycle

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from fracture_core.epochs import predictions
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.words import cell
from ui.cache import run_cache
from ui.runs import curve_controls, run_charts, run_comparison
from ui.shared import epoch_slider, plots, theme, training_words
from ui.shell import state

POLL_SECONDS = 5.0  # while a chosen run is active
DRAWN = 12  # runs; more curves than that cannot be distinguished
MIXED = "Loss (per film or study)"


def show(runs: list[Run], names: list[str]) -> None:
    """Draw the curves and the comparison of the chosen runs; polls while one of them is active."""
    if not names:
        return
    picked = [run for run in runs if run.name in names]
    alive = any(run.status.state.alive for run in picked)
    poll = POLL_SECONDS if alive else None
    st.fragment(_panel, run_every=poll, key="runs-overlay")(tuple(names), alive)


def _panel(names: tuple[str, ...], was_alive: bool) -> None:
    runs = {run.name: run for run in run_cache.runs_now()}
    picked = [runs[name] for name in names if name in runs]
    if len(picked) < len(names) or was_alive != any(run.status.state.alive for run in picked):
        st.rerun()
    st.header("Curves", anchor=False)
    for run in picked:
        if run.status.state in (State.FAILED, State.INTERRUPTED):
            ended = f"**{theme.plain(run.name)}** {run.status.state}"
            st.markdown(f":material/error: {ended}: {theme.plain(run.status.message)}")
    options = _options(list(runs.values()), picked)
    reference = st.query_params.get(state.AGAINST, "")
    against = options.get(reference) or next(iter(options.values()), None)
    drawn = _drawn(picked, against)
    tables = {run.name: run_cache.curves(run) for run in drawn}
    if not any(len(table) for table in tables.values()):
        st.markdown("Curves appear here after the first epoch.")
        return
    epoch = _epoch(drawn)
    _curves(pd.concat([t for t in tables.values() if len(t)]), drawn, against, epoch)
    if against and len(drawn) > 1:
        others = [run for run in picked if run.name != against.name]
        run_comparison.show(others, against, list(options), epoch)
    elif against:
        st.caption("Choose a second run, or pin a baseline, to compare them.")


def _epoch(drawn: list[Run]) -> int | None:
    """The common epoch of all runs, one that every run keeps a table of; `None` for each's best."""
    kept = {run.name: predictions.epochs(run.folder) for run in drawn}
    shared = set.intersection(*map(set, kept.values()))
    short = [theme.plain(name) for name, epochs in kept.items() if len(epochs) < 2]
    obstacle = "" if len(shared) > 1 else "Needs two epochs kept by all of these runs"
    if obstacle and short:
        obstacle += f"; {', '.join(short[:3])} {'has' if len(short) == 1 else 'have'} fewer"
    in_address = st.query_params.get(state.EPOCH) is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        on = st.toggle(
            "All at the same epoch", in_address, key=state.TOGETHER, disabled=bool(obstacle)
        )
        if obstacle:
            st.caption(f"{obstacle}.", width="content")
    if obstacle or not on:
        return None
    epochs = tuple(sorted(shared))
    names = " ".join(run.name for run in drawn)
    return epoch_slider.ask(names, epochs)


def _drawn(picked: list[Run], against: Run | None) -> list[Run]:
    """Runs with curves: the chosen ones, and the one that they are compared with."""
    others = [run for run in picked if against is None or run.name != against.name]
    all_runs = [*([against] if against else []), *others]
    if len(all_runs) > DRAWN:
        st.caption(f"Showing the curves of the first {DRAWN} of {len(all_runs)} runs.")
    return all_runs[:DRAWN]


def _options(runs: list[Run], picked: list[Run]) -> dict[str, Run]:
    """The runs to compare with: the baseline, if there is one, first."""
    labels = run_cache.labels(runs)
    base = [run for run in runs if labels[run.name].baseline]
    return {run.name: run for run in [*base, *picked]}


# --- curves -------------------------------------------------------------------------------------


def _curves(rows: pd.DataFrame, drawn: list[Run], against: Run | None, epoch: int | None) -> None:
    """The controls, the figures for accuracy and loss, and the export."""
    bar = st.container(horizontal=True, gap="medium")
    with bar:
        x, roles, level, weight = curve_controls.ask(rows)
    axis = run_charts.axis(x, float(rows["seconds"].max()))
    if x == "time" and rows["seconds"].isna().all():
        st.caption("These runs recorded no times, so their curves cannot be drawn over time.")
    with bar:
        along = curve_controls.ask_section(rows, axis)
    rows_shown = rows[rows["role"].isin(roles)]
    if without := [theme.plain(name) for name in curve_controls.without(rows, roles)]:
        words = " or ".join(run_charts.ROLES[role] for role in roles)
        st.caption(f"Not drawn (no {words} films): {', '.join(without)}.")
    mark = epoch if x == "epoch" else None
    grid = st.grid(2, min_column_width=480)
    loss = _loss_title(drawn, trained="train" in roles)
    for title, quantity in ((f"Accuracy of {level}", curve_controls.LEVELS[level]), (loss, "loss")):
        part = rows_shown[rows_shown["quantity"] == quantity]
        with grid.cell():
            file = f"runs-{quantity.replace('_', '-')}-by-{x}"
            _figure(part, axis, weight, title, _looks(drawn, against), along, mark, file)
    notes = ["The camera on a figure saves it as a picture."]
    if weight:
        notes.insert(0, "Smoothed; the thin line is the measured one.")
    if level == "studies" and "train" in roles:
        notes.insert(0, "Training accuracy is per film, never per study.")
    if "train" in roles:
        notes = [*training_words.sentences([run.config for run in drawn]), *notes]
    if loss == MIXED:
        notes.insert(0, "Losses per film and per study cannot be compared with each other.")
    _export(rows, " ".join(notes))


def _loss_title(drawn: list[Run], trained: bool) -> str:
    """The title of the losses: per film, per study, or both among these runs.

    Args:
        drawn: the runs.
        trained: whether losses of training are drawn, which may be those of soft labels.
    """
    if len({bool(run.config.study_pooling) for run in drawn}) > 1:
        return MIXED
    soft = [run for run in drawn if trained and training_words.has_soft_labels(run.config)]
    return training_words.loss_title((soft or drawn)[0].config, trained)


def _figure(
    part: pd.DataFrame,
    axis: run_charts.Axis,
    weight: float,
    title: str,
    looks: dict[str, tuple[str, str]],
    along: list[float] | None,
    mark: int | None,
    file: str,
) -> None:
    """One figure; its words and its table hold what was measured, smoothed or not.

    Args:
        part: the rows of its quantity.
        axis, weight, title, looks: see `run_charts.overlay`.
        along: the section of the x axis; `None` for all.
        mark: an epoch with an upright line; `None` for none.
        file: name of its picture.
    """

    def drawn(smoothing: float) -> go.Figure:
        return run_charts.overlay(part, axis, smoothing, title, looks, theme.ink(), theme.ground())

    figure = drawn(weight)
    measured = drawn(0.0) if weight else None
    figure.update_xaxes(range=along)
    if mark is not None:
        figure.add_vline(x=mark, line={"color": theme.ink().text, "width": 2})
    plots.show(figure, f"overlay-{title}", title, source=measured, config=_toolbar(file))


def _export(rows: pd.DataFrame, notes: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Export CSV",
            partial(_csv, rows),
            "runs.csv",
            "text/csv",
            key="export-runs",
            icon=":material/download:",
            on_click="ignore",
            help="Every epoch of these runs, one row per value, as measured.",
        )
        st.caption(notes)


def _csv(rows: pd.DataFrame) -> str:
    return rows.map(cell).to_csv(index=False, lineterminator="\n")


def _toolbar(file: str) -> dict:
    picture = {"format": "png", "filename": file, "scale": 2}
    return {"displaylogo": False, "displayModeBar": True, "toImageButtonOptions": picture}


def _looks(drawn: list[Run], against: Run | None) -> dict[str, tuple[str, str]]:
    """A colour and a marker for each; the text's own colour for the one compared with."""
    marks = cycle(zip(theme.run_colours(), run_charts.MARKERS, strict=True))
    mine = (theme.ink().text, "circle")
    reference = against.name if against and len(drawn) > 1 else None
    return {run.name: mine if run.name == reference else next(marks) for run in drawn}
