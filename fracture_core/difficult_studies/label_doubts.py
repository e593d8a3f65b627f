"""Labels in doubt, by confident learning (Northcutt, Jiang and Chuang 2021, JAIR 70:1373-1411).

A label is doubted where a model that was not trained on the study is as sure of the other label as
it is, on average, of studies that carry that label. Several runs make the doubt firmer: their
scores are averaged. Written out, since it is a few lines for two labels (docs/decisions.md).
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fracture_core.words import plural


def is_doubted(labels: ArrayLike, probabilities: ArrayLike) -> np.ndarray:
    """Return which labels are off the diagonal of the confident joint, bool (n,).

    Args:
        labels: (n,), 0 or 1.
        probabilities: (n,), of label 1, by models that were not trained on these cases.
    """
    truth, positive = np.asarray(labels, int), np.asarray(probabilities, np.float64)
    if len(np.unique(truth)) < 2:
        return np.zeros(len(truth), bool)
    both = np.stack([1 - positive, positive], axis=1)  # (n, labels)
    own_mean = np.array([both[truth == label, label].mean() for label in (0, 1)])
    confident = both >= own_mean
    likeliest = both.argmax(axis=1)
    label = np.where(confident.all(axis=1), likeliest, confident.argmax(axis=1))
    # As in the authors' cleanlab, none that the models themselves predict as labelled.
    doubted: np.ndarray = confident.any(axis=1) & (label != truth) & (likeliest != truth)
    return doubted


def find(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the studies whose label is in doubt, the least likely label first.

    Args:
        tables: one per run, of `aggregation.verdicts` on studies that it was not trained on.

    Returns:
        Columns of `error_lists.COLUMNS`; a study's probability is the mean over the runs that
        have it.
    """
    parts = [table.loc[table["score"].notna(), ["key", "label", "score"]] for table in tables]
    if not parts:
        return pd.DataFrame(columns=["key", "label", "value", "reason"])
    grouped = pd.concat(parts).groupby("key", sort=False)
    studies = grouped.agg(label=("label", "first"), score=("score", "mean"), runs=("score", "size"))
    studies = studies[is_doubted(studies["label"], studies["score"])].reset_index()
    unlikely = (studies["label"] - studies["score"]).abs()
    reasons = [
        f"mean score {score:.3f} by {plural(runs, 'run')}"
        for score, runs in zip(studies["score"], studies["runs"], strict=True)
    ]
    table = studies[["key", "label"]].assign(value=unlikely, reason=reasons)
    return table.sort_values("value", ascending=False, kind="stable").reset_index(drop=True)
