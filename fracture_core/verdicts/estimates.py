"""Figures of an evaluation, each with a 95 % interval by bootstrap over patients.

Every figure is computed for all resamples at once, from sums over cases weighted by how often
their patient was drawn; the first row of weights is 1 and gives the figure itself.
"""

from collections.abc import Hashable, Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fracture_core.datasets.catalog import STUDY
from fracture_core.verdicts import aggregation, closed_intervals, resampling
from fracture_core.verdicts.resampling import Interval

BINS = 10  # of equal width, in which the calibration error compares scores with labels
BLOCK = 100  # resamples whose ranks are summed at once: of 37,000 films 15 MB for each table
NAMES = (
    "accuracy",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "ppv",
    "npv",
    "f1",
    "kappa",
    "auroc",
    "average_precision",
    "brier",
    "ece",
    "expected_cost",
)


def estimate(
    labels: ArrayLike,
    scores: ArrayLike,
    positive: ArrayLike,
    patients: Iterable[Hashable],
    prevalence: float | None = None,
    cost_ratio: float = 1.0,
    folds: ArrayLike | None = None,
) -> dict[str, Interval]:
    """Return the figures of `NAMES` by their name.

    "ppv" and "npv" are at `prevalence`, else at that of the cases. "brier" is the mean squared
    difference of score and label, "ece" the expected calibration error (Guo et al. 2017) in `BINS`
    bins. "expected_cost" is the mean cost of a case where a false alarm costs 1 and a missed
    fracture `cost_ratio`, at `prevalence`.

    Args:
        labels: (n,), 1 positive, 0 negative.
        scores: (n,), 0 to 1, higher is more positive.
        positive: bool (n,), the verdicts.
        patients: of the cases, n; a patient's cases are drawn together.
        prevalence: share of positive cases where the model would be used, 0 to 1.
        cost_ratio: cost of a missed fracture, in false alarms.
        folds: of out-of-fold predictions, int (n,), the fold of each case; patients are then drawn
            within their fold, so that each network has its share of every resample.

    Returns:
        `value` is `None` where a figure has no meaning, as sensitivity without positive cases;
        `n` is the number of cases that it rests on.
    """
    truth, called = np.asarray(labels, bool), np.asarray(positive, bool)
    codes, number = resampling.group_numbers(patients)
    figures = resampled(truth, scores, called, codes, number, prevalence, cost_ratio, folds)
    return intervals(figures, truth, called, codes, prevalence)


def intervals(
    figures: dict[str, np.ndarray],
    labels: ArrayLike,
    positive: ArrayLike,
    codes: np.ndarray,
    prevalence: float | None = None,
) -> dict[str, Interval]:
    """Return the figures of `resampled` with their intervals; see `estimate`."""
    truth, called = np.asarray(labels, bool), np.asarray(positive, bool)
    number = len(np.unique(codes))
    cases = _cases(truth, called, prevalence)
    named: dict[str, Interval] = {}
    for name in NAMES:
        mask = cases.get(name)
        own = codes if mask is None else codes[mask]
        interval = interval_of(figures[name], len(own), len(np.unique(own)), number)
        named[name] = _if_all_alike(interval, is_proportion=mask is not None)
    return named


def resampled(
    labels: ArrayLike,
    scores: ArrayLike,
    positive: ArrayLike,
    codes: np.ndarray,
    number: int,
    prevalence: float | None = None,
    cost_ratio: float = 1.0,
    folds: ArrayLike | None = None,
) -> dict[str, np.ndarray]:
    """Return the figures of the cases as they are, then of every resample of their patients.

    Of two models on the same cases the rows are paired: row i of both is of the same patients.

    Args:
        labels, scores, positive, prevalence, cost_ratio, folds: see `estimate`.
        codes: of each case, the number of its patient, see `resampling.group_numbers`.
        number: of patients.

    Returns:
        float64 (1 + resamples,) by name of the figure; NaN where it has no meaning.
    """
    truth, called = np.asarray(labels, bool), np.asarray(positive, bool)
    values = np.asarray(scores, np.float64)
    weights = _with_whole(_draws(codes, number, folds))
    with np.errstate(divide="ignore", invalid="ignore"):
        figures = _of_counts(weights, codes, truth, called, prevalence, cost_ratio)
        figures |= _of_ranks_in_blocks(weights, codes, truth, values)
        return figures | _of_probabilities(weights, codes, truth, values)


def _draws(codes: np.ndarray, number: int, folds: ArrayLike | None) -> np.ndarray:
    """Return how often each patient is in each resample; see `estimate`."""
    if folds is None:
        return resampling.draws(number)
    of_patient = np.empty(number, np.int64)
    of_patient[codes] = np.asarray(folds, np.int64)
    return resampling.draws_within(of_patient)


