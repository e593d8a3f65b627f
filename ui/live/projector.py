"""The projector view: a run's chosen panels in big type, without settings, from a link.

`show=curves,numbers` in a run's address names the panels.
"""

import streamlit as st

from ui.shell import state

PANELS = {
    "numbers": "Figures",
    "curves": "Curves",
    "studies": "Pinned studies",
    "flips": "Changes",
    "learned": "Filters and maps",
}

WATCHED = ("numbers", "curves", "studies")  # by default: the panels that move


def panels() -> list[str]:
    """List the panels in the address, in their order; empty for the whole page."""
    names = st.query_params.get(state.SHOW, "").split(",")
    return [name for name in PANELS if name in names]


def link(run: str) -> None:
    """Draw a link to the projector view of a run."""
    st.page_link(
        "pages/train.py",
        label="Projector",
        icon=":material/present_to_all:",
        query_params={state.RUN: run, state.SHOW: ",".join(WATCHED)},
        help="Big type and no settings, for a lecture hall. The link can be shared.",
    )


def leave(run: str) -> None:
    """Draw links back and to other panels; small, on top."""
    with st.container(horizontal=True, gap="small"):
        st.page_link("pages/train.py", label="Whole page", query_params={state.RUN: run})
        for name, title in PANELS.items():
            address = {state.RUN: run, state.SHOW: name}
            st.page_link("pages/train.py", label=f"{title} alone", query_params=address)
