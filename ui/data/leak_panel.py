"""The leak thermometer on the Data page: two short runs, and what copies add to an accuracy."""

from datetime import datetime

import streamlit as st

from fracture_core.analysis import leak
from fracture_core.analysis.leak import Leak
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.family_list import FamilyList
from fracture_core.errors import FractureError
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from ui.cache import data_cache, run_cache
from ui.shared import theme
from ui.shell import actions, owner, state
from ui.train import cost

POLL_SECONDS = 1.0


def show(data: Dataset) -> None:
    """Draw the result of the newest pair of runs, their progress, and the button."""
    st.header(
        "Leak thermometer",
        anchor=False,
        help="Two short runs on the same settings: one with the split as given, one without the "
        "training films that have a copy or a patient among the films of the other side. Their "
        "difference on the same studies is what copies add to an accuracy.",
    )
    pair = leak.newest(run_cache.runs_now(), data)
    if pair and any(run.status.state.alive for run in pair):
        st.fragment(_watch, run_every=POLL_SECONDS, key="leak")(data)
        return
    families = data_cache.families(data.hash)
    if pair:
        _result(data, pair, families)
    _button(data, families, again=pair is not None)


def _button(data: Dataset, families: FamilyList, again: bool) -> None:
    """Draw the share of leaked films, and the button unless nothing can be measured."""
    plan = leak.plan(data, families)
    st.caption(theme.plain(f"{plan.sentence} {plan.refusal}".rstrip()))
    if plan.refusal:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            "Measure again" if again else "Measure the leak",
            icon=":material/thermometer:",
            on_click=actions.pressed,
            args=(actions.measure_leak, data, f"{datetime.now():%m%d-%H%M%S}"),
            key="measure-leak",
        )
        shown = (plan.given.steps_per_epoch or 0) * plan.given.batch_size
        time = cost.time_of(plan.given, shown)
        st.caption(theme.plain(f"Two runs of {plan.given.epochs} epochs. {time} each."))


def _watch(data: Dataset) -> None:
    pair = leak.newest(run_cache.runs_now(), data)
    if not pair or not any(run.status.state.alive for run in pair):
        st.rerun()
        return
    for run in pair:
        with st.container(horizontal=True, vertical_alignment="center"):
            share = run.status.step / run.status.steps if run.status.steps else 0.0
            kind = "As given" if run is pair[0] else "Honest"
            st.progress(min(1.0, share), theme.plain(f"{kind}: {run.status.message}"), width=420)
            _link(run)
    owner.button(
        "Stop both",
        icon=":material/stop:",
        on_click=actions.pressed,
        args=(actions.stop_leak, pair),
        key="stop-leak",
    )


def _link(run: Run) -> None:
    st.page_link(
        "pages/train.py",
        label=theme.plain(run.name),
        query_params={state.RUN: run.name},
        width="content",
    )


def _result(data: Dataset, pair: tuple[Run, Run], families: FamilyList) -> None:
    """The difference in one sentence; or why there is none."""
    unfinished = [run for run in pair if run.status.state is not State.FINISHED]
    if unfinished:
        for run in unfinished:
            st.caption(theme.plain(f"{run.name}: {run.status.message}"))
        return
    try:
        result: Leak = run_cache.of_metrics(
            pair[0],
            "leak",
            (pair[1].name, families.hash),
            lambda _: leak.measure(*pair, data, families),
        )
    except FractureError as error:
        st.caption(theme.plain(str(error)))
        return
    st.markdown(f"**{theme.plain(result.sentence)}**")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(theme.plain(result.details))
        for run in pair:
            _link(run)
