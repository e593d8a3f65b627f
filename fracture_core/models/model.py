"""A model: its card, with the files that belong to it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.models.model_card import Card
from fracture_core.verdicts import aggregation, metrics


@dataclass(frozen=True, kw_only=True)
class Model:
    """A card with the files that belong to it.

    Args:
        reference: its name on the command line.
        card: its description.
        weights: path of its `.weights.h5`.
        dev_films: predictions on the dev films, one row each: manifest columns and `probability`,
            float32.
        gate: path of its `gate.npz`; `None` where none was fitted.
        guarded: whether its weights, predictions and card (of a run: films and config) have
            checksums; files that an older version wrote have none.
        lost: one of those files whose checksum was written and is gone; empty if none is.
        corrected: corrected labels that its kept films are given, see `relabelled`; none for those
            that it was trained with.
    """

    reference: str
    card: Card
    weights: Path
    dev_films: pd.DataFrame
    gate: Path | None = None
    guarded: bool = True
    lost: str = ""
    corrected: Corrections = field(default_factory=Corrections)

    @property
    def run(self) -> str:
        """The name of its run, if it is an epoch of one; "" for a released model."""
        return self.reference.rpartition("@")[0]

    @property
    def is_run(self) -> bool:
        """True for an epoch of a run, False for a released model."""
        return bool(self.run)

    def at_threshold(self, threshold: float) -> dict[str, metrics.Summary]:
        """Return its figures on dev films at this threshold: "images" and "studies"."""
        return aggregation.summaries(self.dev_films, threshold)

    def relabelled(self, corrected: Corrections) -> "Model":
        """Return the model with its kept films under their studies' corrected labels.

        They are laid over the labels that it was trained with, corrected or not.
        """
        dev_films = corrections.relabel(self.dev_films, corrected)
        return replace(self, dev_films=dev_films, corrected=corrected)

    def corrections_among(self, films: pd.DataFrame) -> dict[str, Any] | None:
        """Return number and hash of the corrected labels of kept films; `None` without one."""
        if not self.corrected.items:
            return None
        facts = corrections.facts(films, self.corrected)
        return facts if facts["labels"] else None

    @property
    def dev_corrections(self) -> dict[str, Any] | None:
        """Number and hash of the corrected labels of its dev studies; `None` without one."""
        return self.corrections_among(self.dev_films)
