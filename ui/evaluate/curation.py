"""Selections and corrected labels on Evaluate: which studies, and by which labels."""

import streamlit as st

from fracture_core.curation.selections import Selection
from fracture_core.evaluations import evaluation
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models.model import Model
from fracture_core.prediction import training_patients
from fracture_core.words import plural, short
from ui.cache import curation_cache, data_cache
from ui.shared import theme
from ui.shell import state


def has_selections() -> bool:
    """Return whether there are saved selections of the data in use."""
    return bool(curation_cache.saved(data_cache.dataset().hash))


def pick() -> Selection:
    """Let the viewer pick one of the saved selections, of which there is at least one."""
    saved = {each.name: each for each in curation_cache.saved(data_cache.dataset().hash)}
    in_address = st.query_params.get(state.EVALUATED)
    state.fill(state.EVALUATED, in_address if in_address in saved else next(iter(saved)))
    name = st.selectbox(
        "Selection",
        list(saved),
        format_func=lambda each: (
            f"{theme.plain(short(each))} · {plural(len(saved[each].keys), 'study')}"
        ),
        key=state.EVALUATED,
        on_change=lambda: state.put(state.EVALUATED, st.session_state[state.EVALUATED]),
    )
    return saved[name]


def by_corrected_labels(result: Evaluation) -> Evaluation:
    """Let the viewer choose between the data's own labels and the corrected ones.

    Returns:
        The evaluation by the chosen labels; the same one where no label of its films is corrected.
    """
    value = curation_cache.corrected(str(result.data.get("hash") or ""))
    corrected = evaluation.relabelled(result, value)
    count = corrected.data.get("corrections", {}).get("labels", 0) if value.items else 0
    if not count:
        return result
    use = st.toggle(
        f"Use {plural(count, 'corrected label')}",
        True,
        key=state.BY_CORRECTED,
        help=f"Labels that were corrected by hand, list {value.hash}; else those of the data, or "
        "those that the run was trained with.",
    )
    return corrected if use else result


def warn(result: Evaluation, model: Model) -> None:
    """Say how many of a selection's studies are of patients by whom the epoch was picked."""
    if result.data.get("selection"):
        data_hash = str(result.data.get("hash"))
        if sentence := training_patients.dev_warning(model, result.films, data_hash):
            st.warning(sentence)
