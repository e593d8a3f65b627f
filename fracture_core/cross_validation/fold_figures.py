"""Figures of out-of-fold predictions: pooled with an interval, and how they differ by fold.

The interval is a bootstrap over patients (or families) of the pooled predictions, drawn within
their folds: every resample has each network's share of cases. It says how far the figure may be
off for other patients, given these networks. How much another training would change it is in the
spread between folds, which stands beside it. No standard error is taken over the k folds: their
training sets overlap, and no unbiased estimate of it exists (Bengio and Grandvalet 2004, JMLR 5).
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from fracture_core.verdicts import estimates

METHOD = (
    "95 % bootstrap over patients of the pooled predictions, drawn within their folds; the spread "
    "between folds stands beside it, for another training"
)
LEVELS = ("studies", "images")
SPREAD = ("mean", "least", "greatest")  # of a figure over folds
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
    of_folds = [figures for _, figures in by_fold.values()]
    levels = {
        level: {
            name: asdict(figure) | _over_folds([own[level][name].value for own in of_folds])
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


def spread(own: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return how the figures of a record differ by fold, by level and name."""
    return {
        level: {name: {key: figure[key] for key in SPREAD} for name, figure in own[level].items()}
        for level in LEVELS
    }


def _over_folds(values: list[float | None]) -> dict[str, float | None]:
    """Return mean, least and greatest of the folds' values."""
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return dict.fromkeys(SPREAD)
    return {"mean": sum(numbers) / len(numbers), "least": min(numbers), "greatest": max(numbers)}
