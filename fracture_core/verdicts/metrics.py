"""How good verdicts are: proportions with intervals, the confusion, Cohen's kappa, AUROC.

The same for images and for studies. scipy is imported where it is used: it takes time and memory,
which a process that only counts does without.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from fracture_core.errors import ConfigError

_Z95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution
_ROUNDING = 1e-12  # what is left of a variance of 0


@dataclass(frozen=True, kw_only=True)
class Proportion:
    """`count` of `n`, with its 95 % Wilson interval; all shares from 0 to 1.

    Args:
        value: count / n; `None`, like `low` and `high`, when n is 0.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int
    n: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What one network is right on more often than another, on the same `n` films or studies.

    Args:
        value: the first one's share less the second one's, -1 to 1; `None`, like its 95 %
            interval from `low` to `high`, when n is 0.
        only_first: what only the first was right on.
        only_second: what only the second was right on.
    """

    value: float | None
    low: float | None
    high: float | None
    only_first: int
    only_second: int
    n: int

    @property
    def verdict(self) -> str:
        """ "better" or "worse" where the interval leaves 0 out, else "a tie"; "" when n is 0."""
        if self.low is None or self.high is None:
            return ""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "a tie"


@dataclass(frozen=True, kw_only=True)
class Mean:
    """The mean of `n` values, or of `n` paired differences, with its 95 % interval.

    Args:
        value: in the values' unit; `None` when n is 0.
        low: of the interval; `None`, like `high`, when n is less than 2.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Counts of true and false positives and negatives."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def n(self) -> int:
        """All that was judged."""
        return self.tp + self.fp + self.fn + self.tn


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Verdicts against labels.

    Args:
        n: verdicts that were counted.
        sensitivity: share of the positive that are called positive.
        specificity: share of the negative that are called negative.
        kappa: Cohen's kappa, -1 to 1; `None`, like its bounds, where chance alone agrees fully;
            the bounds also where `cohen_kappa` has none.
        majority: accuracy of always guessing the more frequent label.
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
        """The summary as plain dicts and numbers, `None` where undefined: valid JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The summary that `to_dict` gave.

        Raises:
            ConfigError: keys are missing or unknown, or a number is out of its range.
        """
        kinds = {"confusion": Confusion} | dict.fromkeys(_PROPORTIONS, Proportion)
        try:
            found = cls(**{k: kinds[k](**v) if k in kinds else v for k, v in values.items()})
        except (TypeError, AttributeError) as error:
            raise ConfigError(f"These are no metrics ({error}). Evaluate again.") from error
        for name, sound in _soundness(found):
            if not sound:
                raise ConfigError(f"These are no metrics ({name}). Evaluate again.")
        return found


_PROPORTIONS = ("accuracy", "sensitivity", "specificity", "majority")
_ROOM = 1e-6  # that rounding may move a bound
_MOST = 10**12  # verdicts that anybody is believed to have counted


def _soundness(found: Summary) -> Iterator[tuple[str, bool]]:
    """What must hold of a summary's numbers: a name for each rule, and whether it holds."""
    c = found.confusion
    cells = (c.tp, c.fp, c.fn, c.tn)
    counts = all(type(count) is int and count >= 0 for count in (found.n, *cells))
    counts = counts and sum(cells) == found.n <= _MOST
    yield "confusion must count n", counts
    own = _of_confusion(c) if counts else {}
    for name in _PROPORTIONS if counts else ():
        p, right = getattr(found, name), own[name]
        same = (p.count, p.n) == (right.count, right.n) and _is_same(p.value, right.value)
        yield f"{name} must follow from confusion", same and _is_between(p.low, p.value, p.high)
    if counts:
        yield "kappa must follow from confusion", _is_same(found.kappa, own["kappa"])
    for name, least in (("kappa", -1), ("auroc", 0)):
        bounds = [getattr(found, f"{name}{end}") for end in ("_low", "", "_high")]
        inside = all(bound is None or _is_within(bound, least, 1) for bound in bounds)
        yield f"{name} must be in its range", inside and _is_between(*bounds)


def _is_same(value: Any, figure: float | None) -> bool:
    return value is None if figure is None else _is_within(value, figure, figure)


def _is_between(low: Any, value: Any, high: Any) -> bool:
    """Whether a value lies in its interval; a value may have none."""
    if low is None or high is None:
        return low is high
    finite = all(_is_within(bound, -1, 1) for bound in (low, value, high))
    return finite and low - _ROOM <= value <= high + _ROOM


def _is_within(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and low - _ROOM <= value <= high + _ROOM


def wilson(count: int, n: int) -> Proportion:
    """`count` of `n` with its 95 % interval by Wilson (1927), JASA 22:209-212.

    Unlike value +- 1.96 standard errors it stays inside 0 to 1 and holds for small n.
    """
    if n == 0:
        return Proportion(value=None, low=None, high=None, count=0, n=0)
    p, z2 = count / n, _Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At 0 and n of n one bound is exact; rounding would leave it beside the value.
    low = 0.0 if count == 0 else centre - half
    high = 1.0 if count == n else centre + half
    return Proportion(value=p, low=low, high=high, count=int(count), n=int(n))


def difference(first: Sequence[bool], second: Sequence[bool]) -> Difference:
    """How often two networks were right on the same films or studies, and how far apart that is.

    Paired, as it leaves out what both found easy and both found hard: far narrower than the
    intervals of both shares. Newcombe (1998), Statistics in Medicine 17:2635-2650, method 10,
    which joins their Wilson intervals and, unlike McNemar's test, holds for few differences and
    says how large they may be.

    Args:
        first: whether the first was right on each; as long as `second`, in the same order.
        second: the same for the second.
    """
    one, two = np.asarray(first, bool), np.asarray(second, bool)
    both, neither = int(np.sum(one & two)), int(np.sum(~one & ~two))
    only_one, only_two = int(np.sum(one & ~two)), int(np.sum(~one & two))
    n = both + neither + only_one + only_two
    counts = {"only_first": only_one, "only_second": only_two, "n": n}
    if n == 0:
        return Difference(value=None, low=None, high=None, **counts)
    p, q = wilson(both + only_one, n), wilson(both + only_two, n)
    phi = _phi(both, only_one, only_two, neither)
    down, up = (p.value - p.low, q.high - q.value), (p.high - p.value, q.value - q.low)
    reach = [math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b)) for a, b in (down, up)]
    value = (only_one - only_two) / n
    return Difference(value=value, low=value - reach[0], high=value + reach[1], **counts)


