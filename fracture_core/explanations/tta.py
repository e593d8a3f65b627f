"""How far a film's probability moves when the film is mirrored and turned a little.

Test-time augmentation, as a measure of how sure the network is: what it says of a film must not
hang on how the film lay on the table. The turns are fixed, so the answer is the same each time.
"""

from dataclasses import dataclass

import numpy as np

from fracture_core.models.inference import Predictor
from fracture_core.networks.augmentation import preview, turned
from fracture_core.verdicts import aggregation

DEGREES = (0.0, -2.0, 2.0, -4.0, 4.0, -6.0, 6.0)  # films of one study lie about this far askew


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What the network says of one film as it is, mirrored and turned.

    Args:
        probabilities: one a variant, 0 to 1; the first is the film as it is.
        degrees: turn of each variant, counterclockwise.
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
        """How many of the variants are positive at this threshold."""
        return int(aggregation.is_positive(np.array(self.probabilities), threshold).sum())


def spread(predictor: Predictor, pixels: np.ndarray) -> Spread:
    """Judge a film as it is, and at each of `DEGREES` both as it is and mirrored: one block.

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
