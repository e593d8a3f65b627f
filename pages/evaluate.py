"""Evaluate: a model's accuracy on whole studies, and its wrong predictions."""

import streamlit as st

from ui.evaluate import curation, difficult_panel, model_pair_panel, results
from ui.shared import model_choice
from ui.shell import frame

frame.only_through_app(looks=True)
st.title("Evaluate", anchor=False)
left, right = st.columns(2, gap="medium")
with left:
    picked = model_choice.look()
place = right.container()
if picked:
    with right:
        picked = results.at_epoch(*picked)
if picked:
    with left:
        model_choice.show_origin(picked[1])
        model_choice.offer_looked_at(picked[0])
    with place:
        films = results.pick_films(picked[1])
    result = results.fetch(*picked, films)
    if result:
        with right:
            result, model = curation.by_corrected_labels(result, picked[1])
        results.show(result, picked[0], model)
        model_pair_panel.show(result, picked[0])
        difficult_panel.show(result, model)
