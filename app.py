"""The router: page config, navigation, the line that stands on every page."""

import sys

import streamlit as st

from fracture_core.errors import FractureError
from ui import cached, frame, state, theme, turns

st.set_page_config(page_title="Fracture Explorer", page_icon=frame.ICON, layout="wide")
page = st.navigation(frame.pages(), position="top")
try:
    with turns.turn():
        frame.show()
        page.run()
    state.check_serializable()
    cached.spare_collector(len(sys.modules))
except FractureError as error:  # meant for a person; anything else is a defect and goes to the log
    st.error(theme.plain(str(error)), icon=":material/error:")
