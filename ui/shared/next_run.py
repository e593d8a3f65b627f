"""The process that waits for the next run, see `jobs.standby`."""

import streamlit as st

from fracture_core.jobs import standby
from ui.shell import actions, frame, owner, tab_data

POLL_SECONDS = 5.0  # between two looks at it


def prepare() -> None:
    """Have a process wait for the next run, if this tab may start one; none beside active runs."""
    if owner.is_owner() and not frame.is_busy():
        choice = tab_data.choice()
        # It reads films ahead by their folder alone: those of a table are read when a run starts.
        known = choice.table is None
        actions.prepare_run(*((choice.root, choice.positive) if known else (None, None)))


def show() -> None:
    """Draw a line about the waiting process, for the owner of a server that can have one."""
    if owner.is_owner() and standby.is_permitted():
        st.fragment(_line, run_every=POLL_SECONDS, key="next-run")()


def _line() -> None:
    st.caption(_sentence())


def _sentence() -> str:
    used = standby.memory_mb()
    if used is None:
        return "The next run starts a new process."
    memory = f" ({used:,} MB)" if used else ""
    if standby.is_ready():
        return f"A process with TensorFlow loaded waits for the next run{memory}."
    return f"Loading TensorFlow for the next run{memory}."
