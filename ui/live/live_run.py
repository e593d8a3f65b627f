"""A run as it goes: what it does in words, its curves, and what can be asked of it."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import streamlit as st

from fracture_core.analysis import advice
from fracture_core.errors import RunError, RunNotFound
from fracture_core.runs import journal, predictions, run_folders
from fracture_core.runs.run_folders import Run, State
from fracture_core.verdicts import aggregation, metrics
from fracture_core.words import duration
from ui.cache import run_cache, shared_cache
from ui.cache.shared_cache import Made
from ui.components import live_curves
from ui.live import controls, curve_panel, flip_feed, network_panel, pinned_studies, projector
from ui.runs import selected_runs
from ui.shared import epoch_slider, figures, theme
from ui.shell import actions, frame, owner, poll_rate, state, turns

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
NAMED = 5  # epochs in a sentence
SELDOM = ("queued", "making films", "measuring")  # shown only while a run is in them


def show(name: str) -> None:
    """A run: what it is, and its live view, which polls while it is alive and not afterwards.

    What changes with an epoch is a part of its own: in a full room it is looked at less often.

    Raises:
        RunNotFound: there is no such run.
    """
    run = run_cache.run_now(name)
    if not projector.panels():
        _nameplate(run)
    alive = run.status.state.alive
    level, sent = poll_rate.level(), live_curves.Sent()
    seconds = (poll_rate.LIVE[level], poll_rate.SLOW[level]) if alive else (None, None)
    st.fragment(_panel, run_every=seconds[0], key="live")(name, alive, level, sent)
    st.fragment(_epochs, run_every=seconds[1], key="epochs")(name, alive)
    st.fragment(_wait, run_every=None if alive else REST_SECONDS, key="rest")(name, alive)


@turns.in_turn
def _wait(name: str, is_watched: bool) -> None:
    """Draws nothing: at rest it looks whether the run goes on, asked for in another browser."""
    if is_watched:
        return
    try:
        goes_on = run_folders.status(run_folders.find(name)).state.alive
    except RunNotFound:  # deleted: the page says so
        goes_on = True
    if goes_on:
        st.rerun()


def _nameplate(run: Run) -> None:
    """Its name, network, parent, tags and note."""
    with st.container(horizontal=True, vertical_alignment="center"):
        badge = theme.synthetic_badge() if selected_runs.is_synthetic(run) else ""
        st.markdown(f"Run **{theme.plain(run.name)}** {badge}", width="content")
        running = ", running averages" if run.config.normalization == "running" else ""
        st.caption(theme.plain(run.config.architecture + running), width="content")
        _parent(run)
        st.page_link("pages/train.py", label="New run", icon=":material/add:")
        projector.link(run.name)
        if st.session_state.pop(state.ARRIVED, False):
            frame.to_top()  # last in this row, so that nothing moves when it is there no more
    labels = run_folders.labels(run.folder)
    tags = " ".join(f":gray-badge[{theme.plain(tag)}]" for tag in labels.tags)
    if words := " ".join(filter(None, [tags, theme.plain(labels.note)])):
        st.markdown(words)


def _parent(run: Run) -> None:
    """The run and epoch that a fork began from; a link, unless that run was deleted."""
    parent = run.facts.get("parent")
    if not parent:
        return
    label = theme.plain(f"forked from {parent['name']} at epoch {parent['epoch']}")
    if run_folders.exists(parent["name"]):
        address = {state.RUN: parent["name"]}
        st.page_link(
            "pages/train.py", label=label, icon=":material/call_split:", query_params=address
        )
    else:
        st.caption(f"{label}, which is deleted", width="content")


@turns.in_turn
def _panel(name: str, was_alive: bool, level: int, sent: live_curves.Sent) -> None:
    """What moves all the time, and what can be asked of the run.

    Args:
        name: the run's.
        was_alive: whether it was when the whole page was drawn.
        level: of `looks` then.
        sent: what the browser has of the curves.
    """
    run = _watched(name, was_alive)
    if was_alive and poll_rate.level(level) != level:
        st.rerun()  # once, to look more or less often
    with _readable():
        _moving(run, sent)
    actions.show_errors()


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """A file of the run that cannot be read costs what is below, not what is above."""
    try:
        yield
    except RunError as error:
        st.error(theme.plain(str(error)), icon=":material/error:")


def _moving(run: Run, sent: live_curves.Sent) -> None:
    done, chosen = _done(run), projector.panels()
    if chosen:
        projector.leave(run.name)
    _headline(run)
    if not chosen:
        _timeline(run)
        controls.show(run)
    here = _epoch(run, done, sliding=not chosen)
    if not chosen or "numbers" in chosen:
        _figures(run, here, big=bool(chosen))
    if not chosen or "curves" in chosen:
        behind = here if here and here < done[-1] else None
        curve_panel.show(run, done, sent, behind, big=bool(chosen))


@turns.in_turn
def _epochs(name: str, was_alive: bool) -> None:
    """What changes with an epoch: studies, advice, what is missing."""
    run = _watched(name, was_alive)
    with _readable():
        done, chosen = _done(run), projector.panels()
        _studies(run, epoch_slider.current(done, sliding=not chosen), chosen)
        if not chosen:
            _missing(run, len(done))
            _damaged_tables(run)
            _coach(run)  # below the curves, which it would push about as it comes and goes
            _refused(run)
            _log(run)


def _watched(name: str, was_alive: bool) -> Run:
    """The run, unless the whole page has to be drawn anew."""
    try:
        run = run_cache.run_now(name)
    except RunNotFound:  # deleted, in another browser perhaps: the page says so
        st.rerun()
    if run.status.state.alive != was_alive or st.query_params.get(state.RUN) != name:
        st.rerun()  # once, to begin or end the polling; or a fork was opened
    return run


def _of_metrics(run: Run, what: str, key: tuple, make: Callable[[pd.DataFrame], Made]) -> Made:
    """What is made of a run's epochs and films, once for all who watch."""
    paths = (run.folder / "metrics.jsonl", run.folder / "films.parquet")
    return shared_cache.of_files(what, paths, key, lambda: make(run_cache.metrics_of(run.folder)))


