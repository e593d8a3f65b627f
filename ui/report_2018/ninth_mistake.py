"""The report's ninth mistake: what its curves' up and down owes to the averages, from its own runs.

The runs judged with running averages of batch normalization, as the report's networks did. A job
judges the same weights anew with recomputed averages; both curves stand side by side.
"""

from collections.abc import Iterable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from fracture_core.analysis import fluctuation, report_2018
from fracture_core.analysis.fluctuation import Fluctuation
from fracture_core.analysis.report_2018 import BY_KEY, ExperimentRuns, Figure, Length
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FileRefused
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import Run, State, Status
from fracture_core.training import averages_job
from fracture_core.verdicts.metrics import Mean
from fracture_core.words import duration
from ui.cache import run_cache, shared_cache
from ui.report_2018 import report_figures
from ui.shared import figures, theme
from ui.shell import actions, owner, turns

NUMBERS = (3, 5, 6, 8)  # of the figures that show films which no network has learned from
UNITS = {"valid.accuracy": ("points", 100, ".1f"), "valid.loss": ("nats a film", 1, ".3f")}
RUNS_NAMED = 4  # whose epochs are named that lack


def status() -> Status | None:
    """How far the job is, or how it ended; `None` before its first start."""
    place = averages_job.folder()
    return run_folders.status(place) if (place / "asked.json").is_file() else None


def is_on() -> bool:
    """Whether the job is at work."""
    job = status()
    return bool(job and job.state.alive)


@turns.in_turn
def show(dataset: Dataset, length: Length, is_reports: bool, was_on: bool) -> None:
    """What happened and why, the job, and each figure twice.

    Args:
        dataset: the data in use.
        length: of the experiments.
        is_reports: whether these are the data, and the length, that the report had.
        was_on: whether the job was at work when the whole page was drawn.
    """
    job = status()  # first: a child that has ended by now has left all that it will leave
    if bool(job and job.state.alive) != was_on:
        st.rerun()
    found = report_2018.find(run_cache.runs_now(), dataset.hash, length)
    found = {key: run for key, run in found.items() if run.config.normalization == "running"}
    with st.container(border=True):
        _words()
        if not found:
            st.caption("What its figures look like both ways shows when the experiments have run.")
            return
        _job(found, job)
        _explanation(found, length, dataset.synthetic, is_reports)
        for figure in report_2018.FIGURES:
            if figure.number in NUMBERS:
                _twice(figure, found, length, is_reports)
        _lacking(found, job)
    actions.show_errors()


def _words() -> None:
    st.markdown(
        "**9. It never looked at its averages.** It takes the large ups and downs of its "
        "validation accuracy for a sign that the network is not well regularized."
    )
    st.markdown(
        "While it trains, batch normalization uses each batch's own mean and variance; to judge, "
        "it uses running averages of them, and these lag behind weights that move quickly: the "
        "network that is judged is not quite the one that was trained. Below, the very same "
        "weights are judged twice, with those running averages and with averages recomputed over "
        "training films."
    )


# --- the job --------------------------------------------------------------------------------------


def _job(found: ExperimentRuns, job: Status | None) -> None:
    """The button, or how far the job is; and what went wrong."""
    if job and job.state.alive:
        _progress(job)
        return
    missing = {run.name: len(run_cache.recomputed(run)[1]) for run in found.values()}
    names = [name for name, epochs in missing.items() if epochs]
    if not names:
        if any(len(_recomputed(run)) for run in found.values()):
            st.caption("Every epoch whose weights are kept has been judged both ways.")
        else:
            st.caption("The first epoch of a run can be judged anew as soon as it is done.")
        return
    began = _is_ours(found)
    if job and began and job.state in (State.FAILED, State.INTERRUPTED):
        st.error(theme.plain(job.message))
    with st.container(horizontal=True, vertical_alignment="center"):
        owner.button(
            "Go on judging" if began else "Judge the epochs anew", icon=":material/balance:",
            key="judge-anew", on_click=actions.pressed, args=(actions.recompute_averages, names),
        )  # fmt: skip
        st.caption(
            f"{theme.plural(sum(missing.values()), 'epoch')} of "
            f"{theme.plural(len(names), 'run')} to judge. "
            "Nothing is trained, the runs stay as they are; it goes on without this page."
        )


