"""Scores and learning of the evaluated studies, by the runs on the same data.

Every study has the label that the page shows, whatever label a run was trained with.
"""

from pathlib import Path

import pandas as pd
import streamlit as st

from fracture_core import files
from fracture_core.analysis import trajectories as trajectory
from fracture_core.difficult_studies import error_lists, training_dynamics
from fracture_core.epochs import predictions
from fracture_core.errors import RunError
from fracture_core.runs.run_folders import Run
from ui.cache import run_cache

Labels = dict[str, int]  # key of an evaluated study -> its label, 0 or 1
MOST_RUNS = 12  # the newest: each takes the time of its tables


def runs_on(data_hash: str, without: str = "") -> list[Run]:
    """Return the newest runs with an epoch on a data set, but one; newest first."""
    runs = (run for run in run_cache.runs_now() if run.status.epoch and run.name != without)
    return [run for run in runs if run.data.hash == data_hash][:MOST_RUNS]


def learned(runs: list[Run], labels: Labels) -> dict[str, pd.DataFrame]:
    """Return `training_dynamics.learned` by the name of each run that predicted such a study."""
    tables = {
        run.name: _learned(run.folder, run.config.threshold, labels, _stamp(run)) for run in runs
    }
    return {name: table for name, table in tables.items() if table is not None and len(table)}


@st.cache_data(max_entries=64, show_spinner="Reading what the runs learned…")
def _learned(
    folder: Path, threshold: float, labels: Labels, stamp: tuple[int, ...]
) -> pd.DataFrame | None:
    try:
        tables = trajectory.read(folder)
    except RunError:
        return None
    return training_dynamics.learned(tables, threshold, labels) if tables.epochs else None


def forgotten(run: Run, labels: Labels) -> tuple[int, pd.DataFrame]:
    """Return how many of these studies a run predicted, and `error_lists.forgotten` of them.

    Raises:
        RunError: its list of films cannot be read.
    """
    threshold = run.config.threshold
    return run_cache.of_tables(
        run.folder,
        ("forgotten", tuple(labels.items()), threshold),
        lambda tables: (
            len(labels.keys() & set(tables.studies["key"])),
            error_lists.forgotten(tables, threshold, labels),
        ),
    )


def verdicts(runs: list[Run], labels: Labels) -> list[pd.DataFrame]:
    """Return the verdicts on these studies of each run that predicted one, at its best epoch."""
    tables = []
    for run in runs:
        epoch = predictions.best_epoch(run.folder) or predictions.latest(run.folder)
        if epoch is None:
            continue
        try:
            table = run_cache.run_verdicts(run, epoch)
        except RunError:
            continue
        table = table[table["key"].isin(labels)]
        if len(table):
            tables.append(table.assign(label=table["key"].map(labels)))
    return tables


def _stamp(run: Run) -> tuple[int, ...]:
    """Return a cache key that changes with a run's epochs."""
    names = ("metrics.jsonl", "films.parquet")
    return sum((tuple(files.stamp(run.folder / name)) for name in names), ())