def _done(run: Run) -> tuple[int, ...]:
    """The epochs whose numbers are known."""
    return _of_metrics(
        run, "epochs", (), lambda epochs: tuple(epochs["epoch"].tolist()) if len(epochs) else ()
    )


def _epoch(run: Run, done: tuple[int, ...], sliding: bool) -> int | None:
    """The epoch that is looked at: the last one, unless the slider was moved; `None` before one."""
    if not sliding:
        return done[-1] if done else None
    return epoch_slider.ask(run.name, done, always=True, whole=True)


def _studies(run: Run, epoch: int | None, chosen: list[str]) -> None:
    """Pinned studies, and those that change sides, as they were after an epoch."""
    if epoch is None:
        return
    try:
        kept = run_cache.trajectories(run.folder).epochs
    except RunError as error:  # the curves are good without
        st.warning(theme.plain(str(error)), icon=":material/warning:")
        return
    if not kept:
        return
    here, last = max((each for each in kept if each <= epoch), default=kept[0]), kept[-1]
    if run.status.state.alive:
        last = curve_panel.axis_end(last, run.status.epochs)
    if not chosen or "studies" in chosen:
        pinned_studies.show(run, here, last)
    if not chosen or "flips" in chosen:
        flip_feed.show(run, here)
    if not chosen or "learned" in chosen:
        network_panel.show(run, here, opened=bool(chosen))


def _headline(run: Run) -> None:
    """What it does now, in words, and how far it is."""
    status = run.status
    words = {
        State.STOPPING: "Stopping, keeping the work",
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


def _coach(run: Run) -> None:
    """One line of advice, which can be waved off."""
    tip = _of_metrics(
        run, "advice", (),
        lambda epochs: advice.advise(
            epochs, run_cache.majority(run.folder, "images"), _called(run, epochs),
            running=run.config.normalization == "running",
        ),
    )  # fmt: skip
    key = f"{state.COACH}-{run.name}"
    if tip is None or st.session_state.get(key) == tip.rule:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f":material/lightbulb: {theme.plain(tip.sentence)}", width="stretch")
        st.button(
            "Got it", type="tertiary", key="wave-off", on_click=_wave_off, args=(key, tip.rule)
        )


def _called(run: Run, epochs: pd.DataFrame) -> dict[str, float]:
    """By role, the share of films called positive after the last of these epochs."""
    tables = run_cache.trajectories(run.folder)
    if not len(epochs) or tables.epochs[-1:] != (int(epochs["epoch"].iloc[-1]),):
        return {}  # its table is damaged
    positive = aggregation.is_positive(tables.probabilities[-1], run.config.threshold)
    return pd.Series(positive).groupby(tables.films["role"].to_numpy()).mean().to_dict()


