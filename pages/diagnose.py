"""Diagnose: drop the films of a study, get each film's number and the study's verdict."""

import streamlit as st

from ui import (
    anatomy_view,
    cached,
    doubts_view,
    eraser_view,
    export_view,
    film_viewer,
    frame,
    intake,
    models,
    state,
    upload_overview,
    verdict,
    why_view,
)

frame.only_through_app()
st.title("Diagnose", anchor=False)
st.write("Each film gets a probability, the study one verdict: fracture if any film is positive.")
cached.warm_up()
side, main = st.columns([1, 2.6], gap="medium")
with side:
    asked = intake.ask()
    picked = models.pick()
    if picked:
        reference, model = picked
        threshold = verdict.threshold_slider(model)
        verdict.trust(model, threshold)
        doubts_view.of_model(reference, model)
with main:
    if not picked:
        st.caption("The films show here once a model is picked at the left.")
        st.stop()
    example = st.empty()  # the example goes at once, not when all else is there
    if not asked:
        with example.container():
            intake.offer_example(reference)
    elif not cached.warm_up().done():
        verdict.wait(asked)
    else:
        upload = asked.others
        if upload:
            asked = upload_overview.show(asked, reference, threshold)
        key = verdict.viewer_key(asked)
        (judged,) = verdict.judge([asked], reference)
        now = judged
        if erased := film_viewer.erased(key):
            now = verdict.judged(asked, reference, erased)
        verdict.show(asked, reference, model, now, threshold)
        if not now.films:
            st.stop()
        doubts_view.show(now, model, key)
        why_view.ask(model)
        maps = verdict.films(asked, reference, model, now, threshold)
        eraser_view.tell(judged, now, threshold)
        anatomy_view.show(now, reference, model, threshold)
        if why_view.wanted(state.THROUGH) and "@" in model.reference:
            why_view.through_epochs(now, reference, model, threshold)
        export_view.show(asked, reference, model, judged, now, threshold, maps, upload)
