"""Home: the data and models in use, the demo, and panels to browse, train and diagnose."""

import streamlit as st

from ui.home import demo, panels
from ui.shared import film_links, next_run
from ui.shell import frame

frame.only_through_app()
st.title("Is there a fracture in this study?", anchor=False)
st.markdown(
    "Browse x-ray studies, watch a small network learn to read them, and let it score yours: "
    "a study is called a fracture if any of its films is positive."
)
demo.button(above=panels.summary)
panels.doors()
next_run.prepare()
with st.container(horizontal=True):
    st.caption("A teaching and research tool, not a medical device.")
    panels.offer_receipt()
    film_links.follow_clicks()
