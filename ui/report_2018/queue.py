"""The report's experiments as a queue: their cost, the button, and the progress."""

import streamlit as st

from fracture_core.analysis import report_2018
from fracture_core.analysis.report_2018 import LENGTHS, SEEDS, ExperimentRuns, Length
from fracture_core.config.film_settings import REPORT_RECIPE
from fracture_core.datasets.catalog import Dataset
from fracture_core.jobs.launcher import slots
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State
from fracture_core.words import duration, plural
from ui.cache import data_cache, run_cache
from ui.shared import theme
from ui.shell import actions, owner, state

BATCH = 10  # films per step, as in the report
LENGTH_PX, SEEDS_PX = 150, 140


def ask() -> Length:
    """Draw the choice of the length, in the address; return the chosen one."""
    name = st.segmented_control(
        "Length",
        list(LENGTHS),
        default="quick",
        required=True,
        key=state.LENGTH,
        bind="query-params",
        help="Full, as in the report: 75 epochs of 282 steps, and 25 more for two of the runs. "
        "Quick: 15 epochs of 60 steps, and 5 more; a first look, not the report's curves.",
    )
    return LENGTHS[name]


def show(dataset: Dataset, runs: ExperimentRuns, length: Length) -> None:
    """Draw the button, or the progress of active runs; and the errors of failed ones."""
    alive = [run for run in runs.values() if run.status.state.alive]
    if alive:
        _progress(runs, length, alive)
    else:
        _offer(dataset, runs, length)
    for run in runs.values():
        if run.status.state in (State.FAILED, State.INTERRUPTED):
            st.error(f"{theme.plain(run.name)}: {theme.plain(run.status.message)}")


def _offer(dataset: Dataset, runs: ExperimentRuns, length: Length) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = st.number_input(
            "Runs per setting",
            1,
            SEEDS,
            1,
            width=SEEDS_PX,
            help="Runs with different seeds show how much of a curve is chance.",
        )
        missing, steps = report_2018.to_go(runs, length, int(seeds))
        owner.button(
            "Continue the experiments" if runs and missing else "Run the experiments",
            type="primary",
            icon=":material/science:",
            key="run-experiments",
            disabled=not missing,
            on_click=_start,
            args=(dataset, length, int(seeds)),
        )
        if not missing:
            st.caption("All experiments are done with this number of seeds.", width="content")
            return
        speed = _speed()
        cost = f", about {duration(steps * BATCH / speed)}" if speed else ""
        details = _details(dataset, steps, bool(speed))
        words = f"{plural(missing, 'run')} to go{cost}"
        st.caption(words, width="content", help=" ".join(details))


def _details(dataset: Dataset, steps: int, is_timed: bool) -> list[str]:
    """Time that the experiments take, how they go on, and the data that they are trained on."""
    timed = "At the speed of runs like these here"
    sentences = [
        f"{steps:,} steps of {BATCH} films.",
        f"{timed}." if is_timed else "An estimate follows after the first run.",
        f"They wait in a queue with {plural(slots(), 'slot')}, continue without this page, "
        "and are listed on Runs.",
    ]
    if ticked := len(data_cache.exclusions(dataset.hash).reasons):
        films = plural(ticked, "film")
        sentences.append(
            f"Trained on all films, as in the report, including the {films} excluded on the Data "
            "page."
        )
    return sentences


def _start(dataset: Dataset, length: Length, seeds: int) -> None:
    with actions.errors_shown():
        actions.start_report(dataset, length, seeds)


def _speed() -> float:
    """Films per second of the newest three_conv at 32 px, in all slots together; 0 if unknown."""
    run = run_cache.timed_run("three_conv", REPORT_RECIPE.size)
    together = min(slots(), len(report_2018.EXPERIMENTS))
    return run.status.images_per_second * together if run else 0.0


def _progress(runs: ExperimentRuns, length: Length, alive: list[Run]) -> None:
    seeds = max(seed for _, seed in runs)
    total, done = report_2018.steps_in_all(length, seeds), report_2018.steps_done(runs)
    speed = sum(r.status.images_per_second for r in alive if r.status.state is State.RUNNING)
    left = f", {duration((total - done) * BATCH / speed)} left" if speed else ""
    finished = sum(run.status.state is State.FINISHED for run in runs.values())
    st.progress(min(1.0, done / total), f"{finished} of {len(runs)} runs done{left}")
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            "Stop all",
            icon=":material/stop:",
            key="stop-experiments",
            on_click=_stop,
            args=(runs,),
            help="All work is kept; they can be continued.",
        )
        for run in [run for run in alive if run.status.state is not State.QUEUED][:3]:
            st.page_link(
                "pages/train.py",
                label=f"Watch {theme.plain(run.name)}",
                query_params={state.RUN: run.name},
                width="content",
            )


def _stop(runs: ExperimentRuns) -> None:
    with actions.errors_shown():
        actions.stop_report(runs)
