"""The quiet button "Receipt" beside a group of figures, and what opens: see `reports.receipts`."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.errors import FractureError
from fracture_core.reports.receipts import Number, Receipt
from ui.shared import figures, theme
from ui.shell import owner, state

WIDTH_PX, ROWS = 560, 8  # of the table of numbers: more of them scroll


def offer(key: str, *make: Callable[[], Receipt], disabled: bool = False) -> None:
    """Draw the button; the receipts are made once it is opened.

    Args:
        key: of the group, one on its page.
        make: each returns a receipt.
        disabled: whether there are none yet.
    """
    box = st.popover(
        "Receipt",
        icon=":material/receipt_long:",
        type="tertiary",
        key=f"{state.RECEIPT}-{key}",
        on_change="rerun",
        disabled=disabled,
        help="What these figures rest on, and the command that prints them again.",
    )
    if box.open:
        with box, st.container(width=WIDTH_PX):
            for place, each in enumerate(make):
                try:
                    draw(each(), f"{key}-{place}")
                except FractureError as error:
                    st.error(theme.plain(owner.discreet(str(error))), icon=":material/error:")


def draw(receipt: Receipt, key: str) -> None:
    """Draw a receipt: its numbers, what they rest on, and the command.

    Args:
        receipt: to be drawn.
        key: of its group.
    """
    st.markdown(f"**Receipt: {theme.plain(receipt.title)}**")
    if receipt.numbers:
        st.dataframe(
            table(receipt.numbers),
            hide_index=True,
            height=min(38 + 35 * len(receipt.numbers), 38 + 35 * ROWS),
            key=f"{state.RECEIPT}-numbers-{key}",
            column_config={name: _right() for name in ("Value", "95 % interval", "n")},
        )
    lines = (f"- **{name}**: {theme.plain(owner.discreet(text))}" for name, text in receipt.rows)
    st.markdown("\n".join(lines))
    st.code(owner.discreet(receipt.command), language="bash", wrap_lines=True)


def _right() -> Any:
    return st.column_config.TextColumn(alignment="right")


def table(numbers: tuple[Number, ...]) -> pd.DataFrame:
    """Return one row per number: its keys in the command's output, value, interval and n."""
    rows = [
        {
            "In the output": " › ".join(number.key),
            "Value": number.short,
            "95 % interval": number.interval or figures.MISSING,
            "n": figures.MISSING if number.n is None else f"{number.n:,}",
        }
        for number in numbers
    ]
    return pd.DataFrame(rows, columns=["In the output", "Value", "95 % interval", "n"])
