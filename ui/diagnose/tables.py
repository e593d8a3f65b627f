"""A chart's values as a table, behind a switch below the chart."""

import streamlit as st

from ui.shared import theme

WHOLE = 12  # rows shown without a scroll bar of their own
LIST_PX = 440  # height of a longer table


def offer(rows: list[dict[str, str]], key: str) -> None:
    """Draw the switch, and the table where it is on.

    Args:
        rows: values by the names of the columns, the same in each row.
        key: of the switch in the session.
    """
    if not st.toggle("As a table", key=key):
        return
    columns = list(rows[0])
    lines = [columns, [":--", *["--:"] * (len(columns) - 1)]]
    lines += [[theme.plain(row[column]) for column in columns] for row in rows]
    lines[0] = [theme.plain(column) for column in columns]
    with st.container(height="content" if len(rows) <= WHOLE else LIST_PX, border=False):
        st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))
