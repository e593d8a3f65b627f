"""The 2018 report: its figures, its claims and its mistakes, run anew on the data in use."""

import streamlit as st

from fracture_core.analysis import report_2018
from fracture_core.errors import DataError
from ui.cache import data_cache, run_cache
from ui.report_2018 import mistakes, ninth_mistake, queue, report_figures, single_studies
from ui.shared import theme
from ui.shell import actions, frame

POLL_SECONDS = 3.0

frame.only_through_app()
st.title("The 2018 report", anchor=False)
st.write("A student report's experiments on shoulder x-rays, run anew: its claims beside ours.")
try:
    dataset = data_cache.dataset()
except DataError as error:
    st.warning(theme.plain(str(error)))
    st.stop()
length = queue.ask()
is_reports = dataset.kind == "mura" and not dataset.synthetic
is_reports = is_reports and bool(report_2018.parts(dataset)) and length.name == "full"


def panel(was_alive: bool) -> None:
    """The queue and the figures, drawn anew while runs are on."""
    found = report_2018.find(run_cache.runs_now(), dataset.hash, length)
    alive = any(run.status.state.alive for run in found.values())
    if alive != was_alive:
        st.rerun()
    queue.show(dataset, found, length)
    report_figures.show(found, length, dataset.synthetic, is_reports)
    single_studies.show(dataset, found, length)
    actions.show_errors()


here = report_2018.find(run_cache.runs_now(), dataset.hash, length)
busy = any(run.status.state.alive for run in here.values())
st.fragment(panel, run_every=POLL_SECONDS if busy else None, key="report")(busy)


def wait(is_polled: bool) -> None:
    """Draws nothing: looks whether another browser has started one of these runs."""
    found = report_2018.find(run_cache.runs_now(), dataset.hash, length)
    if not is_polled and any(run.status.state.alive for run in found.values()):
        st.rerun()


st.fragment(wait, run_every=None if busy else frame.while_busy(), key="report-rest")(busy)
mistakes.show(dataset, here)
judging = ninth_mistake.is_on()
st.fragment(
    ninth_mistake.show, run_every=POLL_SECONDS if busy or judging else None, key="averages"
)(dataset, length, is_reports, judging)
