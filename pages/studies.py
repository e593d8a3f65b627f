"""Studies: a wall of films; open one and read it."""

import streamlit as st

from fracture_core.errors import DataError
from ui import (
    cached,
    facets,
    frame,
    growth,
    models,
    patient_view,
    reading,
    state,
    study_view,
    study_wall,
)

frame.only_through_app()
key, asked = st.query_params.get(state.STUDY, ""), facets.wanted()
person = "" if key else st.query_params.get(state.PERSON, "")
models.keep_in_address()
root, growing = reading.choice().root, cached.phantom_is_growing()
if not (key or person):
    st.title("Studies", anchor=False)
    st.markdown("Every study of the data in use. Find one, and open it to read its films.")
try:
    data, studies = cached.dataset(), cached.studies()
except DataError:
    if not growing:
        raise
    growth.show(root, wants_more=True)  # the first films are on their way
    st.stop()
found = facets.matching(studies, asked)
if growing and not (key or person):
    growth.show(root, wants_more=len(found) < study_wall.CARDS)
if key:
    study_view.show(data, studies, found, key)
elif person:
    patient_view.show(data, studies, person)
else:
    with st.container(horizontal=True, wrap=False, gap="small"):
        with st.container(width=220):
            facets.show(studies, asked)
            models.judged_by()
        with st.container():
            if len(found):
                study_wall.show(data, found, asked)
            else:
                facets.show_empty(studies, asked)
