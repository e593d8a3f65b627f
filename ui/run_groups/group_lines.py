"""Groups of runs on Runs: a line each, which opens to what its kind of group shows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from fracture_core.run_groups import group_progress
from fracture_core.run_groups.group_progress import Progress
from fracture_core.runs.run_folders import Run
from fracture_core.words import duration
from ui.cache import run_cache
from ui.run_groups import group_cache
from ui.shared import theme
from ui.shell import actions, state

POLL_SECONDS = 2.0  # while a run is active


@dataclass(frozen=True, kw_only=True)
class Line:
    """Parts of a group's line.

    Args:
        what: Markdown after its name: what was asked.
        result: Markdown at the line's end; "" before there is one.
        draw: draws its content, once it is opened.
    """

    what: str
    result: str
    draw: Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of group.

    Args:
        title: heading above its lines.
        listed: returns all groups, and a sentence for each that cannot be read.
        searched: returns the words of a group that are searched, beside name, network and data.
        line: returns what a group shows, given its runs and their state.
    """

    title: str
    listed: Callable[[], tuple[list[Any], list[str]]]
    searched: Callable[[Any], str]
    line: Callable[[Any, list[Run], Progress], Line]


def without_members(runs: list[Run]) -> list[Run]:
    """Return the runs that no line of a group stands for; those that are chosen stay."""
    chosen = st.query_params.get_all(state.CHOSEN)
    return [run for run in runs if run.name in chosen or not group_cache.of_run(run)]


def show(kind: Kind, runs: list[Run]) -> bool:
    """Draw a line per group; return whether there is one. Polls while one is active."""
    groups, unreadable = kind.listed()
    for sentence in unreadable:
        st.error(theme.plain(sentence), icon=":material/error:")
    if groups:
        active = _active(groups, runs)
        polling = POLL_SECONDS if active else None
        st.fragment(_panel, run_every=polling, key=kind.title)(kind, active)
    return bool(groups)


def _active(groups: list[Any], runs: list[Run]) -> tuple[str, ...]:
    """Names of the groups that have an active run."""
    alive = [run for run in runs if run.status.state.alive]
    return tuple(each.name for each in groups if any(map(each.owns, alive)))


def _panel(kind: Kind, drawn_for: tuple[str, ...]) -> None:
    runs, (groups, _) = run_cache.runs_now(), kind.listed()
    if _active(groups, runs) != drawn_for:
        st.rerun()  # the whole page: polling depends on active runs
    words = st.query_params.get(state.SEARCH, "").casefold().split()
    shown = [each for each in groups if all(word in _text(kind, each) for word in words)]
    if shown:
        st.header(kind.title, anchor=False)
    for value in shown:
        _line(kind, value, [run for run in runs if value.owns(run)])
    actions.show_errors()


def _text(kind: Kind, value: Any) -> str:
    """The searchable text of a group."""
    config = value.config
    words = f"{value.name} {kind.searched(value)} {config.architecture} {config.data}"
    return words.casefold()


def data_words(value: Any, runs: list[Run]) -> str:
    """Return the name of a group's data set as Markdown, badged where its films are synthetic."""
    badge = f" {theme.synthetic_badge()}" if any(map(run_cache.is_synthetic, runs[:1])) else ""
    return f"{theme.plain(Path(value.config.data).name)}{badge}"


def _line(kind: Kind, value: Any, runs: list[Run]) -> None:
    """The group as one line, which opens."""
    progress = group_progress.progress(value, runs)
    line = kind.line(value, runs, progress)
    words = f"**{theme.plain(value.name)}** · {line.what} · {theme.plain(progress.words)}"
    if line.result:
        words += f" · {line.result}"
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
            for sentence in progress.problems:
                st.error(theme.plain(sentence), icon=":material/error:")
            line.draw()


def progress_bar(progress: Progress) -> None:
    """Draw the share that is done, until all is."""
    if progress.finished < progress.runs:
        st.progress(min(1.0, progress.share), theme.plain(progress.words.capitalize()))
