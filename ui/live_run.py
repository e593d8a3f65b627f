"""A run as it goes: what it does in words, its curves, and what can be asked of it."""

from typing import Literal

import pandas as pd
import streamlit as st

from fracture_core import coach, journal, metrics, runs, trajectories
from fracture_core.errors import RunError, RunNotFound
from fracture_core.reporter import duration
from fracture_core.runs import Run, State
from ui import (
    actions,
    cached,
    epoch_slider,
    figures,
    flip_feed,
    frame,
    learned_view,
    owner,
    pinned_studies,
    projector,
    run_actions,
    run_controls,
    run_curves,
    state,
    theme,
)

POLL_SECONDS = 2.0  # twice as often costs a tenth of a core for each who watches
REST_SECONDS = 5.0  # between two looks at a run that is at rest, which read its status alone
# Widths in px that no value changes: "Learning rate, epoch 9,999" in one line, and
# "171 of 194, 95 % interval 82.9 to 92.0 %".
SET, JUDGED = 170, 250
ROLES = ("dev", "valid")
NOTES = 2  # lines below a figure, be they empty: the row keeps its height
PHASES = {  # as a run goes through them -> how they are called
    "queued": "queued",
    "making films": "making films",
    "reading films": "reading films",
    "measuring": "measuring threads",
    "importing": "loading TensorFlow",
    "compiling": "compiling",
    "training": "training",
    "evaluating": "judging",  # the films of which roles: `_phase`
}
SELDOM = ("queued", "making films", "measuring")  # shown only while a run is in them


def show(name: str) -> None:
    """A run: what it is, and its live view, which polls while it is alive and not afterwards.

    Raises:
        RunNotFound: there is no such run.
    """
    run = runs.read(runs.find(name))
    if not projector.panels():
        _nameplate(run)
    alive = run.status.state.alive
    st.fragment(_panel, run_every=POLL_SECONDS if alive else None, key="live")(name, alive)
    st.fragment(_wait, run_every=None if alive else REST_SECONDS, key="rest")(name, alive)


def _wait(name: str, is_watched: bool) -> None:
    """Draws nothing: at rest it looks whether the run goes on, asked for in another browser."""
    if is_watched:
        return
    try:
        goes_on = runs.status(runs.find(name)).state.alive
    except RunNotFound:  # deleted: the page says so
        goes_on = True
    if goes_on:
        st.rerun()


def _nameplate(run: Run) -> None:
    """Its name, network, parent, tags and note."""
    with st.container(horizontal=True, vertical_alignment="center"):
        badge = theme.synthetic_badge() if run_actions.is_synthetic(run) else ""
        st.markdown(f"Run **{theme.plain(run.name)}** {badge}", width="content")
        st.caption(theme.plain(run.config.architecture), width="content")
        _parent(run)
        st.page_link("pages/train.py", label="New run", icon=":material/add:")
        projector.link(run.name)
        if st.session_state.pop(state.ARRIVED, False):
            frame.to_top()  # last in this row, so that nothing moves when it is there no more
    labels = runs.labels(run.folder)
    tags = " ".join(f":gray-badge[{theme.plain(tag)}]" for tag in labels.tags)
    if words := " ".join(filter(None, [tags, theme.plain(labels.note)])):
        st.markdown(words)


def _parent(run: Run) -> None:
    """The run and epoch that a fork began from; a link, unless that run was deleted."""
    parent = run.facts.get("parent")
    if not parent:
        return
    label = theme.plain(f"forked from {parent['name']} at epoch {parent['epoch']}")
    if parent["name"] in runs.names():
        address = {state.RUN: parent["name"]}
        st.page_link(
            "pages/train.py", label=label, icon=":material/call_split:", query_params=address
        )
    else:
        st.caption(f"{label}, which is deleted", width="content")


def _panel(name: str, was_alive: bool) -> None:
    try:
        run = runs.read(runs.find(name))
    except RunNotFound:  # deleted, in another browser perhaps: the page says so
        st.rerun()
    if run.status.state.alive != was_alive or st.query_params.get(state.RUN) != name:
        st.rerun()  # once, to begin or end the polling; or a fork was opened
    try:
        _parts(run)
    except RunError as error:  # a file of it cannot be read: what is above stays
        st.error(theme.plain(str(error)), icon=":material/error:")
    actions.tell()


