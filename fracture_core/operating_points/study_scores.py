"""Scores of studies by every rule: from the films' probabilities to one number a study.

OR is the product's verdict; the other rules are comparisons, see `verdicts.aggregation`. A study is
positive by a rule when its score is greater than the threshold.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fracture_core.datasets.catalog import STUDY, study_key
from fracture_core.errors import ConfigError

RULES = {
    "or": "any film (OR)",
    "mean": "mean of the films",
    "at_least_2": "at least 2 films",
    "at_least_3": "at least 3 films",
    "noisy_or": "noisy-OR",
    "calibrated_max": "maximum, calibrated",
}
NOTES = {
    "or": "Positive if any film is. More films, more chances of a false alarm.",
    "mean": "MURA's own rule. One clear film among normal ones may be outvoted.",
    "at_least_2": "Needs two films that agree; a study of one film is never positive.",
    "at_least_3": "Needs three films that agree; a study of fewer is never positive.",
    "noisy_or": "1 - product of (1 - p): takes films for independent, so it grows with their "
    "number.",
    "calibrated_max": "Ranks studies as OR does, but for ties; its threshold is a frequency.",
}

ALL = "all studies"  # beside those of each number of views


class FilmScaling(Protocol):
    """A map from a film's probability to a frequency, see `calibration.Scaling`."""

    def apply(self, scores: ArrayLike) -> np.ndarray:
        """Return the frequencies of these scores."""


def of_films(films: pd.DataFrame, scaling: FilmScaling | None = None) -> pd.DataFrame:
    """Return one row per study, in the order of their first film.

    Args:
        films: manifest columns and `probability`, 0 to 1, NaN where a film does not count.
        scaling: of films, for "calibrated_max"; without one, probabilities are taken as they are.

    Returns:
        key, part, patient, label, views (films that count), and the score of each of `RULES`, NaN
        where no film counts.
    """
    keys = study_key(films)
    numbers, names = pd.factorize(keys)
    first = films.assign(key=keys).drop_duplicates("key")
    values = films["probability"].to_numpy(np.float64)
    place = pd.Series(numbers).groupby(numbers).cumcount().to_numpy()
    matrix = np.full((len(names), int(place.max()) + 1 if len(place) else 1), np.nan)
    matrix[numbers, place] = values
    table = first[["key", *STUDY[1:3], "label"]].reset_index(drop=True)
    return table.assign(views=np.sum(~np.isnan(matrix), axis=1), **scores(matrix, scaling))


def scores(matrix: np.ndarray, scaling: FilmScaling | None = None) -> dict[str, np.ndarray]:
    """Return the score of each study by every rule, float64 (n_studies,).

    Args:
        matrix: probabilities, (n_studies, most films), NaN where there is no film or it does not
            count.
        scaling: see `of_films`.
    """
    absent = np.isnan(matrix)
    empty, count = absent.all(axis=1), np.sum(~absent, axis=1)
    lowest = np.where(absent, -1.0, matrix)
    falling = -np.sort(-lowest, axis=1)
    scaled = matrix if scaling is None else scaling.apply(matrix)
    by_rule = {
        "or": falling[:, 0],
        "mean": np.where(absent, 0.0, matrix).sum(axis=1) / np.maximum(count, 1),
        "at_least_2": _nth(falling, 2),
        "at_least_3": _nth(falling, 3),
        "noisy_or": 1.0 - np.prod(np.where(absent, 1.0, 1.0 - matrix), axis=1),
        "calibrated_max": np.where(absent, -1.0, scaled).max(axis=1),
    }
    return {rule: np.where(empty, np.nan, values) for rule, values in by_rule.items()}


def _nth(falling: np.ndarray, k: int) -> np.ndarray:
    """Return the k-th greatest value of each row; 0 where there are fewer."""
    if falling.shape[1] < k:
        return np.zeros(len(falling))
    nth: np.ndarray = np.maximum(falling[:, k - 1], 0.0)
    return nth


def score(
    rule: str, probabilities: Sequence[float], scaling: FilmScaling | None = None
) -> float | None:
    """Return the score of one study by a rule; `None` when no film counts."""
    check_rule(rule)
    if not len(probabilities):
        return None
    return float(scores(np.asarray([probabilities], np.float64), scaling)[rule][0])


def check_rule(rule: str) -> None:
    """Refuse a rule that is not one of `RULES`.

    Raises:
        ConfigError: names those there are.
    """
    if rule not in RULES:
        raise ConfigError(f"A rule is one of {', '.join(RULES)}; received {rule[:60]!r}.")


def with_views(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return all studies under `ALL`, then those of each number of views, see `by_views`."""
    return {ALL: table} | {words: table[mask] for words, mask in by_views(table).items()}


def by_views(table: pd.DataFrame, most: int = 4) -> dict[str, np.ndarray]:
    """Return the studies of each number of views, bool (n_studies,), by a name.

    Args:
        table: of `of_films`.
        most: from this many views on, studies are taken together: "4 or more views".
    """
    views = np.minimum(table["views"].to_numpy(), most)
    beyond = bool((table["views"] > most).any())
    groups = {}
    for number in np.unique(views[views > 0]).tolist():
        words = f"{number} view" if number == 1 else f"{number} views"
        if number == most and beyond:
            words = f"{number} or more views"
        groups[words] = views == number
    return groups
