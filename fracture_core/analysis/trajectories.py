"""What a run has thought of every film at every epoch, and what follows from it.

All of it comes from the run's films and its prediction tables; no network is asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fracture_core.datasets.catalog import study_key
from fracture_core.errors import RunError
from fracture_core.runs import journal, predictions
from fracture_core.verdicts import aggregation


@dataclass(frozen=True, kw_only=True)
class Trajectories:
    """The tables of a run, one above the other.

    Args:
        films: the judged films, as `predictions.predicted_films` gives them.
        epochs: those that have a whole table, in order.
        probabilities: float32 (epochs, films), 0 to 1.
        studies: one row a study in the order of its first film: key, role, part, patient, study,
            label, and trained_on, whether the run has learned from other films of the patient.
        order: int (films,), the films sorted by study.
        starts: int (studies,), where each study's films begin in that order.
    """

    films: pd.DataFrame = field(repr=False)
    epochs: tuple[int, ...]
    probabilities: np.ndarray = field(repr=False)
    studies: pd.DataFrame = field(repr=False)
    order: np.ndarray = field(repr=False)
    starts: np.ndarray = field(repr=False)

    def films_of(self, study: int) -> np.ndarray:
        """The rows of `films` that a study, by its row in `studies`, is made of, in their order."""
        end = self.starts[study + 1] if study + 1 < len(self.starts) else len(self.order)
        return self.order[self.starts[study] : end]


def read(folder: Path, known: Trajectories | None = None) -> Trajectories:
    """All tables of a run; a damaged one is left out, as if the epoch had none.

    Args:
        folder: the run's.
        known: what was read of the same run before: only what is new is read.

    Raises:
        RunError: the run has not read its films yet.
    """
    empty = known or _empty(folder)
    kept = dict(zip(empty.epochs, empty.probabilities, strict=True))
    tables = {}
    for epoch in predictions.epochs(folder):
        if epoch in kept:
            tables[epoch] = kept[epoch]
            continue
        try:
            tables[epoch] = predictions.load(folder, epoch, len(empty.films))
        except RunError:
            continue
    stacked = np.stack(list(tables.values())) if tables else empty.probabilities[:0]
    return Trajectories(
        films=empty.films, epochs=tuple(tables), probabilities=stacked,
        studies=empty.studies, order=empty.order, starts=empty.starts,
    )  # fmt: skip


def _empty(folder: Path) -> Trajectories:
    every = journal.films(folder)
    films, taught = predictions.predicted_films(every), every[every["role"] == "train"]
    keys = study_key(films)
    codes, names = pd.factorize(keys)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names)))
    first = films.iloc[order[starts]].reset_index(drop=True)
    columns = ["role", "part", "patient", "study", "label"]
    trained_on = first["patient"].isin(taught["patient"])
    studies = first[columns].assign(key=np.asarray(names), trained_on=trained_on)
    return Trajectories(
        films=films, epochs=(), probabilities=np.empty((0, len(films)), np.float32),
        studies=studies, order=order, starts=starts,
    )  # fmt: skip


def verdicts(found: Trajectories, threshold: float) -> np.ndarray:
    """The OR verdict on every study at every epoch, bool (epochs, studies)."""
    if not len(found.starts):
        return np.empty((len(found.epochs), 0), bool)
    positive = aggregation.is_positive(found.probabilities[:, found.order], threshold)
    return np.logical_or.reduceat(positive, found.starts, axis=1)


def up_to(found: Trajectories, epoch: int) -> Trajectories:
    """The same run as it stood after an epoch."""
    count = sum(each <= epoch for each in found.epochs)
    return replace(found, epochs=found.epochs[:count], probabilities=found.probabilities[:count])


def changes(values: np.ndarray, threshold: float) -> int:
    """How often the OR verdict on a study changed from one row to the next.

    Args:
        values: (epochs, films) of one study, 0 to 1.
        threshold: a film is positive when its probability is greater.
    """
    said = aggregation.is_positive(values, threshold).any(axis=1)
    return int((said[1:] != said[:-1]).sum())


def right(found: Trajectories, threshold: float) -> np.ndarray:
    """Whether the verdict on every study at every epoch was right, bool (epochs, studies)."""
    return verdicts(found, threshold) == (found.studies["label"].to_numpy() == 1)


@dataclass(frozen=True, kw_only=True)
class Flips:
    """Which studies changed sides after an epoch.

    Args:
        epoch: after which they were judged otherwise than after the epoch before that has a table.
        became_right: rows of `Trajectories.studies`.
        became_wrong: likewise.
        n: studies that were judged.
    """

    epoch: int
    became_right: tuple[int, ...]
    became_wrong: tuple[int, ...]
    n: int


def flips(found: Trajectories, threshold: float, role: str) -> Iterator[Flips]:
    """What changed after every epoch but the first, the newest first, each as it is asked for.

    Args:
        found: the run's tables.
        threshold: a film is positive when its probability is greater.
        role: "dev" or "valid".
    """
    rows = np.flatnonzero(found.studies["role"].to_numpy() == role)
    hits = right(found, threshold)[:, rows]
    for number in range(len(found.epochs) - 1, 0, -1):
        now, before = hits[number], hits[number - 1]
        yield Flips(
            epoch=found.epochs[number],
            became_right=tuple(rows[now & ~before].tolist()),
            became_wrong=tuple(rows[~now & before].tolist()),
            n=len(rows),
        )


def forgettings(found: Trajectories, threshold: float) -> np.ndarray:
    """How often each study was judged right and then, an epoch later, wrong; int (studies,).

    Forgetting events, after Toneva et al. (2019), An Empirical Study of Example Forgetting during
    Deep Neural Network Learning, there of training examples at every look.
    """
    hits = right(found, threshold)
    return (hits[:-1] & ~hits[1:]).sum(axis=0) if len(hits) > 1 else np.zeros(hits.shape[1], int)
