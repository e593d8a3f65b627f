"""The router: page config, navigation, the line that stands on every page."""

import sys

import streamlit as st

from fracture_core.errors import FractureError
from ui import actions, cached, data_question, frame, owner, state, theme

st.set_page_config(page_title="Fracture Explorer", page_icon=frame.ICON, layout="wide")
page = st.navigation(frame.pages(), position="top")
try:
    owner.admit()
    frame.show()
    if data_question.settle(frame.needs_data(page)):
        page.run()
    actions.tell()
    state.check_serializable()
    cached.spare_collector(len(sys.modules))
except FractureError as error:  # meant for a person; anything else is a defect and goes to the log
    st.error(theme.plain(str(error)), icon=":material/error:")
