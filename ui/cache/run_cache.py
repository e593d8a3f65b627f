"""Runs as they stand now: of their files only what has changed is read."""

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
from fracture_core.errors import RunError
from fracture_core.jobs import launcher
from fracture_core.runs import journal, predictions, run_folders
from fracture_core.training import averages_job
from ui.cache import shared_cache

TABLES_KEPT = 64  # runs; 75 epochs are 10 kB
STEPS_KEPT = 8  # runs; a day's live curve is 0.2 MB
TRAJECTORIES_KEPT = 8  # runs; 75 epochs of 3,000 films are 0.9 MB


def runs_now() -> list[run_folders.Run]:
    """All runs, newest first, as they stand now; of their files only what has changed is read."""
    launcher.reap()
    return run_folders.list_runs(shared_cache.read_before("runs"))


def unreadable_runs(found: list[run_folders.Run]) -> list[str]:
    """A sentence for each run beside these that cannot be read."""
    return run_folders.unreadable(found)


def labels(found: list[run_folders.Run]) -> dict[str, run_folders.Labels]:
    """What people wrote on each of these runs, by their names."""
    kept = shared_cache.read_before("labels")
    return {run.name: run_folders.labels(run.folder, kept) for run in found}


def outcomes(found: list[run_folders.Run]) -> dict[str, comparison.Outcome]:
    """How good each of these runs is by now, by their names."""
    return {run.name: _outcome(run.folder) for run in found}


def _outcome(folder: Path) -> comparison.Outcome:
    """See `comparison.outcome`; nothing where the metrics cannot be read: its page says so."""
    kept = shared_cache.read_before("outcomes")
    try:
        return files.unchanged(folder / "metrics.jsonl", kept, partial(comparison.outcome, folder))
    except RunError:
        return comparison.Outcome()


def curves(run: run_folders.Run) -> pd.DataFrame:
    """The run's epochs as a tidy table, see `curves.of_run`."""
    kept, read = shared_cache.read_before("curves"), partial(run_curves.of_run, run)
    try:
        found = files.unchanged(run.folder / "metrics.jsonl", kept, read)
    except RunError:  # its metrics cannot be read: its own page says so
        return pd.DataFrame(columns=["run", "epoch"])
    return shared_cache.bounded(kept, TABLES_KEPT, found)


def run_now(name: str) -> run_folders.Run:
    """A run as it stands now; of its files only what has changed is read.

    Raises:
        RunNotFound: there is none of this name.
        RunError: its config cannot be read.
    """
    return run_folders.read(run_folders.find(name), shared_cache.read_before("runs"))


def metrics_of(folder: Path) -> pd.DataFrame:
    """A run's epochs, see `journal.metrics`; only what is new is read."""
    kept = shared_cache.read_before("metrics")
    with shared_cache.lock:
        return shared_cache.bounded(kept, TABLES_KEPT, journal.metrics(folder, kept))


def steps_of(folder: Path) -> pd.DataFrame:
    """A run's live curve, see `journal.steps`; only what is new is read."""
    kept = shared_cache.read_before("steps")
    with shared_cache.lock:
        return shared_cache.bounded(kept, STEPS_KEPT, journal.steps(folder, kept))


def of_tables(
    folder: Path, key: tuple, make: Callable[[Trajectories], shared_cache.Made]
) -> shared_cache.Made:
    """What is made of a run's tables, once for all sessions until there is another table.

    Args:
        folder: the run's.
        key: what else it depends on; it can be hashed.
        make: makes it of `trajectories`. Who takes it must not change it.

    Raises:
        RunError: the run has not read its films yet.
    """
    tables = trajectories(folder)
    return shared_cache.made_once(("tables", folder), id(tables), key, lambda: make(tables), tables)


def recomputed(run: run_folders.Run) -> tuple[pd.DataFrame, list[int]]:
    """A run's epochs judged with recomputed averages, as `averages_job.curve` and `missing` know
    them; nothing where its files cannot be read: the job says so."""
    return shared_cache.of_files(
        "recomputed", files_of_averages(run), (), partial(_recomputed, run)
    )


def files_of_averages(run: run_folders.Run) -> tuple[Path, ...]:
    """The files that a run's curves, with running and with recomputed averages, are read from."""
    known = ("metrics.jsonl", checksums.SUMS, "checkpoints")
    return averages_job.place_of(run) / "metrics.jsonl", *(run.folder / name for name in known)


def _recomputed(run: run_folders.Run) -> tuple[pd.DataFrame, list[int]]:
    try:
        return averages_job.curve(run), averages_job.missing(run)
    except RunError:
        return pd.DataFrame(columns=["epoch"]), []


def report_answers(found: ExperimentRuns, length: Length) -> dict[Claim, Answer]:
    """What the 2018 report's experiments say to its claims by now, see `report_claims.answer`."""
    stamps = tuple(
        (key, run.folder, files.stamp(run.folder / "metrics.jsonl")) for key, run in found.items()
    )
    return _report_answers(stamps, length, found)


@st.cache_data(max_entries=8, show_spinner=False)
def _report_answers(stamps: tuple, length: Length, _found: ExperimentRuns) -> dict[Claim, Answer]:
    return {claim: report_claims.answer(claim, _found, length) for claim in report_claims.CLAIMS}


def run_verdicts(run: run_folders.Run, epoch: int) -> pd.DataFrame:
    """What a run says of its dev and valid studies, see `comparison.verdicts`.

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


def timed_run(architecture: str, size: int) -> run_folders.Run | None:
    """The newest run of this network and size whose speed is known."""
    alike = (run for run in runs_now() if run.status.images_per_second)
    asked = (architecture, size)
    return next((r for r in alike if (r.config.architecture, r.config.recipe.size) == asked), None)


def majority(folder: Path, level: str) -> dict[str, float]:
    """By role, the accuracy of always guessing the more frequent label among a run's films.

    Args:
        folder: the run's.
        level: "images" or "studies".

    Returns:
        Nothing where the list of the run's films cannot be read.
    """

    def read() -> dict[str, float]:
        try:
            films = journal.films(folder)
        except RunError:
            return {}
        return predictions.majority(films if level == "images" else catalog.studies(films))

    return shared_cache.of_files("majority", (folder / "films.parquet",), (level,), read)


def trajectories(folder: Path) -> Trajectories:
    """What a run has thought at every epoch; only tables that are new since the last look are read.

    Raises:
        RunError: the run has not read its films yet.
    """
    films = folder / "films.parquet"
    made = films.stat().st_mtime_ns if films.exists() else 0
    with shared_cache.lock:
        kept = _trajectories()
        known = kept.pop((folder, made), None)
        if known is None or known.epochs != predictions.epochs(folder):
            known = trajectory.read(folder, known)
        kept[folder, made] = known  # the last one asked for is the last one dropped
        for oldest in list(kept)[:-TRAJECTORIES_KEPT]:
            kept.pop(oldest, None)
        return known


@st.cache_resource(show_spinner=False)
def _trajectories() -> dict[tuple[Path, int], Trajectories]:
    """Once a server: by run folder, and when its films were written."""
    return {}
