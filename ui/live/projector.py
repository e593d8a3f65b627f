"""The projector view: a run's chosen panels in big type, without settings, from a link.

`show=curves,numbers` in a run's address names the panels.
"""

import html

import streamlit as st

from ui.shared import theme
from ui.shell import state

PANELS = {
    "numbers": "Figures",
    "curves": "Curves",
    "studies": "Pinned studies",
    "flips": "Changes",
    "learned": "Filters and maps",
}

TYPE_PX = 30  # of its texts
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
    """Draw the button behind which the links back and to other panels stand."""
    key = f"leave-{'-'.join(panels())}"  # closed again once other panels are shown
    with st.popover("", icon=":material/more_vert:", help="Leave, or show other panels", key=key):
        st.page_link("pages/train.py", label="Whole page", query_params={state.RUN: run})
        for name, title in PANELS.items():
            address = {state.RUN: run, state.SHOW: name}
            st.page_link("pages/train.py", label=f"{title} alone", query_params=address)


def line(text: str, verdict: bool | None = None) -> None:
    """Draw a line of text that is read from the back of a lecture hall.

    Args:
        text: of any origin.
        verdict: shown before it as coloured shape and word; `None` for none.
    """
    shape = ""
    if verdict is not None:
        name, sign = ("fracture", theme.FRACTURE) if verdict else ("none", theme.NO_FRACTURE)
        words = "fracture" if verdict else "no fracture"
        shape = f'<span style="color: {theme.colour(name)}">{sign} {words}</span> '
    st.html(
        f'<div style="font-size: {TYPE_PX}px; line-height: 1.3">{shape}{html.escape(text)}</div>'
    )
