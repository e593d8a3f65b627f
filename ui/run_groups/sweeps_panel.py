"""Sweeps and learning curves on Runs: a line each, which opens to its answer and buttons."""

from functools import partial

import streamlit as st

from fracture_core.learning_curve import curve, curve_words
from fracture_core.learning_curve.curve import Curve
from fracture_core.run_groups.group_progress import Progress
from fracture_core.runs.run_folders import Run
from fracture_core.sweeps import answer, sweep_words
from fracture_core.sweeps.answer import Answer
from fracture_core.sweeps.sweep import Sweep
from fracture_core.words import plural
from ui.run_groups import (
    group_buttons,
    group_cache,
    group_lines,
    learning_curve_panel,
    sweep_charts,
)
from ui.run_groups.group_lines import Kind, Line
from ui.shared import theme
from ui.shell import state


def _line(value: Sweep, runs: list[Run], progress: Progress) -> Line:
    seeds = plural(value.seeds, "seed")
    return Line(
        what=f"{_varied(value)} × {seeds} on {group_lines.data_words(value, runs)}",
        result=_result(value, runs) if progress.finished == progress.runs else "",
        draw=partial(_content, value, runs, progress),
    )


def _varied(value: Sweep) -> str:
    if curve.is_one(value):
        return f"learning curve, {plural(len(value.combinations), 'share')} of the patients"
    return " × ".join(
        f"{plural(len(axis.values), 'value')} of {axis.setting.label.lower()}"
        for axis in value.axes
    )


def _result(value: Sweep, runs: list[Run]) -> str:
    if curve.is_one(value):
        points = group_cache.learning_curve(value, runs, _role(value))
        return theme.plain(curve_words.brief(points)) if isinstance(points, Curve) else ""
    own = group_cache.sweep_answer(value, runs, _role(value))
    return theme.plain(sweep_words.brief(value, own)) if isinstance(own, Answer) else ""


KIND = Kind(
    title="Sweeps",
    listed=group_cache.sweeps_now,
    searched=lambda value: " ".join(axis.setting.label for axis in value.axes),
    line=_line,
)


def _content(value: Sweep, runs: list[Run], progress: Progress) -> None:
    _answer(value, runs)
    group_lines.progress_bar(progress)
    what = "learning curve" if curve.is_one(value) else "sweep"
    group_buttons.show(value, runs, progress, what)


def _answer(value: Sweep, runs: list[Run]) -> None:
    """The sentences, the plot and the table, on the studies that the viewer chooses."""
    tables = group_cache.verdicts(value, runs)
    offered = answer.roles(tables) if not isinstance(tables, str) else []
    if len(offered) > 1:
        st.segmented_control(
            "Studies",
            offered,
            default=offered[0],
            required=True,
            key=_role_key(value),
            help="Settings are chosen on dev studies; valid studies then tell how good the choice "
            "is, and are used once.",
        )
    if curve.is_one(value):
        learning_curve_panel.show(value, runs, _role(value))
        return
    own = group_cache.sweep_answer(value, runs, _role(value))
    if isinstance(own, str):
        st.markdown(theme.plain(own))
        sweep_charts.table(value, runs, None)
        return
    *settings, best = sweep_words.sentences(value, own)
    for sentence in settings:
        st.markdown(f"**{theme.plain(sentence)}**")
    st.markdown(theme.plain(best))
    if len(value.combinations) > 2:
        sweep_charts.parallel(value, own)
    sweep_charts.table(value, runs, own)
    caution = " The best epochs were chosen on these studies." if own.role == "dev" else ""
    st.caption(theme.plain(f"{sweep_words.method(own)}{caution}"))


def _role_key(value: Sweep) -> str:
    return f"{state.SWEEP_ROLE}-{value.name}"


def _role(value: Sweep) -> str:
    """The studies that the answer rests on: dev where there are any, unless valid was chosen."""
    default = "dev" if value.config.dev_share else "valid"
    return st.session_state.get(_role_key(value)) or default
