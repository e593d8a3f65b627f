"""Inverse power laws that fit the errors at several training sizes: err(n) = a + b n^-c.

Test errors of networks fall with the number of training examples in this way (Hestness et al. 2017,
"Deep Learning Scaling is Predictable, Empirically", arXiv 1712.00409). Five points of a few seeds
cannot tell the floor `a` from the exponent `c`, so no single curve is trusted: all laws of a grid
are weighted by how well they fit, and a band holds 95 % of their weight. Before the points are
seen, laws without a floor weigh as much as all others together; of these every floor up to the
whole of the present error counts the same, and every exponent does.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fracture_core.sweeps.contrasts import CONFIDENCE, Contrast, Results

FEWEST_SIZES = 4  # a law has three parameters
FEWEST_SEEDS = 2  # how much a training varies is seen between seeds
EXPONENTS = np.linspace(0.05, 1.5, 30)  # beyond the .07 to .7 reported for networks on images
FLOORS = np.append(0.0, (np.arange(30) + 0.5) / 30)  # shares of the present error
LEVELS = np.linspace(-6, 6, 49)  # of the present error, in standard errors about the last point
DRAWS = 4_000
SEED = 0  # the same band whenever it is computed
MISFIT = 0.01  # chance, below which points are said to follow no power law


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Mean errors at several training sizes.

    Args:
        sizes: float64 (sizes,), numbers of training films, rising.
        errors: float64 (sizes,), means over seeds, 0 to 1.
        covariance: float64 (sizes, sizes), of these means.
        freedom: degrees of freedom of the spread between trainings.
    """

    sizes: np.ndarray
    errors: np.ndarray
    covariance: np.ndarray
    freedom: int


def measure(results: Results, sizes: np.ndarray) -> Measured:
    """Return the errors at each size with their covariance, clustered by patients and by seeds.

    As in `contrasts`, the covariance is that of patients plus that of seeds less that of both. The
    part of seeds is pooled over sizes, in proportion to e (1 - e) as that of counts is: what all
    sizes of a seed share, and what they do not.

    Args:
        results: a combination per size, with `FEWEST_SEEDS` seeds at least.
        sizes: float64 (sizes,), rising.
    """
    by_seed = 1 - results.by_seed()
    count, seeds = by_seed.shape
    errors = by_seed.mean(axis=1)
    step = seeds / len(results.seeds)  # one case: no finer difference can be seen
    scale = np.sqrt(np.maximum(errors * (1 - errors), step))
    rest = (by_seed - errors[:, None]) / scale[:, None]
    shared = rest.mean(axis=0)
    freedom = (count - 1) * (seeds - 1)
    apart = float(np.sum((rest - shared) ** 2)) / freedom
    together = max(0.0, float(shared.var(ddof=1)) - apart / count)
    own = np.eye(count) * apart + together
    rounding = np.eye(count) * step**2 / 12
    return Measured(
        sizes=sizes,
        errors=errors,
        covariance=(own * np.outer(scale, scale) + rounding) / seeds + _of_patients(results),
        freedom=freedom,
    )


def _of_patients(results: Results) -> np.ndarray:
    """Return the covariance that patients add to that of seeds, with no negative part."""
    parts = results.weights * (1 - results.right)
    parts = parts - results.weights * parts.sum(axis=1, keepdims=True)
    patients = results.patients.max() + 1
    added = _clustered(parts, results.patients)
    added = added - _clustered(parts, results.seeds * patients + results.patients)
    values, vectors = np.linalg.eigh(added)
    covariance: np.ndarray = (vectors * np.maximum(values, 0)) @ vectors.T
    return covariance


