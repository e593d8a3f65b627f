"""Progress of a background job on the Data page, with the button that stops it."""

from pathlib import Path

import streamlit as st

from fracture_core.runs import run_folders
from fracture_core.words import duration
from ui.shared import theme
from ui.shell import actions, owner


def show(folder: Path, key: str, kept: str, left: str) -> None:
    """Draw message, share, time left and *Stop*; once the job has ended, redraw the page.

    Args:
        folder: of the job.
        key: of the button.
        kept: what a stop keeps, a sentence.
        left: what happens when the viewer leaves the page, a sentence.
    """
    status = run_folders.status(folder)
    if not status.state.alive:
        st.rerun()
    about = f" About {duration(status.seconds_left)} left." if status.seconds_left else ""
    st.progress(min(1.0, status.progress), theme.plain(f"{status.message}{about}"))
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            "Stop",
            icon=":material/stop:",
            on_click=actions.pressed,
            args=(actions.send_request, folder, "stop"),
            disabled=run_folders.has_request(folder, "stop"),
            key=key,
            help=kept,
        )
        st.caption(left)
