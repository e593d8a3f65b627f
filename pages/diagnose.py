"""Diagnose: drop the films of a study, see a score for each film and the study's verdict."""

import streamlit as st

from ui.cache import curation_cache
from ui.diagnose import (
    accuracy,
    answer,
    desk,
    doubts,
    erased_effect,
    explanation,
    export,
    film_panel,
    intake,
    latest_verdict,
    next_study,
    overview,
    prediction_cache,
    reading,
    second_model,
    verdict_panel,
    verdict_receipt,
    what_if,
)
from ui.shared import model_choice
from ui.shell import frame, state

frame.only_through_app()
prediction_cache.warm_up()
side, main = desk.parts()
with side:
    st.title("Diagnose", anchor=False)
    with st.grid(2, min_column_width=desk.CONTROL_PX) as controls:
        with controls.cell(), st.container(gap="xsmall"):
            study = intake.ask()
        with controls.cell(), st.container(gap="xsmall"):
            picked = model_choice.pick()
            if picked:
                reference, model = picked[0], curation_cache.by_corrected_labels(picked[1])
                threshold = verdict_panel.threshold_slider(model)
                accuracy.show(reference, model, threshold)
                other = second_model.ask(reference)
with main:
    if not picked:
        st.caption("The films appear here once a model is picked.")
        st.stop()
    example = st.empty()  # removed at once, before everything else is drawn
    if not study:
        with example.container():
            intake.offer_example(reference)
        st.stop()
    desk.films_first()
    head = verdict_panel.head(model, threshold, study)
    if not prediction_cache.warm_up().done():
        film_panel.wait(head, model, study)
        st.stop()
    readings = reading.read(study.others or [study], reference, model, threshold, head.progress)
    shown = overview.choose(readings, head.study) if study.others else readings[0]
    verdict_panel.show(shown, head)
    second = second_model.read(shown, other)
    second_model.show_verdict(shown, second, head)
    latest_verdict.keep(shown)
    if not shown.prediction.films:
        overview.lists(shown, readings)
        st.stop()
    maps = film_panel.show(shown, head, next_study.of(shown.study, readings), second)
    second_model.show_scores(shown, second)
    erased_effect.show(shown)
    explanation.explain(maps)
    doubts.show(shown)
    overview.lists(shown, readings)
    verdict_receipt.offer(shown)
    answer.show(shown)
    what_if.show(shown)
    if explanation.is_on(state.THROUGH) and model.is_run:
        explanation.through_epochs(shown)
    export.show(shown, {name: explanation.pictures(each) for name, each in maps.items()}, readings)