def mean(values: Sequence[float]) -> Mean:
    """The mean of values that are independent of each other, with Student's t interval."""
    found, n = np.asarray(values, float), len(values)
    if n < 2:
        return Mean(value=float(found[0]) if n else None, low=None, high=None, n=n)
    from scipy.special import stdtrit

    value, error = float(found.mean()), float(found.std(ddof=1)) / math.sqrt(n)
    reach = float(stdtrit(n - 1, 0.975)) * error
    return Mean(value=value, low=value - reach, high=value + reach, n=n)


def mean_difference(first: Sequence[float], second: Sequence[float]) -> Mean:
    """Paired: the mean of the differences, with Student's t interval.

    Args:
        first: the first one's value of each film or seed; as long as `second`, in the same order.
        second: the same of the second.
    """
    return mean(np.asarray(first, float) - np.asarray(second, float))


def _phi(both: int, only_one: int, only_two: int, neither: int) -> float:
    """Correlation of being right, with the continuity correction of Newcombe's method 10."""
    square = (both + only_one) * (only_two + neither) * (both + only_two) * (only_one + neither)
    product, half = both * neither - only_one * only_two, (both + only_one + only_two + neither) / 2
    corrected = max(product - half, 0.0) if product > 0 else product
    return corrected / math.sqrt(square) if square else 0.0


def confusion(labels: Sequence[int], predicted: Sequence[bool]) -> Confusion:
    """Counts of verdicts (true or 1 = positive) against labels (1 = positive)."""
    truth, called = np.asarray(labels, bool), np.asarray(predicted, bool)
    return Confusion(
        tp=int(np.sum(truth & called)),
        fp=int(np.sum(~truth & called)),
        fn=int(np.sum(truth & ~called)),
        tn=int(np.sum(~truth & ~called)),
    )


def summarise(
    labels: Sequence[int], predicted: Sequence[bool], scores: Sequence[float] | None = None
) -> Summary:
    """Verdicts against labels.

    Args:
        labels: 1 positive, 0 negative.
        predicted: the verdicts, as long as `labels`; leave out what was not judged.
        scores: what the verdicts come from, higher = more positive, for the AUROC.
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
    """The figures that follow from the counts alone."""
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
    """Cohen's kappa, -1 to 1, with its 95 % large-sample interval cut to that range.

    Written out since the interval, which scikit-learn does not have, needs all of kappa's terms.

    Standard error by Fleiss, Cohen and Everitt (1969), Psychological Bulletin 72:323-327. `None`
    three times when nothing was judged, or verdicts and labels are all of one and the same kind;
    for the interval alone where that error is 0, which says nothing of how sure kappa is: verdicts
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
    if variance < _ROUNDING:
        return float(kappa), None, None
    half = _Z95 * math.sqrt(variance)
    return float(kappa), float(max(kappa - half, -1.0)), float(min(kappa + half, 1.0))


def auroc(labels: Sequence[int], scores: Sequence[float]) -> float | None:
    """Chance that a positive scores higher than a negative, ties counted half; 0 to 1.

    `None` when all the labels are of one kind. By ranks (Mann and Whitney 1947): scikit-learn takes
    a second to import, and `predict` asks for it.

    Raises:
        ValueError: a score is no finite number.
    """
    truth, values = np.asarray(labels, bool), np.asarray(scores, np.float64)
    if truth.all() or not truth.any():
        return None
    if not np.isfinite(values).all():
        raise ValueError("Scores are finite numbers; one of these is none.")
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # from 1; those of a tie are their mean
    positive, negative = int(truth.sum()), int((~truth).sum())
    above = ranks[truth].sum() - positive * (positive + 1) / 2
    return float(above / (positive * negative))


def auroc_interval(
    value: float | None, positive: int, negative: int
) -> tuple[float | None, float | None]:
    """95 % interval of an AUROC from `positive` and `negative` cases; `None` twice for `None`.

    The score interval by Newcombe (2006), Statistics in Medicine 25:559-573, method 5: all values
    whose own standard error (Hanley and McNeil 1982) reaches to the one that was found. Unlike
    value +- 1.96 standard errors it has a width at 0 and 1 and stays between them.
    """
    if value is None:
        return None, None
    low = _score_bound(value, 0.0, positive, negative)
    return low, _score_bound(value, 1.0, positive, negative)


def _score_bound(value: float, end: float, positive: int, negative: int) -> float:
    """The value furthest towards `end` that is still compatible with `value`, by halving."""
    inside, outside = value, end
    for _ in range(60):
        middle = (inside + outside) / 2
        spread = (1 - middle) / (2 - middle) + middle / (1 + middle)
        variance = middle * (1 - middle) * (1 + ((positive + negative) / 2 - 1) * spread)
        reach = _Z95 * math.sqrt(variance / (positive * negative))
        inside, outside = (middle, outside) if abs(value - middle) <= reach else (inside, middle)
    return inside