def auroc(labels: ArrayLike, scores: ArrayLike, patients: Iterable[Hashable]) -> Interval:
    """Return the AUROC alone; for the arguments see `estimate`."""
    truth, values = np.asarray(labels, bool), np.asarray(scores, np.float64)
    codes, weights = _resamples(patients)
    with np.errstate(divide="ignore", invalid="ignore"):
        areas = _of_ranks_in_blocks(weights, codes, truth, values)["auroc"]
    interval = interval_of(areas, len(truth), weights.shape[1], weights.shape[1])
    return _if_all_alike(interval, is_proportion=False)


def calibration_error(
    labels: ArrayLike, scores: ArrayLike, patients: Iterable[Hashable]
) -> Interval:
    """Return the expected calibration error alone; for the arguments see `estimate`."""
    truth, values = np.asarray(labels, bool), np.asarray(scores, np.float64)
    codes, weights = _resamples(patients)
    errors = _of_probabilities(weights, codes, truth, values)["ece"]
    interval = interval_of(errors, len(truth), weights.shape[1], weights.shape[1])
    return _if_all_alike(interval, is_proportion=False)


def _resamples(patients: Iterable[Hashable]) -> tuple[np.ndarray, np.ndarray]:
    """Return each case's patient, and how often each is drawn, see `_with_whole`."""
    codes, number = resampling.group_numbers(patients)
    return codes, _with_whole(resampling.draws(number))


def _with_whole(draws: np.ndarray) -> np.ndarray:
    """Put a row of ones above the resamples: it gives the figure of the cases as they are.

    Returns:
        float32 (1 + resamples, patients), how often each patient is in each.
    """
    return np.vstack([np.ones((1, draws.shape[1]), draws.dtype), draws]).astype(np.float32)


def _of_ranks_in_blocks(
    weights: np.ndarray, codes: np.ndarray, truth: np.ndarray, scores: np.ndarray
) -> dict[str, np.ndarray]:
    """Return `_of_ranks` of all resamples, within a bounded memory."""
    blocks = [
        _of_ranks(weights[first : first + BLOCK], codes, truth, scores)
        for first in range(0, len(weights), BLOCK)
    ]
    return {name: np.concatenate([each[name] for each in blocks]) for name in blocks[0]}


def _if_all_alike(figure: Interval, is_proportion: bool) -> Interval:
    """Replace the interval of a figure that is the same in every resample.

    Such as a sensitivity of 22 in 22, which is not certain: Wilson's over the patients of its
    cases, of a proportion; else none, as for PPV at another prevalence than that of the cases.
    """
    if figure.low is None or figure.high is None or figure.high - figure.low > resampling.SAME:
        return figure
    if not is_proportion:
        return replace(figure, low=None, high=None)
    n = min(figure.n, figure.groups)
    bounds = closed_intervals.wilson(round((figure.value or 0.0) * n), n)
    return replace(figure, low=bounds.low, high=bounds.high)


def _cases(
    truth: np.ndarray, called: np.ndarray, prevalence: float | None
) -> dict[str, np.ndarray]:
    """Return the cases, bool (n,), of which a figure is a proportion, by the figure's name."""
    of_verdicts = {"ppv": called, "npv": ~called} if prevalence is None else {}
    every = np.ones(len(truth), bool)
    return {"accuracy": every, "sensitivity": truth, "specificity": ~truth, **of_verdicts}


def interval_of(values: np.ndarray, n: int, groups: int, drawn: int) -> Interval:
    """Return the first value, and the percentiles of the others that are numbers.

    Args:
        values: of the cases as they are, then of the resamples.
        n: number of cases that the figure rests on.
        groups: number of their patients.
        drawn: number of patients that were drawn from.
    """
    value, others = float(values[0]), values[1:][np.isfinite(values[1:])]
    if not np.isfinite(value):
        return Interval(value=None, low=None, high=None, n=n, groups=groups)
    if drawn < resampling.FEWEST or not len(others):
        return Interval(value=value, low=None, high=None, n=n, groups=groups)
    low, high = np.quantile(others, (0.025, 0.975))
    return Interval(value=value, low=float(low), high=float(high), n=n, groups=groups)


