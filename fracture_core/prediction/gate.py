"""Gate of a model: the distance of a film to the training films, in the network's features.

The features are whitened (Lee et al. 2018, with Ledoit and Wolf's covariance). A film's distance is
that to the nearest mean of a body part; it is doubted beyond a limit that a small, stated share of
the dev films exceeds.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from fracture_core.films.film_checks import Check
from fracture_core.models.model_files import GATE_VERSION
from fracture_core.prediction.study_prediction import NearestFilm

NEAREST = 3  # training films shown beside a doubted film


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Statistics of a network's training films, and the limit beyond which a film is doubted.

    Args:
        limit: the greatest distance without a doubt.
        false_refusal: intended share of the calibration films beyond the limit.
        calibrated_on: number of calibration films.
        calibrated_with: "dev", "dev and train" or "train", see `gate_fit.fit`.
        fitted_on: number of training films behind means and covariance.
        parts: body parts, in the order of `means`.
        means: float32 (parts, d), of the whitened features.
        centre: float32 (d,), mean features of the training films.
        whitener: float32 (d, d); a film's features less `centre`, times it, are whitened.
        films: float16 (n, d), whitened features of training films, to show the nearest ones.
        paths: of these films, relative to the root of the training data.
    """

    limit: float
    false_refusal: float
    calibrated_on: int
    calibrated_with: str
    fitted_on: int
    parts: tuple[str, ...]
    means: np.ndarray = field(repr=False)
    centre: np.ndarray = field(repr=False)
    whitener: np.ndarray = field(repr=False)
    films: np.ndarray = field(repr=False)
    paths: tuple[str, ...] = field(repr=False)

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Return distances to the nearest part's mean (Mahalanobis): float32 (n, d) to (n,)."""
        return to_nearest(self.whitened(features), self.means)

    def whitened(self, features: np.ndarray) -> np.ndarray:
        """Return the whitened features of films: float32 (n, d) or (d,) to float64.

        Film by film: in one product of all, the last bits of a film depend on its place on some
        processors.
        """
        rows = (whiten(row, self.centre, self.whitener) for row in np.atleast_2d(features))
        return np.array(list(rows), np.float64).reshape(*features.shape[:-1], len(self.centre))

    def check(self, distance: float) -> Check:
        """Return the check of a film at this distance."""
        whose = "the nearest body part's" if len(self.parts) > 1 else "the"
        words = (
            f"It lies {distance:.1f} from the mean of {whose} training films in the network's own "
            f"features, limit {self.limit:.1f}: it is unlike all training films."
        )
        doubt = words if distance > self.limit else ""
        return Check(name="distance", value=distance, limit=self.limit, doubt=doubt)

    @cached_property
    def _films(self) -> np.ndarray:
        """`films` as float32, which is faster to compute with."""
        return self.films.astype(np.float32)

    def nearest(self, features: np.ndarray, count: int = NEAREST) -> tuple[NearestFilm, ...]:
        """Return the training films nearest to one film's features, float32 (d,), nearest first."""
        away = np.linalg.norm(self.whitened(features).astype(np.float32) - self._films, axis=1)
        order = np.argsort(away, kind="stable")[:count]
        return tuple(NearestFilm(path=self.paths[n], distance=float(away[n])) for n in order)

    def facts(self) -> dict[str, Any]:
        """Return the facts about the gate for a card."""
        return {
            "version": GATE_VERSION,
            "limit": self.limit,
            "false_refusal": self.false_refusal,
            "calibrated_on": self.calibrated_on,
            "calibrated_with": self.calibrated_with,
            "fitted_on": self.fitted_on,
            "kept_films": len(self.paths),
        }


def whiten(features: np.ndarray, centre: np.ndarray, whitener: np.ndarray) -> np.ndarray:
    """Return features less their centre, times the whitener: (n, d) or (d,) to float64."""
    # Centred first: a map with little variation about a large mean would be lost in rounding.
    whitened: np.ndarray = (features.astype(np.float64) - centre) @ whitener
    return whitened


def to_nearest(whitened: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return each film's distance to the nearest mean: (n, d) and (parts, d) to (n,)."""
    if not len(whitened):
        return np.empty(0)
    distances = [np.linalg.norm(whitened - mean, axis=1) for mean in means.astype(np.float64)]
    nearest: np.ndarray = np.min(distances, axis=0)
    return nearest