def _parts(run: Run) -> None:
    """All that is shown of a run.

    Raises:
        RunError: a file of it cannot be read.
    """
    epochs, chosen = cached.metrics_of(run.folder), projector.panels()
    if chosen:
        projector.leave(run.name)
    _headline(run)
    if not chosen:
        _timeline(run)
        run_controls.show(run)
    here = _epoch(run, epochs, sliding=not chosen)
    if not chosen or "numbers" in chosen:
        _figures(run, epochs[epochs["epoch"] <= here] if here else epochs, big=bool(chosen))
    if not chosen or "curves" in chosen:
        behind = here if here and here < epochs["epoch"].iloc[-1] else None
        run_curves.show(run, epochs, behind, big=bool(chosen))
    _studies(run, here, chosen)
    if not chosen:
        _missing(run, epochs)
        _coach(run, epochs)  # below the curves, which it would push about as it comes and goes
        _refused(run)
        _log(run)


def _epoch(run: Run, epochs: pd.DataFrame, sliding: bool) -> int | None:
    """The epoch that is looked at: the last one, unless the slider was moved; `None` before one."""
    done = tuple(epochs["epoch"].tolist()) if len(epochs) else ()
    if not sliding:
        return done[-1] if done else None
    return epoch_slider.ask(run.name, done, always=True)


def _studies(run: Run, epoch: int | None, chosen: list[str]) -> None:
    """Pinned studies, and those that change sides, as they were after an epoch."""
    if epoch is None:
        return
    try:
        whole = cached.trajectories(run.folder)
    except RunError as error:  # the curves are good without
        st.warning(theme.plain(str(error)), icon=":material/warning:")
        return
    if not whole.epochs:
        return
    found = trajectories.up_to(whole, max(epoch, whole.epochs[0]))
    last = whole.epochs[-1]
    if run.status.state.alive:
        last = run_curves.axis_end(last, run.status.epochs)
    if not chosen or "studies" in chosen:
        pinned_studies.show(run, found, last)
    if not chosen or "flips" in chosen:
        flip_feed.show(run, found)
    if not chosen or "learned" in chosen:
        learned_view.show(run, found.epochs[-1], opened=bool(chosen))


def _headline(run: Run) -> None:
    """What it does now, in words, and how far it is."""
    status = run.status
    words = {
        State.STOPPING: "Stops and keeps its work",
        State.STOPPED: f"Stopped after {status.epoch} of {theme.plural(status.epochs, 'epoch')}",
        State.FAILED: "Failed",
        State.INTERRUPTED: "Interrupted",
    }
    if status.state is State.RUNNING:
        left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
        heading = f"Epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}{left}"
    else:
        heading = words.get(status.state, theme.plain(status.message.removesuffix(".")))
    st.title(heading, anchor=False)
    share = status.step / status.steps if status.steps else 0.0
    if status.state is State.STARTING:
        share = status.progress
    st.progress(min(1.0, 1.0 if status.state is State.FINISHED else share))
    if status.state in (State.FAILED, State.INTERRUPTED):
        st.error(theme.plain(status.message), icon=":material/error:")


def _timeline(run: Run) -> None:
    """Where on its way the run is: what lies behind it, what it does, what is to come."""
    status = run.status
    here = "queued" if status.state is State.QUEUED else status.phase
    names = [name for name in PHASES if name not in SELDOM or name == here]
    if here not in names:  # at rest, or between two phases
        here = None
    words = []
    for name in names:
        if name == here:
            words.append(f":primary-background[**{_phase(run, name)}**]")
        else:
            words.append(f":gray[{_phase(run, name)}]")
    done = "**done**" if status.state is State.FINISHED else ":gray[done]"
    st.markdown(f":small[{' › '.join([*words, done])}]")


def _phase(run: Run, name: str) -> str:
    """What a phase is called; judging, with the roles that the run's films have."""
    if name != "evaluating":
        return PHASES[name]
    counts = run.facts.get("data", {}).get("images", {})  # not there until it has read its films
    return f"{PHASES[name]} {' and '.join(role for role in ROLES if role in counts)}".strip()


def _coach(run: Run, epochs: pd.DataFrame) -> None:
    """One line of advice, which can be waved off."""
    guess = cached.majority(str(run.folder), "images") if len(epochs) else {}
    advice = coach.advise(epochs, guess)
    key = f"{state.COACH}-{run.name}"
    if advice is None or st.session_state.get(key) == advice.rule:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":material/lightbulb: {theme.plain(advice.sentence)}", width="stretch")
        st.button(
            "Got it", type="tertiary", key="wave-off", on_click=_wave_off, args=(key, advice.rule)
        )


def _wave_off(key: str, rule: str) -> None:
    st.session_state[key] = rule


