"""Home: what is here, what is running, three doors, and one button."""

import streamlit as st

from ui.home import demo, panels
from ui.shell import frame

frame.only_through_app()
st.title("Is there a fracture in this study?", anchor=False)
st.markdown(
    "Browse x-ray studies, watch a small network learn to read them, and let it judge yours: "
    "a study is called fractured if any of its films is."
)
panels.summary()
panels.models_here()
demo.button()
with st.container(key="doors"):
    browse, learn, judge = st.columns(3, border=True)
    with browse:
        panels.browse()
    with learn:
        panels.learn()
    with judge:
        panels.predict()
st.caption("A teaching and research tool, not a medical device.")
