"""A new learning rate for a run, in effect at its next step or once it is resumed."""

import streamlit as st

from fracture_core.config.limits import LIMITS
from fracture_core.networks import schedules
from fracture_core.runs import journal, run_folders, run_requests
from fracture_core.runs.run_folders import Run
from ui.shell import actions, owner


def show(run: Run) -> None:
    """Draw the rate in effect, and the field for another."""
    pending = _pending(run)
    current = _current_rate(run)
    st.markdown(f"It is set to **{current:g}**.")
    if note := schedules.rate_note(run.config):
        st.caption(note)
    when = "at its next step" if run.status.state.alive else "when it is resumed"
    key = f"rate-{run.name}"
    st.number_input(
        "New learning rate",
        *LIMITS.learning_rate,
        value=current,
        step=current / 10,
        format="%.7g",
        key=key,
        width=220,
    )
    owner.button(
        "Apply",
        key="apply-rate",
        on_click=_request_rate,
        args=(run.name, key),
        help=f"Takes effect {when}; recorded in the run's events.",
    )
    if pending is not None:
        st.info(f"Waiting: {pending:g} takes effect {when}.", icon=":material/schedule:")


def _request_rate(name: str, key: str) -> None:
    """Request the rate in the field of this key; a double click requests it once."""
    with actions.errors_shown():
        run, rate = run_folders.read(run_folders.find(name)), float(st.session_state[key])
        pending = _pending(run)
        if rate != (_current_rate(run) if pending is None else pending):
            actions.send_request(run.folder, "learning_rate", rate=rate)


def _current_rate(run: Run) -> float:
    """The learning rate set last; a schedule multiplies it."""
    changes = journal.rate_changes(run.folder)
    return changes[-1][1] if changes else run.config.learning_rate


def _pending(run: Run) -> float | None:
    """The requested learning rate that is not yet in effect."""
    waiting = [r for _, r in run_requests.waiting(run.folder) if r.get("kind") == "learning_rate"]
    return float(waiting[-1]["rate"]) if waiting else None
