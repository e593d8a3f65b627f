"""Cross-validations on Runs: a line each, which opens to its folds, figures and buttons."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.cross_validation import fold_figures, group, out_of_fold
from fracture_core.cross_validation.group import Group
from fracture_core.reports import page_receipts
from fracture_core.run_groups.group_progress import Progress
from fracture_core.runs.run_folders import Run
from fracture_core.verdicts import estimates, figure_words
from fracture_core.verdicts.resampling import Interval
from fracture_core.words import plural
from ui.cache import run_cache
from ui.run_groups import fold_ensemble, group_buttons, group_cache, group_lines
from ui.run_groups.group_lines import Kind, Line
from ui.shared import figures, receipt, theme
from ui.shell import state

SHOWN = ("accuracy", "sensitivity", "specificity", "kappa", "auroc")  # of each fold


def _line(value: Group, own: list[Run], progress: Progress) -> Line:
    runs = group.members(value, own)
    record = group_cache.figures(value, runs)
    return Line(
        what=f"{plural(value.folds, 'fold')} of {group_lines.data_words(value, own)}",
        result=theme.plain(_accuracy(record)) if isinstance(record, dict) else "",
        draw=partial(_content, value, runs, progress, record),
    )


KIND = Kind(
    title="Cross-validations",
    listed=group_cache.groups_now,
    searched=lambda value: "",
    line=_line,
)


def _accuracy(record: dict[str, Any]) -> str:
    figure = _interval(record["studies"]["accuracy"])
    value = figure_words.value("accuracy", figure)
    bounds = figure_words.interval("accuracy", figure)
    return f"out-of-fold accuracy {value}{f' ({bounds})' if bounds else ''}, n = {figure.n:,}"


def _interval(figure: dict[str, Any]) -> Interval:
    return Interval(**{key: figure[key] for key in ("value", "low", "high", "n", "groups")})


def _content(
    value: Group, runs: dict[int, Run], progress: Progress, record: dict[str, Any] | str | None
) -> None:
    if isinstance(record, str):
        st.error(theme.plain(record), icon=":material/error:")
    group_lines.progress_bar(progress)
    release = partial(fold_ensemble.show, value) if isinstance(record, dict) else None
    group_buttons.show(value, list(runs.values()), progress, "cross-validation", release)
    st.dataframe(
        _folds(value, runs, record if isinstance(record, dict) else None),
        hide_index=True,
        key=f"folds-{value.name}",
        width="content",
        placeholder=figures.MISSING,
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        for fold, run in runs.items():
            st.page_link(
                "pages/train.py",
                label=f"Fold {fold}",
                icon=":material/show_chart:",
                query_params={state.RUN: run.name},
                width="content",
            )
        if st.button(
            "Compare curves",
            icon=":material/stacked_line_chart:",
            key=f"curves-{value.name}",
            disabled=not runs,
        ):
            state.put(state.CHOSEN, [run.name for run in runs.values()])
            st.rerun()  # the whole page: the curves are below
    if isinstance(record, dict):
        _figures(value, runs, record)


def _folds(value: Group, runs: dict[int, Run], record: dict[str, Any] | None) -> pd.DataFrame:
    """Return a row per fold: its state, best epoch, and figures on the studies it held out."""
    own = {each["fold"]: each["studies"] for each in record["folds"]} if record else {}
    outcomes = run_cache.outcomes(list(runs.values()))
    rows = []
    for fold in value.numbers:
        run = runs.get(fold)
        epoch = outcomes[run.name].best_epoch if run else None
        row: dict[str, Any] = {"Fold": fold, "State": _state(run), "Epoch": epoch}
        if fold in own:
            row["Studies"] = own[fold]["accuracy"]["n"]
            for name in SHOWN:
                figure = figure_words.value(name, _interval(own[fold][name]))
                row[figure_words.TITLES[name]] = figure or figures.MISSING
        rows.append(row)
    return pd.DataFrame(rows)


def _state(run: Run | None) -> str:
    if run is None:
        return "not started"
    status = run.status
    epochs = f", {status.epoch} of {status.epochs} epochs" if status.epochs else ""
    return f"{status.state}{epochs}"


def _figures(value: Group, runs: dict[int, Run], record: dict[str, Any]) -> None:
    """The pooled figures with their interval, and the spread between folds."""
    st.markdown("**Out of fold, all folds together**")
    st.dataframe(table(record), hide_index=True, key=f"pooled-{value.name}", width="content")
    training = out_of_fold.training_facts(runs, record["studies"]["accuracy"]["n"])
    st.caption(
        f"Each film is predicted by the run that was not trained on its patient. Intervals: "
        f"{fold_figures.METHOD}. {fold_figures.RANKS} Threshold {value.config.threshold:.2f}. "
        f"{theme.plain(training.split_words)}"
    )
    receipt.offer(f"folds-{value.name}", lambda: page_receipts.of_folds(value, record))


def table(record: dict[str, Any]) -> pd.DataFrame:
    """Return one row per figure: pooled with interval and n, and the spread over folds."""
    rows = []
    for name in estimates.NAMES:
        row = {"Figure": figure_words.TITLES[name]}
        for level, mark in (("studies", ""), ("images", " ")):
            figure = record[level][name]
            pooled = _interval(figure)
            row |= {
                f"{level.capitalize()}": figure_words.value(name, pooled) or figures.MISSING,
                f"95 % interval{mark}": figure_words.interval(name, pooled) or figures.MISSING,
                f"n{mark}": f"{pooled.n:,}",
                f"Folds{mark}": _spread(name, figure),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def _spread(name: str, figure: dict[str, Any]) -> str:
    """Mean of the folds, least and greatest: "84.1 % (78.5 to 90.2)"."""
    if figure["mean"] is None:
        return figures.MISSING
    bounds = {"low": figure["least"], "high": figure["greatest"]}
    spread = Interval(value=figure["mean"], **bounds, n=figure["n"], groups=figure["groups"])
    return f"{figure_words.value(name, spread)} ({figure_words.interval(name, spread)})"
