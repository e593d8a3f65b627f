"""Runs: every run as a line of a results table, and any of them over each other."""

import streamlit as st

from ui.cache import run_cache
from ui.runs import overlay, runs_table, selected_runs
from ui.shell import frame

frame.only_through_app()
st.title("Runs", anchor=False)
found = run_cache.runs_now()
if found:
    runs_table.show(found)
    overlay.show(found, selected_runs.chosen(found))
else:
    runs_table.show_empty()
runs_table.show_unreadable(found)
