"""The study that stands beside the open one: another of the patient, or any of the list."""

from typing import Any

import pandas as pd
import streamlit as st

from fracture_core.words import plural
from ui.shared import theme
from ui.shell import state
from ui.studies import quiz

MOST = 500  # studies offered beside the patient's own; filters choose others


def name(study: Any) -> str:
    """Return a study's name in the list: "patient00017, study1, humerus, 3 views"."""
    part = [] if study.part == "unknown" else [study.study, study.part]
    return ", ".join([quiz.name(study), *part, plural(study.views, "view")])


def heading(study: Any) -> str:
    """Return a study's name and label, above its films."""
    if quiz.hides(study.key):
        return name(study)
    label = f"{theme.FRACTURE} fracture" if study.label else f"{theme.NO_FRACTURE} no fracture"
    return f"{name(study)}: {label}"


def ask(study: Any, studies: pd.DataFrame, listed: pd.DataFrame) -> str:
    """Let the viewer choose a study to compare with, in the address; the patient's others first.

    Returns:
        Its key; "" for none.
    """
    own = studies[studies["patient"] == study.patient]
    rows = pd.concat([own, listed.head(MOST)]).drop_duplicates("key")
    chosen = st.query_params.get(state.COMPARED, "")
    if chosen not in set(rows["key"]):
        rows = pd.concat([rows, studies[studies["key"] == chosen]])
    names = {row.key: name(row) for row in rows.itertuples() if row.key != study.key}
    chosen = chosen if chosen in names else ""
    state.fill(state.COMPARED_BOX, chosen or None)
    st.selectbox(
        "Compare with",
        list(names),
        index=None,
        format_func=names.__getitem__,
        key=state.COMPARED_BOX,
        placeholder="Compare with ...",
        label_visibility="collapsed",
        on_change=_write,
        width=160,
    )
    return chosen


def _write() -> None:
    state.put(state.COMPARED, st.session_state[state.COMPARED_BOX] or "")
