"""Evaluate: how many whole studies a model gets right, and which it does not."""

import streamlit as st

from ui.evaluate import results
from ui.shared import model_choice
from ui.shell import frame

frame.only_through_app(looks=True)
st.title("Evaluate", anchor=False)
st.write("How often a model is right on whole studies, and where it is wrong.")
left, right = st.columns(2, gap="medium")
with left:
    picked = model_choice.look()
picked = picked and results.at_epoch(*picked)
if picked:
    with left:
        model_choice.show_origin(*picked)
        model_choice.offer_looked_at(picked[0])
    with right:
        films = results.pick_films(*picked)
    found = results.fetch(*picked, films)
    if found:
        results.show(found, *picked)
