"""Test-time augmentation: the spread of a film's probability when mirrored and rotated a little.

It measures the network's confidence: a prediction must not depend on the film's position on the
table. The rotations are fixed, so the result is the same each time.
"""

from dataclasses import dataclass

import numpy as np

from fracture_core.networks.augmentation import preview, turned
from fracture_core.prediction.inference import Predictor
from fracture_core.verdicts import aggregation

DEGREES = (0.0, -2.0, 2.0, -4.0, 4.0, -6.0, 6.0)  # films of one study differ by about as much


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Predictions of one film, of its mirrored and of its rotated variants.

    Args:
        probabilities: one per variant, 0 to 1; the first is of the unchanged film.
        degrees: rotation of each variant, counterclockwise.
        mirrored: whether left and right of each variant are exchanged.
    """

    probabilities: tuple[float, ...]
    degrees: tuple[float, ...]
    mirrored: tuple[bool, ...]

    @property
    def low(self) -> float:
        """The least probability of all variants."""
        return min(self.probabilities)

    @property
    def high(self) -> float:
        """The greatest probability of all variants."""
        return max(self.probabilities)

    @property
    def mean(self) -> float:
        """The mean probability of all variants."""
        return float(np.mean(self.probabilities))

    @property
    def deviation(self) -> float:
        """Standard deviation of the variants' probabilities, 0 to 0.5."""
        return float(np.std(self.probabilities))

    def positive(self, threshold: float) -> int:
        """Return the number of variants that are positive at this threshold."""
        return int(aggregation.is_positive(np.array(self.probabilities), threshold).sum())


def spread(predictor: Predictor, pixels: np.ndarray) -> Spread:
    """Predict a film at each of `DEGREES`, both unmirrored and mirrored, in one block.

    Args:
        predictor: the network.
        pixels: one film, uint8 (size, size), as the card's recipe makes it.
    """
    degrees = np.array(DEGREES * 2)
    mirrored = np.repeat([False, True], len(DEGREES))
    changes = turned(len(pixels), degrees, mirrored)
    variants = preview(np.repeat(pixels[None], len(changes), axis=0), changes)
    return Spread(
        probabilities=tuple(map(float, predictor.probabilities(variants))),
        degrees=tuple(degrees.tolist()),
        mirrored=tuple(mirrored.tolist()),
    )
