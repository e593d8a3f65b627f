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
    source: go.Figure | None = None,
    words: str = "",
    table: pd.DataFrame | None = None,
    **options: Any,
) -> None:
    """Draw a figure, and below it the switch that puts a table of its values in its place.

    Args:
        figure: its named traces are described and put into the table.
        key: of the figure; the switch has one of its own.
        title: in our own words, free of Markdown; it tells the switches of a page apart.
        source: the figure that is described in its place, such as one that is not smoothed.
        words: its text alternative, `chart_words.described` by default.
        table: its values in words, `chart_words.tabulated` by default.
        options: of `st.plotly_chart`, such as `config` or `on_select`.
    """
    source = source or figure
    place = st.container()
    # Not escaped: of a switch Streamlit reads the escapes aloud.
    if not st.toggle(f"{title} as a table", key=f"{key}-table"):
        alt = words or chart_words.described(source, title)
        place.plotly_chart(figure, key=key, alt=alt, **options)
        return
    rows = chart_words.tabulated(source) if table is None else table
    with place:
        show_table(rows, title, int(figure.layout.height or HEIGHT))  # nothing below moves


def show_table(rows: pd.DataFrame, title: str, height: int) -> None:
    """Draw values as a table that scrolls within a height.

    Args:
        rows: plain text.
        title: of the values, plain text too.
        height: px.
    """
    with st.container(height=height, border=False):
        if not len(rows):
            st.caption("No values yet.")
            return
        st.table(escaped(rows), hide_index=True, border="horizontal", alt=f"Values: {title}")


def escaped(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of words whose cells and titles Streamlit shows as they are."""
    return table.rename(columns=theme.plain).map(lambda cell: theme.plain(str(cell)))
