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
    if not asked:
        intake.offer_example()
    elif not cached.warm_up().done():
        verdict.wait(asked)
    else:
        if asked.others:
            upload_overview.show(asked, reference, threshold)
        key = verdict.viewer_key(asked)
        erased, turned = film_viewer.erased(key), doubts_view.inverted(key)
        films = (reference, asked.films, asked.sources)
        judged = doubts_view.counted(cached.judged(*films, inverted=turned), key)
        now = judged
        if erased:
            now = doubts_view.counted(cached.judged(*films, erased, turned), key)
        verdict.show(asked, model, now, threshold)
        doubts_view.show(now, model, key)
        why_view.ask(model)
        maps = verdict.films(asked, reference, model, now, threshold)
        eraser_view.tell(judged, now, threshold)
        anatomy_view.show(now, reference, model, threshold)
        if why_view.wanted(state.THROUGH) and "@" in model.reference:
            why_view.through_epochs(now, reference, model, threshold)
        export_view.show(asked, reference, model, judged, now, threshold, maps)
