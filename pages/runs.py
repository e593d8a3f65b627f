"""Runs: every run as a line of a results table, and any of them over each other."""

import streamlit as st

from ui import cached, frame, run_actions, run_overlay, run_table

frame.only_through_app()
st.title("Runs", anchor=False)
found = cached.runs_now()
if found:
    run_table.show(found)
    run_overlay.show(found, run_actions.chosen(found))
else:
    run_table.show_empty()
run_table.tell_unreadable(found)
