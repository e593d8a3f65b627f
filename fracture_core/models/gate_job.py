"""Fitting a model's gate on the films that it has learned from: at a run's end, at a release, or
in a child.

A run's gate is kept in the cache folder under its weights' hash; a released model has it in its
own folder, with its hash in the card.
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from fracture_core import checksums
from fracture_core.config import cache_folder
from fracture_core.datasets import catalog
from fracture_core.errors import DataError, ModelError
from fracture_core.files import make_folder, replace_file
from fracture_core.films import images
from fracture_core.jobs import launcher
from fracture_core.models import cards
from fracture_core.models.cards import CARD, GATE, PREVIOUS_GATE, Model
from fracture_core.runs import journal, pixel_hashes, predictions, run_folders
from fracture_core.runs.run_folders import State, Status

FITTED_ON = 8_000  # films at most: more move a covariance of some hundred features no further
CALIBRATED_ON = 4_000


def of_run(model: Model) -> bytes:
    """The content of a `gate.npz` for a run at an epoch. Loads TensorFlow.

    Raises:
        DataError: the run's training films are no longer where they were, hold other pictures, or
            are too few.
    """
    folder = run_folders.find(model.reference.rpartition("@")[0])
    return _fit(model, run_folders.read(folder).data_root, journal.films(folder), folder)


def of_data(model: Model, dataset: catalog.Dataset) -> bytes:
    """The same for a released model, whose run may be gone, from the data that it was trained on.

    Raises:
        ModelError: these are not the data that its card names, films were left out of training,
            or the model is an ensemble.
        DataError: the films cannot be read.
    """
    training = model.card.training
    if model.card.members:
        raise ModelError(
            f"A gate looks into one network; {model.card.name} is an ensemble and judges without "
            "one. Where films must be doubted, judge with a released member."
        )
    if dataset.hash != training.get("hash"):
        raise ModelError(
            f"{model.card.name} was trained on data with the hash {training.get('hash')}; "
            f"{dataset.root} has {dataset.hash}. Give the data that its card names."
        )
    if training.get("excluded"):
        raise ModelError(
            f"Films were left out when {model.card.name} was trained, and its card does not say "
            "which. Release its run again: that fits the gate as well."
        )
    rows = catalog.select(dataset.manifest, "train", model.card.parts)
    dev = set(model.judged["path"])
    films = rows.assign(role=np.where(rows["path"].isin(dev), "dev", "train"))
    return _fit(model, dataset.root, films)


def _fit(model: Model, root: Path, films: pd.DataFrame, run: Path | None = None) -> bytes:
    """Fit on the films that can be read and, of a run, are still those that it began with."""
    from fracture_core.models import gate
    from fracture_core.models.inference import Predictor

    paths = films["path"].tolist()  # as a run asked for them, so that its pixels are found
    cache = images.pixel_cache(root, paths, model.card.recipe, cache_folder() / "pixels")
    changed = pixel_hashes.changed(run, cache.pixels) if run else None
    others = () if changed is None else changed.tolist()
    readable = np.setdiff1d(np.arange(len(films)), [*cache.refused, *others])
    if len(readable) < len(films) / 2:
        raise DataError(
            f"{len(films) - len(readable)} of {len(films)} training films cannot be read in "
            f"{root}, or hold other pictures than they did, so that no gate can be fitted. Put the "
            "data back where they were."
        )
    roles = films["role"].to_numpy()[readable]
    learned = readable[_some(np.flatnonzero(roles == "train"), FITTED_ON)]
    dev = readable[_some(np.flatnonzero(roles == "dev"), CALIBRATED_ON)]
    predictor = Predictor(replace(model, gate=None))
    features, unseen = (predictor.judge(cache.pixels[rows])[1] for rows in (learned, dev))
    kept = films.iloc[learned]
    columns = (kept[name].to_numpy().astype(str) for name in ("part", "patient", "path"))
    return gate.to_bytes(gate.fit(features, *columns, unseen))


def _some(rows: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of these rows, in order; the same each time."""
    order = np.random.Generator(np.random.Philox(0)).permutation(len(rows))
    return rows[np.sort(order[:most])]


# --- a model's own file -------------------------------------------------------------------------


def add(model: Model, dataset: catalog.Dataset) -> Path:
    """Give a released model a gate, or a new one; gives the path of its `gate.npz`.

    The old gate stays beside it until the card names the new one: a kill leaves a whole model.

    Raises:
        ModelError: see `of_data`.
        WriteFailed: the model's folder takes no file.
    """
    folder = model.weights.parent
    content = of_data(model, dataset)
    if model.gate:
        replace_file(folder / PREVIOUS_GATE, model.gate.read_bytes())
    replace_file(folder / GATE, content)
    card = replace(model.card, gate=facts(content))
    replace_file(folder / CARD, (json.dumps(card.to_dict(), indent=2) + "\n").encode())
    (folder / PREVIOUS_GATE).unlink(missing_ok=True)
    return folder / GATE


def facts(content: bytes) -> dict:
    """What a card says of a gate with this content."""
    from fracture_core.models import gate

    return gate.read(content).facts() | {"sha256": cards.sha256(content)}


# --- in a child ---------------------------------------------------------------------------------


def start(reference: str) -> Path:
    """Fit a run's gate in a child process, unless that is under way or done; gives its folder."""
    model = cards.find(reference)
    folder = cards.gate_folder(model.weights)
    if not cards.is_whole_gate(folder / GATE):
        make_folder(folder)
        asked = {"model": model.reference}
        launcher.start_job(folder, asked, "gate", "Loads the network.", "gate.log")
    return folder


def of_best(run: Path) -> tuple[Path, int] | None:
    """Ready the folder for the gate of a run's best epoch: the folder, and the lock on it.

    `None` where no epoch is complete, or its gate is there.

    Raises:
        RunBusy: somebody is fitting it.
    """
    epoch = predictions.best_epoch(run)
    if epoch is None:
        return None
    model = cards.of_run(run, epoch)
    folder = cards.gate_folder(model.weights)
    if cards.is_whole_gate(folder / GATE):
        return None
    make_folder(folder)
    lock = run_folders.take_lock(folder)
    try:
        replace_file(folder / "asked.json", json.dumps({"model": model.reference}).encode())
        message = "Fitting the gate on the training films."
        run_folders.write_status(folder, Status(state=State.RUNNING, message=message))
    except BaseException:
        os.close(lock)
        raise
    return folder, lock


def run_child(folder: Path) -> None:
    """The child's work: fit the gate of the run that `asked.json` names, and keep it."""
    asked = launcher.job_request(folder, "model")
    checksums.write(folder, folder / GATE, of_run(cards.find(asked["model"])))
    run_folders.write_status(folder, Status(state=State.FINISHED, message="Done.", progress=1.0))
