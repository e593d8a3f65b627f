"""The report's ninth mistake: the share of its curves' fluctuation that is due to averages.

The runs were evaluated with running averages of batch normalization, like the report's networks. A
job evaluates the same weights again with recomputed averages; both curves are shown side by side.
"""

from collections.abc import Iterable

import streamlit as st

from fracture_core.analysis import report_2018
from fracture_core.analysis.report_2018 import BY_KEY, ExperimentRuns, Length
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FileRefused
from fracture_core.runs import run_requests, run_status
from fracture_core.runs.run_status import State, Status
from fracture_core.training import averages_job
from fracture_core.words import duration, plural
from ui.cache import run_cache
from ui.report_2018 import averages_figures, report_figures
from ui.shared import figures, theme
from ui.shell import actions, owner, turns

NUMBERS = (3, 5, 6, 8)  # of the figures of films that no network was trained on
CLAIM = (
    "the large fluctuation of its validation accuracy shows that the network is not well "
    "regularized."
)
RUNS_NAMED = 4  # runs whose missing epochs are named


def status() -> Status | None:
    """Return the status of the job; `None` before its first start."""
    place = averages_job.folder()
    return run_status.read(place) if (place / "asked.json").is_file() else None


def is_on() -> bool:
    """Return True while the job is running."""
    job = status()
    return bool(job and job.state.alive)


@turns.in_turn
def show(dataset: Dataset, length: Length, is_reports: bool, was_on: bool) -> None:
    """Draw the job, and each figure twice; nothing before the first run.

    Args:
        dataset: the data in use.
        length: of the experiments.
        is_reports: whether data and length are the report's.
        was_on: whether the job was running when the whole page was drawn.
    """
    job = status()  # first: once it says that the process has ended, its files are final
    if bool(job and job.state.alive) != was_on:
        st.rerun()
    runs = report_2018.find(run_cache.runs_now(), dataset.hash, length)
    runs = {key: run for key, run in runs.items() if run.config.normalization == "running"}
    if not runs:
        return
    st.header("Mistake 9, measured: the same weights with both averages", anchor=False)
    _job(runs, job)
    _explanation(runs, length, dataset.synthetic, is_reports)
    for figure in report_2018.FIGURES:
        if figure.number in NUMBERS:
            averages_figures.show(figure, runs, length, is_reports)
    _lacking(runs, job)
    actions.show_errors()


def words() -> None:
    """Draw the explanation, as one of the mistakes."""
    st.markdown(
        "**9. It never checked its averages.** It takes the large fluctuation of its validation "
        "accuracy for a sign that the network is not well regularized. But batch normalization "
        "evaluates with running averages of each batch's mean and variance, which lag behind "
        "quickly changing weights: the network evaluated is not quite the one that was trained. "
        "After the experiments, the same weights are evaluated with recomputed averages too."
    )


# --- the job --------------------------------------------------------------------------------------


def _job(runs: ExperimentRuns, job: Status | None) -> None:
    """The button, or the progress of the job; and its error."""
    if job and job.state.alive:
        _progress(job)
        return
    missing = {run.name: len(run_cache.recomputed(run)[1]) for run in runs.values()}
    names = [name for name, epochs in missing.items() if epochs]
    if not names:
        if any(len(averages_figures.recomputed(run)) for run in runs.values()):
            st.caption("Every epoch whose weights are kept has been evaluated with both averages.")
        else:
            st.caption("Epochs can be re-evaluated once the first one of a run is done.")
        return
    began = _is_ours(runs)
    if job and began and job.state in (State.FAILED, State.INTERRUPTED):
        st.error(theme.plain(job.message))
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            "Continue" if began else "Re-evaluate the epochs",
            icon=":material/balance:",
            key="recompute-averages",
            on_click=actions.pressed,
            args=(actions.recompute_averages, names),
        )
        st.caption(
            f"{plural(sum(missing.values()), 'epoch')} of "
            f"{plural(len(names), 'run')} to evaluate. "
            "Nothing is trained, the runs stay unchanged; it continues without this page."
        )


def _is_ours(runs: ExperimentRuns) -> bool:
    """Return whether the job was last started for one of these runs."""
    try:
        return bool({run.name for run in runs.values()} & set(averages_job.requested_runs()))
    except FileRefused:
        return False


def _progress(job: Status) -> None:
    place = averages_job.folder()
    left = f" About {duration(job.seconds_left)} left." if job.seconds_left else ""
    st.progress(min(1.0, job.progress), theme.plain(f"{job.message}{left}"))
    owner.button(
        "Stop",
        icon=":material/stop:",
        key="stop-evaluating",
        on_click=actions.pressed,
        args=(actions.send_request, place, "stop"),
        disabled=run_requests.has(place, "stop"),
        help="Finished epochs are kept; it can be continued.",
    )


def _explanation(runs: ExperimentRuns, length: Length, synthetic: bool, is_reports: bool) -> None:
    """The report's claim, the caveat, and the meaning of lines and tables."""
    st.markdown(f"The report: {CLAIM}")
    if not is_reports:
        st.caption(report_figures.caveat(synthetic))
    if not any(len(averages_figures.recomputed(run)) for run in runs.values()):
        return
    where = "On synthetic films" if synthetic else "On these films"
    st.caption(
        f"{where}, {length.name} length: the tables show the mean absolute change from one epoch "
        "to the next, over the epochs evaluated with both averages. In brackets: Student's "
        f"{figures.LEVEL} interval over seeds; the difference is paired by seed. Thick line: seed "
        "1; thin lines: the other seeds."
    )


# --- missing epochs -------------------------------------------------------------------------------


def _lacking(runs: ExperimentRuns, job: Status | None) -> None:
    """Name the epochs that were not evaluated with both averages, with the reason."""
    waiting, gone = {}, {}
    for (key, seed), run in runs.items():
        table, missing = run_cache.recomputed(run)
        lacking = set(averages_figures.running(run).get("epoch", ())) - set(table["epoch"])
        name = f"{BY_KEY[key].title}, seed {seed}"
        waiting[name], gone[name] = lacking & set(missing), lacking - set(missing)
    if any(waiting.values()) and not (job and job.state.alive):
        st.caption(f"Not re-evaluated yet: {_epochs(waiting)}.")
    if any(gone.values()):
        st.caption(f"Cannot be re-evaluated (weights no longer kept): {_epochs(gone)}.")


def _epochs(lacking: dict[str, set[int]]) -> str:
    """Epochs in words: "12 epochs (one_conv, seed 1: 4 to 15)"; some runs named, others counted."""
    named = {name: epochs for name, epochs in lacking.items() if epochs}
    some = [f"{name}: {_ranges(named[name])}" for name in list(named)[:RUNS_NAMED]]
    more = len(named) - RUNS_NAMED
    if more > 0:
        some.append(f"and {plural(more, 'more run')}")
    return f"{plural(sum(map(len, named.values())), 'epoch')} ({'; '.join(some)})"


def _ranges(epochs: Iterable[int]) -> str:
    """Ranges in words: "1 to 3, 5" of 1, 2, 3 and 5."""
    ranges: list[list[int]] = []
    for epoch in sorted(epochs):
        if ranges and epoch == ranges[-1][-1] + 1:
            ranges[-1][1:] = [epoch]
        else:
            ranges.append([epoch])
    return ", ".join(" to ".join(map(str, each)) for each in ranges)
