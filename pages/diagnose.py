"""Diagnose: drop the films of a study, get each film's number and the study's verdict."""

import streamlit as st

from ui import cached, frame, intake, models, verdict

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
with main:
    if not picked:
        st.caption("The films show here once a model is picked at the left.")
        st.stop()
    if not asked:
        intake.offer_example()
    elif not cached.warm_up().done():
        verdict.wait(asked)
    else:
        with st.skeleton(height=verdict.FILM_HEIGHT):
            judged = cached.judged(reference, cached.stamp(reference), asked.films, asked.sources)
        verdict.show(asked, model, judged, threshold)