def _is_ours(found: ExperimentRuns) -> bool:
    """Whether the job was last started for one of these runs."""
    try:
        return bool({run.name for run in found.values()} & set(averages_job.requested_runs()))
    except FileRefused:
        return False


def _progress(job: Status) -> None:
    place = averages_job.folder()
    left = f" About {duration(job.seconds_left)} left." if job.seconds_left else ""
    st.progress(min(1.0, job.progress), theme.plain(f"{job.message}{left}"))
    owner.button(
        "Stop judging", icon=":material/stop:", key="stop-judging", on_click=actions.pressed,
        args=(actions.ask, place, "stop"), disabled=run_folders.has_request(place, "stop"),
        help="What was judged is kept; it can go on.",
    )  # fmt: skip


def _explanation(found: ExperimentRuns, length: Length, synthetic: bool, is_reports: bool) -> None:
    """What the tables hold, once for all; what they do not say comes first."""
    if not is_reports:
        st.caption(report_figures.caveat(synthetic))
    if not any(len(_recomputed(run)) for run in found.values()):
        return
    where = "On synthetic films" if synthetic else "On these films"
    st.caption(
        f"{where}, {length.name} length: the tables hold the mean absolute change from one epoch "
        "to the next, over the epochs judged both ways. In brackets stands Student's "
        f"{figures.LEVEL} interval over seeds; the difference is paired by seed."
    )


# --- the figures ----------------------------------------------------------------------------------


def _running(run: Run) -> pd.DataFrame:
    return run_cache.metrics_of(run.folder)


def _recomputed(run: Run) -> pd.DataFrame:
    return run_cache.recomputed(run)[0]


def _twice(figure: Figure, found: ExperimentRuns, length: Length, is_reports: bool) -> None:
    """A figure with both ways of averaging, and how much its lines change from epoch to epoch."""
    st.markdown(f"**Figure {figure.number}: {figure.title}**")
    found = {key: run for key, run in found.items() if key[0] in figure.keys}
    files = tuple(path for run in found.values() for path in run_cache.files_of_averages(run))
    drawn, changes = shared_cache.of_files(
        "averages", files, (figure.number, length.name, st.context.theme.type),
        lambda: (draw(figure, found, length), _changes(figure, found, length)),
    )  # fmt: skip
    st.plotly_chart(drawn, key=f"averages-{figure.number}", config={"displaylogo": False})
    if not changes:
        return
    head = f"{UNITS[figure.column][0]} an epoch, {_films(found)}"
    st.markdown(_table(head, changes, figure.column))
    if any(change.difference.n == 1 for change in changes.values()):
        st.caption("One seed gives no interval.")
    if is_reports:
        st.markdown(_follows(changes, figure.column))


def draw(figure: Figure, found: ExperimentRuns, length: Length) -> go.Figure:
    """A figure twice, on the same axes: with running averages, and with recomputed ones."""
    drawn = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.03)
    for column, table_of in enumerate((_running, _recomputed), 1):
        for line in report_figures.lines(figure, found, length, table_of):
            line.showlegend = line.showlegend and column == 1
            drawn.add_trace(line, row=1, col=column)
    report_figures.dressed(drawn, figure, length)
    drawn.update_yaxes(title=None, col=2)
    if not any(line.xaxis == "x2" for line in drawn.data):
        drawn.add_annotation(
            text="not judged anew yet", showarrow=False, x=0.76, y=0.5, xref="paper", yref="paper",
            font={"color": theme.ink().text},
        )  # fmt: skip
    for column, ways in enumerate(("running", "recomputed"), 1):
        drawn.update_xaxes(title=f"epoch, with {ways} averages", col=column)
    return drawn


def _changes(figure: Figure, found: ExperimentRuns, length: Length) -> dict[str, Fluctuation]:
    """Of each experiment, over its seeds and the epochs that the figure shows, where any tell."""
    last, changes = figure.last(length), {}
    for key in figure.keys:
        runs_of = [run for (which, _), run in found.items() if which == key]
        tables = [(_up_to(_running(r), last), _up_to(_recomputed(r), last)) for r in runs_of]
        change = fluctuation.compare(tables, figure.column)
        if change.difference.n:
            changes[key] = change
    return changes


