"""A plot on a page: its figure, the same in words for a screen reader, and as a table on demand."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from ui.shared import chart_words, theme

HEIGHT = 340  # px of a table whose figure says none


def show(
    figure: go.Figure,
    key: str,
    title: str,
    *,
    words: str = "",
    table: pd.DataFrame | None = None,
    **options: Any,
) -> None:
    """Draw a figure, and below it the switch that puts a table of its values in its place.

    Args:
        figure: its named traces are described.
        key: of the figure; the switch has one of its own.
        title: plain text, of any origin; it tells the switches of a page apart.
        words: its text alternative, `chart_words.described` by default.
        table: its values in words, `chart_words.tabulated` by default.
        options: of `st.plotly_chart`, such as `config` or `on_select`.
    """
    place = st.container()
    if not st.toggle(f"{theme.plain(title)} as a table", key=f"{key}-table"):
        alt = words or chart_words.described(figure, title)
        place.plotly_chart(figure, key=key, alt=alt, **options)
        return
    rows = chart_words.tabulated(figure) if table is None else table
    height = int(figure.layout.height or HEIGHT)  # nothing below moves
    with place.container(height=height, border=False):
        if len(rows):
            st.table(escaped(rows), hide_index=True, border="horizontal", alt=f"Values: {title}")
        else:
            st.caption("No values yet.")


def escaped(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of words whose cells and titles Streamlit shows as they are."""
    return table.rename(columns=theme.plain).map(lambda cell: theme.plain(str(cell)))
