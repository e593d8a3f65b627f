"""Loss per study: one binary cross-entropy for all films of a study, of their pooled probability.

In multiple-instance learning a study is a bag of films with one label: a positive study needs to
show its fracture on one of them only. `losses.pooling` computes the same from logits, where a
network learns by it; here it follows from kept probabilities alone.
"""

import numpy as np
import pandas as pd

from fracture_core.datasets.catalog import study_numbers

LEAST = 1e-7  # probabilities are clipped to it, as in Keras' loss of a film


def mean_loss(films: pd.DataFrame, probabilities: np.ndarray, pooling: str) -> float:
    """Return the mean binary cross-entropy of studies, in nats.

    Args:
        films: manifest columns; at least one row.
        probabilities: (n,) of these films, 0 to 1.
        pooling: of `TrainConfig`. The weights of attention belong to training alone: what it has
            learned is measured by the verdict's rule, the maximum.
    """
    studies = study_numbers(films)
    labels = films["label"].to_numpy()[np.unique(studies, return_index=True)[1]]
    positive, negative = _pooled(np.asarray(probabilities, np.float64), studies, pooling)
    return float(-np.mean(np.where(labels == 1, positive, negative)))


def _pooled(
    probabilities: np.ndarray, studies: np.ndarray, pooling: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return log P and log(1 - P) of each study, float64 (studies,).

    Args:
        probabilities: float64 (n,) of films.
        studies: (n,), the number of each film's study, from 0 without gaps.
        pooling: as in `mean_loss`.
    """
    films = np.clip(probabilities, LEAST, 1 - LEAST)
    if pooling == "noisy_or":  # 1 - the product of all complements (Pearl 1988, section 4.3.2)
        none = np.bincount(studies, np.log1p(-films))
        return np.log(-np.expm1(none)), none
    if pooling == "mean":
        values = np.bincount(studies, films) / np.bincount(studies)
    else:
        values = np.zeros(studies.max() + 1)
        np.maximum.at(values, studies, films)
    return np.log(values), np.log1p(-values)
