"""Figures of the floors beside a model's own, and how much of its figure was learned."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from fracture_core.floors import floor_scores
from fracture_core.floors.floor_scores import TITLES, Scores
from fracture_core.model_comparison import paired_figures
from fracture_core.model_comparison.paired_figures import Predictor
from fracture_core.verdicts.resampling import Interval

LEVELS = {"studies": "study", "images": "image"}
FIGURE = "auroc"  # by which a model is measured against its floors: it needs no threshold


@dataclass(frozen=True, kw_only=True)
class Floors:
    """Floors of one level.

    Args:
        level: "studies" or "images".
        model: the model's own figures, by name of `estimates.NAMES`.
        floors: the same of each floor, by name of `floor_scores.TITLES`.
        learned: by floor, the model's AUROC minus the floor's, paired over patients.
    """

    level: str
    model: dict[str, Interval]
    floors: dict[str, dict[str, Interval]]
    learned: dict[str, Interval]

    @property
    def strongest(self) -> str:
        """The floor with the highest AUROC; "" where none has one, as with a single label."""
        areas = {name: figures[FIGURE].value for name, figures in self.floors.items()}
        known = {name: area for name, area in areas.items() if area is not None}
        return max(known, key=known.__getitem__, default="")

    @property
    def sentence(self) -> str:
        """Name the learned part of the AUROC, with its interval and n."""
        own, name = self.model[FIGURE], self.strongest
        on = paired_figures.cases(own.n, LEVELS[self.level], own.groups)
        if own.value is None or not name:
            return f"Nothing can be said about what was learned: one label only, on {on}."
        floor, gap = self.floors[name][FIGURE].value, self.learned[name]
        start = (
            f"AUROC {own.value:.3f}; the strongest floor ({TITLES[name]}) reaches {floor:.3f} "
            f"on the same {on}"
        )
        if gap.value is None or gap.low is None or gap.high is None:
            return f"{start}: too few patients to say how much was learned."
        interval = f"95 % interval {gap.low:+.3f} to {gap.high:+.3f}"
        if gap.low > 0 and "untrained" not in self.floors:
            return (
                f"{start}, {gap.value:.3f} less ({interval}). Only the twins can tell how much of "
                "that was learned."
            )
        if gap.low > 0:
            return f"{start}: {gap.value:.3f} was learned beyond it ({interval})."
        if gap.high < 0:
            return f"{start}: the model does worse than this floor ({interval})."
        return f"{start}: nothing measurable was learned beyond it ({gap.value:+.3f}; {interval})."

    def to_dict(self) -> dict[str, Any]:
        """Return the floors as plain data."""
        return {
            "floors": {
                name: {figure: asdict(value) for figure, value in figures.items()}
                for name, figures in self.floors.items()
            },
            "learned": {name: asdict(gap) for name, gap in self.learned.items()},
            "strongest": self.strongest,
            "sentence": self.sentence,
        }


def of_level(
    level: str,
    films: pd.DataFrame,
    threshold: float,
    training: pd.DataFrame | None = None,
    brightness: Mapping[str, float] | None = None,
    twins: Mapping[str, np.ndarray] | None = None,
) -> Floors:
    """Return a model's figures with those of its floors on one level.

    Args:
        level: "studies" or "images".
        films: the evaluated films: manifest columns and `probability`; at least one row.
        threshold: the model's.
        training: manifest columns of its training films; `None` where these are not known.
        brightness: path of a film -> mean brightness, of training and evaluated films.
        twins: of `floor_scores.TWINS`: (n_films,) probabilities; may be empty.
    """
    cases = floor_scores.rows(films, brightness)[level]
    known = None if training is None else floor_scores.rows(training, brightness)[level]
    own = floor_scores.of_twin(films, films["probability"].to_numpy(), threshold)[level]
    others = floor_scores.cheap(cases, known) | {
        name: floor_scores.of_twin(films, values, threshold)[level]
        for name, values in (twins or {}).items()
    }
    model = _predictor(cases, own)
    predictors = {name: _predictor(cases, scores) for name, scores in others.items()}
    return Floors(
        level=level,
        model=model.figures,
        floors={name: each.figures for name, each in predictors.items()},
        learned={
            name: paired_figures.differences(model, each)[FIGURE]
            for name, each in predictors.items()
        },
    )


def _predictor(cases: pd.DataFrame, scores: Scores) -> Predictor:
    return paired_figures.predictor(cases["label"], *scores, cases["patient"])


def with_floors(
    films: pd.DataFrame,
    threshold: float,
    training: pd.DataFrame | None = None,
    brightness: Mapping[str, float] | None = None,
    twins: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Floors]:
    """Return `of_level` of both levels."""
    return {
        level: of_level(level, films, threshold, training, brightness, twins) for level in LEVELS
    }
