"""The paper's checklist on Evaluate: CLAIM's items, filled from the model's card."""

import pandas as pd
import streamlit as st

from fracture_core.models.model import Model
from fracture_core.reports import claim_checklist
from fracture_core.reports.claim_checklist import Item, State
from ui.shared import theme
from ui.shell import state

WIDTHS = {"item": 55, "asks for": 300, "state": 120, "answer": 520, "from": 260}  # px
MARKS = {State.FILLED: "✓", State.AUTHORS: "✎", State.NOT_APPLICABLE: "–"}


def show(model: Model) -> None:
    """Draw the checklist behind a fold, with two exports."""
    fold = st.expander("Checklist for a paper (CLAIM)", key=state.CHECKLIST, on_change="rerun")
    if not fold.open:
        return
    with fold:
        _content(model)


def _content(model: Model) -> None:
    items = claim_checklist.items(model.card.to_dict())
    counts = {each: sum(item.state is each for item in items) for each in State}
    st.markdown(
        f"Of {len(items)} items the model's card fills **{counts[State.FILLED]}**; "
        f"**{counts[State.AUTHORS]}** are yours to say, {counts[State.NOT_APPLICABLE]} do not "
        "apply."
    )
    table = pd.DataFrame(claim_checklist.rows(items))
    table["state"] = [f"{MARKS[item.state]} {item.state}" for item in items]
    text = st.column_config.TextColumn
    st.dataframe(
        table.drop(columns="section"),
        hide_index=True,
        key="checklist-table",
        column_config={
            name: text(name.capitalize(), width=width) for name, width in WIDTHS.items()
        },
    )
    _exports(model, items)
    st.caption(theme.plain(claim_checklist.SOURCE))


def _exports(model: Model, items: list[Item]) -> None:
    name = model.reference.replace("@", "-")
    markdown = claim_checklist.markdown(model.reference, items)
    files = {
        "Export Markdown": (markdown, "md", "text/markdown"),
        "Export CSV": (claim_checklist.csv(items), "csv", "text/csv"),
    }
    with st.container(horizontal=True):
        for label, (content, end, mime) in files.items():
            st.download_button(
                label,
                content,
                f"{name}-claim.{end}",
                mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"checklist-{end}",
            )
