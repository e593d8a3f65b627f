"""The 2018 report: its figures, claims and mistakes, repeated on the data in use."""

import streamlit as st

from fracture_core.analysis import report_2018
from fracture_core.errors import DataError
from ui.cache import data_cache, run_cache
from ui.report_2018 import (
    claims_table,
    mistakes,
    ninth_mistake,
    queue,
    report_figures,
    single_studies,
)
from ui.shell import actions, data_change, frame, tab_data

POLL_SECONDS = 3.0

frame.only_through_app()
st.title("The 2018 report", anchor=False)
st.write(
    "A student report's experiments on shoulder x-rays, repeated: its claims next to our results."
)
try:
    dataset = data_cache.dataset()
except DataError as error:
    data_change.show(error)
    st.stop()
tab_data.put_in_address()
row = st.container(horizontal=True)  # the length stays on top, whatever is said beside it
with row.container(width=queue.LENGTH_PX):
    length = queue.ask()
is_reports = dataset.kind == "mura" and not dataset.synthetic
is_reports = is_reports and bool(report_2018.parts(dataset)) and length.name == "full"
current = report_2018.find(run_cache.runs_now(), dataset.hash, length)
busy = any(run.status.state.alive for run in current.values())
poll = POLL_SECONDS if busy else None


def start(was_alive: bool) -> None:
    """Draw the queue; polled while runs are active."""
    runs = report_2018.find(run_cache.runs_now(), dataset.hash, length)
    if any(run.status.state.alive for run in runs.values()) != was_alive:
        st.rerun()
    queue.show(dataset, runs, length)
    actions.show_errors()


def results() -> None:
    """Draw claims, figures and studies; polled while runs are active."""
    runs = report_2018.find(run_cache.runs_now(), dataset.hash, length)
    claims_table.show(runs, length, dataset.synthetic, is_reports)
    report_figures.show(runs, length)
    single_studies.show(dataset, runs, length)


def wait(is_polled: bool) -> None:
    """Draw nothing; rerun the page once another browser has started one of these runs."""
    runs = report_2018.find(run_cache.runs_now(), dataset.hash, length)
    if not is_polled and any(run.status.state.alive for run in runs.values()):
        st.rerun()


with row.container():
    st.fragment(start, run_every=poll, key="report")(busy)
st.fragment(wait, run_every=None if busy else frame.while_busy(), key="report-rest")(busy)
mistakes.show(dataset, current)
st.fragment(results, run_every=poll, key="report-results")()
evaluating = ninth_mistake.is_on()
st.fragment(
    ninth_mistake.show, run_every=POLL_SECONDS if busy or evaluating else None, key="averages"
)(dataset, length, is_reports, evaluating)
