"""Prediction tables of a run: the network's probability for every film after every epoch.

`predictions/epoch_NNNN.npy` holds float32 probabilities, one for each dev and valid row of the
run's films, in their order. Verdicts, curves and comparisons are computed from these alone.
"""

import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.errors import DamagedFile, FileRefused, RunError
from fracture_core.files import writing
from fracture_core.runs import journal, run_status
from fracture_core.verdicts import aggregation, metrics, study_loss

ROLES = ("dev", "valid")  # the films that a network is evaluated on after every epoch
NAMED = 5  # lost epochs that a message lists by their number
_NAME = re.compile(r"epoch_([0-9]{4,9})\.npy")


def path(run_folder: Path, epoch: int) -> Path:
    """Return the path of an epoch's table, which need not exist."""
    return run_folder / "predictions" / f"epoch_{epoch:04d}.npy"


def epochs(run_folder: Path) -> tuple[int, ...]:
    """Return the epochs that have a table, in order."""
    try:  # names only: pages poll this, and a Path for each of thousands of tables is slow
        names = os.listdir(run_folder / "predictions")  # noqa: PTH208
    except OSError:  # there is none
        return ()
    matches = map(_NAME.fullmatch, names)
    return tuple(sorted(int(match[1]) for match in matches if match))


def latest(run_folder: Path) -> int | None:
    """Return the last epoch that has a table; `None` without any."""
    return max(epochs(run_folder), default=None)


def lost_lines(run_folder: Path, line_epochs: Iterable[int] | None = None) -> list[int]:
    """Return the completed epochs whose line of metrics.jsonl is missing or damaged, in order.

    A table is written before its line, so the last epoch may lack one for a moment.

    Args:
        run_folder: the run's folder.
        line_epochs: the epochs that have a line; read from the file where `None`.
    """
    tables = epochs(run_folder)
    lines = set(journal.metrics_epochs(run_folder) if line_epochs is None else line_epochs)
    done = max([run_status.read(run_folder).epoch, *lines, *tables[-2:-1]], default=0)
    return [epoch for epoch in tables if epoch <= done and epoch not in lines]


def named(lost: Sequence[int]) -> str:
    """Name lost lines in words, with the first of their epochs."""
    epochs = ", ".join(map(str, lost[:NAMED])) + (", ..." if len(lost) > NAMED else "")
    return f"the {'lines' if len(lost) > 1 else 'line'} of epoch {epochs}"


def best_epoch(run_folder: Path) -> int | None:
    """Return `journal.best_epoch`; `None` also where lines are lost, as it is unknown then."""
    return None if lost_lines(run_folder) else journal.best_epoch(run_folder)


def save(run_folder: Path, epoch: int, probabilities: np.ndarray) -> None:
    """Write a table as a whole: `(n,)` probabilities, 0 to 1, stored as float32."""
    content = io.BytesIO()
    np.save(content, np.asarray(probabilities, np.float32))
    target = path(run_folder, epoch)
    with writing(target):
        target.parent.mkdir(exist_ok=True)
    checksums.write(run_folder, target, content.getvalue())


def load(run_folder: Path, epoch: int, n: int) -> np.ndarray:
    """Return the table of an epoch: float32 `(n,)`, 0 to 1.

    Args:
        run_folder: the run's folder.
        epoch: as `epochs` lists it.
        n: number of films that the run predicts.

    Raises:
        RunError: there is no such table, it was changed, or it is not an array of `n`
            probabilities.
    """
    file, most = path(run_folder, epoch), 4 * n + file_reader.HEADER_BYTES
    try:
        table = file_reader.read_array(checksums.read(run_folder, file, most), (n,), "float32")
    except FileNotFoundError as error:
        existing = ", ".join(map(str, epochs(run_folder))) or "none yet"
        raise RunError(
            f"{run_folder.name} has no predictions of epoch {epoch}. It has: {existing}."
        ) from error
    except DamagedFile as error:
        raise DamagedFile(f"{error} Choose another epoch.") from error
    except FileRefused as error:
        raise RunError(
            f"{file} {error.reason}; it must hold {n} float32 probabilities. Choose another epoch."
        ) from error
    if not np.all((table >= 0) & (table <= 1)):
        raise RunError(
            f"{file} must hold {n} float32 probabilities from 0 to 1. Choose another epoch."
        )
    return table


