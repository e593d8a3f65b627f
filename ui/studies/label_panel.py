"""A study's label: the data's own, or the corrected one with who, when and why; and its change."""

from typing import Any

import streamlit as st

from fracture_core.curation import corrections
from fracture_core.datasets.catalog import Dataset
from ui.cache import curation_cache
from ui.shared import theme
from ui.shell import actions, owner, state
from ui.studies import selection_bar


def words(data: Dataset, key: str) -> str:
    """Return the origin of a study's label in a sentence, as Markdown."""
    each = curation_cache.corrected(data.hash).items.get(key)
    if each is None:
        return "The label is the data's own."
    return theme.plain(f"The label was corrected {each.words.rstrip('.')}.")


def show(data: Dataset, study: Any) -> None:
    """Draw the popover that corrects a study's label, or undoes the correction.

    Args:
        data: the data set in use.
        study: a row of `study_cache.studies`.
    """
    if study.corrected:
        owner.button(
            "Undo the correction",
            icon=":material/undo:",
            type="tertiary",
            key="undo-correction",
            on_click=actions.pressed,
            args=(actions.undo_corrections, data.hash, [study.key]),
        )
        return
    other = 1 - int(study.label)
    with st.popover("Correct the label", icon=":material/edit:", type="tertiary"):
        st.markdown(
            f"From {theme.mark(bool(study.label))} to {theme.mark(bool(other))}. The data "
            "themselves are not written; runs and evaluations that use it say so."
        )
        selection_bar.ask_person("label")
        st.text_input("Why", key=state.CORRECTION_WHY, max_chars=corrections.LONGEST_REASON)
        owner.button(
            "Correct the label",
            type="primary",
            key="correct-label",
            disabled=not data.complete,
            help=None if data.complete else "Labels can be corrected once all films are generated.",
            on_click=actions.pressed,
            args=(_correct, data, study.key, other),
        )


def _correct(data: Dataset, key: str, label: int) -> None:
    by, why = selection_bar.person("label"), st.session_state[state.CORRECTION_WHY]
    actions.correct_labels(data, {key: label}, by, why)
    st.session_state[state.CORRECTION_WHY] = ""
