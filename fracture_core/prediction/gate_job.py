"""Job that fits a model's gate on its training films: at a run's end, at a release, or in a child.

A run's gate is stored in the cache folder under its weights' hash; a released model has it in its
own folder, with its hash in the card.
"""

import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fracture_core import checksums
from fracture_core.datasets import catalog
from fracture_core.epochs import pixel_hashes, predictions
from fracture_core.errors import DataError, ModelError
from fracture_core.files import make_folder, replace_file
from fracture_core.films import pixel_cache
from fracture_core.folders import cache_folder
from fracture_core.jobs import launcher
from fracture_core.models import card_changes, epoch_models, model_files, stored_models
from fracture_core.models.model import Model
from fracture_core.models.model_files import GATE, PREVIOUS_GATE
from fracture_core.prediction import gate_file, gate_fit
from fracture_core.runs import journal, run_folders, run_lock, run_status
from fracture_core.runs.run_status import State, Status

FITTED_ON = 8_000  # films at most: more hardly change a covariance of some hundred features
CALIBRATED_ON = 4_000


def of_run(model: Model) -> bytes:
    """Return the content of a `gate.npz` for a run at an epoch. Loads TensorFlow.

    Raises:
        DataError: the run's training films are no longer where they were, hold other pictures, or
            are too few.
    """
    folder = run_folders.find(model.run)
    return _fit(model, run_folders.read(folder).data_root, journal.films(folder), folder)


def of_data(model: Model, dataset: catalog.Dataset) -> bytes:
    """Return the same for a released model, whose run may be gone, from its training data.

    Raises:
        ModelError: these are not the data that its card names, films were left out of training,
            or the model is an ensemble.
        DataError: the films cannot be read.
    """
    if model.card.members:
        raise ModelError(
            f"A gate uses one network's features; {model.card.name} is an ensemble and predicts "
            "without one. Where films must be doubted, use a released member."
        )
    films = films_of_data(model, dataset)
    return _fit(model, dataset.root, films)


def films_of_data(model: Model, dataset: catalog.Dataset) -> pd.DataFrame:
    """Return the training films of a released model, from its training data, with their `role`.

    Returns:
        Manifest columns of the split "train"; role "dev" for the model's dev films, else "train".

    Raises:
        ModelError: these are not the data that its card names, or films were left out of training.
    """
    training = model.card.data
    if dataset.hash != training.hash:
        raise ModelError(
            f"{model.card.name} was trained on data with the hash {training.hash}; "
            f"{dataset.root} has {dataset.hash}. Give the data that its card names."
        )
    if training.is_partial:
        raise ModelError(
            f"Films were left out when {model.card.name} was trained, and its card does not say "
            "which. Release its run again: that fits the gate as well."
        )
    rows = catalog.select(dataset.manifest, "train", model.card.parts)
    dev = set(model.dev_films["path"])
    return rows.assign(role=np.where(rows["path"].isin(dev), "dev", "train"))


def _fit(model: Model, root: Path, films: pd.DataFrame, run: Path | None = None) -> bytes:
    """Fit on the readable films; of a run, only on those unchanged since it began."""
    from fracture_core.prediction.inference import Predictor

    paths = films["path"].tolist()  # in the run's order, so that its cached pixels are used
    cache = pixel_cache.of_films(root, paths, model.card.recipe, cache_folder() / "pixels")
    changed = pixel_hashes.changed(run, cache.pixels) if run else None
    others = () if changed is None else changed.tolist()
    readable = np.setdiff1d(np.arange(len(films)), [*cache.refused, *others])
    if len(readable) < len(films) / 2:
        raise DataError(
            f"{len(films) - len(readable)} of {len(films)} training films cannot be read in "
            f"{root}, or hold other pictures than before, so no gate can be fitted. Put the data "
            "back where they were."
        )
    roles = films["role"].to_numpy()[readable]
    training = readable[sample(np.flatnonzero(roles == "train"), FITTED_ON)]
    dev = readable[sample(np.flatnonzero(roles == "dev"), CALIBRATED_ON)]
    predictor = Predictor(replace(model, gate=None))
    features, unseen = (predictor.predict(cache.pixels[rows])[1] for rows in (training, dev))
    columns = films.iloc[training][["part", "patient", "path"]]
    parts, patients, names = (columns[name].to_numpy().astype(str) for name in columns)
    return gate_file.to_bytes(gate_fit.fit(features, parts, patients, names, unseen))


def sample(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most `most` of these rows, in order; a fixed random choice."""
    order = np.random.Generator(np.random.Philox(0)).permutation(len(rows))
    return rows[np.sort(order[:most])]


# --- a model's own file -------------------------------------------------------------------------


def add(model: Model, dataset: catalog.Dataset) -> Path:
    """Fit a released model's gate, or a new one, and return the path of its `gate.npz`.

    The old gate stays beside it until the card names the new one: a kill leaves a whole model.

    Raises:
        ModelError: see `of_data`.
        WriteFailed: the model's folder cannot be written to.
    """
    folder = model.weights.parent
    content = of_data(model, dataset)
    with card_changes.changing(folder) as current:  # fitting took long: others may have chosen
        if current.gate:
            replace_file(folder / PREVIOUS_GATE, current.gate.read_bytes())
        replace_file(folder / GATE, content)
        card_changes.write(folder, replace(current.card, gate=facts(content)))
    with contextlib.suppress(OSError):  # the new gate is in use; the next one replaces this file
        (folder / PREVIOUS_GATE).unlink(missing_ok=True)
    return folder / GATE


def facts(content: bytes) -> dict[str, Any]:
    """Return the facts for a card about a gate with this content."""
    return gate_file.read(content).facts() | {"sha256": model_files.sha256(content)}


# --- in a child ---------------------------------------------------------------------------------


def start(reference: str) -> Path:
    """Start fitting a run's gate in a child process, unless running or done; return its folder."""
    model = stored_models.find(reference)
    folder = model_files.gate_folder(model.weights)
    if not model_files.is_whole_gate(folder / GATE):
        make_folder(folder)
        request = {"model": model.reference}
        launcher.start_job(folder, request, "gate", "Loading the network.", "gate.log")
    return folder


def of_best(run: Path) -> tuple[Path, int] | None:
    """Prepare the folder for the gate of a run's best epoch, and lock it.

    Returns:
        The folder and its lock; `None` where no epoch is complete, or the gate exists.

    Raises:
        RunBusy: another process is fitting it.
    """
    epoch = predictions.best_epoch(run)
    if epoch is None:
        return None
    model = epoch_models.of_run(run, epoch)
    folder = model_files.gate_folder(model.weights)
    if model_files.is_whole_gate(folder / GATE):
        return None
    make_folder(folder)
    lock = run_lock.take(folder)
    try:
        replace_file(folder / "asked.json", json.dumps({"model": model.reference}).encode())
        message = "Fitting the gate on the training films."
        run_status.write(folder, Status(state=State.RUNNING, message=message))
    except BaseException:
        os.close(lock)
        raise
    return folder, lock


def run_child(folder: Path) -> None:
    """Run the job in the child: fit the gate of the run in `asked.json`, and store it."""
    request = launcher.job_request(folder, "model")
    checksums.write(folder, folder / GATE, of_run(stored_models.find(request["model"])))
    run_status.write(folder, Status(state=State.FINISHED, message="Done.", progress=1.0))
