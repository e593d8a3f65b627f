"""The two parts of the page: a short column of controls, and the films beside it.

In a narrow window the controls stand in one or two columns above the films, and below them once
there are films to show. Streamlit's own columns are stacked only on a phone, and squeeze both parts
before.
"""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

SIDE_PX = 270  # width of the controls
BESIDE_PX = 1100  # width of a window from which films have room beside them
CONTROL_PX = 260  # least width of a block of controls, where they stand above the films
_STYLE = f"""<style>
@media (min-width: {BESIDE_PX}px) {{
  .st-key-desk {{
    display: grid; grid-template-columns: {SIDE_PX}px minmax(0, 1fr); column-gap: 2rem;
  }}
}}
</style>"""
_FILMS_FIRST = f"""<style>
@media (width < {BESIDE_PX}px) {{
  .st-key-desk {{ display: flex; flex-direction: column; }}
  .st-key-desk > :last-child {{ order: -1; }}
}}
</style>"""


def parts() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return the place of the controls and the place of the films."""
    st.html(_STYLE)
    with st.container(key="desk"):
        return st.container(), st.container()


def films_first() -> None:
    """Put verdict and films on top in a narrow window, where the controls fill the first screen."""
    st.html(_FILMS_FIRST)
