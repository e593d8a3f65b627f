"""Loss per study: one binary cross-entropy for all films of a study, of their pooled probability.

In multiple-instance learning a study is a bag of films with one label: a positive study needs to
show its fracture on one of them only. `networks.pooling` computes the same from logits, where a
network learns by it; here it follows from kept probabilities alone.
"""

import numpy as np
import pandas as pd

from fracture_core.datasets.catalog import STUDY

LEAST = 1e-7  # probabilities are clipped to it, as in Keras' loss of a film


def pooled(probabilities: np.ndarray, pooling: str) -> tuple[float, float]:
    """Return the logarithms of a study's probability and of its complement.

    Args:
        probabilities: (n,) of its films, 0 to 1.
        pooling: of `TrainConfig`. The weights of attention belong to training alone: what it has
            learned is measured by the verdict's rule, the maximum.
    """
    films = np.clip(np.asarray(probabilities, np.float64), LEAST, 1 - LEAST)
    if pooling == "noisy_or":  # 1 - the product of all complements (Pearl 1988, section 4.3.2)
        none = float(np.log1p(-films).sum())
        return float(np.log(-np.expm1(none))), none
    value = films.mean() if pooling == "mean" else films.max()
    return float(np.log(value)), float(np.log1p(-value))


def mean_loss(films: pd.DataFrame, probabilities: np.ndarray, pooling: str) -> float:
    """Return the mean binary cross-entropy of studies, in nats.

    Args:
        films: manifest columns; at least one row.
        probabilities: (n,) of these films, 0 to 1.
        pooling: as in `pooled`.
    """
    table = films[[*STUDY, "label"]].assign(probability=np.asarray(probabilities, np.float64))
    losses = []
    for _, study in table.groupby(list(STUDY), sort=False, observed=True):
        positive, negative = pooled(study["probability"].to_numpy(), pooling)
        losses.append(-positive if study["label"].iloc[0] == 1 else -negative)
    return float(np.mean(losses))
