"""From image probabilities to the verdict on a study.

The verdict is OR over the study's images: fracture if any of them is positive. The other rules are
shown for comparison and never replace it. A probability that is NaN means that the image is not
counted (it could not be read, or was set aside).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fracture_core.datasets.catalog import STUDY, study_key
from fracture_core.verdicts import metrics


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Verdict of a rule on one study.

    Args:
        fracture: `None` when no image was counted.
        score: 0 to 1, compared with the threshold; `None` when no image was counted.
    """

    fracture: bool | None
    score: float | None


def is_positive(probability: float | np.ndarray, threshold: float) -> np.ndarray:
    """Return whether an image is positive: its probability is strictly greater than the threshold.

    Compared as float64, so that a float32 table and the same number in JSON agree. NaN is not
    positive.
    """
    return np.asarray(probability, np.float64) > threshold


def any_rule(probabilities: Sequence[float], threshold: float) -> Verdict:
    """Call fracture if any counted image is positive; the score is the greatest probability."""
    counted = _counted(probabilities)
    return _verdict(float(counted.max()) if counted.size else None, threshold)


def mean_rule(probabilities: Sequence[float], threshold: float) -> Verdict:
    """Call fracture if the mean probability of counted images is greater than the threshold."""
    counted = _counted(probabilities)
    return _verdict(float(counted.mean()) if counted.size else None, threshold)


def at_least_rule(probabilities: Sequence[float], threshold: float, k: int) -> Verdict:
    """Call fracture if at least k counted images are positive; the score is the k-th greatest.

    Args:
        k: 1 or more; 1 is OR. With fewer than k counted images there is no fracture, and the
            score is 0.
    """
    counted = np.sort(_counted(probabilities))[::-1]
    if not counted.size:
        return _verdict(None, threshold)
    return _verdict(counted[k - 1] if k <= counted.size else 0.0, threshold)


def noisy_or_rule(probabilities: Sequence[float], threshold: float) -> Verdict:
    """Call fracture if 1 - product of (1 - p) > threshold (Pearl 1988, section 4.3.2).

    The score is the chance that some image shows a fracture, if each probability were calibrated
    and the images independent. They are not: the score grows with the number of images.
    """
    counted = _counted(probabilities)
    return _verdict(float(1.0 - np.prod(1.0 - counted)) if counted.size else None, threshold)


def rules(probabilities: Sequence[float], threshold: float) -> dict[str, dict[str, Any]]:
    """Return both rules of `predict`: `{"any": {"fracture", "score"}, "mean": {...}}`."""
    by_rule = {
        "any": any_rule(probabilities, threshold),
        "mean": mean_rule(probabilities, threshold),
    }
    return {name: {"fracture": v.fracture, "score": v.score} for name, v in by_rule.items()}


def _counted(probabilities: Sequence[float]) -> np.ndarray:
    values = np.asarray(probabilities, np.float64)
    return values[~np.isnan(values)]


def _verdict(score: float | None, threshold: float) -> Verdict:
    if score is None:
        return Verdict(fracture=None, score=None)
    return Verdict(fracture=bool(is_positive(score, threshold)), score=float(score))


def verdicts(films: pd.DataFrame, probabilities: np.ndarray, threshold: float) -> pd.DataFrame:
    """Return the OR verdict on every study, one row each, in the order of their first image.

    Args:
        films: one row per image, with split, part, patient, study and label.
        probabilities: `(n_films,)`, 0 to 1, NaN where an image is not counted.
        threshold: an image is positive when its probability is greater.

    Returns:
        key, split, part, patient, study, label, images (counted), positive_images, score (the
        greatest probability; NaN when nothing is counted), verdict and right (dtype boolean;
        `pd.NA` when nothing is counted).
    """
    values = np.asarray(probabilities, np.float64)
    images = films[[*STUDY, "label"]].assign(
        counted=~np.isnan(values), positive=is_positive(values, threshold), score=values
    )
    table = (
        images.groupby(list(STUDY), sort=False, observed=True)
        .agg(
            label=("label", "first"),
            images=("counted", "sum"),
            positive_images=("positive", "sum"),
            score=("score", "max"),
        )
        .reset_index()
    )
    verdict = (table["positive_images"] > 0).astype("boolean").mask(table["images"] == 0)
    table.insert(0, "key", study_key(table))
    return table.assign(verdict=verdict, right=verdict == (table["label"] == 1))


def summaries(films: pd.DataFrame, threshold: float) -> dict[str, metrics.Summary]:
    """Return the figures of predictions, by image and by study (OR rule).

    Args:
        films: manifest columns and `probability`, 0 to 1.
        threshold: a film is positive when its probability is greater.
    """
    scores = films["probability"].to_numpy()
    studies = verdicts(films, scores, threshold)
    positive = is_positive(scores, threshold)
    return {
        "images": metrics.summarise(films["label"], positive, scores),
        "studies": metrics.summarise(
            studies["label"], studies["verdict"].astype(bool), studies["score"]
        ),
    }
