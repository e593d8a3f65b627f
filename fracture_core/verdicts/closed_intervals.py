"""Closed 95 % intervals: of a proportion, of a paired difference, of a mean."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

Z95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution
ROUNDING = 1e-12  # remainder of a variance of 0


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
    """Difference of the accuracies of two networks on the same `n` films or studies.

    Args:
        value: the first share less the second share, -1 to 1; `None`, like its 95 % interval from
            `low` to `high`, when n is 0.
        only_first: number of cases that only the first predicted correctly.
        only_second: number of cases that only the second predicted correctly.
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


def bounds(figure: Proportion | Difference | Mean) -> tuple[float, float]:
    """Return the 95 % interval of a figure.

    Raises:
        ValueError: it has none, as n is too small.
    """
    if figure.low is None or figure.high is None:
        raise ValueError(f"A figure of n = {figure.n} has no interval.")
    return figure.low, figure.high


def wilson(count: int, n: int) -> Proportion:
    """Return `count` of `n` with its 95 % interval by Wilson (1927), JASA 22:209-212.

    Unlike value +- 1.96 standard errors it stays inside 0 to 1 and holds for small n.
    """
    if n == 0:
        return Proportion(value=None, low=None, high=None, count=0, n=0)
    low, high = _wilson_interval(count, n)
    return Proportion(value=count / n, low=low, high=high, count=int(count), n=int(n))


def _wilson_interval(count: int, n: int) -> tuple[float, float]:
    p, z2 = count / n, Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At 0 and n of n one bound is exact; rounding would leave it beside the value.
    low = 0.0 if count == 0 else centre - half
    return low, 1.0 if count == n else centre + half


def difference(first: ArrayLike, second: ArrayLike) -> Difference:
    """Return the difference of two networks' accuracies on the same films or studies.

    Paired: cases that both predict correctly, or both wrongly, do not widen the interval, which is
    far narrower than those of the two shares. By Newcombe (1998), Statistics in Medicine
    17:2635-2650, method 10, which joins their Wilson intervals and, unlike McNemar's test, holds
    for few differences and bounds their size.

    Args:
        first: bool (n,), whether the first network was right on each case.
        second: bool (n,), the same of the second network, in the same order.
    """
    one, two = np.asarray(first, bool), np.asarray(second, bool)
    both, neither = int(np.sum(one & two)), int(np.sum(~one & ~two))
    only_one, only_two = int(np.sum(one & ~two)), int(np.sum(~one & two))
    n = both + neither + only_one + only_two
    counts = {"only_first": only_one, "only_second": only_two, "n": n}
    if n == 0:
        return Difference(value=None, low=None, high=None, **counts)
    p, q = (both + only_one) / n, (both + only_two) / n
    p_low, p_high = _wilson_interval(both + only_one, n)
    q_low, q_high = _wilson_interval(both + only_two, n)
    phi = _phi(both, only_one, only_two, neither)
    down, up = (p - p_low, q_high - q), (p_high - p, q - q_low)
    reach = [math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b)) for a, b in (down, up)]
    value = (only_one - only_two) / n
    return Difference(value=value, low=value - reach[0], high=value + reach[1], **counts)


def mean(values: ArrayLike) -> Mean:
    """Return the mean of independent values, `(n,)`, with Student's t interval."""
    numbers = np.asarray(values, float)
    n = len(numbers)
    if n < 2:
        return Mean(value=float(numbers[0]) if n else None, low=None, high=None, n=n)
    from scipy.special import stdtrit

    value, error = float(numbers.mean()), float(numbers.std(ddof=1)) / math.sqrt(n)
    reach = float(stdtrit(n - 1, 0.975)) * error
    return Mean(value=value, low=value - reach, high=value + reach, n=n)


def mean_difference(first: ArrayLike, second: ArrayLike) -> Mean:
    """Return the mean of the paired differences, with Student's t interval.

    Args:
        first: `(n,)`, the first network's value of each film or seed.
        second: `(n,)`, the second network's, in the same order.
    """
    return mean(np.asarray(first, float) - np.asarray(second, float))


def _phi(both: int, only_one: int, only_two: int, neither: int) -> float:
    """Correlation of being right, with the continuity correction of Newcombe's method 10."""
    square = (both + only_one) * (only_two + neither) * (both + only_two) * (only_one + neither)
    product, half = both * neither - only_one * only_two, (both + only_one + only_two + neither) / 2
    corrected = max(product - half, 0.0) if product > 0 else product
    return corrected / math.sqrt(square) if square else 0.0
