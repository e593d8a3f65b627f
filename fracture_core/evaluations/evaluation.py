"""Evaluation of a model on whole studies: the accuracy logger that the report never had.

Every study has its OR verdict, a line, and its share in confusion matrix, accuracy, sensitivity,
specificity and Cohen's kappa.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fracture_core.config.reference import Reference
from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.epochs import predictions
from fracture_core.errors import DataError
from fracture_core.models.model import Model
from fracture_core.runs import journal, run_folders
from fracture_core.verdicts import aggregation, metrics
from fracture_core.words import short

SELECTION = "selection"  # in place of a split, for a selection's studies in all splits


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Predictions of a model on the films of a split.

    Args:
        model: name of the model.
        data: the data set: root name, hash, synthetic, its positive class or table if it has one;
            the selection of studies and the corrected labels, if there are any, see
            `run_facts.DataFacts`.
        split: "train", "valid", "test", or a run's "dev"; `SELECTION` for one in any split.
        parts: body parts evaluated; empty for all.
        threshold: a film is positive when its probability is greater.
        films: manifest columns and `probability`, float32, of the films that could be read.
        refused: (path, reason) of those that could not.
    """

    model: str
    data: dict[str, Any]
    split: str
    parts: tuple[str, ...]
    threshold: float
    films: pd.DataFrame
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def films_words(self) -> str:
        """The films in a word or two: "valid", "selection odd hands", "valid, selection ..."."""
        if not (chosen := self.data.get("selection")):
            return self.split
        name = f"selection {short(chosen['name'])}"
        return name if self.split == SELECTION else f"{self.split}, {name}"

    @property
    def data_words(self) -> list[str]:
        """The words of a command that name the data set."""
        named = [
            (f"--{key}", str(self.data[key])) for key in ("positive", "table") if self.data.get(key)
        ]
        return [str(self.data.get("root")), *(word for pair in named for word in pair)]

    def studies(self) -> pd.DataFrame:
        """Return one row per study: see `aggregation.verdicts`."""
        return aggregation.verdicts(
            self.films, self.films["probability"].to_numpy(), self.threshold
        )

    def summaries(self) -> dict[str, metrics.Summary]:
        """Return the figures of "images" and "studies"."""
        return aggregation.summaries(self.films, self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `evaluate --json`: figures of both levels, a line per study."""
        figures = {level: value.to_dict() for level, value in self.summaries().items()}
        return {
            "model": self.model,
            "data": self.data,
            "split": self.split,
            "parts": list(self.parts),
            "threshold": self.threshold,
            **figures,
            "lines": self._lines(),
            "refused": [{"path": path, "reason": reason} for path, reason in self.refused],
        }

    def _lines(self) -> list[dict[str, Any]]:
        keys = catalog.study_key(self.films)
        groups = self.films.groupby(keys, sort=False)["probability"]
        probabilities = {str(key): group.tolist() for key, group in groups}
        studies = self.studies()
        columns = [studies[name].tolist() for name in ("key", "verdict", "label", "right")]
        return [
            {
                "study": key,
                "probabilities": [round(float(p), 6) for p in probabilities[str(key)]],
                "fracture": bool(verdict),
                "label": int(label),
                "right": bool(right),
            }
            for key, verdict, label, right in zip(*columns, strict=True)
        ]


def of_run(folder: Path, epoch: int, role: str) -> Evaluation:
    """Return the evaluation of a run's dev or valid films, from the table of an epoch.

    Raises:
        RunError: the epoch has no table.
        DataError: the run has no film of this role.
    """
    run = run_folders.read(folder)
    films = predictions.with_films(folder, epoch)
    films = films[films["role"] == role].reset_index(drop=True)
    if films.empty:
        raise DataError(f"{run.name} has no {role} films. Choose another share of its data.")
    return Evaluation(
        model=str(Reference(run=run.name, epoch=epoch)),
        data={
            "root": run.data.root,
            "hash": run.data.hash,
            "synthetic": run.data.synthetic,
        },
        split=role,
        parts=run.config.parts,
        threshold=run.config.threshold,
        films=films,
        refused=tuple(journal.refused(folder, role)),
    )


def of_kept_films(model: Model, split: str, films: pd.DataFrame) -> Evaluation:
    """Return the evaluation of predictions that a released model keeps.

    Args:
        model: the model.
        split: name of the films.
        films: manifest columns and `probability`.
    """
    card = model.card
    return Evaluation(
        model=card.name,
        data={key: card.training.get(key) for key in ("root", "hash", "synthetic")},
        split=split,
        parts=card.parts,
        threshold=card.threshold,
        films=films,
    )


def relabelled(value: Evaluation, corrected: Corrections) -> Evaluation:
    """Return an evaluation of the data's own labels by the corrected ones, and say how many.

    It is the same one where no label of its films was corrected.
    """
    facts = corrections.facts(value.films, corrected)
    if not facts["labels"]:
        return value
    films = corrections.relabel(value.films, corrected)
    return replace(value, films=films, data=value.data | {"corrections": facts})


def by_corrected_labels(
    value: Evaluation, model: Model, read: Callable[[str], Corrections] = corrections.read
) -> tuple[Evaluation, Model]:
    """Return an evaluation and its model with the corrected labels of their data.

    The model's kept films, dev among them, choose thresholds, calibration and limits; they may be
    of other data than the evaluated ones.

    Args:
        value: the evaluation.
        model: the model evaluated.
        read: returns the corrections of a data set's hash.

    Raises:
        DataError: a list of corrected labels is damaged, see `corrections.read`.
    """
    films, kept = read(str(value.data.get("hash"))), read(str(model.card.data.hash))
    return relabelled(value, films), model.relabelled(kept)