def _up_to(table: pd.DataFrame, last: int) -> pd.DataFrame:
    return table[table["epoch"] <= last] if len(table) else table


def _films(found: ExperimentRuns) -> str:
    """The valid films that the numbers are of; runs on the same data have the same."""
    tables = [_running(run) for run in found.values()]
    counts = {int(t["valid.n"].iloc[-1]) for t in tables if "valid.n" in t}
    return " or ".join(theme.plural(count, "valid film") for count in sorted(counts))


def _table(head: str, changes: dict[str, Fluctuation], column: str) -> str:
    rows = [
        f"| {BY_KEY[key].title} | {_words_of(change.running, column)} | "
        f"{_words_of(change.recomputed, column)} | {_words_of(change.difference, column, '+')} | "
        f"{change.difference.n} |"
        for key, change in changes.items()
    ]
    head = f"| Change, {head} | Running | Recomputed | Running minus recomputed | Seeds |"
    return "\n".join([head, "|:--|--:|--:|--:|--:|", *rows])


def _words_of(mean: Mean, column: str, sign: str = "") -> str:
    """A mean with its interval in the column's unit, as "4.1 (3.0 to 5.2)"."""
    _, factor, form = UNITS[column]
    value = f"{factor * mean.value:{sign}{form}}"
    if mean.low is None:
        return value
    ends = (f"{factor * end:{sign}{form}}" for end in (mean.low, mean.high))
    return f"{value} ({figures.HARD_TO.join(ends)})"


def _follows(changes: dict[str, Fluctuation], column: str) -> str:
    """How much of the up and down was the averages, where the seeds can tell."""
    unit, parts, unknown = UNITS[column][0], [], []
    for key, change in changes.items():
        apart, title = change.difference, BY_KEY[key].title
        if apart.low is None or apart.low <= 0 <= apart.high:
            unknown.append(title)
        elif apart.low > 0:
            share = figures.percent(apart.value / change.running.value)
            parts.append(f"{title} {share} ({_words_of(apart, column)} {unit})")
        else:
            parts.append(f"{title} none, recomputed averages fluctuate more")
    told = [f"So much of the up and down was the averages: {'; '.join(parts)}."] if parts else []
    rest = [f"These seeds can't tell for {', '.join(unknown)}."] if unknown else []
    return " ".join([*told, *rest])


# --- the epochs that lack -------------------------------------------------------------------------


def _lacking(found: ExperimentRuns, job: Status | None) -> None:
    """Which epochs were not judged both ways, and why."""
    waiting, gone = {}, {}
    for (key, seed), run in found.items():
        table, missing = run_cache.recomputed(run)
        lacking = set(_running(run).get("epoch", ())) - set(table["epoch"])
        name = f"{BY_KEY[key].title}, seed {seed}"
        waiting[name], gone[name] = lacking & set(missing), lacking - set(missing)
    if any(waiting.values()) and not (job and job.state.alive):
        st.caption(f"Not judged anew yet: {_epochs(waiting)}.")
    if any(gone.values()):
        st.caption(f"Weights no longer kept, so they can't be judged anew: {_epochs(gone)}.")


def _epochs(lacking: dict[str, set[int]]) -> str:
    """ "12 epochs (one_conv, seed 1: 4 to 15)"; some runs by name, the others counted."""
    named = {name: epochs for name, epochs in lacking.items() if epochs}
    some = [f"{name}: {_ranges(named[name])}" for name in list(named)[:RUNS_NAMED]]
    more = len(named) - RUNS_NAMED
    if more > 0:
        some.append(f"and {theme.plural(more, 'more run')}")
    return f"{theme.plural(sum(map(len, named.values())), 'epoch')} ({'; '.join(some)})"


def _ranges(epochs: Iterable[int]) -> str:
    """ "1 to 3, 5" of 1, 2, 3 and 5."""
    ranges: list[list[int]] = []
    for epoch in sorted(epochs):
        if ranges and epoch == ranges[-1][-1] + 1:
            ranges[-1][1:] = [epoch]
        else:
            ranges.append([epoch])
    return ", ".join(" to ".join(map(str, each)) for each in ranges)
