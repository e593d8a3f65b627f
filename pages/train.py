"""Train: start a network, watch it learn, stop and resume it."""

import streamlit as st

from ui.cache import run_cache
from ui.live import live_run
from ui.shared import next_run, theme
from ui.shell import frame, state
from ui.train import form, other_runs

frame.only_through_app()
state.follow_link()
name = st.query_params.get(state.RUN)
if name and name in [run.name for run in run_cache.runs_now()]:
    live_run.show(name)
else:
    st.title("Train", anchor=False)
    if name:
        st.warning(theme.plain(run_cache.why_not(name)))
    st.markdown("Start a network on the data in use, and watch it learn.")
    form.show()
other_runs.show(name)
next_run.prepare()
if st.session_state.pop(state.ARRIVED, False):
    frame.to_top()  # last on the page, so that nothing moves once it is gone
