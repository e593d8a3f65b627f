"""Train: start a network, watch it learn, stop it, go on."""

import streamlit as st

from ui import cached, frame, live_run, run_form, state, theme

frame.only_through_app()
state.follow_link()
name = st.query_params.get(state.RUN)
found = cached.runs_now()
if name and name in [run.name for run in found]:
    live_run.show(name)
else:
    st.title("Train", anchor=False)
    if name:
        st.warning(f"No run is called {theme.plain(name)}. Start one here, or pick one below.")
    st.markdown("Start a network on the data in use, and watch it learn.")
    run_form.show()
if others := [run for run in found if run.name != name]:
    st.subheader("Other runs" if name else "Runs", anchor=False)
    # Those that are on first, each kind newest first.
    for run in sorted(others, key=lambda run: not run.status.state.alive)[:5]:
        doing = theme.plain(frame.describe(run))
        label = f"{theme.plain(run.name)}: {doing}, {run.config.architecture}"
        st.page_link("pages/train.py", label=label, query_params={state.RUN: run.name})
    st.page_link(
        "pages/runs.py",
        label="All runs, side by side",
        icon=":material/stacked_line_chart:",
        query_params={state.CHOSEN: name} if len(others) < len(found) else None,
    )
