"""Diagnose: drop the films of a study, see a score for each film and the study's verdict."""

import streamlit as st

from ui.cache import prediction_cache
from ui.diagnose import (
    doubts,
    erased_effect,
    explanation,
    export,
    intake,
    latest_verdict,
    overview,
    reading,
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
        readings = reading.read(study.others or [study], reference, model, threshold)
        shown = overview.show(readings) if study.others else readings[0]
        verdict_panel.show(shown)
        latest_verdict.keep(shown)
        if not shown.prediction.films:
            st.stop()
        doubts.show(shown)
        explanation.ask(model)
        maps = verdict_panel.films(shown)
        erased_effect.show(shown)
        what_if.show(shown)
        if explanation.is_on(state.THROUGH) and model.is_run:
            explanation.through_epochs(shown)
        export.show(shown, maps, readings)
