"""A run as it goes: what it does in words, its curves, and what can be asked of it."""

import pandas as pd
import streamlit as st

from fracture_core import cards, journal, launcher, metrics, runs
from fracture_core.errors import RunError
from fracture_core.reporter import duration
from fracture_core.runs import Run, State
from ui import cached, charts, state, theme

POLL_SECONDS = 2.0  # every look redraws the curves; see docs/decisions.md


def show(name: str) -> None:
    """The live view of a run; it polls while the run is alive, and not afterwards.

    Raises:
        RunNotFound: there is no such run.
    """
    alive = runs.status(runs.find(name)).state.alive
    st.fragment(_panel, run_every=POLL_SECONDS if alive else None, key="live")(name, alive)


def _panel(name: str, was_alive: bool) -> None:
    run = runs.read(runs.find(name))
    if run.status.state.alive != was_alive:
        st.rerun()  # once, to begin or end the polling
    epochs, steps = journal.metrics(run.folder), journal.steps(run.folder)
    _headline(run)
    _controls(run)
    _figures(run, epochs)
    _refused(run)
    _log(run)
    _curves(run, epochs, steps)


def _curves(run: Run, epochs: pd.DataFrame, steps: pd.DataFrame) -> None:
    """Loss and accuracy. Drawn last: a browser is busy with them, and what comes after a busy
    moment is greyed until it is over."""
    last = max(run.status.epochs, run.config.epochs)
    guess = cached.majority(str(run.folder), "images").get("valid") if len(epochs) else None
    left, right = st.columns(2)
    for column, quantity, line in ((left, "loss", None), (right, "accuracy", guess)):
        figure = charts.learning_curve(epochs, steps, quantity, theme.ink(), last, line)
        column.plotly_chart(figure, key=f"curve-{quantity}", config={"displaylogo": False})


def _headline(run: Run) -> None:
    """What it does now, in words, and how far it is."""
    status = run.status
    words = {
        State.STOPPING: "Stops and keeps its work",
        State.STOPPED: f"Stopped after {status.epoch} of {status.epochs} epochs",
        State.FINISHED: f"Finished {status.epochs} epochs",
        State.FAILED: "Failed",
        State.INTERRUPTED: "Interrupted",
    }
    if status.state is State.RUNNING:
        left = f", {duration(status.seconds_left)} left" if status.seconds_left else ""
        heading = f"Epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}{left}"
    else:
        heading = words.get(status.state, status.message.removesuffix("."))
    st.title(heading, anchor=False)
    share = status.step / status.steps if status.steps else 0.0
    if status.state is State.STARTING:
        share = status.progress
    st.progress(min(1.0, 1.0 if status.state is State.FINISHED else share))
    if status.state in (State.FAILED, State.INTERRUPTED):
        st.error(status.message, icon=":material/error:")


def _figures(run: Run, epochs: pd.DataFrame) -> None:
    """The numbers of the last completed epoch, each with its n and interval."""
    with st.container(horizontal=True, gap="large"):
        _metric("Epochs completed", f"{len(epochs)} of {run.status.epochs}")
        speed = run.status.images_per_second
        _metric("Training speed", f"{speed:,.0f} films/s" if speed else "not yet known")
        for role in ("dev", "valid"):
            if f"{role}.study_accuracy" in epochs:
                n = int(epochs[f"{role}.studies"].iloc[-1])
                count = round(epochs[f"{role}.study_accuracy"].iloc[-1] * n)
                p = metrics.wilson(count, n)
                guess = cached.majority(str(run.folder), "studies")[role]
                _metric(
                    f"{role.capitalize()} studies judged right, epoch {len(epochs)}",
                    f"{p.value:.0%}",
                    f"{count} of {n}; 95 % interval {p.low:.0%} to {p.high:.0%}; always guessing "
                    f"the majority: {guess:.0%}",
                )


def _metric(label: str, value: str, note: str = " ") -> None:
    with st.container(width="content"):
        st.caption(label)
        st.markdown(f"#### {value}")
        st.caption(note)


def _controls(run: Run) -> None:
    """What can be asked of the run in its present state."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if run.status.state.alive:
            _stop_buttons(run)
        else:
            _go_on(run)
            _save_weights(run)
            if journal.best_epoch(run.folder):
                st.page_link(
                    "pages/evaluate.py", label="How good is it on whole studies?",
                    icon=":material/grid_view:", query_params={state.MODEL: run.name},
                )  # fmt: skip


def _stop_buttons(run: Run) -> None:
    stopping = run.status.state is State.STOPPING
    st.button(
        "Stop now", icon=":material/stop:", on_click=runs.ask, args=(run.folder, "stop"),
        disabled=stopping, key="stop", help="Keeps everything up to the last step.",
    )  # fmt: skip
    st.button(
        "Stop after this epoch", on_click=runs.ask, args=(run.folder, "stop_after_epoch"),
        disabled=stopping or runs.has_request(run.folder, "stop_after_epoch"), key="stop-later",
    )  # fmt: skip


def _go_on(run: Run) -> None:
    if run.status.state is State.FAILED and not run.status.step:
        st.caption("Nothing was trained. Start a new run with other settings.")
        return
    unfinished = run.status.state is not State.FINISHED
    if unfinished:
        st.button(
            "Resume", type="primary", icon=":material/play_arrow:", key="resume",
            on_click=_resume, args=(run, 0), help="Goes on at the step where it stands.",
        )  # fmt: skip
    more = st.number_input("More epochs", 1, 10_000, 25, key="more-epochs", width=140)
    st.button(
        "Train more", icon=":material/add:", key="train-more",
        on_click=_resume, args=(run, int(more)), help="Beyond the epochs first asked for.",
    )  # fmt: skip


def _resume(run: Run, more_epochs: int) -> None:
    try:
        launcher.resume(run.folder, more_epochs)
    except RunError as error:  # another browser was quicker
        st.toast(str(error))


def _save_weights(run: Run) -> None:
    """Download the best epoch's weights, as the report saved them."""
    epoch = journal.best_epoch(run.folder)
    if epoch is None:
        return
    model = cards.of_run(run.folder, epoch)
    st.download_button(
        f"Save weights of epoch {epoch}", model.weights.read_bytes,
        file_name=f"{run.name}-epoch-{epoch}.weights.h5", icon=":material/download:",
        on_click="ignore", key="save-weights",
    )  # fmt: skip


def _refused(run: Run) -> None:
    """The films that the run does without, and why."""
    if refused := journal.refused(run.folder):
        with st.expander(f"{theme.plural(len(refused), 'film')} could not be read, and left out"):
            st.markdown("\n".join(f"- {theme.plain(reason)}" for _, reason in refused))


def _log(run: Run) -> None:
    if st.toggle("Show the log", key="show-log", value=run.status.state is State.FAILED):
        st.code(journal.log_tail(run.folder) or "Nothing was logged.", language=None, height=220)
