"""Studies: a wall of films; open one and read it."""

import streamlit as st

from ui.cache import data_cache, study_cache
from ui.shared import model_choice, phantom_progress
from ui.shell import frame, state, tab_data
from ui.studies import (
    facets,
    film_map_panel,
    map_area,
    open_study,
    patient_studies,
    quiz,
    wall,
)

frame.only_through_app()
key, filters = st.query_params.get(state.STUDY, ""), facets.filters()
person = "" if key else st.query_params.get(state.PERSON, "")
model_choice.keep_in_address()
root, growing = tab_data.choice().root, data_cache.phantom_is_growing()
if not (key or person):
    st.title("Studies", anchor=False)
    st.markdown("All studies of the data in use. Open one to read its films.")
data, studies = data_cache.dataset(), study_cache.studies()
studies, filters = map_area.applied(data, studies, filters)
matching = facets.matching(studies, filters)
if growing and not (key or person):
    phantom_progress.show(root, wants_more=len(matching) < wall.CARDS)
if key:
    open_study.show(data, studies, matching, key)
elif person:
    patient_studies.show(data, studies, person)
else:
    film_map_panel.ask()
    if film_map_panel.is_open():
        film_map_panel.show(data, studies, filters)
    whose = "patient" if data.patients else "film"

    def choices() -> None:
        quiz.ask()
        facets.show(studies, filters, whose)
        model_choice.pick_for_studies()

    wall.show(data, matching, filters, choices, lambda: facets.show_empty(studies, filters, whose))
