"""Figures of verdicts: the confusion, proportions of it, Cohen's kappa, AUROC; with intervals.

The same for images and for studies. scipy is imported where it is used: it takes time and memory
that a process which only counts can save.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike

from fracture_core.errors import ConfigError
from fracture_core.verdicts import closed_intervals
from fracture_core.verdicts.closed_intervals import Proportion, wilson


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Counts of true and false positives and negatives."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def n(self) -> int:
        """Number of verdicts."""
        return self.tp + self.fp + self.fn + self.tn


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Figures of verdicts against labels.

    Args:
        n: number of verdicts.
        sensitivity: share of the positive cases that are predicted positive.
        specificity: share of the negative cases that are predicted negative.
        kappa: Cohen's kappa, -1 to 1; `None`, like its bounds, where chance alone agrees fully;
            the bounds also where `cohen_kappa` has none.
        majority: baseline: accuracy of always predicting the more frequent label.
        auroc: area under the ROC curve of the scores, 0 to 1; `None` without scores or with
            labels of one kind only.
    """

    n: int
    confusion: Confusion
    accuracy: Proportion
    sensitivity: Proportion
    specificity: Proportion
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    majority: Proportion
    auroc: float | None
    auroc_low: float | None
    auroc_high: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain dicts and numbers, `None` where undefined: valid JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the summary of a dict made by `to_dict`.

        Raises:
            ConfigError: keys are missing or unknown, or a number is out of its range.
        """
        records: dict[str, type[Confusion | Proportion]] = {"confusion": Confusion}
        records |= dict.fromkeys(_PROPORTIONS, Proportion)
        try:
            fields: dict[str, Any] = {
                k: records[k](**v) if k in records else v for k, v in values.items()
            }
            summary = cls(**fields)
        except (TypeError, AttributeError) as error:
            raise ConfigError(f"These are no metrics ({error}). Evaluate again.") from error
        for name, sound in _soundness(summary):
            if not sound:
                raise ConfigError(f"These are no metrics ({name}). Evaluate again.")
        return summary


_PROPORTIONS = ("accuracy", "sensitivity", "specificity", "majority")
_ROOM = 1e-6  # that rounding may move a bound
_MOST = 10**12  # verdicts; a larger count is an error


def _soundness(summary: Summary) -> Iterator[tuple[str, bool]]:
    """Yield each rule that a summary's numbers must obey, and whether it holds."""
    c = summary.confusion
    cells = (c.tp, c.fp, c.fn, c.tn)
    counts = all(type(count) is int and count >= 0 for count in (summary.n, *cells))
    counts = counts and sum(cells) == summary.n <= _MOST
    yield "confusion must count n", counts
    own: dict[str, Any] = _of_confusion(c) if counts else {}
    for name in _PROPORTIONS if counts else ():
        p, right = getattr(summary, name), own[name]
        same = (p.count, p.n) == (right.count, right.n) and _is_same(p.value, right.value)
        yield f"{name} must follow from confusion", same and _is_between(p.low, p.value, p.high)
    if counts:
        yield "kappa must follow from confusion", _is_same(summary.kappa, own["kappa"])
    for name, least in (("kappa", -1), ("auroc", 0)):
        bounds = [getattr(summary, f"{name}{end}") for end in ("_low", "", "_high")]
        inside = all(bound is None or _is_within(bound, least, 1) for bound in bounds)
        yield f"{name} must be in its range", inside and _is_between(*bounds)


def _is_same(value: Any, figure: float | None) -> bool:
    return value is None if figure is None else _is_within(value, figure, figure)


def _is_between(low: Any, value: Any, high: Any) -> bool:
    """Return whether a value lies in its interval, or has none."""
    if low is None or high is None:
        return low is high
    finite = all(_is_within(bound, -1, 1) for bound in (low, value, high))
    return finite and low - _ROOM <= value <= high + _ROOM