def _wave_off(key: str, rule: str) -> None:
    st.session_state[key] = rule


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number after an epoch: its label, its value, and what stands below it."""

    label: str
    value: str
    notes: tuple[str, ...]


def _figures(run: Run, epoch: int | None, big: bool) -> None:
    """The numbers after an epoch, each with its n and interval.

    Each has its place from the start: as they become known, nothing moves.
    """
    rate, *judged = _of_metrics(run, "figures", (epoch,), lambda epochs: _after(run, epochs, epoch))
    with st.container(horizontal=True, gap="large"):
        if not big:
            _completed(run)
            _speed(run)
            _metric(rate.label, rate.value, rate.notes, width=SET)
        for each in judged:
            _metric(each.label, each.value, each.notes, big=big, width=JUDGED)


def _after(run: Run, epochs: pd.DataFrame, epoch: int | None) -> list[Figure]:
    """Learning rate, and the share of each role's studies that were judged right."""
    if epoch is not None:
        epochs = epochs[epochs["epoch"] <= epoch]
    last = epochs.iloc[-1] if len(epochs) else None
    majority = run_cache.majority(run.folder, "studies")
    roles = _judged(run, epochs, majority)
    return [_rate(run, last), *(_judged_right(role, last, majority.get(role)) for role in roles)]


def _judged(run: Run, epochs: pd.DataFrame, majority: dict[str, float]) -> list[str]:
    """The roles whose studies are judged after each epoch, as far as it is known by now."""
    if len(epochs):
        return [role for role in ROLES if f"{role}.study_accuracy" in epochs]
    if majority:  # by the films that it has read
        return [role for role in ROLES if role in majority]
    return [role for role in ROLES if role != "dev" or run.config.dev_share]


def _judged_right(role: str, last: pd.Series | None, guess: float | None) -> Figure:
    """The share of a role's studies that were judged right, beside what guessing would reach."""
    label, value, over = f"{role.capitalize()} studies judged right", figures.MISSING, ""
    if last is not None:
        n = int(last[f"{role}.studies"])
        count = round(last[f"{role}.study_accuracy"] * n)
        p = metrics.wilson(count, n)
        label, value = f"{label}, epoch {last['epoch']:.0f}", figures.percent(p.value)
        over = figures.with_interval(p)
    lazily = f"always guessing the majority: {figures.percent(guess)}" if guess else ""
    return Figure(label=label, value=value, notes=(over, lazily))


def _completed(run: Run) -> None:
    """Its epochs; one that has just ended stands in the metrics before the status tells of it."""
    done = max([run.status.epoch, *_done(run)[-1:]])
    _metric("Epochs completed", f"{done:,} of {max(done, run.status.epochs):,}")


def _speed(run: Run) -> None:
    speed, probe = run.status.images_per_second, run.facts.get("probe")
    value = f"{speed:,.0f} films/s" if speed else figures.MISSING
    cores = theme.plural(probe["threads"] * probe.get("branches", 1), "core") if probe else ""
    why = f"{cores}: {probe['why']}." if probe else None
    _metric("Training speed", value, (cores,), why, width=SET)


def _rate(run: Run, last: pd.Series | None) -> Figure:
    """The learning rate of an epoch, and what moves it."""
    schedule = run.config.schedule
    note = f"{schedule.kind} schedule" if schedule.kind != "constant" else ""
    if last is None:
        return Figure(label="Learning rate", value=figures.MISSING, notes=(note,))
    label = f"Learning rate, epoch {last['epoch']:.0f}"
    return Figure(label=label, value=f"{last['learning_rate']:.3g}", notes=(note,))


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


def _missing(run: Run, known: int) -> None:
    """The epochs of a run at rest that its curves lack."""
    missing = run.status.epoch - known
    if missing > 0 and not run.status.state.alive:
        st.warning(
            f"What was measured after {theme.plural(missing, 'epoch')} of {run.status.epoch:,} "
            "cannot be read: metrics.jsonl in its folder is damaged. Numbers and curves do "
            "without, and which epoch was the best is not known.",
            icon=":material/warning:",
        )


def _damaged_tables(run: Run) -> None:
    """The epochs of a run at rest whose prediction tables the slider and the studies lack."""
    if run.status.state.alive or not (run.folder / "films.parquet").is_file():
        return
    whole = run_cache.trajectories(run.folder).epochs
    if lost := sorted(set(predictions.epochs(run.folder)) - set(whole)):
        named = ", ".join(map(str, lost[:NAMED])) + (", ..." if len(lost) > NAMED else "")
        st.warning(
            f"The prediction {'tables' if len(lost) > 1 else 'table'} of epoch {named} cannot be "
            "read: damaged since they were written. The other epochs can be used.",
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
