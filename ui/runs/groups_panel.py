"""Cross-validations on Runs: a line each, which opens to its folds, figures and buttons."""

from functools import partial
from pathlib import Path
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
from fracture_core.words import duration, plural
from ui.cache import group_cache, run_cache
from ui.runs import fold_ensemble, group_buttons
from ui.shared import figures, receipt, theme
from ui.shell import actions, state

POLL_SECONDS = 2.0  # while a fold is active
SHOWN = ("accuracy", "sensitivity", "specificity", "kappa", "auroc")  # of each fold


def without_members(runs: list[Run]) -> list[Run]:
    """Return the runs that no line of a group stands for; folds that are chosen stay."""
    chosen = st.query_params.get_all(state.CHOSEN)
    return [run for run in runs if run.name in chosen or not group_cache.of_run(run)]


def show(runs: list[Run]) -> bool:
    """Draw a line per cross-validation; return whether there is one. Polls while one is active."""
    groups, unreadable = group_cache.groups_now()
    for sentence in unreadable:
        st.error(theme.plain(sentence), icon=":material/error:")
    if groups:
        active = _active(groups, runs)
        st.fragment(_panel, run_every=POLL_SECONDS if active else None, key="groups")(active)
    return bool(groups)


def _active(groups: list[Group], runs: list[Run]) -> tuple[str, ...]:
    """Names of the groups that have an active fold."""
    alive = {group.of_run(run) for run in runs if run.status.state.alive}
    return tuple(each.name for each in groups if each.name in alive)


def _panel(drawn_for: tuple[str, ...]) -> None:
    if name := st.session_state.pop(state.NEW_FOLD_ENSEMBLE, None):
        films = {state.MODEL: name, state.FILMS: out_of_fold.SPLIT}
        st.switch_page("pages/evaluate.py", query_params=films)
    runs, (groups, _) = run_cache.runs_now(), group_cache.groups_now()
    if _active(groups, runs) != drawn_for:
        st.rerun()  # the whole page: polling depends on active folds
    words = st.query_params.get(state.SEARCH, "").casefold().split()
    shown = [each for each in groups if all(word in _text(each) for word in words)]
    if shown:
        st.header("Cross-validations", anchor=False)
    for value in shown:
        own = dict(sorted(group.members(value, runs).items()))
        _line(value, own, group.progress(value, own))
    actions.show_errors()


def _text(value: Group) -> str:
    """The searchable text of a group."""
    return f"{value.name} {value.config.architecture} {value.config.data}".casefold()


def _line(value: Group, runs: dict[int, Run], progress: Progress) -> None:
    """The group as one line, which opens."""
    record = group_cache.figures(value, runs)
    words = f"**{theme.plain(value.name)}** · {plural(value.folds, 'fold')}{_films(value, runs)}"
    words += f" · {theme.plain(progress.words)}"
    if isinstance(record, dict):
        words += f" · {theme.plain(_accuracy(record))}"
    elif progress.active:
        left = progress.seconds_left
        words += f" · {progress.share:.0%}{f', {duration(left)} left' if left else ''}"
    fold = st.expander(
        words,
        expanded=st.query_params.get(state.GROUP) == value.name,
        key=f"{state.GROUP}-{value.name}",
        on_change="rerun",
    )
    if fold.open:
        with fold:
            _content(value, runs, progress, record)


def _films(value: Group, runs: dict[int, Run]) -> str:
    run = next(iter(runs.values()), None)
    badge = f" {theme.synthetic_badge()}" if run and run_cache.is_synthetic(run) else ""
    return f" of {theme.plain(Path(value.config.data).name)}{badge}"


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
    for sentence in progress.problems:
        st.error(theme.plain(sentence), icon=":material/error:")
    if isinstance(record, str):
        st.error(theme.plain(record), icon=":material/error:")
    if progress.finished < value.folds:
        st.progress(min(1.0, progress.share), theme.plain(progress.words.capitalize()))
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
        _figures(value, record)


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


def _figures(value: Group, record: dict[str, Any]) -> None:
    """The pooled figures with their interval, and the spread between folds."""
    st.markdown("**Out of fold, all folds together**")
    st.dataframe(table(record), hide_index=True, key=f"pooled-{value.name}", width="content")
    st.caption(
        f"Each film is predicted by the run that was not trained on its patient. Intervals: "
        f"{fold_figures.METHOD}. {fold_figures.RANKS} Threshold {value.config.threshold:.2f}."
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