def _clustered(parts: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Return the sum of the outer products of clusters' sums, (sizes, sizes)."""
    _, of_case = np.unique(clusters, return_inverse=True)
    sums = np.stack([np.bincount(of_case, own) for own in parts])
    product: np.ndarray = sums @ sums.T
    return product


def trend(measured: Measured) -> Contrast:
    """Return the gain in accuracy from the smallest to the largest size, along a straight line.

    The line is that of the errors over the logarithm of the size, by least squares.
    """
    x = np.log(measured.sizes)
    slope = (x - x.mean()) / np.sum((x - x.mean()) ** 2)
    coefficients = -slope * (x[-1] - x[0])
    value = float(coefficients @ measured.errors)
    spread = float(coefficients @ measured.covariance @ coefficients) ** 0.5
    from scipy import special  # loaded on first use: it takes a fifth of a second

    reach = float(special.stdtrit(measured.freedom, (1 + CONFIDENCE) / 2)) * spread
    return Contrast(value=value, low=value - reach, high=value + reach)


@dataclass(frozen=True, kw_only=True)
class Laws:
    """Power laws by weight, as draws from a grid.

    Args:
        size: number of films that `present` belongs to.
        present: float64 (draws,), the error at this size.
        floor: float64 (draws,), the share of it that no number of films takes away.
        exponent: float64 (draws,).
        best: a, b and c of the law that fits best.
        misfit: chance of points as far from their best law as these, if they follow one.
    """

    size: float
    present: np.ndarray
    floor: np.ndarray
    exponent: np.ndarray
    best: tuple[float, float, float]
    misfit: float

    @cached_property
    def _falling(self) -> np.ndarray:
        falling: np.ndarray = self.present * (1 - self.floor)
        return falling

    def band(self, sizes: np.ndarray) -> np.ndarray:
        """Return the middle of the errors at sizes and its 95 % band, (3, sizes): low, mid, high.

        Args:
            sizes: numbers of films, (sizes,).
        """
        of_present = (sizes / self.size) ** -self.exponent[:, None]
        errors = (self.present - self._falling)[:, None] + self._falling[:, None] * of_present
        band: np.ndarray = np.quantile(errors, _SHARES, axis=0)
        return band

    def gain(self, factor: float) -> Contrast:
        """Return how much accuracy so many times the films would bring, with its band."""
        gains = self._falling * (1 - factor**-self.exponent)
        low, value, high = np.quantile(gains, _SHARES)
        return Contrast(value=float(value), low=float(low), high=float(high))


_SHARES = ((1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2)


def fit(measured: Measured) -> Laws:
    """Return the power laws that fit, weighted by Student's t likelihood of the points."""
    reach = measured.covariance[-1, -1] ** 0.5
    present = measured.errors[-1] + LEVELS * reach
    present = present[(present > 0) & (present < 1)]
    grid = np.meshgrid(present, FLOORS, EXPONENTS, indexing="ij")
    present, floor, exponent = (own.ravel() for own in grid)
    size = float(measured.sizes[-1])
    of_present = (measured.sizes / size) ** -exponent[:, None]
    errors = present[:, None] * (floor[:, None] + (1 - floor[:, None]) * of_present)
    gaps = errors - measured.errors
    distance = np.einsum("ij,ij->i", gaps @ np.linalg.inv(measured.covariance), gaps)
    count = len(measured.sizes)
    weights = (1 + distance / measured.freedom) ** (-(measured.freedom + count) / 2)
    weights[floor == 0] *= len(FLOORS) - 1
    draws = np.random.default_rng(SEED).choice(
        len(weights), DRAWS, p=weights / weights.sum(), shuffle=False
    )
    best = int(distance.argmin())
    falling = float(present[best] * (1 - floor[best]))
    from scipy import special

    return Laws(
        size=size,
        present=present[draws],
        floor=floor[draws],
        exponent=exponent[draws],
        best=(
            float(present[best] * floor[best]),
            falling * size ** float(exponent[best]),
            float(exponent[best]),
        ),
        misfit=float(
            special.fdtrc(count - 3, measured.freedom, float(distance[best]) / (count - 3))
        ),
    )
