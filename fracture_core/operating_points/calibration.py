"""Calibration: from scores to frequencies, fitted on dev and kept in a model's card.

Temperature scaling divides the logit by one number (Guo et al. 2017, arXiv:1706.04599, section
4.2); isotonic regression fits a rising function (Zadrozny and Elkan 2002). Both keep the order of
the scores, up to ties, so that AUROC stays and only the meaning of a number changes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fracture_core.config.limits import LIMITS
from fracture_core.config.record import Record, check_range
from fracture_core.errors import ConfigError, DataError
from fracture_core.operating_points import study_scores
from fracture_core.verdicts import closed_intervals
from fracture_core.words import plural

METHODS = ("temperature", "isotonic")
LEVELS = ("studies", "images")
TEMPERATURE = (0.01, 100.0)  # beyond, scores are all but 0.5, or 0 and 1
MOST_KNOTS = 2_000  # of an isotonic map; 3,000 films of MURA give some hundred
MOST = 10**12  # largest believable number of films or studies
FEWEST = 20  # films or studies, below which a fit says little
_EDGE = 1e-7  # nearest to 0 and 1 that a score's logit is taken: the resolution of a float32
_ROUNDS = 200  # of the bisection; halves the range down to rounding


@dataclass(frozen=True, kw_only=True)
class Scaling(Record):
    """A rising map from a score to a frequency, both from 0 to 1.

    Args:
        method: one of `METHODS`.
        temperature: that divides the logit; 1 where the method is another.
        scores: of an isotonic map's knots, rising; between them it is linear.
        frequencies: at these knots, never falling.
        n: number of films or studies that it was fitted on.
        positive: number of them that are positive.
    """

    method: Literal["temperature", "isotonic"]
    temperature: float = 1.0
    scores: tuple[float, ...] = ()
    frequencies: tuple[float, ...] = ()
    n: int = 0
    positive: int = 0

    def __post_init__(self) -> None:
        check_range("temperature", self.temperature, TEMPERATURE)
        check_range("number of cases of a calibration", self.n, (0, MOST))
        check_range("number of positive cases of a calibration", self.positive, (0, self.n))
        check_range("number of knots of a calibration", len(self.scores), (0, MOST_KNOTS))
        for name, values in (("score", self.scores), ("frequency", self.frequencies)):
            for value in values:
                check_range(f"{name} of a calibration", value, (0.0, 1.0))
        rising = np.all(np.diff(self.scores) > 0) and np.all(np.diff(self.frequencies) >= 0)
        if len(self.scores) != len(self.frequencies) or not rising:
            raise ConfigError("A calibration's scores and frequencies are as many, and rise.")
        if (self.method == "isotonic") != bool(self.scores):
            raise ConfigError("A calibration has knots if it is isotonic, and else none.")

    def apply(self, scores: ArrayLike) -> np.ndarray:
        """Return the frequencies of these scores, float64; NaN stays NaN."""
        values = np.asarray(scores, np.float64)
        if self.method == "temperature":
            return _sigmoid(_logit(values) / self.temperature)
        mapped: np.ndarray = np.interp(values, self.scores, self.frequencies)
        return mapped


@dataclass(frozen=True, kw_only=True)
class Calibration(Record):
    """A model's calibration.

    Args:
        films: map of a film's probability.
        studies: map of a study's OR score, the greatest of its films' probabilities.
        fitted_on: the films that both were fitted on: "dev".
        corrections: hash of the list by which their labels were corrected; "" for the labels that
            the model was trained with.
    """

    films: Scaling
    studies: Scaling
    fitted_on: Literal["dev"] = "dev"
    corrections: str = ""

    def __post_init__(self) -> None:
        length = len(self.corrections)
        check_range("Number of characters in a card's text", length, (0, LIMITS.card_text))

    def of_level(self, level: str) -> Scaling:
        """Return the map of "studies" or of "images"."""
        return self.studies if level == "studies" else self.films


def scores_of(films: pd.DataFrame, level: str) -> pd.DataFrame:
    """Return label, patient and score of every study (OR) or image.

    Args:
        films: manifest columns and `probability`.
        level: one of `LEVELS`.
    """
    if level == "images":
        return films[["label", "patient"]].assign(score=films["probability"].astype("float64"))
    studies = study_scores.of_films(films)
    return studies[["label", "patient"]].assign(score=studies["or"])


def fit(films: pd.DataFrame, method: str) -> Calibration:
    """Fit the maps of films and of studies.

    Args:
        films: manifest columns and `probability`; of the dev films.
        method: one of `METHODS`.

    Raises:
        DataError: the studies are fewer than `FEWEST`, or all of one label.
    """
    studies = study_scores.of_films(films)
    return Calibration(
        studies=scaling(studies["label"], studies["or"], method),
        films=scaling(films["label"], films["probability"], method, "film"),
    )


def scaling(labels: ArrayLike, scores: ArrayLike, method: str, noun: str = "study") -> Scaling:
    """Fit one map; see `fit`.

    Args:
        labels: (n,), 1 positive, 0 negative.
        scores: (n,), 0 to 1.
        method: one of `METHODS`.
        noun: of a case, for a refusal.
    """
    truth, values = np.asarray(labels, bool), np.asarray(scores, np.float64)
    if len(truth) < FEWEST or truth.all() or not truth.any():
        raise DataError(
            f"A calibration needs {plural(FEWEST, f'dev {noun}')} of both labels; "
            f"{len(truth)} are there ({int(truth.sum())} positive). Set more films aside for dev."
        )
    n, positive = len(truth), int(truth.sum())
    if method == "temperature":
        temperature = _temperature(truth, values)
        return Scaling(method="temperature", temperature=temperature, n=n, positive=positive)
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(values, truth)
    return Scaling(
        method="isotonic",
        scores=tuple(map(float, fitted.X_thresholds_)),
        frequencies=tuple(map(float, np.clip(fitted.y_thresholds_, 0.0, 1.0))),
        n=n,
        positive=positive,
    )


def _temperature(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the temperature of the greatest likelihood within `TEMPERATURE`.

    The log-likelihood is concave in 1 / temperature, so its slope has one zero.
    """
    logits = _logit(scores)
    low, high = 1 / TEMPERATURE[1], 1 / TEMPERATURE[0]
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        slope = float(np.sum(logits * (truth - _sigmoid(middle * logits))))
        low, high = (middle, high) if slope > 0 else (low, middle)
    return float(np.clip(1 / low, *TEMPERATURE))


