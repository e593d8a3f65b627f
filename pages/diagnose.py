"""Diagnose: drop the films of a study, see a score for each film and the study's verdict."""

import streamlit as st

from ui.cache import prediction_cache
from ui.components import film_viewer
from ui.diagnose import (
    doubts,
    erased_effect,
    explanation,
    export,
    intake,
    overview,
    verdict_panel,
    what_if,
)
from ui.shared import model_choice
from ui.shell import frame, state

frame.only_through_app()
st.title("Diagnose", anchor=False)
st.write("Each film gets a score, the study one verdict: fracture if any film is positive.")
prediction_cache.warm_up()
side, main = st.columns([1, 2.6], gap="medium")
with side:
    study = intake.ask()
    picked = model_choice.pick()
    if picked:
        reference, model = picked
        threshold = verdict_panel.threshold_slider(model)
        verdict_panel.trust(model, threshold)
        doubts.of_model(reference, model, bool(study))
with main:
    if not picked:
        st.caption("The films appear here once a model is picked at the left.")
        st.stop()
    example = st.empty()  # removed at once, before everything else is drawn
    if not study:
        with example.container():
            intake.offer_example(reference)
    elif not prediction_cache.warm_up().done():
        verdict_panel.wait(study)
    else:
        upload = study.others
        if upload:
            study = overview.show(study, reference, threshold)
        key = verdict_panel.viewer_key(study)
        (before,) = verdict_panel.predict_all([study], reference)
        now = before
        if erased := film_viewer.strokes_of(key):
            now = verdict_panel.prediction(study, reference, erased)
        verdict_panel.show(study, reference, model, now, threshold)
        if not now.films:
            st.stop()
        doubts.show(now, model, key)
        explanation.ask(model)
        maps = verdict_panel.films(study, reference, model, now, threshold)
        erased_effect.show(before, now, threshold)
        what_if.show(now, reference, model, threshold)
        if explanation.is_on(state.THROUGH) and "@" in model.reference:
            explanation.through_epochs(now, reference, model, threshold)
        export.show(study, reference, model, before, now, threshold, maps, upload)
