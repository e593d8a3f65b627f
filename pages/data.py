"""Data: what is in use and what is in it, and how to use something else."""

import streamlit as st

from fracture_core.errors import DataError
from ui import audit_view, cached, data_choice, data_counts, frame, growth, owner, reading, theme

frame.only_through_app()
st.title("Data", anchor=False)
st.markdown("The films that everything else works on: where they are, and what is among them.")
root, data, failed = reading.choice().root, None, None
if cached.phantom_is_growing():
    growth.show(root, wants_more=True)
try:
    data = cached.dataset()
except DataError as error:
    failed = error
    st.warning(f"{theme.plain(owner.place(root))} cannot be used. {theme.plain(str(error))}")
else:
    with st.container(horizontal=True, vertical_alignment="top"):
        with st.container():
            data_counts.show_facts(data)
        data_choice.rescan_button()
st.subheader("Use another data set", anchor=False)
data_choice.show(data, failed)  # above the counts: what is wrong with a folder is seen at once
if data:
    data_counts.show_counts(data)
    data_counts.show_skipped(data)
    audit_view.show(data)
st.subheader("Where to get films", anchor=False)
data_counts.show_sources()
