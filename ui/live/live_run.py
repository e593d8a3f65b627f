"""A live run: its state in words, its curves, and its controls."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import streamlit as st

from fracture_core import files
from fracture_core.clusters import run_place
from fracture_core.errors import RunError, RunNotFound
from fracture_core.runs import run_folders, run_status
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.words import clean, duration, plural
from ui.cache import run_cache
from ui.components import announcement, end_notice, live_curves
from ui.live import (
    about_run,
    controls,
    curve_panel,
    flip_feed,
    network_panel,
    pinned_studies,
    projector,
    run_figures,
    run_notices,
)
from ui.shared import epoch_slider, kept_focus, theme
from ui.shell import actions, owner, poll_rate, state, turns

ADVICE_PX = 110  # height of the place for advice: three lines in a narrow window
SPOKEN_SECONDS = 15.0  # at least, between two epochs that a screen reader announces
REST_SECONDS = 5.0  # between two polls of an ended run, which read its status alone
PHASES = {  # phases of a run in order -> their names on the page
    "queued": "queued",
    "making films": "generating films",
    "reading films": "reading films",
    "measuring": "measuring threads",
    "importing": "loading TensorFlow",
    "weights": "ImageNet weights",
    "compiling": "compiling",
    "training": "training",
    "evaluating": "evaluating",  # with the roles, see `_phase`
}
RARE = ("queued", "making films", "measuring", "weights")  # shown only while a run is in them


def show(name: str) -> None:
    """Draw a run and its live view, which polls only while the run is alive.

    Everything that changes with an epoch is a fragment of its own, polled less often in a full
    room.

    Raises:
        RunNotFound: there is no such run.
    """
    run = run_cache.run_now(name)
    alive = run.status.state.alive
    level, sent, panels = poll_rate.level(), live_curves.Sent(), st.query_params.get(state.SHOW, "")
    seconds = (poll_rate.LIVE[level], poll_rate.SLOW[level]) if alive else (None, None)
    st.fragment(_panel, run_every=seconds[0], key="live")(name, alive, level, sent, panels)
    st.fragment(_epochs, run_every=seconds[1], key="epochs")(name, alive, panels)
    st.fragment(_wait, run_every=None if alive else REST_SECONDS, key="rest")(name, alive)
    if alive and not _has_point(run.folder):
        st.fragment(_await_point, run_every=poll_rate.FIRST[level], key="first-point")(name)


def _has_point(folder: Path) -> bool:
    """Return whether the live curve has begun."""
    facts = files.stamp(folder / "steps.jsonl")
    return bool(facts) and facts[1] > 0


@turns.in_turn
def _await_point(name: str) -> None:
    """Draw nothing; rerun the page once the live curve begins."""
    if run_folders.exists(name) and _has_point(run_folders.find(name)):
        state.redraw_run(name)


@turns.in_turn
def _wait(name: str, is_watched: bool) -> None:
    """Draw nothing; rerun the page of an ended run once another browser has resumed it."""
    if is_watched:
        return
    try:
        if run_status.read(run_folders.find(name)).state.alive:
            state.redraw_run(name)
    except RunNotFound:  # deleted: the page reports it
        st.rerun()


@turns.in_turn
def _panel(
    name: str, was_alive: bool, level: int, sent: live_curves.Sent, panels: str = ""
) -> None:
    """Draw the parts that change all the time, and the controls.

    Args:
        name: the run's.
        was_alive: its state when the whole page was drawn.
        level: `poll_rate.level` at that time.
        sent: the points of the curves in the browser.
        panels: of the projector view, as in the address at that time.
    """
    run = _watched(name, was_alive, panels)
    if was_alive and poll_rate.level(level) != level:
        state.redraw_run(name)  # once, to poll more or less often
    with _readable():
        _moving(run, sent)
    actions.show_errors()


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """Replace the rest of the view with the error of an unreadable file."""
    try:
        yield
    except RunError as error:
        st.error(theme.plain(str(error)), icon=":material/error:")


def _moving(run: Run, sent: live_curves.Sent) -> None:
    done, panels = run_cache.completed_epochs(run), projector.panels()
    _headline(run)
    if not panels:
        controls.show(run)
    _message(run)
    above = st.container()  # the slider stands below, and says what is drawn
    epoch = epoch_slider.ask(run.name, done, always=True, whole=True, player=True, big=bool(panels))
    with above:
        if run.status.state.alive and not done and not panels:
            _timeline(run)  # in the place of the figures, which are not known yet
        elif not panels or "numbers" in panels:
            run_figures.show(run, epoch, big=bool(panels))
        if not panels or "curves" in panels:
            rewound = epoch if epoch and epoch < done[-1] else None
            curve_panel.show(run, done, sent, rewound, big=bool(panels))
    if not panels:
        left, right = st.columns([3, 2])
        with left:
            controls.offer(run)
            run_figures.offer_receipt(run, epoch)
            _load(run)
        with right.container(height=ADVICE_PX, border=False):  # it comes and goes; nothing moves
            run_notices.advise(run)


@turns.in_turn
def _epochs(name: str, was_alive: bool, panels: str = "") -> None:
    """Draw the parts that change with an epoch: studies and notices; arguments as in `_panel`."""
    run = _watched(name, was_alive, panels)
    with _readable():
        done = run_cache.completed_epochs(run)
        _studies(run, epoch_slider.current(done), projector.panels())
        if not projector.panels():
            run_notices.show(run)


def _watched(name: str, was_alive: bool, panels: str = "") -> Run:
    """The run; reruns the whole page if the run has begun, ended or been replaced.

    A poll may bring the address from before a run or the projector view was opened: it must neither
    lead back nor draw what the page does not show.
    """
    try:
        run = run_cache.run_now(name)
    except RunNotFound:  # deleted, maybe in another browser: the page reports it
        st.rerun()
    opened = state.next_run(name)
    for parameter, value in ((state.RUN, opened), (state.SHOW, panels)):
        if st.query_params.get(parameter, "") != value:
            state.put(parameter, value)
    if run.status.state.alive != was_alive or opened != name:
        state.redraw_run(name)  # once, to begin or end the polling; or a fork was opened
    return run


def _studies(run: Run, epoch: int | None, panels: list[str]) -> None:
    """Pinned studies, changed studies, and the network's filters, after an epoch."""
    if epoch is None:
        return
    try:
        epochs = run_cache.trajectories(run.folder).epochs
    except RunError as error:  # the curves can be shown without it
        st.warning(theme.plain(str(error)), icon=":material/warning:")
        return
    if not epochs:
        return
    shown, last = max((each for each in epochs if each <= epoch), default=epochs[0]), epochs[-1]
    if run.status.state.alive:
        last = curve_panel.axis_end(last, run.status.epochs)
    if not panels or "studies" in panels:
        pinned_studies.show(run, shown, last)
    if not panels or "flips" in panels:
        flip_feed.show(run, shown)
    if not panels or "learned" in panels:
        network_panel.show(run, shown, opened=bool(panels))