def _logit(scores: np.ndarray) -> np.ndarray:
    inside = np.clip(scores, _EDGE, 1 - _EDGE)
    logits: np.ndarray = np.log(inside) - np.log1p(-inside)
    return logits


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    values: np.ndarray = 0.5 * (1.0 + np.tanh(logits / 2))  # never overflows
    return values


def reliability(labels: ArrayLike, scores: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Return the reliability diagram: how often cases of a score are positive.

    Args:
        labels: (n,), 1 positive, 0 negative.
        scores: (n,), 0 to 1.
        bins: of equal width.

    Returns:
        One row per bin with cases: n, positive, score (their mean), frequency with its 95 % Wilson
        interval `low` to `high`.
    """
    truth, values = np.asarray(labels, bool), np.asarray(scores, np.float64)
    places = np.minimum((values * bins).astype(int), bins - 1)
    rows = []
    for place in np.unique(places):
        inside = places == place
        share = closed_intervals.wilson(int(truth[inside].sum()), int(inside.sum()))
        rows.append(
            {
                "n": share.n,
                "positive": share.count,
                "score": float(values[inside].mean()),
                "frequency": share.value,
                "low": share.low,
                "high": share.high,
            }
        )
    return pd.DataFrame(rows, columns=["n", "positive", "score", "frequency", "low", "high"])
