"""The projector view: a run's chosen panels in big type, without settings, from a link.

`show=curves,numbers` in a run's address names the panels.
"""

import streamlit as st

from ui.shell import state

PANELS = {
    "numbers": "Numbers",
    "curves": "Curves",
    "studies": "Pinned studies",
    "flips": "Changes",
    "learned": "Filters and maps",
}

WATCHED = ("numbers", "curves", "studies")  # where nobody has chosen: what moves


def panels() -> list[str]:
    """The panels that the address asks for, in their order; empty where it asks for the page."""
    asked = st.query_params.get(state.SHOW, "").split(",")
    return [name for name in PANELS if name in asked]


def link(run: str) -> None:
    """To the projector view of a run."""
    st.page_link(
        "pages/train.py", label="Projector", icon=":material/present_to_all:",
        query_params={state.RUN: run, state.SHOW: ",".join(WATCHED)},
        help="Big type and no settings, for a lecture hall. The link can be shared.",
    )  # fmt: skip


def leave(run: str) -> None:
    """The way back, and other panels; small, on top."""
    with st.container(horizontal=True, gap="small"):
        st.page_link("pages/train.py", label="Whole page", query_params={state.RUN: run})
        for name, title in PANELS.items():
            address = {state.RUN: run, state.SHOW: name}
            st.page_link("pages/train.py", label=f"{title} alone", query_params=address)
