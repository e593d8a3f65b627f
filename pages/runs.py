"""Runs: every run as a line of a results table, with the curves of the chosen ones."""

import streamlit as st

from ui.cache import run_cache
from ui.runs import overlay, runs_table, selected_runs
from ui.shell import frame

frame.only_through_app()
st.title("Runs", anchor=False)
runs = run_cache.runs_now()
if runs:
    runs_table.show(runs)
    overlay.show(runs, selected_runs.chosen(runs))
else:
    runs_table.show_empty()
runs_table.show_unreadable(runs)
