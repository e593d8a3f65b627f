"""Batches that hold whole studies, for a run that learns from studies.

A pass shuffles the studies and lays their films end to end. A step takes the studies whose last
film lies within its `batch_size` films, so that a pass has as many steps as one over single films,
every study is shown whole and once, and no step is empty. Of a study of more films than a batch, as
many as a batch are newly drawn in every pass. No film is padding: batches differ in length.
"""

import numpy as np


def shown(studies: np.ndarray, batch_size: int) -> int:
    """Return the number of films that a pass shows.

    Args:
        studies: int (n,), the number of each film's study, from 0 without gaps.
        batch_size: films of a step on average; a study shows no more.
    """
    return int(np.minimum(np.bincount(studies), batch_size).sum())


def draw(
    studies: np.ndarray, batch_size: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the order of a pass.

    Args:
        studies, batch_size: as in `shown`.
        random: of the run's seed and the pass.

    Returns:
        Rows of the films in the order shown, and the end of each step among these, both int64.
    """
    place = random.permutation(studies.max() + 1)  # of each study in the pass
    mixed = random.permutation(len(studies))  # decides which films of a long study are shown
    rows = mixed[np.argsort(place[studies[mixed]], kind="stable")]
    lengths = np.bincount(place[studies])
    begins = np.cumsum(lengths) - lengths
    rows = rows[np.arange(len(rows)) - np.repeat(begins, lengths) < batch_size]
    ends = np.cumsum(np.minimum(lengths, batch_size))
    steps = (ends - 1) // batch_size  # the step of each study
    return rows, ends[np.flatnonzero(np.diff(steps, append=steps[-1] + 1))]
