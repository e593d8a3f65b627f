"""Scores of the floors: of the majority, the number of views, the mean brightness, and both twins.

The cheap ones look at one number of a study or film: its score is the share of positive training
cases with a number alike. They need tables alone, no network.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from fracture_core.datasets.catalog import STUDY
from fracture_core.verdicts import aggregation

TITLES = {
    "majority": "always the majority",
    "views": "number of views alone",
    "brightness": "mean brightness alone",
    "untrained": "untrained twin",
    "shuffled": "twin trained on shuffled labels",
}
TWINS = ("untrained", "shuffled")
GROUPS = 10  # of training cases by brightness; fewer where a group would be smaller than `LEAST`
LEAST = 10  # training cases in a group
THRESHOLD = 0.5  # of the cheap floors, whose scores are shares of positive cases

Scores = tuple[np.ndarray, np.ndarray]  # float64 (n,) scores and bool (n,) verdicts


def rows(films: pd.DataFrame, brightness: Mapping[str, float] | None) -> dict[str, pd.DataFrame]:
    """Return one row per study, and one per image, with the numbers that a cheap floor looks at.

    Args:
        films: manifest columns.
        brightness: path of a film -> its mean brightness; `None` where it was not measured.

    Returns:
        "studies" and "images": label, patient, views, brightness (NaN where unknown). Studies are
        in the order of `aggregation.verdicts`, images in that of `films`.
    """
    measured = films["path"].map(dict(brightness or {})).astype(float)
    images = films.assign(brightness=measured)
    grouped = images.groupby(list(STUDY), sort=False, observed=True)
    studies = grouped.agg(
        label=("label", "first"), views=("path", "size"), brightness=("brightness", "mean")
    ).reset_index()
    images = images.assign(views=grouped["path"].transform("size"))
    columns = ["label", "patient", "views", "brightness"]
    return {"studies": studies[columns], "images": images[columns]}


def cheap(cases: pd.DataFrame, training: pd.DataFrame | None) -> dict[str, Scores]:
    """Return the scores of the floors that need no network, by name.

    Args:
        cases: a level of `rows`, of the evaluated films.
        training: the same level of the training films; `None` where these are not known.

    Returns:
        "majority" always; "views" and "brightness" where their number is known of every training
        case and every evaluated one, and varies.
    """
    share = float(cases["label"].mean())
    scores = {"majority": np.full(len(cases), share)}
    if training is not None and len(training):
        for name in ("views", "brightness"):
            known, own = (table[name].to_numpy(float) for table in (training, cases))
            if np.isfinite(known).all() and np.isfinite(own).all() and len(np.unique(known)) > 1:
                edges = _edges(known) if name == "brightness" else np.unique(known)
                scores[name] = _shares(known, training["label"].to_numpy(), own, edges)
    return {name: (values, values > THRESHOLD) for name, values in scores.items()}


def _edges(values: np.ndarray) -> np.ndarray:
    """Return the lower ends of groups of about equal size."""
    groups = min(GROUPS, max(1, len(values) // LEAST))
    ends: np.ndarray = np.unique(np.quantile(values, np.arange(groups) / groups))
    return ends


def _shares(
    known: np.ndarray, labels: np.ndarray, values: np.ndarray, edges: np.ndarray
) -> np.ndarray:
    """Return the share of positive training cases in each value's group.

    One case of each label is added to every group (Laplace), so that no share is 0 or 1.
    """
    of_known, of_values = (
        np.clip(np.searchsorted(edges, each, side="right") - 1, 0, None) for each in (known, values)
    )
    count = np.bincount(of_known, minlength=len(edges)) + 2
    positive = np.bincount(of_known, labels, minlength=len(edges)) + 1
    shares: np.ndarray = (positive / count)[of_values]
    return shares


def of_twin(films: pd.DataFrame, probabilities: np.ndarray, threshold: float) -> dict[str, Scores]:
    """Return a twin's scores and verdicts by the model's own rule, of "studies" and "images".

    Args:
        films: manifest columns of the evaluated films.
        probabilities: (n_films,), 0 to 1.
        threshold: the model's.
    """
    studies = aggregation.verdicts(films, probabilities, threshold)
    return {
        "studies": (studies["score"].to_numpy(float), studies["verdict"].to_numpy(bool)),
        "images": (
            np.asarray(probabilities, np.float64),
            aggregation.is_positive(probabilities, threshold),
        ),
    }
