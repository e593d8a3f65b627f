"""Paired differences of two predictors on the same studies, and McNemar's exact test.

The difference of any figure has a bootstrap interval over patients in which both predictors see the
same resamples. DeLong's test of two AUROCs (1988) takes cases as independent, which the studies of
one patient are not; the cluster bootstrap needs no such assumption.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fracture_core.verdicts import closed_intervals, estimates, resampling
from fracture_core.verdicts.closed_intervals import Difference
from fracture_core.verdicts.resampling import Interval
from fracture_core.words import plural

SIDES = ("first", "second")
_SAME = ["key", "patient", "label", "images"]  # with a film left out, it is not the same study


def pair(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return the studies on which both have a verdict, one row each.

    Args:
        first, second: of `aggregation.verdicts`, on films of one data set.

    Returns:
        key, patient, label, images; score_first, verdict_first, score_second, verdict_second.
    """
    own = ["score", "verdict"]
    tables = [side.loc[side["verdict"].notna(), [*_SAME, *own]] for side in (first, second)]
    both = tables[0].merge(tables[1], on=_SAME, suffixes=("_first", "_second"))
    return both.astype({f"verdict_{side}": bool for side in SIDES})


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A predictor's figures on some studies, or films, in every resample of their patients.

    Args:
        figures: with their intervals, by name of `estimates.NAMES`.
        resamples: see `estimates.resampled`.
        patients: number of patients.
    """

    figures: dict[str, Interval]
    resamples: dict[str, np.ndarray] = field(repr=False)
    patients: int


def predictor(
    labels: ArrayLike, scores: ArrayLike, positive: ArrayLike, patients: ArrayLike
) -> Predictor:
    """Return a predictor's figures; arguments as in `estimates.estimate`."""
    codes, number = resampling.group_numbers(np.asarray(patients))
    drawn = estimates.resampled(labels, scores, positive, codes, number)
    figures = estimates.intervals(drawn, labels, positive, codes)
    return Predictor(figures=figures, resamples=drawn, patients=number)


def differences(first: Predictor, second: Predictor) -> dict[str, Interval]:
    """Return the difference of each figure of two predictors of the same cases, first minus second.

    Returns:
        By name of the figure. The interval is `None` where all resamples agree, or with fewer than
        `resampling.FEWEST` patients; the value where a figure of either has no meaning. `n` and
        `groups` are those of the figure that rests on fewer cases.
    """
    gaps: dict[str, Interval] = {}
    for name in estimates.NAMES:
        fewer = min(first.figures[name], second.figures[name], key=lambda figure: figure.n)
        gap = first.resamples[name] - second.resamples[name]
        interval = estimates.interval_of(gap, fewer.n, fewer.groups, first.patients)
        gaps[name] = _unless_alike(interval)
    return gaps


def sides(studies: pd.DataFrame) -> tuple[Predictor, Predictor]:
    """Return the first and the second predictor of `pair`."""
    first, second = (
        predictor(
            studies["label"],
            studies[f"score_{side}"],
            studies[f"verdict_{side}"],
            studies["patient"],
        )
        for side in SIDES
    )
    return first, second


def _unless_alike(gap: Interval) -> Interval:
    """Drop the interval of a difference that is the same in every resample."""
    alike = gap.low is not None and gap.high is not None and gap.high - gap.low < resampling.SAME
    if not alike:
        return gap
    return Interval(value=gap.value, low=None, high=None, n=gap.n, groups=gap.groups)


def accuracies(studies: pd.DataFrame) -> Difference:
    """Return the difference of accuracies of `pair`, with Newcombe's interval."""
    truth = studies["label"].to_numpy() == 1
    return closed_intervals.difference(
        *(studies[f"verdict_{side}"].to_numpy(bool) == truth for side in SIDES)
    )


def discordant(studies: pd.DataFrame) -> tuple[int, int]:
    """Count the studies that only the first, and that only the second, predicted correctly."""
    difference = accuracies(studies)
    return difference.only_first, difference.only_second


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p of McNemar's test, exact: that of a fair coin.

    Of the studies that one predictor alone got right, half would be the first's if both were
    equally good (McNemar 1947, Psychometrika 12:153-157; the exact binomial form is the sign test).

    Args:
        only_first, only_second: see `discordant`.
    """
    n, few = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, k) for k in range(few + 1))
    return float(min(1.0, 2 * tail / 2**n))


def cases(count: int, noun: str, patients: int) -> str:
    """Count cases in words: "194 studies of 160 patients".

    Where each has a patient of its own, as in data that name no patients: "194 studies".
    """
    return plural(count, noun) + (f" of {plural(patients, 'patient')}" if patients < count else "")