def _figures(run: Run, epochs: pd.DataFrame, big: bool) -> None:
    """The numbers of the last completed epoch, each with its n and interval.

    Each has its place from the start: as they become known, nothing moves.
    """
    with st.container(horizontal=True, gap="large"):
        if not big:
            _completed(run, epochs)
            _speed(run)
            _rate(run, epochs)
        majority = cached.majority(str(run.folder), "studies")
        for role in _judged(run, epochs, majority):
            _judged_right(role, epochs, majority.get(role), big)


def _judged(run: Run, epochs: pd.DataFrame, majority: dict[str, float]) -> list[str]:
    """The roles whose studies are judged after each epoch, as far as it is known by now."""
    if len(epochs):
        return [role for role in ROLES if f"{role}.study_accuracy" in epochs]
    if majority:  # by the films that it has read
        return [role for role in ROLES if role in majority]
    return [role for role in ROLES if role != "dev" or run.config.dev_share]


def _judged_right(role: str, epochs: pd.DataFrame, guess: float | None, big: bool) -> None:
    """The share of a role's studies that were judged right, beside what guessing would reach."""
    label, value, over = f"{role.capitalize()} studies judged right", figures.MISSING, ""
    if len(epochs):
        last = epochs.iloc[-1]
        n = int(last[f"{role}.studies"])
        count = round(last[f"{role}.study_accuracy"] * n)
        p = metrics.wilson(count, n)
        label, value = f"{label}, epoch {last['epoch']:.0f}", figures.percent(p.value)
        over = figures.with_interval(p)
    lazily = f"always guessing the majority: {figures.percent(guess)}" if guess else ""
    _metric(label, value, (over, lazily), big=big, width=JUDGED)


def _completed(run: Run, epochs: pd.DataFrame) -> None:
    """Its epochs; one that has just ended stands in the metrics before the status tells of it."""
    done = max([run.status.epoch, *epochs["epoch"].tail(1)]) if len(epochs) else run.status.epoch
    _metric("Epochs completed", f"{done:,} of {max(done, run.status.epochs):,}")


def _speed(run: Run) -> None:
    speed, probe = run.status.images_per_second, run.facts.get("probe")
    value = f"{speed:,.0f} films/s" if speed else figures.MISSING
    cores = theme.plural(probe["threads"] * probe.get("branches", 1), "core") if probe else ""
    why = f"{cores}: {probe['why']}." if probe else None
    _metric("Training speed", value, (cores,), why, width=SET)


def _rate(run: Run, epochs: pd.DataFrame) -> None:
    """The learning rate of the last epoch, and what moves it."""
    schedule = run.config.schedule
    note = f"{schedule.kind} schedule" if schedule.kind != "constant" else ""
    if len(epochs):
        last = epochs.iloc[-1]
        label, value = f"Learning rate, epoch {last['epoch']:.0f}", f"{last['learning_rate']:.3g}"
    else:
        label, value = "Learning rate", figures.MISSING
    _metric(label, value, (note,), width=SET)


def _metric(
    label: str,
    value: str,
    notes: tuple[str, ...] = (),
    why: str | None = None,
    big: bool = False,
    width: int | Literal["content"] = "content",
) -> None:
    with st.container(width="content" if big else width, gap=None):
        if big:
            st.markdown(f"### {label}")
            st.markdown(f"# {value}")
            st.markdown("  \n".join(notes))
            return
        st.caption(label, help=why)
        st.markdown(f"#### {value}")
        lines = [*notes, *NOTES * [""]][:NOTES]
        st.caption("  \n".join(line or "&nbsp;" for line in lines))


def _missing(run: Run, epochs: pd.DataFrame) -> None:
    """The epochs of a run at rest that its curves lack."""
    missing = run.status.epoch - len(epochs)
    if missing > 0 and not run.status.state.alive:
        st.warning(
            f"What was measured after {theme.plural(missing, 'epoch')} of {run.status.epoch:,} "
            "cannot be read: metrics.jsonl in its folder is damaged. Numbers, curves and the "
            "choice of the best epoch do without.",
            icon=":material/warning:",
        )


def _refused(run: Run) -> None:
    """The films that the run does without, and why."""
    if refused := journal.refused(run.folder):
        with st.expander(f"{theme.plural(len(refused), 'film')} could not be read, and left out"):
            st.markdown("\n".join(f"- {theme.plain(reason)}" for _, reason in refused))


def _log(run: Run) -> None:
    """The end of the log: on request, and always where it says why the run failed."""
    if not owner.is_owner():
        return  # it names folders of this machine
    failed = run.status.state is State.FAILED
    if failed or st.toggle("Show the log", key="show-log"):
        if failed:
            st.caption("The end of its log:")
        st.code(journal.log_tail(run.folder) or "Nothing was logged.", language=None, height=220)
