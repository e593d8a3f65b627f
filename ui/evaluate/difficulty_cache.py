"""Difficulty and doubtful labels of the studies in use, as its runs show them."""

from pathlib import Path

import pandas as pd
import streamlit as st

from fracture_core import files
from fracture_core.analysis import trajectories as trajectory
from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.difficult_studies import error_lists, label_doubts, training_dynamics
from fracture_core.epochs import predictions
from fracture_core.errors import RunError
from fracture_core.runs.run_folders import Run
from ui.cache import run_cache

MOST_RUNS = 12  # the newest: each takes the time of its tables


def runs_on(data_hash: str, without: str = "") -> list[Run]:
    """Return the newest runs with an epoch on a data set, but one; newest first."""
    runs = (run for run in run_cache.runs_now() if run.status.epoch and run.name != without)
    return [run for run in runs if run.data.hash == data_hash][:MOST_RUNS]


def difficulty(runs: list[Run]) -> pd.DataFrame:
    """Return `training_dynamics.difficulty` by these runs; one that cannot be read is left out."""
    tables = {run.name: _learned(run.folder, run.config.threshold, _stamp(run)) for run in runs}
    known = {name: table for name, table in tables.items() if table is not None}
    return training_dynamics.difficulty(known)


@st.cache_data(max_entries=64, show_spinner="Reading what the runs learned…")
def _learned(folder: Path, threshold: float, stamp: tuple[int, ...]) -> pd.DataFrame | None:
    try:
        tables = trajectory.read(folder)
    except RunError:
        return None
    return training_dynamics.learned(tables, threshold) if tables.epochs else None


def forgotten(run: Run, role: str) -> pd.DataFrame:
    """Return `error_lists.forgotten` of a run.

    Raises:
        RunError: its list of films cannot be read.
    """
    threshold = run.config.threshold
    return run_cache.of_tables(
        run.folder,
        ("forgotten", role, threshold),
        lambda tables: error_lists.forgotten(tables, threshold, role),
    )


def doubted_labels(runs: list[Run], role: str, corrected: Corrections) -> pd.DataFrame:
    """Return `label_doubts.find` by these runs, each at its best epoch, on studies of a role.

    Args:
        runs: on the same data.
        role: "dev" or "valid".
        corrected: labels to be used in place of those that the runs have.
    """
    tables = []
    for run in runs:
        epoch = predictions.best_epoch(run.folder) or predictions.latest(run.folder)
        if epoch is None:
            continue
        try:
            verdicts = run_cache.run_verdicts(run, epoch)
        except RunError:
            continue
        tables.append(corrections.relabel(verdicts[verdicts["role"] == role], corrected))
    return label_doubts.find(tables)


def _stamp(run: Run) -> tuple[int, ...]:
    """Return a cache key that changes with a run's epochs."""
    names = ("metrics.jsonl", "films.parquet")
    return sum((tuple(files.stamp(run.folder / name)) for name in names), ())
