"""Selections and corrected labels on Evaluate: which studies, and by which labels."""

import pandas as pd
import streamlit as st

from fracture_core.curation.corrections import Corrections
from fracture_core.curation.selections import Selection
from fracture_core.evaluations import evaluation
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models.model import Model
from fracture_core.prediction import training_patients
from fracture_core.words import plural, short
from ui.cache import curation_cache, data_cache
from ui.lab import lab_cache
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


def by_corrected_labels(result: Evaluation, model: Model) -> tuple[Evaluation, Model]:
    """Let the viewer choose between the data's own labels and the corrected ones.

    Returns:
        Evaluation and model by the chosen labels; the same ones where no label of the evaluated
        films is corrected, and none of those that choose thresholds.
    """
    corrected, kept = evaluation.by_corrected_labels(result, model, curation_cache.corrected)
    source, before = lab_cache.unseen_films(model)
    after = lab_cache.unseen_films(kept)[1]
    own, others = corrected.data.get("corrections"), kept.corrections_among(after)
    counts = {result.films_words: own["labels"] if own else 0}
    if others and source != result.split:
        counts[source] = others["labels"]
    if not any(counts.values()):
        return result, model
    if _same_labels(result.films, corrected.films) and _same_labels(before, after):
        return corrected, kept  # the run was trained with them
    use = st.toggle(
        f"Use corrected labels: {_counted(counts)}",
        True,
        key=state.BY_CORRECTED,
        help="Labels that were corrected by hand, also of the films that choose thresholds, "
        "calibration and limits; else those of the data, or those that the run was trained with.",
    )
    return (corrected, kept) if use else (result, model)


def _same_labels(before: pd.DataFrame, after: pd.DataFrame) -> bool:
    return before["label"].equals(after["label"])


def _counted(counts: dict[str, int]) -> str:
    """Count corrected labels by films: "3 of valid, 2 of dev"."""
    return ", ".join(f"{count:,} of {theme.plain(name)}" for name, count in counts.items() if count)


def corrected_for(result: Evaluation) -> Corrections:
    """Return the corrections that an evaluation goes by; none where it has other labels."""
    if not result.data.get("corrections"):
        return Corrections()
    return curation_cache.corrected(str(result.data.get("hash")))


def warn(result: Evaluation, model: Model) -> None:
    """Say how many of a selection's studies are of patients by whom the epoch was picked."""
    if result.data.get("selection"):
        data_hash = str(result.data.get("hash"))
        if sentence := training_patients.dev_warning(model, result.films, data_hash):
            st.warning(sentence)
