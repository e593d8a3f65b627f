"""Files with reasons, such as refused or doubted ones: folded behind one line with their number."""

from collections.abc import Sequence

import streamlit as st

from ui.shared import theme

WHOLE = 8  # files listed without a scroll bar of their own
LIST_PX = 300  # height of a longer list


def show(files: Sequence[tuple[str, str]], headline: str, expanded: bool = False) -> None:
    """Show the list behind its headline; nothing without files.

    Args:
        files: (name, reason) of each; the reason continues a sentence that begins with the name.
        headline: their number and what became of them.
        expanded: whether the list is open at first.
    """
    if not files:
        return
    with st.expander(headline, expanded=expanded):
        is_long = len(files) > WHOLE
        with st.container(height=LIST_PX if is_long else "content", border=False):
            st.markdown("\n".join(_line(*each) for each in files))


def _line(name: str, reason: str) -> str:
    return f"- **{theme.plain(name)}** {theme.plain(reason)}"
