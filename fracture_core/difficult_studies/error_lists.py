"""Lists of studies that a person should look at: errors, disputes among films, forgotten studies.

Every list is a table of `COLUMNS`, the most striking study first, made from predictions alone.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fracture_core.analysis import trajectories as trajectory
from fracture_core.analysis.trajectories import Trajectories
from fracture_core.datasets.catalog import study_key
from fracture_core.verdicts import aggregation
from fracture_core.words import plural

COLUMNS = ("key", "label", "value", "reason")  # value: what the list is sorted by, highest first
TITLES = {
    "missed": "missed fractures",
    "alarms": "false alarms",
    "disputed": "films disagree",
    "forgotten": "forgotten",
    "labels": "labels in doubt",
}


def certainty(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Return how far scores are from the threshold, as a share of the way to 0 or 1.

    Args:
        scores: (n,), 0 to 1.
        threshold: of the verdict, 0 to 1.

    Returns:
        float64 (n,), 0 at the threshold, 1 at the end of its side.
    """
    values = np.asarray(scores, np.float64)
    room = np.where(values > threshold, 1 - threshold, threshold)
    away = np.abs(values - threshold)
    shares: np.ndarray = np.divide(away, room, out=np.zeros_like(away), where=room > 0)
    return shares


def wrong(films: pd.DataFrame, threshold: float, kind: str) -> pd.DataFrame:
    """Return the wrong studies of a kind, the most certain first.

    Args:
        films: manifest columns and `probability`, 0 to 1.
        threshold: of the model.
        kind: "missed" (false negatives) or "alarms" (false positives).
    """
    studies = aggregation.verdicts(films, films["probability"].to_numpy(), threshold)
    label = 1 if kind == "missed" else 0
    errors = studies[(studies["label"] == label) & (studies["right"] == False)]  # noqa: E712 - NA
    return _listed(
        errors,
        certainty(errors["score"].to_numpy(), threshold),
        [f"score {score:.3f}" for score in errors["score"]],
    )


def disputed(films: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return the studies whose films are on both sides of the threshold, the widest apart first."""
    scores = films["probability"].to_numpy(np.float64)
    studies = aggregation.verdicts(films, scores, threshold).set_index("key")
    lowest = films.assign(probability=scores).groupby(study_key(films))["probability"].min()
    both = (studies["positive_images"] > 0) & (studies["positive_images"] < studies["images"])
    rows = studies[both].reset_index()
    low = lowest.loc[rows["key"]].to_numpy()
    reasons = [
        f"{positive} of {plural(images, 'film')} positive, scores {down:.3f} to {up:.3f}"
        for positive, images, down, up in zip(
            rows["positive_images"], rows["images"], low, rows["score"], strict=True
        )
    ]
    return _listed(rows, rows["score"].to_numpy() - low, reasons)


def forgotten(tables: Trajectories, threshold: float, labels: Mapping[str, int]) -> pd.DataFrame:
    """Return the studies that a run got right and then wrong again, the most often first.

    Args:
        tables: of the run.
        threshold: of the run.
        labels: key of a study -> its label, 0 or 1, of the studies that are asked for; the run may
            have been trained with other ones.
    """
    tables = trajectory.relabelled(tables, labels)
    counts = trajectory.forgettings(tables, threshold)
    rows = np.flatnonzero(tables.studies["key"].isin(labels).to_numpy() & (counts > 0))
    reasons = [
        f"forgotten {plural(int(counts[row]), 'time')} in {plural(len(tables.epochs), 'epoch')}"
        for row in rows
    ]
    return _listed(tables.studies.iloc[rows], counts[rows], reasons)


def _listed(studies: pd.DataFrame, values: np.ndarray, reasons: list[str]) -> pd.DataFrame:
    table = studies[["key", "label"]].assign(value=values, reason=reasons)
    return table.sort_values("value", ascending=False, kind="stable").reset_index(drop=True)
