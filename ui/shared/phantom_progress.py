"""A phantom set that is still being made: a calm note with its progress."""

from pathlib import Path

import streamlit as st

from fracture_core.phantom import phantom_set
from ui.shared import theme
from ui.shell import actions, owner

POLL_SECONDS = 2.0


def show(root: Path, wants_more: bool) -> None:
    """How far the set is; polls while it is being made, and not otherwise.

    Args:
        root: of the unfinished set.
        wants_more: whether the page has room for the next studies; it is run anew when there are
            some. Otherwise it is left in peace until the set is whole.
    """
    made = phantom_set.progress(root)
    going_on = (
        phantom_set.is_being_made(root) or made is None
    )  # None: its maker has just been started
    poll = POLL_SECONDS if going_on else None
    st.fragment(_note, run_every=poll, key="growth")(root, made, wants_more, going_on)


def _note(root: Path, made: tuple[int, int] | None, wants_more: bool, was_going_on: bool) -> None:
    now = phantom_set.progress(root)
    done, total = now or (0, phantom_set.STUDIES)
    going_on = phantom_set.is_being_made(root) or now is None
    if phantom_set.is_complete(root) or going_on != was_going_on or (wants_more and now != made):
        st.rerun()
    if going_on:
        studies = theme.plural(total, "study")
        text = f"Synthetic films are being made: {done:,} of {studies}. Look around meanwhile."
        st.progress(done / total, text)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        text = f"Making the synthetic films stopped at {done:,} of {theme.plural(total, 'study')}."
        st.caption(text, width="content")
        owner.button(
            "Go on", icon=":material/play_arrow:", key="finish-phantom",
            on_click=actions.pressed, args=(actions.make_phantom, root),
        )  # fmt: skip
    actions.show_errors()