def _headline(run: Run) -> None:
    """The run's activity in words, and what is looked at beside it."""
    status = run.status
    words = {
        State.STOPPING: "Stopping; work is saved",
        State.STOPPED: f"Stopped after {status.epoch} of {plural(status.epochs, 'epoch')}",
        State.FAILED: "Failed",
        State.INTERRUPTED: "Interrupted",
    }
    if status.state is State.RUNNING:
        left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
        heading = f"Epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}{left}"
    else:
        heading = words.get(status.state, status.message.removesuffix("."))
    # Neither Markdown, nor for a visitor's eyes where a folder of this machine is named.
    text, message = (clean(owner.discreet(each)) for each in (heading, status.message))
    st.set_page_config(page_title=f"{text} · {run.name}")  # read in the browser's tab
    spoken = text.partition(",")[0] if status.state is State.RUNNING else text
    with st.container(horizontal=True, vertical_alignment="center"):
        if projector.panels():
            projector.line(f"{run.name}: {text}")
            projector.leave(run.name)
            announcement.show(spoken, "announcement", str(status.state), SPOKEN_SECONDS)
        else:
            with st.container(horizontal=True, gap=None):
                st.title(theme.plain(heading), anchor=False, width="stretch")
                announcement.show(spoken, "announcement", str(status.state), SPOKEN_SECONDS)
                kept_focus.keep()
            end_notice.show(run.name, message or text, status.state.alive)
            about_run.show(run)
            projector.link(run.name)
            st.page_link("pages/train.py", label="New run", icon=":material/add:")


def _load(run: Run) -> None:
    """Processor and memory of an active run, in one small line that is there in every state."""
    status, words = run.status, "&nbsp;"
    if status.state.alive and status.memory_mb:
        words = f"Uses {status.cores:.1f} processor cores and {status.memory_mb:,} MB at most."
    if status.state.alive and (place := run_place.words(run.folder)):
        words = f"{theme.plain(place)}. {words}"
    st.caption(words)


def _message(run: Run) -> None:
    """The reason of a run that failed or was interrupted, and what is kept."""
    if run.status.state in (State.FAILED, State.INTERRUPTED):
        kept = "All work up to the last step is kept."
        if not run.status.step:
            kept = "Nothing was trained, and nothing is lost."
        elif run.status.state is State.INTERRUPTED:
            kept = "All work up to the last checkpoint is kept; Resume continues there."
        st.error(f"{theme.plain(run.status.message)} {kept}", icon=":material/error:")


def _timeline(run: Run) -> None:
    """The phases of a run before its first epoch ends, with the current one highlighted."""
    status = run.status
    current = "queued" if status.state is State.QUEUED else status.phase
    words = []
    for name in (name for name in PHASES if name not in RARE or name == current):
        if name == current:
            words.append(f":primary-background[**{_phase(run, name)}**]")
        else:
            words.append(f":gray[{_phase(run, name)}]")
    st.markdown(f":small[{' › '.join([*words, ':gray[done]'])}]")


def _phase(run: Run, name: str) -> str:
    """Name of a phase; evaluating, with the roles of the run's films."""
    if name != "evaluating":
        return PHASES[name]
    counts = run.data.images  # empty until it has read its films
    roles = " and ".join(role for role in run_figures.ROLES if role in counts)
    return f"{PHASES[name]} {roles}".strip()
