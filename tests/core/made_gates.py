"""Gates fitted on made features, without a network."""

import numpy as np

from fracture_core.prediction import gate_fit
from fracture_core.prediction.gate import Gate


def cloud(count: int, seed: int = 0, middle: float = 0.0) -> np.ndarray:
    """Features of one kind of film: correlated, of different scales, float32 (count, 6)."""
    random = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(6, 6)) * [1, 10, 0.1, 1, 1, 1]
    return (random.normal(size=(count, 6)) @ mix + middle).astype(np.float32)


def fitted(count: int = 300, dev: int = 200) -> Gate:
    """A gate of one part."""
    parts = np.full(count, "forearm")
    paths = np.array([f"film{n}.png" for n in range(count)])
    patients = np.array([f"p{n // 2}" for n in range(count)])
    return gate_fit.fit(cloud(count), parts, patients, paths, cloud(dev, seed=1))
