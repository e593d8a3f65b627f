"""The report's experiments as a queue: what they cost, the button, and how far they are."""

import streamlit as st

from fracture_core.analysis import report_2018
from fracture_core.analysis.report_2018 import LENGTHS, SEEDS, ExperimentRuns, Length
from fracture_core.config import REPORT_RECIPE, slots
from fracture_core.datasets.catalog import Dataset
from fracture_core.runs.run_folders import Run, State
from fracture_core.words import duration
from ui.cache import data_cache, run_cache
from ui.shared import theme
from ui.shell import actions, owner, state

BATCH = 10  # films a step, as the report had it


def ask() -> Length:
    """Which length is looked at, in the address."""
    name = st.segmented_control(
        "Length", list(LENGTHS), default="quick", required=True,
        key=state.LENGTH, bind="query-params",
        help="Full, as the report's: 75 epochs of 282 steps, and two runs go on for 25 more. "
        "Quick: 15 epochs of 60 steps, and 5 more; a first look, not the report's curves.",
    )  # fmt: skip
    return LENGTHS[name]


def show(dataset: Dataset, found: ExperimentRuns, length: Length) -> None:
    """The button, or the progress of what is on; and what went wrong."""
    alive = [run for run in found.values() if run.status.state.alive]
    if alive:
        _progress(found, length, alive)
    else:
        _offer(dataset, found, length)
    for run in found.values():
        if run.status.state in (State.FAILED, State.INTERRUPTED):
            st.error(f"{theme.plain(run.name)}: {theme.plain(run.status.message)}")


def _offer(dataset: Dataset, found: ExperimentRuns, length: Length) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = st.number_input(
            "Seeds of each", 1, SEEDS, 1, width=120,
            help="More seeds show how much chance there is in a curve.",
        )  # fmt: skip
        missing, steps = report_2018.to_go(found, length, int(seeds))
        owner.button(
            "Go on with the experiments" if found and missing else "Run the experiments",
            type="primary", icon=":material/science:", key="run-experiments",
            disabled=not missing, on_click=_start, args=(dataset, length, int(seeds)),
        )  # fmt: skip
    if not missing:
        st.caption("All of them are done, with as many seeds.")
        return
    speed = _speed()
    cost = (
        f"about {duration(steps * BATCH / speed)} at the speed of runs like these here"
        if speed
        else "the first run will show how long it takes"
    )
    st.caption(
        f"{theme.plural(missing, 'run')}, {steps:,} steps of {BATCH} films to go: {cost}. They "
        f"wait in a queue of {theme.plural(slots(), 'slot')}, go on without this page, and are "
        "found on Runs."
    )
    if ticked := len(data_cache.exclusions(dataset.hash).reasons):
        st.caption(
            f"Trained on all films, as in the report: the {theme.plural(ticked, 'film')} ticked on "
            "the Data page to be left out are not left out here."
        )


def _start(dataset: Dataset, length: Length, seeds: int) -> None:
    with actions.errors_shown():
        actions.start_report(dataset, length, seeds)


def _speed() -> float:
    """Films a second of the newest run of a three_conv at 32 px, all slots together; 0 unknown."""
    run = run_cache.timed_run("three_conv", REPORT_RECIPE.size)
    together = min(slots(), len(report_2018.EXPERIMENTS))
    return run.status.images_per_second * together if run else 0.0


def _progress(found: ExperimentRuns, length: Length, alive: list[Run]) -> None:
    seeds = max(seed for _, seed in found)
    total, done = report_2018.steps_in_all(length, seeds), report_2018.steps_done(found)
    speed = sum(r.status.images_per_second for r in alive if r.status.state is State.RUNNING)
    left = f", {duration((total - done) * BATCH / speed)} left" if speed else ""
    over = sum(run.status.state is State.FINISHED for run in found.values())
    st.progress(min(1.0, done / total), f"{over} of {len(found)} runs are done{left}")
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            "Stop all", icon=":material/stop:", key="stop-experiments", on_click=_stop,
            args=(found,), help="Keeps everything; they can go on.",
        )  # fmt: skip
        for run in [run for run in alive if run.status.state is not State.QUEUED][:3]:
            st.page_link(
                "pages/train.py", label=f"Watch {theme.plain(run.name)}",
                query_params={state.RUN: run.name}, width="content",
            )  # fmt: skip


def _stop(found: ExperimentRuns) -> None:
    with actions.errors_shown():
        actions.stop_report(found)
