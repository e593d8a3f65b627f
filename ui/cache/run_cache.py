"""Runs in their current state; only changed files are read."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from fracture_core import checksums, files
from fracture_core.analysis import comparison, report_claims
from fracture_core.analysis import curves as run_curves
from fracture_core.analysis import trajectories as trajectory
from fracture_core.analysis.report_2018 import ExperimentRuns, Length
from fracture_core.analysis.report_claims import Answer, Claim
from fracture_core.analysis.trajectories import Trajectories
from fracture_core.datasets import catalog
from fracture_core.epochs import predictions
from fracture_core.errors import RunError, RunNotFound
from fracture_core.jobs import launcher
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_folders, run_labels
from fracture_core.training import averages_job
from fracture_core.words import short
from ui.cache import shared_cache

TABLES_KEPT = 64  # runs; 75 epochs are 10 kB
STEPS_KEPT = 8  # runs; a day's live curve is 0.2 MB
TRAJECTORIES_KEPT = 8  # runs; 75 epochs of 3,000 films are 0.9 MB


def runs_now() -> list[run_folders.Run]:
    """List all runs, newest first, in their current state; only changed files are read."""
    launcher.reap()
    return run_folders.list_runs(shared_cache.file_cache("runs"))


def is_synthetic(run: run_folders.Run) -> bool:
    """Return True if a run's films are synthetic; a queued run's folder of films decides."""
    if not run.facts.get("data"):
        return phantom_set.is_synthetic(Path(run.config.data))
    return bool(run.data.synthetic)


def labels(runs: list[run_folders.Run]) -> dict[str, run_labels.Labels]:
    """Return tags, note and baseline of each of these runs, by name."""
    cache = shared_cache.file_cache("labels")
    return {run.name: run_labels.read(run.folder, cache) for run in runs}


def outcomes(runs: list[run_folders.Run]) -> dict[str, comparison.Outcome]:
    """Return the current results of each of these runs, by name."""
    return {run.name: _outcome(run.folder) for run in runs}


def _outcome(folder: Path) -> comparison.Outcome:
    """`comparison.outcome`; empty if the metrics cannot be read, which the run's page reports."""
    cache = shared_cache.file_cache("outcomes")
    try:
        return files.unchanged(folder / "metrics.jsonl", cache, partial(comparison.outcome, folder))
    except RunError:
        return comparison.Outcome()


def curves(run: run_folders.Run) -> pd.DataFrame:
    """Return the run's epochs as a tidy table, see `curves.of_run`."""
    cache, read = shared_cache.file_cache("curves"), partial(run_curves.of_run, run)
    try:
        table = files.unchanged(run.folder / "metrics.jsonl", cache, read)
    except RunError:  # its metrics cannot be read: the run's page reports it
        return pd.DataFrame(columns=["run", "epoch"])
    return shared_cache.bounded(cache, TABLES_KEPT, table)


def run_now(name: str) -> run_folders.Run:
    """Return a run in its current state; only changed files are read.

    Raises:
        RunNotFound: there is no run of this name.
        RunError: its config cannot be read.
    """
    return run_folders.read(run_folders.find(name), shared_cache.file_cache("runs"))


def why_not(name: str) -> str:
    """Return in a sentence why no run of this name can be shown, with the next step."""
    try:
        run_now(name)
    except RunNotFound:
        return f"No run is called {short(name)}. Start one here, or pick one below."
    except RunError as error:
        return str(error)
    return f"{name} can be read now. Reload the page."


def metrics_of(folder: Path) -> pd.DataFrame:
    """Return a run's epochs, see `journal.metrics`; only new lines are read."""
    cache = shared_cache.file_cache("metrics")
    with shared_cache.lock:
        return shared_cache.bounded(cache, TABLES_KEPT, journal.metrics(folder, cache))


def steps_of(folder: Path) -> pd.DataFrame:
    """Return a run's live curve, see `journal.steps`; only new lines are read."""
    cache = shared_cache.file_cache("steps")
    with shared_cache.lock:
        return shared_cache.bounded(cache, STEPS_KEPT, journal.steps(folder, cache))


def of_tables(
    folder: Path, key: tuple[object, ...], compute: Callable[[Trajectories], shared_cache.Value]
) -> shared_cache.Value:
    """Compute a value from a run's tables, once for all sessions until there is another table.

    Args:
        folder: the run's.
        key: everything else the value depends on; hashable.
        compute: takes `trajectories`. Callers must not mutate the value.

    Raises:
        RunError: the run has not read its films yet.
    """
    tables = trajectories(folder)
    return shared_cache.compute_once(
        ("tables", folder), id(tables), key, lambda: compute(tables), tables
    )


