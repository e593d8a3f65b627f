"""Diagnose: drop the films of a study, get each film's number and the study's verdict."""

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
st.write("Each film gets a probability, the study one verdict: fracture if any film is positive.")
prediction_cache.warm_up()
side, main = st.columns([1, 2.6], gap="medium")
with side:
    asked = intake.ask()
    picked = model_choice.pick()
    if picked:
        reference, model = picked
        threshold = verdict_panel.threshold_slider(model)
        verdict_panel.trust(model, threshold)
        doubts.of_model(reference, model, bool(asked))
with main:
    if not picked:
        st.caption("The films show here once a model is picked at the left.")
        st.stop()
    example = st.empty()  # the example goes at once, not when all else is there
    if not asked:
        with example.container():
            intake.offer_example(reference)
    elif not prediction_cache.warm_up().done():
        verdict_panel.wait(asked)
    else:
        upload = asked.others
        if upload:
            asked = overview.show(asked, reference, threshold)
        key = verdict_panel.viewer_key(asked)
        (judged,) = verdict_panel.predict_all([asked], reference)
        now = judged
        if erased := film_viewer.strokes_of(key):
            now = verdict_panel.prediction(asked, reference, erased)
        verdict_panel.show(asked, reference, model, now, threshold)
        if not now.films:
            st.stop()
        doubts.show(now, model, key)
        explanation.ask(model)
        maps = verdict_panel.films(asked, reference, model, now, threshold)
        erased_effect.show(judged, now, threshold)
        what_if.show(now, reference, model, threshold)
        if explanation.is_on(state.THROUGH) and "@" in model.reference:
            explanation.through_epochs(now, reference, model, threshold)
        export.show(asked, reference, model, judged, now, threshold, maps, upload)
