"""Controls of a run in one row: stop or resume, and everything behind "More"."""

from functools import partial

import pandas as pd
import streamlit as st

from fracture_core.config.limits import LIMITS
from fracture_core.config.reference import Reference
from fracture_core.epochs import predictions
from fracture_core.runs import journal, run_folders, run_requests
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.verdicts import closed_intervals
from fracture_core.words import plural
from ui.cache import run_cache
from ui.run_menu import run_deletion, run_menu
from ui.run_menu.fork_form import MORE_EPOCHS
from ui.shared import figures, kept_focus, model_choice
from ui.shell import actions, owner, state


def show(run: Run) -> None:
    """Draw the controls for the run's state.

    Buttons that end a run and buttons that resume it never share a place: the second click of a
    double click, or one that waited for the page, must not undo the first.
    """
    with kept_focus.row("controls"):
        if run.status.state.alive:
            _stop(run)
            _more(run)
        else:
            _more(run)
            if len(run_cache.metrics_of(run.folder)):
                st.page_link(
                    "pages/evaluate.py",
                    label="How good is it?",
                    icon=":material/grid_view:",
                    query_params={state.MODEL: run.name},
                )
            _resume_controls(run)
        _progress(run)
    if st.session_state.pop(state.DELETING, None) == run.name:
        run_deletion.confirm((run.name,))


def _progress(run: Run) -> None:
    status = run.status
    share = status.step / status.steps if status.steps else 0.0
    if status.state is State.STARTING:
        share = status.progress
    st.progress(min(1.0, 1.0 if status.state is State.FINISHED else share))


def offer(run: Run) -> None:
    """Draw the best epoch with its dev accuracy, and the button that puts it to use.

    A run never becomes the model in use by itself. The line is there from the start.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        lost = predictions.lost_lines(run.folder, run_cache.completed_epochs(run))
        best, accuracy = run_cache.of_metrics(run, "best", (), partial(_best, run))
        if best is None or lost:
            st.button("Use this run's best epoch", key="use-best", disabled=True)
            words = "After its first epoch the run can predict, once you choose to use it."
            if lost:
                words = "The best epoch is no longer known. Diagnose takes any epoch."
            st.caption(words)
            return
        reference = str(Reference(run=run.name, epoch=best))
        model_choice.offer(reference, "Use this run's best epoch", "use-best")
        st.caption(accuracy)


def _best(run: Run, epochs: pd.DataFrame) -> tuple[int | None, str]:
    """Return a run's best epoch, `None` where it has none, and a sentence with its accuracy."""
    best = journal.best_in(epochs)
    if best is None:
        return None, ""
    if "dev.study_accuracy" not in epochs:
        return best, f"Epoch {best}, the last. Without dev films its accuracy is unknown."
    row = epochs[epochs["epoch"] == best].iloc[0]
    n = int(row["dev.studies"])
    accuracy = closed_intervals.wilson(round(row["dev.study_accuracy"] * n), n)
    majority = run_cache.majority(run.folder, "studies").get("dev")
    baseline = f"; baseline {figures.percent(majority)}" if majority else ""
    return best, (
        f"Epoch {best}, the lowest dev loss: {figures.percent(accuracy.value)} of dev studies "
        f"correct ({figures.with_interval(accuracy)}{baseline})."
    )


def _more(run: Run) -> None:
    """The popover "More"; its content is drawn only while open: a live page polls often."""
    more = st.popover(
        "More", icon=":material/more_horiz:", key=f"{state.MORE}-{run.name}", on_change="rerun"
    )
    if more.open:
        with more:
            run_menu.show(run)


def _stop(run: Run) -> None:
    queued, stopping = run.status.state is State.QUEUED, run.status.state is State.STOPPING
    owner.button(
        "Leave the queue" if queued else "Stop now",
        icon=":material/stop:",
        on_click=_request,
        args=(run.name, "stop"),
        disabled=stopping,
        key="stop",
        help="Keeps all work up to the last step. Closing this page changes nothing: the run "
        "continues.",
    )
    if not queued:
        is_requested = run_requests.has(run.folder, "stop_after_epoch")
        owner.button(
            "Stop after this epoch",
            on_click=_request,
            args=(run.name, "stop_after_epoch"),
            disabled=stopping or is_requested,
            key="stop-later",
        )


def _request(name: str, kind: str) -> None:
    with actions.errors_shown():
        actions.send_request(run_folders.find(name), kind)


def _resume_controls(run: Run) -> None:
    if run.status.state is State.FAILED and not run.status.step:
        st.caption("Nothing was trained. Start a new run with other settings.", width="content")
        return
    # Callbacks, which run even if another browser has changed the run meanwhile.
    if run.status.state is not State.FINISHED:
        owner.button(
            "Resume",
            type="primary",
            icon=":material/play_arrow:",
            key="resume",
            on_click=_resume,
            args=(run.name,),
            help="All work up to the last step is kept, and training continues from there.",
        )
    key = f"more-epochs-{run.name}"
    more = st.number_input(
        "More epochs",
        *LIMITS.epochs,
        MORE_EPOCHS,
        key=key,
        width=140,
        label_visibility="collapsed",
    )
    owner.button(
        f"Train {plural(int(more), 'more epoch')}",
        icon=":material/add:",
        key="train-more",
        on_click=_resume,
        args=(run.name, key),
        help="Beyond the epochs set at the start.",
    )


def _resume(name: str, key: str | None = None) -> None:
    """Resume the run, for as many more epochs as in the field of this key."""
    with actions.errors_shown():
        actions.resume(run_folders.find(name), int(st.session_state[key]) if key else 0)
