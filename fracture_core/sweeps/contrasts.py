"""Differences between groups of trained networks on the same studies, with honest intervals.

Two things vary: which patients are in the test, and how a training turns out with another seed. The
variance of a difference is clustered by both (Cameron, Gelbach and Miller 2011, "Robust Inference
with Multiway Clustering", Journal of Business & Economic Statistics 29): that of patients plus that
of seeds, less that of both together, which the two share.
"""

from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Results:
    """Right and wrong verdicts of all networks of a sweep, on the studies that all have.

    Args:
        right: float64 (combinations, cases), 1.0 where the verdict is right. A case is a study in
            the runs of one seed.
        seeds: int (cases,), the seed of each case.
        patients: int (cases,), its patient.
    """

    right: np.ndarray
    seeds: np.ndarray
    patients: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """Weight of each case, float64 (cases,): every seed counts the same; their sum is 1."""
        _, of_case, counts = np.unique(self.seeds, return_inverse=True, return_counts=True)
        weights: np.ndarray = 1 / (len(counts) * counts[of_case])
        return weights

    def by_seed(self) -> np.ndarray:
        """Return the accuracy of each combination with each seed, float64 (combinations, seeds)."""
        return np.stack(
            [self.right[:, self.seeds == seed].mean(axis=1) for seed in np.unique(self.seeds)],
            axis=1,
        )


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A difference of accuracies.

    Args:
        value: -1 to 1.
        low, high: simultaneous 95 % interval; `None` where it cannot be known: with one seed, or
            where no verdict differs.
    """

    value: float
    low: float | None
    high: float | None

    @property
    def is_clear(self) -> bool:
        """True where the interval does not hold 0."""
        return self.low is not None and self.high is not None and self.low * self.high > 0

    def reversed(self) -> "Contrast":
        """Return the difference the other way round."""
        if self.low is None or self.high is None:
            return Contrast(value=-self.value, low=None, high=None)
        return Contrast(value=-self.value, low=-self.high, high=-self.low)


def contrast(results: Results, coefficients: np.ndarray, comparisons: int) -> Contrast:
    """Return a difference between weighted means of combinations.

    Args:
        results: of all combinations.
        coefficients: float64 (combinations,), which sum to 0.
        comparisons: number of differences that are looked at together; the level of each interval
            is 1 - (1 - .95) / comparisons (Bonferroni), so that all hold together in 95 %.

    Returns:
        The interval is that of a t with Satterthwaite's degrees of freedom.
    """
    gaps = coefficients @ results.right
    weights = results.weights
    value = float(weights @ gaps)
    seeds = len(np.unique(results.seeds))
    parts = weights * (gaps - value)
    patients = len(np.unique(results.patients))
    if seeds < 2 or patients < 2 or not np.any(parts):
        return Contrast(value=value, low=None, high=None)
    by_seed = _variance(parts, results.seeds) * seeds / (seeds - 1)
    by_patient = _variance(parts, results.patients) * patients / (patients - 1)
    both = _variance(parts, results.seeds * (results.patients.max() + 1) + results.patients)
    # The estimate can fall below either of its parts by chance, even below 0.
    variance = max(by_seed + by_patient - both, by_seed, by_patient)
    freedom = (by_seed + by_patient) ** 2 / (
        by_seed**2 / (seeds - 1) + by_patient**2 / (patients - 1)
    )
    reach = _quantile(1 - (1 - CONFIDENCE) / (2 * comparisons), freedom) * variance**0.5
    return Contrast(value=value, low=value - reach, high=value + reach)


def _variance(parts: np.ndarray, clusters: np.ndarray) -> float:
    """Return the sum of the squares of clusters' sums."""
    _, of_case = np.unique(clusters, return_inverse=True)
    return float(np.sum(np.bincount(of_case, parts) ** 2))


def _quantile(share: float, freedom: float) -> float:
    """Return a quantile of Student's t."""
    from scipy import special  # loaded on first use: it takes a fifth of a second

    return float(special.stdtrit(freedom, share))


def best_by_chance(results: Results) -> float | None:
    """Return how far the best of so many equal combinations stands above their mean by chance.

    The mean of a combination over its seeds then differs from the others' by training alone: the
    spread between seeds, pooled over combinations, times the expected greatest of so many normal
    values.

    Returns:
        A difference of accuracies, 0 to 1; `None` with one seed.
    """
    accuracies = results.by_seed()
    combinations, seeds = accuracies.shape
    if seeds < 2:
        return None
    # Seeds may have other dev studies, which all combinations share: that part is no chance of one.
    rest = accuracies - accuracies.mean(axis=0) - accuracies.mean(axis=1, keepdims=True)
    rest += accuracies.mean()
    pooled = float(np.sum(rest**2)) / ((combinations - 1) * (seeds - 1))
    return float(expected_greatest(combinations) * (pooled / seeds) ** 0.5)


def expected_greatest(count: int) -> float:
    """Return the expected greatest of so many independent standard normal values.

    By the integral of x times the density of the greatest, n f(x) F(x)^(n-1).
    """
    from scipy import special

    x = np.linspace(-9.0, 9.0, 4001)
    density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    values = x * count * density * special.ndtr(x) ** (count - 1)
    return float(np.sum(values) * (x[1] - x[0]))
