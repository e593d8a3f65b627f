"""Bootstrap intervals of figures whose cases come in groups, such as a patient's studies.

Cases of one group resemble each other, so whole groups are drawn (the cluster bootstrap: Davison
and Hinkley 1997, section 3.8). A resample is told by how often each group was drawn; any figure
that is a ratio of sums over cases then is two matrix products.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

RESAMPLES = 2_000
FEWEST = 5  # groups: of fewer, resamples say little about how far an estimate may be off
SAME = 1e-9  # between figures that differ by rounding alone
SEED = 0  # the same interval whenever it is computed


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with its 95 % interval.

    Args:
        value: of the cases as they are; `None` where there are none.
        low, high: percentiles 2.5 and 97.5 of the resamples; `None` with fewer than `FEWEST`
            groups, or where all resamples agree, which is no certainty.
        n: number of cases.
        groups: number of groups.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    groups: int


def group_numbers(groups: Iterable[Hashable]) -> tuple[np.ndarray, int]:
    """Return the number of each case's group, from 0, int (n,), and how many groups there are."""
    numbers, names = pd.factorize(np.fromiter(map(str, groups), object))
    return numbers, len(names)


def draws_within(strata: ArrayLike) -> np.ndarray:
    """Return `draws` of groups that are drawn within their stratum, uint16 (resamples, groups).

    As many groups of each stratum are in every resample as there are.

    Args:
        strata: int (groups,), the stratum of each group.
    """
    of_group = np.asarray(strata)
    drawn = np.empty((RESAMPLES, len(of_group)), np.uint16)
    for number, stratum in enumerate(np.unique(of_group)):
        members = np.flatnonzero(of_group == stratum)
        drawn[:, members] = draws(len(members), seed=SEED + number)
    return drawn


def draws(groups: int, resamples: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """Return how often each group is in each resample, uint16 (resamples, groups)."""
    drawn = np.random.default_rng(seed).integers(groups, size=(resamples, groups))
    drawn += np.arange(resamples)[:, None] * groups  # so that one count serves all resamples
    counted = np.bincount(drawn.ravel(), minlength=resamples * groups)
    by_group: np.ndarray = counted.reshape(resamples, groups).astype(np.uint16)
    return by_group


def mean(values: ArrayLike, groups: Iterable[Hashable]) -> Interval:
    """Return the mean of values, `(n,)`, with an interval over resamples of their groups.

    Of differences between two networks on the same cases it is the paired difference.
    """
    numbers = np.asarray(values, np.float64)
    if not len(numbers):
        return Interval(value=None, low=None, high=None, n=0, groups=0)
    of_case, count = group_numbers(groups)
    value, size = float(numbers.mean()), {"n": len(numbers), "groups": count}
    if count < FEWEST:
        return Interval(value=value, low=None, high=None, **size)
    drawn = draws(count).astype(np.float64)
    sums = drawn @ np.bincount(of_case, numbers)
    low, high = np.quantile(sums / (drawn @ np.bincount(of_case)), (0.025, 0.975))
    if high - low < SAME:
        return Interval(value=value, low=None, high=None, **size)
    return Interval(value=value, low=float(low), high=float(high), **size)
