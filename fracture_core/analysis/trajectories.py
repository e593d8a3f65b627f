"""Predictions of every film at every epoch of a run, and figures from them.

All from the run's films and its prediction tables; no network is run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from fracture_core.datasets.catalog import study_key
from fracture_core.epochs import predictions
from fracture_core.errors import RunError
from fracture_core.runs import journal
from fracture_core.verdicts import aggregation


@dataclass(frozen=True, kw_only=True)
class Trajectories:
    """The stacked prediction tables of a run.

    Args:
        films: the predicted films, from `predictions.predicted_films`.
        epochs: those with a complete table, in order.
        probabilities: float32 (epochs, films), 0 to 1.
        studies: one row per study in the order of its first film: key, role, part, patient, study,
            label, and trained_on, whether the run was trained on other films of the patient.
        order: int (films,), the films sorted by study.
        starts: int (studies,), the place of each study's first film in that order.
    """

    films: pd.DataFrame = field(repr=False)
    epochs: tuple[int, ...]
    probabilities: np.ndarray = field(repr=False)
    studies: pd.DataFrame = field(repr=False)
    order: np.ndarray = field(repr=False)
    starts: np.ndarray = field(repr=False)

    def films_of(self, study: int) -> np.ndarray:
        """Return the rows in `films` of a study, given its row in `studies`, in their order."""
        end = self.starts[study + 1] if study + 1 < len(self.starts) else len(self.order)
        return self.order[self.starts[study] : end]


def read(folder: Path, earlier: Trajectories | None = None) -> Trajectories:
    """Read all tables of a run; a damaged one is left out, as if the epoch had none.

    Args:
        folder: the run's.
        earlier: the result of an earlier call for this run: only new tables are read.

    Raises:
        RunError: the run has not read its films yet.
    """
    base = earlier or _empty(folder)
    present = dict(zip(base.epochs, base.probabilities, strict=True))
    tables = {}
    for epoch in predictions.epochs(folder):
        if epoch in present:
            tables[epoch] = present[epoch]
            continue
        try:
            tables[epoch] = predictions.load(folder, epoch, len(base.films))
        except RunError:
            continue
    stacked = np.stack(list(tables.values())) if tables else base.probabilities[:0]
    return replace(base, epochs=tuple(tables), probabilities=stacked)


def _empty(folder: Path) -> Trajectories:
    all_films = journal.films(folder)
    films = predictions.predicted_films(all_films)
    trained = all_films.loc[all_films["role"] == "train", "patient"]
    keys = study_key(films)
    codes, names = pd.factorize(keys)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names)))
    first = films.iloc[order[starts]].reset_index(drop=True)
    columns = ["role", "part", "patient", "study", "label"]
    trained_on = first["patient"].isin(trained)
    studies = first[columns].assign(key=np.asarray(names), trained_on=trained_on)
    return Trajectories(
        films=films,
        epochs=(),
        probabilities=np.empty((0, len(films)), np.float32),
        studies=studies,
        order=order,
        starts=starts,
    )


def relabelled(trajectories: Trajectories, labels: Mapping[str, int]) -> Trajectories:
    """Return the trajectories with these labels in place of those that the run has.

    Args:
        trajectories: of the run.
        labels: key of a study -> its label, 0 or 1; other studies keep theirs.
    """
    studies, films = trajectories.studies, trajectories.films
    return replace(
        trajectories,
        studies=studies.assign(label=_under(labels, studies["key"], studies["label"])),
        films=films.assign(label=_under(labels, study_key(films), films["label"])),
    )


def _under(
    labels: Mapping[str, int], keys: "pd.Series[str]", own: "pd.Series[int]"
) -> "pd.Series[int]":
    return keys.map(labels).fillna(own).astype(own.dtype)


def verdicts(trajectories: Trajectories, threshold: float) -> np.ndarray:
    """Return the OR verdict on every study at every epoch, bool (epochs, studies)."""
    if not len(trajectories.starts):
        return np.empty((len(trajectories.epochs), 0), bool)
    positive = aggregation.is_positive(trajectories.probabilities[:, trajectories.order], threshold)
    return np.logical_or.reduceat(positive, trajectories.starts, axis=1)


def up_to(trajectories: Trajectories, epoch: int) -> Trajectories:
    """Return the trajectories up to and including an epoch."""
    count = sum(each <= epoch for each in trajectories.epochs)
    return replace(
        trajectories,
        epochs=trajectories.epochs[:count],
        probabilities=trajectories.probabilities[:count],
    )


def changes(values: np.ndarray, threshold: float) -> int:
    """Count the changes of the OR verdict on a study from one row to the next.

    Args:
        values: (epochs, films) of one study, 0 to 1.
        threshold: a film is positive when its probability is greater.
    """
    verdict = np.asarray(aggregation.is_positive(values, threshold).any(axis=1))
    return int((verdict[1:] != verdict[:-1]).sum())


def right(trajectories: Trajectories, threshold: float) -> np.ndarray:
    """Return whether every study's verdict at every epoch was right, bool (epochs, studies)."""
    is_right: np.ndarray = verdicts(trajectories, threshold) == (
        trajectories.studies["label"].to_numpy() == 1
    )
    return is_right


@dataclass(frozen=True, kw_only=True)
class Flips:
    """Studies whose verdict changed with an epoch.

    Args:
        epoch: the epoch; compared with the preceding epoch that has a table.
        became_right: rows of `Trajectories.studies`.
        became_wrong: rows of `Trajectories.studies`.
        n: number of studies.
    """

    epoch: int
    became_right: tuple[int, ...]
    became_wrong: tuple[int, ...]
    n: int


def flips(trajectories: Trajectories, threshold: float, role: str) -> Iterator[Flips]:
    """Yield the changes of every epoch but the first, newest first, computed one by one.

    Args:
        trajectories: of the run.
        threshold: a film is positive when its probability is greater.
        role: "dev" or "valid".
    """
    rows = np.flatnonzero(trajectories.studies["role"].to_numpy() == role)
    hits = right(trajectories, threshold)[:, rows]
    for number in range(len(trajectories.epochs) - 1, 0, -1):
        now, before = hits[number], hits[number - 1]
        yield Flips(
            epoch=trajectories.epochs[number],
            became_right=tuple(rows[now & ~before].tolist()),
            became_wrong=tuple(rows[~now & before].tolist()),
            n=len(rows),
        )


def forgettings(trajectories: Trajectories, threshold: float) -> np.ndarray:
    """Count how often each study was right and, an epoch later, wrong; int (studies,).

    Forgetting events, after Toneva et al. (2019), An Empirical Study of Example Forgetting during
    Deep Neural Network Learning, there of training examples at every presentation.
    """
    hits = right(trajectories, threshold)
    return (hits[:-1] & ~hits[1:]).sum(axis=0) if len(hits) > 1 else np.zeros(hits.shape[1], int)
