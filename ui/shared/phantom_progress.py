"""Progress of a phantom that is still being generated."""

from pathlib import Path

import streamlit as st

from fracture_core.phantom import phantom_set
from fracture_core.words import plural
from ui.shell import actions, owner

POLL_SECONDS = 2.0


def show(root: Path, wants_more: bool) -> None:
    """Show the progress; polls only while films are being generated.

    Args:
        root: of the incomplete set.
        wants_more: whether the page has room for the next studies, and is rerun when there are
            some. Otherwise it is not rerun until the set is complete.
    """
    progress = phantom_set.progress(root)
    active = phantom_set.is_being_made(root) or progress is None  # None: its process just started
    poll = POLL_SECONDS if active else None
    st.fragment(_note, run_every=poll, key="growth")(root, progress, wants_more, active)


def _note(root: Path, progress: tuple[int, int] | None, wants_more: bool, was_active: bool) -> None:
    now = phantom_set.progress(root)
    done, total = now or (0, phantom_set.STUDIES)
    active = phantom_set.is_being_made(root) or now is None
    if phantom_set.is_complete(root) or active != was_active or (wants_more and now != progress):
        st.rerun()
    if active:
        studies = plural(total, "study")
        text = f"Generating synthetic films: {done:,} of {studies}. Feel free to look around."
        st.progress(done / total, text)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        studies = plural(total, "study")
        text = f"Generating synthetic films stopped at {done:,} of {studies}."
        st.caption(text, width="content")
        owner.button(
            "Continue",
            icon=":material/play_arrow:",
            key="finish-phantom",
            on_click=actions.pressed,
            args=(actions.make_phantom, root),
        )
    actions.show_errors()