def _is_within(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and low - _ROOM <= value <= high + _ROOM


def confusion(labels: ArrayLike, predicted: ArrayLike) -> Confusion:
    """Count verdicts (true or 1 = positive) against labels (1 = positive)."""
    truth, positive = np.asarray(labels, bool), np.asarray(predicted, bool)
    return Confusion(
        tp=int(np.sum(truth & positive)),
        fp=int(np.sum(~truth & positive)),
        fn=int(np.sum(truth & ~positive)),
        tn=int(np.sum(~truth & ~positive)),
    )


def summarise(labels: ArrayLike, predicted: ArrayLike, scores: ArrayLike | None = None) -> Summary:
    """Compare verdicts with labels.

    Args:
        labels: `(n,)`, 1 positive, 0 negative.
        predicted: bool `(n,)`, the verdicts; leave out cases without one.
        scores: `(n,)`, scores behind the verdicts, higher = more positive, for the AUROC.
    """
    c = confusion(labels, predicted)
    positive = c.tp + c.fn
    area = None if scores is None else auroc(labels, scores)
    area_low, area_high = auroc_interval(area, positive, c.n - positive)
    return Summary(
        n=c.n,
        confusion=c,
        **_of_confusion(c),
        auroc=area,
        auroc_low=area_low,
        auroc_high=area_high,
    )


def _of_confusion(c: Confusion) -> dict[str, Any]:
    """Return the figures that follow from the counts alone."""
    positive = c.tp + c.fn
    kappa, low, high = cohen_kappa(c)
    return {
        "accuracy": wilson(c.tp + c.tn, c.n),
        "sensitivity": wilson(c.tp, positive),
        "specificity": wilson(c.tn, c.n - positive),
        "majority": wilson(max(positive, c.n - positive), c.n),
        "kappa": kappa,
        "kappa_low": low,
        "kappa_high": high,
    }


def cohen_kappa(c: Confusion) -> tuple[float | None, float | None, float | None]:
    """Return Cohen's kappa, -1 to 1, with its 95 % large-sample interval cut to that range.

    Written out because the interval, which scikit-learn lacks, needs all of kappa's terms.

    Standard error by Fleiss, Cohen and Everitt (1969), Psychological Bulletin 72:323-327. All
    three are `None` without verdicts, or when verdicts and labels are all of one and the same kind;
    the interval alone is `None` where that error is 0, which does not make kappa certain: verdicts
    all right, verdicts or labels all alike, or all wrong with as many of each kind.
    """
    if c.n == 0:
        return None, None, None
    p = np.array([[c.tn, c.fp], [c.fn, c.tp]]) / c.n  # rows: label, columns: verdict
    of_label, of_verdict = p.sum(axis=1), p.sum(axis=0)
    observed, chance = np.trace(p), of_label @ of_verdict
    if chance == 1.0:
        return None, None, None
    kappa = (observed - chance) / (1 - chance)
    agree = np.sum(np.diag(p) * (1 - (of_label + of_verdict) * (1 - kappa)) ** 2)
    differ = p[0, 1] * (of_verdict[0] + of_label[1]) ** 2
    differ += p[1, 0] * (of_verdict[1] + of_label[0]) ** 2
    rest = (kappa - chance * (1 - kappa)) ** 2
    variance = (agree + (1 - kappa) ** 2 * differ - rest) / (c.n * (1 - chance) ** 2)
    if variance < closed_intervals.ROUNDING:
        return float(kappa), None, None
    half = closed_intervals.Z95 * math.sqrt(variance)
    return float(kappa), float(max(kappa - half, -1.0)), float(min(kappa + half, 1.0))


def auroc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Return the chance that a positive scores higher than a negative, ties counted half; 0 to 1.

    `None` when all labels are of one kind. By ranks (Mann and Whitney 1947): scikit-learn takes a
    second to import, and `predict` needs the AUROC.

    Raises:
        ValueError: a score is not finite.
    """
    truth, values = np.asarray(labels, bool), np.asarray(scores, np.float64)
    if truth.all() or not truth.any():
        return None
    if not np.isfinite(values).all():
        raise ValueError("Scores must be finite numbers; one of these is not.")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]  # from 1; those of a tie are their mean
    positive, negative = int(truth.sum()), int((~truth).sum())
    above = ranks[truth].sum() - positive * (positive + 1) / 2
    return float(above / (positive * negative))


@overload
def auroc_interval(value: float, positive: int, negative: int) -> tuple[float, float]: ...


@overload
def auroc_interval(value: None, positive: int, negative: int) -> tuple[None, None]: ...


def auroc_interval(
    value: float | None, positive: int, negative: int
) -> tuple[float, float] | tuple[None, None]:
    """Return the 95 % interval of an AUROC from `positive` and `negative` cases; of `None`, none.

    The score interval by Newcombe (2006), Statistics in Medicine 25:559-573, method 5: all values
    whose own standard error (Hanley and McNeil 1982) reaches `value`. Unlike
    value +- 1.96 standard errors it has a width at 0 and 1 and stays between them.
    """
    if value is None:
        return None, None
    low = _score_bound(value, 0.0, positive, negative)
    return low, _score_bound(value, 1.0, positive, negative)


def _score_bound(value: float, end: float, positive: int, negative: int) -> float:
    """Return the number nearest to `end` that is still compatible with `value`, by bisection."""
    inside, outside = value, end
    for _ in range(60):
        middle = (inside + outside) / 2
        spread = (1 - middle) / (2 - middle) + middle / (1 + middle)
        variance = middle * (1 - middle) * (1 + ((positive + negative) / 2 - 1) * spread)
        reach = closed_intervals.Z95 * math.sqrt(variance / (positive * negative))
        inside, outside = (middle, outside) if abs(value - middle) <= reach else (inside, middle)
    return inside
