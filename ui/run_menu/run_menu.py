"""The menu "More" of a run: learning rate, fork, files to save, notes, deletion."""

import streamlit as st

from fracture_core.runs.run_folders import Run
from ui.run_menu import average_form, fork_form, rate_field, run_deletion, run_files, run_notes
from ui.shell import state

WIDTH = 440  # px of the content: the same for all tabs, and it fits beside the button


def show(run: Run) -> None:
    """Draw the content of the popover.

    Its tabs are tracked: drawn again, as after "Save notes", the popover shows the same tab.
    All of them are drawn, for a tab that is not would lose what was typed into it.
    """
    names = ["Learning rate", "Fork", "Save", "Notes", "Delete"]
    rate, fork, save, notes, delete = st.container(width=WIDTH).tabs(
        names, key=f"{state.MORE_TAB}-{run.name}", on_change="rerun"
    )
    with rate:
        rate_field.show(run)
    with fork:
        fork_form.show(run)
    with save:
        run_files.show(run)
        average_form.show(run)
    with notes:
        run_notes.show(run)
    with delete:
        run_deletion.show(run)
