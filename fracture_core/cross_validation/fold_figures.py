"""Figures of out-of-fold predictions: pooled with an interval, and how they differ by fold.

The interval is a bootstrap over patients (or families) of the pooled predictions, drawn within
their folds: every resample has each network's share of cases. It says how far the figure may be
off for other patients, given these networks. How much another training would change it is in the
spread between folds, which stands beside it. No standard error is taken over the k folds: their
training sets overlap, and no unbiased estimate of it exists (Bengio and Grandvalet 2004, JMLR 5).
"""

from dataclasses import asdict
from typing import Any

import pandas as pd

from fracture_core.verdicts import estimates

METHOD = (
    "95 % bootstrap over patients of the pooled predictions, drawn within their folds; the spread "
    "between folds stands beside it, for another training"
)
RANKS = (
    "The pooled AUROC and average precision rank films of different networks against each other; "
    "the mean over folds does not."
)


def record(films: pd.DataFrame, threshold: float) -> dict[str, Any]:
    """Return the figures of out-of-fold predictions as plain data.

    Args:
        films: see `out_of_fold.read`.
        threshold: a film is positive when its probability is greater.

    Returns:
        "studies" and "images", each with the figures of `estimates.NAMES`: "value", "low", "high",
        "n", "groups", and over folds "mean", "least", "greatest" (`None` where a fold has no
        value); "folds", a record per fold with "fold", "patients" and the values of both levels;
        "method".
    """
    pooled = estimates.of_films(films, threshold)
    by_fold = {
        int(str(fold)): (own, estimates.of_films(own, threshold))
        for fold, own in films.groupby("fold")
    }
    levels = {
        level: {
            name: asdict(figure) | _spread([own[level][name].value for _, own in by_fold.values()])
            for name, figure in figures.items()
        }
        for level, figures in pooled.items()
    }
    each = [
        {
            "fold": fold,
            "patients": int(own["patient"].nunique()),
            **{
                level: {name: asdict(figure) for name, figure in figures.items()}
                for level, figures in values.items()
            },
        }
        for fold, (own, values) in by_fold.items()
    ]
    return {**levels, "folds": each, "method": METHOD}


def _spread(values: list[float | None]) -> dict[str, float | None]:
    """Return mean, least and greatest of the folds' values."""
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return {"mean": None, "least": None, "greatest": None}
    return {"mean": sum(numbers) / len(numbers), "least": min(numbers), "greatest": max(numbers)}
