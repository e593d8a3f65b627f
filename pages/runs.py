"""Runs: every run as a line of a results table, with the curves of the chosen ones."""

import streamlit as st

from ui.cache import run_cache
from ui.run_groups import group_lines, groups_panel, sweeps_panel
from ui.runs import overlay, run_import, runs_table, selected_runs
from ui.shell import frame

frame.only_through_app()
st.title("Runs", anchor=False)
runs = run_cache.runs_now()
has_folds = group_lines.show(groups_panel.KIND, runs)
has_sweeps = group_lines.show(sweeps_panel.KIND, runs)
listed = group_lines.without_members(runs)
if listed:
    runs_table.show(listed)
    overlay.show(listed, selected_runs.chosen(listed))
elif not (has_folds or has_sweeps):
    runs_table.show_empty()
run_import.show()
runs_table.show_unreadable(runs)
