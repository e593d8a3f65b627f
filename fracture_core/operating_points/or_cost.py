"""The price of OR: each further film is a further chance of a false alarm.

If the films of a study erred independently, a specificity s of a film became s ** n of a study of n
films. Real films of one study resemble each other, so the loss is mostly smaller.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fracture_core.datasets.catalog import study_key
from fracture_core.verdicts import closed_intervals
from fracture_core.verdicts.closed_intervals import Proportion


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """A price of OR that others measured on patients.

    Args:
        films: specificity of each of a study's films.
        study: specificity of the study.
        studies: number of studies, positive ones included.
        source: who says so.
    """

    films: tuple[float, ...]
    study: float
    studies: int
    source: str

    @property
    def independent(self) -> float:
        """Specificity of the study if its films erred independently."""
        return float(np.prod(self.films))


WRISTS = Elsewhere(
    films=(0.825, 0.864),
    study=0.729,
    studies=524,
    source="Thian 2019, consecutive wrist studies of patients",
)


@dataclass(frozen=True, kw_only=True)
class Price:
    """The price of OR at a threshold.

    Args:
        film: specificity of a film of the negative studies.
        studies: by number of views: specificity of the negative studies with as many films.
    """

    film: Proportion
    studies: dict[int, Proportion]


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The price of OR at every threshold.

    Args:
        films: probabilities of the films of negative studies, rising.
        studies: by number of views, the greatest probability of each negative study, rising.
    """

    films: np.ndarray
    studies: dict[int, np.ndarray]

    def at(self, threshold: float) -> Price:
        """Return the price at a threshold; a film is positive when its probability is greater."""
        return Price(
            film=_cleared(self.films, threshold),
            studies={n: _cleared(scores, threshold) for n, scores in self.studies.items()},
        )


def _cleared(rising: np.ndarray, threshold: float) -> Proportion:
    return closed_intervals.wilson(
        int(np.searchsorted(rising, threshold, side="right")), len(rising)
    )


def independent(specificity: float, films: int) -> float:
    """Return the specificity of a study of n films that err independently: s ** n."""
    return float(specificity**films)


def prices(films: pd.DataFrame) -> Prices:
    """Return the price of OR on some films.

    Args:
        films: manifest columns and `probability`, without NaN.
    """
    negative = films[films["label"] == 0]
    values = negative["probability"].to_numpy(np.float64)
    studies = pd.Series(values).groupby(study_key(negative).to_numpy())
    views, highest = studies.size(), studies.max()
    by_views = {
        int(number): np.sort(highest[views == number].to_numpy())
        for number in sorted(views.unique())
    }
    return Prices(films=np.sort(values), studies=by_views)
