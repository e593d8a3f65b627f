"""Choice of a threshold on dev by a stated aim; valid and test films choose nothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fracture_core.operating_points import threshold_curves
from fracture_core.verdicts import aggregation, metrics
from fracture_core.verdicts.metrics import Summary

AIMS = {
    "youden": "Youden's J",
    "sensitivity": "sensitivity of at least 90 %",
    "specificity": "specificity of at least 90 %",
    "kappa": "best kappa",
    "cost": "least expected cost",
}
LEAST = 0.9  # sensitivity or specificity that an aim asks for
_SAME = 1e-12  # between figures that differ by rounding alone


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Verdicts at every threshold worth trying.

    Args:
        thresholds: (m,), rising.
        found: positive cases above each, (m,).
        alarms: negative cases above each, (m,).
        positive: number of positive cases.
        negative: number of negative cases.
    """

    thresholds: np.ndarray
    found: np.ndarray
    alarms: np.ndarray
    positive: int
    negative: int


def choose(labels: ArrayLike, scores: ArrayLike, aim: str, cost_ratio: float = 1.0) -> float | None:
    """Return the threshold that reaches an aim best on these cases, or `None` if none does.

    Among equal ones the lowest is taken, which misses fewest; of a sensitivity of at least 90 % the
    highest that has it, which has fewest false alarms. It lies between two scores, and has as few
    decimals as that allows.

    Args:
        labels: (n,), 1 positive, 0 negative; of dev studies.
        scores: (n,), 0 to 1.
        aim: one of `AIMS`.
        cost_ratio: cost of a missed fracture in false alarms, for the aim "cost".
    """
    truth, values = np.asarray(labels, bool), np.asarray(scores, np.float64)
    if not truth.any() or truth.all():
        return None
    counts = _counts(truth, values)
    place = _best(counts, aim, cost_ratio)
    if place is None:
        return None
    edges = np.concatenate([[0.0], np.unique(values), [1.0]])
    at = int(np.searchsorted(edges, counts.thresholds[place], side="right"))
    return shortest(float(edges[max(0, at - 1)]), float(edges[min(at, len(edges) - 1)]))


def _counts(truth: np.ndarray, scores: np.ndarray) -> Counts:
    known = np.unique(scores)
    thresholds = np.unique(np.concatenate([[0.0], (known[1:] + known[:-1]) / 2, [known[-1]]]))
    positive, negative = np.sort(scores[truth]), np.sort(scores[~truth])
    return Counts(
        thresholds=thresholds,
        found=threshold_curves.above(positive, thresholds),
        alarms=threshold_curves.above(negative, thresholds),
        positive=len(positive),
        negative=len(negative),
    )


def _best(counts: Counts, aim: str, cost_ratio: float) -> int | None:
    sensitivity = counts.found / counts.positive
    specificity = 1.0 - counts.alarms / counts.negative
    if aim == "sensitivity":
        reached = np.flatnonzero(sensitivity >= LEAST - _SAME)
        return int(reached[-1]) if len(reached) else None
    if aim == "specificity":
        reached = np.flatnonzero(specificity >= LEAST - _SAME)
        return int(reached[0]) if len(reached) else None
    worth = {
        "youden": sensitivity + specificity,
        "kappa": _kappa(counts),
        "cost": -(cost_ratio * (counts.positive - counts.found) + counts.alarms),
    }[aim]
    return int(np.flatnonzero(worth >= worth.max() - _SAME)[0])


def _kappa(counts: Counts) -> np.ndarray:
    n = counts.positive + counts.negative
    called = counts.found + counts.alarms
    agree = (counts.found + counts.negative - counts.alarms) / n
    chance = (counts.positive * called + counts.negative * (n - called)) / n**2
    kappa: np.ndarray = (agree - chance) / (1 - chance)
    return kappa


def shortest(low: float, high: float) -> float:
    """Return the number of fewest decimals from `low` to below `high`, near their middle.

    Scores of `low` are not above it, those of `high` are.
    """
    middle = (low + high) / 2
    for decimals in range(2, 17):
        number = round(middle, decimals)
        if low <= number < high:
            return number
    return low


def figures(labels: ArrayLike, scores: ArrayLike, threshold: float) -> Summary:
    """Return the figures of cases whose score is above the threshold or not."""
    positive = aggregation.is_positive(np.asarray(scores), threshold)
    return metrics.summarise(labels, positive, scores)
