"""Receipt of a figure on Evaluate: what it rests on, and the command that prints it again."""

import streamlit as st

from fracture_core.models.cards import Model
from fracture_core.models.evaluation import Evaluation
from fracture_core.reports import receipts
from fracture_core.reports.receipts import LEVELS, Receipt, Scope
from fracture_core.verdicts.estimates import Levels
from ui.shared import theme
from ui.shell import owner

HINT = "Select a figure to see its receipt: what it rests on, and the command that prints it again."


def show(result: Evaluation, model: Model, name: str, levels: Levels, scope: Scope) -> None:
    """Draw the receipts of a figure by study and by image, side by side."""
    grid = st.grid(2, min_column_width=420, gap="medium")
    for level in LEVELS:
        figure = levels[level][name]
        with grid.cell(), st.container(border=True):
            _draw(receipts.of_figure(result, model, level, name, figure, scope))


def _draw(receipt: Receipt) -> None:
    st.markdown(f"**Receipt: {receipt.title}**")
    lines = (f"- **{name}**: {theme.plain(owner.discreet(text))}" for name, text in receipt.rows)
    st.markdown("\n".join(lines))
    st.code(owner.discreet(receipt.command), language="bash", wrap_lines=True)
    st.caption(f"In its output: {theme.plain(' › '.join(receipt.key))}")
