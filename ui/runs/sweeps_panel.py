"""Sweeps on Runs: a line each, which opens to its answer in words, its settings and buttons."""

from pathlib import Path

import streamlit as st

from fracture_core.run_groups.group_progress import Progress
from fracture_core.runs.run_folders import Run
from fracture_core.sweeps import answer, sweep, sweep_words
from fracture_core.sweeps.answer import Answer
from fracture_core.sweeps.sweep import Sweep
from fracture_core.words import duration, plural
from ui.cache import group_cache, run_cache
from ui.runs import group_buttons, sweep_charts
from ui.shared import theme
from ui.shell import actions, state

POLL_SECONDS = 2.0  # while a run is active


def show(runs: list[Run]) -> bool:
    """Draw a line per sweep; return whether there is one. Polls while one is active."""
    sweeps, unreadable = group_cache.sweeps_now()
    for sentence in unreadable:
        st.error(theme.plain(sentence), icon=":material/error:")
    if sweeps:
        active = _active(sweeps, runs)
        st.fragment(_panel, run_every=POLL_SECONDS if active else None, key="sweeps")(active)
    return bool(sweeps)


def _members(value: Sweep, runs: list[Run]) -> list[Run]:
    return [run for run in runs if run.name in value.planned and value.owns(run)]


def _active(sweeps: list[Sweep], runs: list[Run]) -> tuple[str, ...]:
    """Names of the sweeps that have an active run."""
    alive = [run for run in runs if run.status.state.alive]
    return tuple(each.name for each in sweeps if _members(each, alive))


def _panel(drawn_for: tuple[str, ...]) -> None:
    runs, (sweeps, _) = run_cache.runs_now(), group_cache.sweeps_now()
    if _active(sweeps, runs) != drawn_for:
        st.rerun()  # the whole page: polling depends on active runs
    words = st.query_params.get(state.SEARCH, "").casefold().split()
    shown = [each for each in sweeps if all(word in _text(each) for word in words)]
    if shown:
        st.header("Sweeps", anchor=False)
    for value in shown:
        own = _members(value, runs)
        _line(value, own, sweep.progress(value, own))
    actions.show_errors()


def _text(value: Sweep) -> str:
    """The searchable text of a sweep."""
    labels = " ".join(axis.setting.label for axis in value.axes)
    return f"{value.name} {labels} {value.config.architecture} {value.config.data}".casefold()


def _line(value: Sweep, runs: list[Run], progress: Progress) -> None:
    """The sweep as one line, which opens."""
    varied = " × ".join(
        f"{plural(len(axis.values), 'value')} of {axis.setting.label.lower()}"
        for axis in value.axes
    )
    badge = f" {theme.synthetic_badge()}" if any(map(run_cache.is_synthetic, runs[:1])) else ""
    words = f"**{theme.plain(value.name)}** · {varied} × {plural(value.seeds, 'seed')} on "
    words += f"{theme.plain(Path(value.config.data).name)}{badge} · {theme.plain(progress.words)}"
    if progress.active:
        left = progress.seconds_left
        words += f" · {progress.share:.0%}{f', {duration(left)} left' if left else ''}"
    elif progress.finished == progress.runs:
        own = group_cache.sweep_answer(value, runs, _role(value))
        words += (
            f" · {theme.plain(sweep_words.brief(value, own))}" if isinstance(own, Answer) else ""
        )
    fold = st.expander(
        words,
        expanded=st.query_params.get(state.GROUP) == value.name,
        key=f"{state.GROUP}-{value.name}",
        on_change="rerun",
    )
    if fold.open:
        with fold:
            _content(value, runs, progress)


def _content(value: Sweep, runs: list[Run], progress: Progress) -> None:
    for sentence in progress.problems:
        st.error(theme.plain(sentence), icon=":material/error:")
    _answer(value, runs)
    if progress.finished < progress.runs:
        st.progress(min(1.0, progress.share), theme.plain(progress.words.capitalize()))
    group_buttons.show(value, runs, progress, "sweep")


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
