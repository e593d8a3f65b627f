"""Difficulty of a study from training dynamics: when runs learn it, and in how many.

After Toneva et al. (2019) and Swayamdipta et al. (2020, "Dataset Cartography"), here on films that
the runs were not trained on. A study is learned from the epoch on from which its verdict stays
right until the last.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fracture_core.analysis import trajectories as trajectory
from fracture_core.analysis.trajectories import Trajectories
from fracture_core.datasets.catalog import study_key
from fracture_core.verdicts import aggregation, estimates
from fracture_core.verdicts.estimates import Levels

LEVELS = {
    "easy": "learned by every run, in the first half of the epochs",
    "medium": "neither easy nor hard",
    "hard": "learned by at most half of the runs",
}
EARLY = 0.5  # share of the epochs


def learned(tables: Trajectories, threshold: float, labels: Mapping[str, int]) -> pd.DataFrame:
    """Return when a run learned each of these studies.

    Args:
        tables: of the run; at least one epoch.
        threshold: of the run.
        labels: key of a study -> its label, 0 or 1, of the studies that are asked for; the run may
            have been trained with other ones.

    Returns:
        One row per such study of the run's dev and valid films: key, `epoch` (NaN if it is wrong
        at the end) and `share`, the epoch's place among all, 0 for the first to 1 for the last.
    """
    tables = trajectory.relabelled(tables, labels)
    hits = trajectory.right(tables, threshold)  # (epochs, studies)
    count = len(hits)
    wrong_after = count - np.argmin(hits[::-1], axis=0)  # place after the last wrong epoch
    first = np.where(hits.all(axis=0), 0, wrong_after)
    is_learned = first < count
    epochs = np.append(np.asarray(tables.epochs, float), np.nan)
    share = np.where(is_learned, first / max(1, count - 1), np.nan)
    table = pd.DataFrame(
        {"key": tables.studies["key"].to_numpy(), "epoch": epochs[first], "share": share}
    )
    return table[table["key"].isin(labels)].reset_index(drop=True)


def difficulty(runs: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the difficulty of every study that a run predicted.

    Args:
        runs: `learned` by the run's name.

    Returns:
        One row per study, by key: `runs`, their number; `learned`, by how many; `epoch`, the mean
        over these, NaN if by none; `level`, of `LEVELS`.
    """
    if not runs:
        return pd.DataFrame(columns=["runs", "learned", "epoch", "level"])
    grouped = pd.concat(runs.values()).groupby("key", sort=False)
    table = grouped.agg(
        runs=("share", "size"),
        learned=("share", "count"),
        epoch=("epoch", "mean"),
        share=("share", "mean"),
    )
    easy = (table["learned"] == table["runs"]) & (table["share"] <= EARLY)
    hard = table["learned"] <= table["runs"] / 2
    level = np.select([hard, easy], ["hard", "easy"], "medium")
    return table.drop(columns="share").assign(level=level)


def by_level(films: pd.DataFrame, threshold: float, table: pd.DataFrame) -> dict[str, Levels]:
    """Return the figures of all films that have a difficulty, and of those of each level.

    Args:
        films: manifest columns and `probability` of the evaluated model.
        threshold: of this model.
        table: of `difficulty`, by runs other than the evaluated one: by its own, every hard study
            would be wrong.

    Returns:
        "all", then of `LEVELS` those that have a study; see `estimates.of_films`. Empty where no
        study has a difficulty.
    """
    levels = study_key(films).map(table["level"].to_dict())
    known = films[levels.notna().to_numpy()]
    if known.empty:
        return {}
    figures = {"all": estimates.of_films(known, threshold)}
    for name in LEVELS:
        own = films[(levels == name).to_numpy()]
        if len(own):
            figures[name] = estimates.of_films(own, threshold)
    return figures


def verdicts(tables: Trajectories, epoch: int, threshold: float) -> pd.DataFrame:
    """Return `aggregation.verdicts` of a run's dev and valid films at one of its epochs."""
    row = tables.epochs.index(epoch)
    return aggregation.verdicts(tables.films, tables.probabilities[row], threshold)
