"""Links from Train to other runs, each with its activity."""

import streamlit as st

from fracture_core.runs.run_folders import Run
from ui.cache import run_cache
from ui.shared import theme
from ui.shell import frame, state

LISTED = 5  # runs; all of them are on Runs


def show(name: str | None) -> None:
    """Draw links to all runs but the one of this name; polled while any run is active."""
    if _others(name):
        st.fragment(_links, run_every=frame.while_busy(), key="other-runs")(name)


def _others(name: str | None) -> list[Run]:
    return [run for run in run_cache.runs_now() if run.name != name]


def _links(name: str | None) -> None:
    others = _others(name)
    is_here = len(others) < len(run_cache.runs_now())
    st.header("Other runs" if name else "Runs", anchor=False)
    # Active runs first, each kind newest first.
    for run in sorted(others, key=lambda run: not run.status.state.alive)[:LISTED]:
        activity = theme.plain(frame.describe(run))
        label = f"{theme.plain(run.name)}: {activity}, {theme.plain(run.config.network)}"
        st.page_link("pages/train.py", label=label, query_params={state.RUN: run.name})
    st.page_link(
        "pages/runs.py",
        label="All runs, side by side",
        icon=":material/stacked_line_chart:",
        query_params={state.CHOSEN: name} if name and is_here else None,
    )