def _sums(weights: np.ndarray, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the weighted sums of values, (n,), in every resample, float64 (resamples,)."""
    by_group = np.bincount(codes, values, weights.shape[1])
    sums: np.ndarray = weights.astype(np.float64) @ by_group
    return sums


def _of_counts(
    weights: np.ndarray,
    codes: np.ndarray,
    truth: np.ndarray,
    called: np.ndarray,
    prevalence: float | None,
    cost_ratio: float,
) -> dict[str, np.ndarray]:
    """Return the figures that follow from true and false positives and negatives."""
    cells = (truth & called, ~truth & called, truth & ~called, ~truth & ~called)
    tp, fp, fn, tn = (_sums(weights, codes, cell) for cell in cells)
    n = tp + fp + fn + tn
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    share = (tp + fn) / n if prevalence is None else np.full(len(n), prevalence)
    # By Bayes' rule; at the cases' own prevalence these are tp / (tp + fp) and tn / (tn + fn).
    found, alarms = sensitivity * share, (1 - specificity) * (1 - share)
    missed, cleared = (1 - sensitivity) * share, specificity * (1 - share)
    accuracy = (tp + tn) / n
    chance = ((tp + fn) * (tp + fp) + (tn + fp) * (tn + fn)) / n**2
    return {
        "accuracy": accuracy,
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": found / (found + alarms),
        "npv": cleared / (cleared + missed),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "kappa": (accuracy - chance) / (1 - chance),
        "expected_cost": cost_ratio * missed + alarms,
    }


def _of_ranks(
    weights: np.ndarray, codes: np.ndarray, truth: np.ndarray, scores: np.ndarray
) -> dict[str, np.ndarray]:
    """Return AUROC and average precision; ties are half above, and one threshold."""
    order = np.argsort(-scores, kind="stable")
    ties = np.flatnonzero(np.diff(scores[order], prepend=np.inf))  # first place of each score
    by_case = weights[:, codes[order]].astype(np.float64)
    positive, negative = (
        np.add.reduceat(by_case * mask[order], ties, axis=1) for mask in (truth, ~truth)
    )
    above, alarms = positive.cumsum(axis=1), negative.cumsum(axis=1)
    all_positive, all_negative = above[:, -1:], alarms[:, -1:]
    below = all_negative - alarms + 0.5 * negative
    area = (positive / all_positive * (below / all_negative)).sum(axis=1)
    precision = np.nan_to_num(above / (above + alarms))
    average = (positive / all_positive * precision).sum(axis=1)
    return {"auroc": np.minimum(area, 1.0), "average_precision": np.minimum(average, 1.0)}


def _of_probabilities(
    weights: np.ndarray, codes: np.ndarray, truth: np.ndarray, scores: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the Brier score and the expected calibration error."""
    n = _sums(weights, codes, np.ones(len(truth)))
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = [
        np.abs(_sums(weights, codes, np.where(bins == each, truth - scores, 0.0)))
        for each in range(BINS)
    ]
    return {
        "brier": _sums(weights, codes, (truth - scores) ** 2) / n,
        "ece": np.sum(gaps, axis=0) / n,
    }


# --- of films and studies -----------------------------------------------------------------------

Levels = dict[str, dict[str, Interval]]  # by level, then by name of the figure


def of_films(
    films: pd.DataFrame,
    threshold: float,
    prevalence: float | None = None,
    cost_ratio: float = 1.0,
) -> Levels:
    """Return the figures of predictions, by study (OR rule) and by image; see `estimate`.

    Args:
        films: manifest columns and `probability`, 0 to 1; at least one row. Of out-of-fold
            predictions also `fold`, and `unit`, which is drawn in place of the patient.
        threshold: a film is positive when its probability is greater.
        prevalence: see `estimate`.
        cost_ratio: see `estimate`.
    """
    scores = films["probability"].to_numpy(np.float64)
    studies = aggregation.verdicts(films, scores, threshold)
    called = aggregation.is_positive(scores, threshold)
    verdict = studies["verdict"].to_numpy(bool)
    more = (prevalence, cost_ratio)
    by_study = films.groupby(list(STUDY), sort=False, observed=True)  # in the order of `studies`
    own = {name: by_study[name].first().to_numpy() for name in ("unit", "fold") if name in films}
    studies = studies.assign(**own)
    return {
        "studies": estimate(
            studies["label"],
            studies["score"],
            verdict,
            studies.get("unit", studies["patient"]),
            *more,
            studies.get("fold"),
        ),
        "images": estimate(
            films["label"],
            scores,
            called,
            films.get("unit", films["patient"]),
            *more,
            films.get("fold"),
        ),
    }


def slices(films: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the films of each part, and of studies with each number of views, by a name.

    Kinds of slices with one member are left out, since that is all films.
    """
    views = films.groupby(list(STUDY), observed=True)["path"].transform("size")
    named: dict[str, pd.DataFrame] = {}
    for values, words in (
        (films["part"], str),
        (views, lambda count: f"{count} view" if count == 1 else f"{count} views"),
    ):
        kinds = sorted(values.unique())
        if len(kinds) > 1:
            named |= {words(kind): films[values == kind] for kind in kinds}
    return named
