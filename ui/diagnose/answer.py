"""The three answers on Diagnose: a short line under the verdict, and what it rests on."""

import streamlit as st

from fracture_core.answers import study_answers
from fracture_core.answers.study_answers import Answers
from fracture_core.operating_points.promise import Answer
from ui.diagnose.reading import Reading
from ui.lab import estimate_cache, lab_cache
from ui.shared import promise_fields, theme
from ui.shell import state


def of(reading: Reading) -> Answers:
    """Return the answers of a reading's model at its threshold, by the promise of this tab."""
    model = reading.model
    promise = promise_fields.chosen(model)
    source, films = lab_cache.unseen_films(model)
    key = estimate_cache.key_of_films(model.reference, films)
    limits = lab_cache.limits(key, promise, study_answers.studies_of(films))
    corrected = model.corrections_among(films)
    return study_answers.with_limits(model, reading.threshold, limits, source, corrected)


def line(reading: Reading) -> str:
    """Return the answer, the saved rule's finding and the calibrated probability, in Markdown."""
    answers = of(reading)
    words = []
    if finding := answers.finding(reading.prediction):
        words.append(f"**{theme.plain(finding.sentence)}**")
    if (probability := answers.probability(reading.prediction)) is not None:
        words.append(f"Calibrated probability: **{study_answers.words(probability)}**.")
    own = answers.of(reading.prediction, reading.study.real)
    words.append(f"Answer: **{own.answer}**.")
    return " ".join(words)


def show(reading: Reading) -> None:
    """Draw what the answer rests on, behind a fold, with the fields of the promise."""
    fold = st.expander(
        "Three answers: why this one", key=f"{state.PROMISE}-diagnose", on_change="rerun"
    )
    if not fold.open:
        return
    with fold:
        answers = of(reading)
        own = answers.of(reading.prediction, reading.study.real)
        icon = {Answer.FRACTURE: theme.FRACTURE, Answer.NO_FRACTURE: theme.NO_FRACTURE}
        st.markdown(f"{icon.get(own.answer, '?')} **{own.answer}**: {theme.plain(own.reason)}")
        promise_fields.ask(reading.model)
        limits = answers.limits
        st.caption(
            f"Promise: {promise_fields.words(limits.promise)}. Limits from {limits.studies:,} "
            f"{answers.source} studies of {limits.patients:,} patients; see Evaluate. "
            f"{theme.plain(answers.source_words)} The answer never contradicts the OR verdict: it "
            "agrees with it, or leaves the study to a person."
        )
        if reading.model.card.choices.calibration:
            st.caption(
                "The calibrated probability is that of a study of dev with this score, at dev's "
                "share of fractures; among other patients it is another."
            )
