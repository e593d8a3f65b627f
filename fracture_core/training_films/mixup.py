"""Mixup: each training film is mixed with another of its step (Zhang et al. 2018).

As for all random changes of films, partners and shares are a function of (seed, pass over the data,
position in it). A film's share is the larger one of the two that the paper draws: which film of a
pair comes first is chance, and so each has a label that is mostly its own.
"""

from typing import NamedTuple

import numpy as np

STREAM = 2**61  # of random numbers; those of the order and of augmentation count up from 0


class Mix(NamedTuple):
    """Partner and share of each film of a pass.

    Args:
        partners: int64 (n,), the position in the pass of a film of the same step, maybe itself.
        shares: float32 (n,), the share that the film keeps, 0.5 to 1.
    """

    partners: np.ndarray
    shares: np.ndarray


def draw(alpha: float, ends: np.ndarray, seed: int, number: int) -> Mix:
    """Draw the partners and shares of one pass over the data.

    Args:
        alpha: both parameters of the beta distribution of the shares; 0 mixes nothing.
        ends: int (steps,), end position of each step's films.
        seed: the run's.
        number: the pass, from 0.
    """
    count = int(ends[-1])
    if not alpha:
        return Mix(np.arange(count), np.ones(count, np.float32))
    random = np.random.Generator(np.random.Philox(key=[seed, STREAM + number]))
    step = np.searchsorted(ends, np.arange(count), side="right")
    partners = np.lexsort((random.random(count), step))  # a permutation within each step
    share = random.beta(alpha, alpha, count)
    return Mix(partners, np.maximum(share, 1 - share).astype(np.float32))