def of_metrics(
    run: run_folders.Run,
    kind: str,
    key: tuple[object, ...],
    compute: Callable[[pd.DataFrame], shared_cache.Value],
) -> shared_cache.Value:
    """Compute a value from a run's epochs and films, once for all sessions until either changes.

    Args:
        run: the run.
        kind: of value.
        key: everything else the value depends on; hashable.
        compute: takes `metrics_of`. Callers must not mutate the value.
    """
    paths = (run.folder / "metrics.jsonl", run.folder / "films.parquet")
    return shared_cache.of_files(kind, paths, key, lambda: compute(metrics_of(run.folder)))


def completed_epochs(run: run_folders.Run) -> tuple[int, ...]:
    """List the epochs with readable metrics."""
    return of_metrics(
        run, "epochs", (), lambda epochs: tuple(epochs["epoch"].tolist()) if len(epochs) else ()
    )


def recomputed(run: run_folders.Run) -> tuple[pd.DataFrame, list[int]]:
    """Return `averages_job.curve` and `missing` of a run: its epochs with recomputed averages.

    Both are empty if its files cannot be read, which the job reports.
    """
    return shared_cache.of_files(
        "recomputed", files_of_averages(run), (), partial(_recomputed, run)
    )


def files_of_averages(run: run_folders.Run) -> tuple[Path, ...]:
    """List the source files of a run's curves with running and with recomputed averages."""
    names = ("metrics.jsonl", checksums.SUMS, "checkpoints")
    return averages_job.place_of(run) / "metrics.jsonl", *(run.folder / name for name in names)


def _recomputed(run: run_folders.Run) -> tuple[pd.DataFrame, list[int]]:
    try:
        return averages_job.curve(run), averages_job.missing(run)
    except RunError:
        return pd.DataFrame(columns=["epoch"]), []


def report_answers(runs: ExperimentRuns, length: Length) -> dict[Claim, Answer]:
    """Answer the 2018 report's claims by the experiments so far, see `report_claims.answer`."""
    stamps = tuple(
        (key, run.folder, files.stamp(run.folder / "metrics.jsonl")) for key, run in runs.items()
    )
    return _report_answers(stamps, length, runs)


@st.cache_data(max_entries=8, show_spinner=False)
def _report_answers(
    stamps: tuple[object, ...], length: Length, _runs: ExperimentRuns
) -> dict[Claim, Answer]:
    return {claim: report_claims.answer(claim, _runs, length) for claim in report_claims.CLAIMS}


def run_verdicts(run: run_folders.Run, epoch: int) -> pd.DataFrame:
    """Return a run's verdicts on its dev and valid studies, see `comparison.verdicts`.

    Raises:
        RunError: its films or the epoch's table are missing or damaged.
    """
    table = files.stamp(predictions.path(run.folder, epoch))
    return _run_verdicts(run.folder, epoch, table, run.config.threshold, run)


@st.cache_data(max_entries=64, show_spinner=False)
def _run_verdicts(
    folder: Path, epoch: int, stamp: tuple[int, ...], threshold: float, _run: run_folders.Run
) -> pd.DataFrame:
    return comparison.verdicts(_run, epoch)


def timed_run(network: str, size: int) -> run_folders.Run | None:
    """Return the newest run of this network and size whose speed was measured, of all layers."""
    timed = (
        run
        for run in runs_now()
        if run.status.images_per_second and run.status.epoch >= run.config.frozen_epochs
    )
    key = (network, size)
    return next((r for r in timed if (r.config.network, r.config.recipe.size) == key), None)


def majority(folder: Path, level: str) -> dict[str, float]:
    """Return the baseline accuracy by role: always the majority class of a run's films.

    Args:
        folder: the run's.
        level: "images" or "studies".

    Returns:
        Empty if the list of the run's films cannot be read.
    """

    def read() -> dict[str, float]:
        try:
            films = journal.films(folder)
        except RunError:
            return {}
        return predictions.majority(films if level == "images" else catalog.studies(films))

    return shared_cache.of_files("majority", (folder / "films.parquet",), (level,), read)


def trajectories(folder: Path) -> Trajectories:
    """Return a run's predictions at every epoch; only tables new since the last call are read.

    Raises:
        RunError: the run has not read its films yet.
    """
    films = folder / "films.parquet"
    written = films.stat().st_mtime_ns if films.exists() else 0
    with shared_cache.lock:
        cache = _trajectories()
        tables = cache.pop((folder, written), None)
        if tables is None or tables.epochs != predictions.epochs(folder):
            tables = trajectory.read(folder, tables)
        cache[folder, written] = tables  # most recently used last
        for oldest in list(cache)[:-TRAJECTORIES_KEPT]:
            cache.pop(oldest, None)
        return tables


@st.cache_resource(show_spinner=False)
def _trajectories() -> dict[tuple[Path, int], Trajectories]:
    """Cache of the whole server, by run folder and the time at which its films were written."""
    return {}
