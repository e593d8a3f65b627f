"""Progress of a background job, with the button that stops it."""

from pathlib import Path

import streamlit as st

from fracture_core.runs import run_requests, run_status
from fracture_core.words import duration
from ui.shared import theme
from ui.shell import actions, owner

POLL_SECONDS = 1.0
LEFT = "It continues if you leave this page, and its result is kept."


def watch(folder: Path, name: str, kept: str, left: str = LEFT) -> None:
    """Draw message, share, time left and *Stop*; once the job has ended, redraw the page.

    Args:
        folder: of the job.
        name: of the job, for the keys of its fragment and its button.
        kept: what a stop keeps, a sentence.
        left: what happens when the viewer leaves the page, a sentence.
    """
    st.fragment(_show, run_every=POLL_SECONDS, key=name)(folder, f"stop-{name}", kept, left)


def _show(folder: Path, key: str, kept: str, left: str) -> None:
    status = run_status.read(folder)
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
            disabled=run_requests.has(folder, "stop"),
            key=key,
            help=kept,
        )
        st.caption(left)
