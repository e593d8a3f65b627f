"""Train: start a network, watch it learn, stop it, go on."""

import streamlit as st

from fracture_core.words import short
from ui import cached, frame, live_run, other_runs, run_form, state, theme

frame.only_through_app()
state.follow_link()
name = st.query_params.get(state.RUN)
found = cached.runs_now()
if name and name in [run.name for run in found]:
    live_run.show(name)
else:
    st.title("Train", anchor=False)
    if name:
        st.warning(
            f"No run is called {theme.plain(short(name))}. Start one here, or pick one below."
        )
    st.markdown("Start a network on the data in use, and watch it learn.")
    run_form.show()
other_runs.show(name)
