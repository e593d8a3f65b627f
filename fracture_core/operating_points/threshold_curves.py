"""Curves of every rule over the threshold, computed once, so that a slider only looks them up."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fracture_core.operating_points.study_scores import RULES
from fracture_core.verdicts import closed_intervals, metrics
from fracture_core.verdicts.closed_intervals import Proportion

STEPS = 200  # of the threshold from 0 to 1 in the curves of sensitivity and specificity
MOST_POINTS = 300  # of a drawn curve; more cannot be told apart on a screen


@dataclass(frozen=True, kw_only=True)
class Point:
    """A rule's verdicts at a threshold: each share with its n and 95 % Wilson interval."""

    sensitivity: Proportion
    specificity: Proportion
    ppv: Proportion


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A rule's curves on some studies.

    Args:
        rule: one of `study_scores.RULES`.
        positive: scores of the positive studies, rising.
        negative: of the others, rising.
        auroc: area under the ROC curve; `None` with labels of one kind.
        roc: (2, points): 1 - specificity and sensitivity, both rising.
        recall: (2, points): sensitivity, rising, and the share of calls that are right.
        over_threshold: (3, STEPS + 1): threshold, sensitivity, specificity.
    """

    rule: str
    positive: np.ndarray
    negative: np.ndarray
    auroc: float | None
    roc: np.ndarray
    recall: np.ndarray
    over_threshold: np.ndarray

    @property
    def n(self) -> int:
        """Number of studies."""
        return len(self.positive) + len(self.negative)

    def at(self, threshold: float) -> Point:
        """Return the rule's verdicts at this threshold."""
        found, alarms = (int(above(each, threshold)) for each in (self.positive, self.negative))
        positive, negative = len(self.positive), len(self.negative)
        return Point(
            sensitivity=closed_intervals.wilson(found, positive),
            specificity=closed_intervals.wilson(negative - alarms, negative),
            ppv=closed_intervals.wilson(found, found + alarms),
        )


def above(rising: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    """Return how many of some scores, in rising order, are greater than each threshold."""
    counted: np.ndarray = len(rising) - np.searchsorted(rising, threshold, side="right")
    return counted


def of_studies(table: pd.DataFrame) -> dict[str, Curve]:
    """Return the curves of every rule, by its name.

    Args:
        table: of `study_scores.of_films`; studies without a counted film are left out.
    """
    known = table[table["views"] > 0]
    labels = known["label"].to_numpy() == 1
    return {rule: curve(rule, labels, known[rule].to_numpy()) for rule in RULES}


def curve(rule: str, labels: ArrayLike, scores: ArrayLike) -> Curve:
    """Return the curves of one rule.

    Args:
        rule: its name.
        labels: (n,), 1 positive, 0 negative.
        scores: (n,), 0 to 1.
    """
    truth, values = np.asarray(labels, bool), np.asarray(scores, np.float64)
    positive, negative = np.sort(values[truth]), np.sort(values[~truth])
    falling = np.unique(values)[::-1]  # thresholds just below each score, and one above all
    found = np.concatenate([[0], len(positive) - np.searchsorted(positive, falling)])
    alarms = np.concatenate([[0], len(negative) - np.searchsorted(negative, falling)])
    sensitivity, false_alarms = _share(found, len(positive)), _share(alarms, len(negative))
    right = _share(found[1:], np.maximum(found[1:] + alarms[1:], 1))
    grid = np.linspace(0.0, 1.0, STEPS + 1)
    over = [_share(above(positive, grid), len(positive))]
    over.append(1.0 - _share(above(negative, grid), len(negative)))
    return Curve(
        rule=rule,
        positive=positive,
        negative=negative,
        auroc=metrics.auroc(truth, values) if len(values) else None,
        roc=_thinned(np.stack([false_alarms, sensitivity])),
        recall=_thinned(np.stack([sensitivity[1:], right])),
        over_threshold=np.stack([grid, *over]),
    )


def _share(counts: np.ndarray, of: int | np.ndarray) -> np.ndarray:
    """Return counts as shares; NaN of none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        shares: np.ndarray = np.asarray(counts, np.float64) / of
    return shares


def _thinned(points: np.ndarray) -> np.ndarray:
    """Return at most `MOST_POINTS` columns, the first and the last among them."""
    count = points.shape[1]
    if count <= MOST_POINTS:
        return points
    return points[:, np.linspace(0, count - 1, MOST_POINTS).round().astype(int)]
