"""Data: the data set in use, its contents, and the choice of another one."""

import streamlit as st

from fracture_core.errors import DataError
from ui.cache import data_cache
from ui.data import (
    audit_panel,
    data_choice,
    data_counts,
    fetch_panel,
    labels_panel,
    table_choice,
)
from ui.shared import phantom_progress, theme
from ui.shell import frame, owner, tab_data
from ui.studies import selection_bar

frame.only_through_app()
st.title("Data", anchor=False)
st.markdown("The films that all other pages use: their folder, counts and audit.")
root, data, failed = tab_data.choice().root, None, None
if data_cache.phantom_is_growing():
    phantom_progress.show(root, wants_more=True)
try:
    data = data_cache.dataset()
except DataError as error:
    failed = error
    if not data_choice.ask_first(error):
        st.warning(f"{theme.plain(owner.place(root))} cannot be used. {theme.plain(str(error))}")
else:
    with st.container(horizontal=True, vertical_alignment="top"):
        with st.container():
            data_counts.show_facts(data)
        data_choice.rescan_button()
st.header("Use another data set", anchor=False)
data_choice.show(data, failed)  # above the counts, so that a folder's error is seen at once
table_choice.show()
if data:
    data_counts.show_counts(data)
    data_counts.show_skipped(data)
    labels_panel.show(data)
    audit_panel.show(data)
    selection_bar.show(data)
st.header("Where to get films", anchor=False)
data_counts.show_sources()
fetch_panel.show()