def predicted_films(films: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a run's films that its tables cover, with a new index from 0."""
    return films[films["role"].isin(ROLES)].reset_index(drop=True)


def join(films: pd.DataFrame, table: np.ndarray) -> pd.DataFrame:
    """Return the predicted films with their probability.

    Raises:
        RunError: the table's length differs from the number of predicted films.
    """
    rows = predicted_films(films)
    if len(rows) != len(table):
        raise RunError(
            f"This run predicts {len(rows)} films; the table holds {len(table)}. "
            "Its films.parquet was changed: restore it, or train again."
        )
    return rows.assign(probability=table)


def with_films(run_folder: Path, epoch: int) -> pd.DataFrame:
    """Return a run's dev and valid films with their `probability` after an epoch."""
    films = journal.films(run_folder)
    table = load(run_folder, epoch, len(predicted_films(films)))
    return join(films, table)


def epoch_metrics(
    films: pd.DataFrame, table: np.ndarray, threshold: float, pooling: str | None = None
) -> dict[str, Any]:
    """Return the metrics of predictions on some films, as in a line of metrics.jsonl.

    Args:
        films: manifest columns; at least one row.
        table: `(n_films,)` probabilities, 0 to 1.
        threshold: a film is positive when its probability is greater.
        pooling: of a run that learns from studies: the loss is one per study, see `study_loss`.

    Returns:
        loss (mean binary cross-entropy in nats, of films or of studies), accuracy, auroc (`None`
        with a single class) and n of images; study_accuracy (OR rule) and studies.
    """
    labels = films["label"].to_numpy()
    images = metrics.summarise(labels, aggregation.is_positive(table, threshold), table)
    verdicts = aggregation.verdicts(films, table, threshold)
    return {
        "loss": study_loss.mean_loss(films, table, pooling) if pooling else _loss(labels, table),
        "accuracy": images.accuracy.value,
        "auroc": images.auroc,
        "n": images.n,
        "study_accuracy": float(verdicts["right"].mean()),
        "studies": len(verdicts),
    }


def _loss(labels: np.ndarray, table: np.ndarray) -> float:
    """Return the mean binary cross-entropy of films, in nats."""
    clipped = np.clip(np.asarray(table, np.float64), 1e-7, 1 - 1e-7)  # as Keras' loss does
    return float(-np.mean(np.where(labels == 1, np.log(clipped), np.log1p(-clipped))))


def metrics_by_role(
    films: pd.DataFrame, table: np.ndarray, threshold: float, pooling: str | None = None
) -> dict[str, dict[str, Any]]:
    """Return `epoch_metrics` of each role of `ROLES` that has films.

    Args:
        films: of `predicted_films`.
        table: `(n_films,)` probabilities, 0 to 1.
        threshold: a film is positive when its probability is greater.
        pooling: as in `epoch_metrics`.
    """
    of_role = {role: (films["role"] == role).to_numpy() for role in ROLES}
    return {
        role: epoch_metrics(films[rows], table[rows], threshold, pooling)
        for role, rows in of_role.items()
        if rows.any()
    }


def majority(films: pd.DataFrame) -> dict[str, float]:
    """Return the baseline by role: the accuracy of always predicting the majority class.

    Args:
        films: a run's films, or their studies, with `role` and `label`.
    """
    positive = films.groupby("role")["label"].mean()
    return {str(role): float(max(share, 1 - share)) for role, share in positive.items()}
