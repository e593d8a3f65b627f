"""Release of a run as a model: `models/NAME` with weights, card, dev predictions and gate."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd

from fracture_core import checksums
from fracture_core.errors import DamagedFile, DataError, ModelError
from fracture_core.files import sweep, temporary, writing
from fracture_core.folders import models_folder
from fracture_core.models import model_files, stored_models
from fracture_core.models.model import Model
from fracture_core.models.model_card import Card
from fracture_core.models.model_files import CARD, GATE, OUT_OF_FOLD, PREDICTIONS, WEIGHTS
from fracture_core.prediction import gate_job, training_patients
from fracture_core.runs.run_folders import DRAFT_SECONDS, NAME
from fracture_core.words import short

LIMIT_BYTES = 4_300_000  # of a weights file; with its gate, a model's folder stays below 5 MB


def release(reference: str, name: str) -> Path:
    """Publish a run as a model and return the new folder. Loads TensorFlow to fit a gate.

    The model gets no gate if the training films no longer exist or cannot be checked. If the disk
    has no room for their pixels, nothing is released, so that a gate can still be fitted later.

    Args:
        reference: a run (its best dev epoch, else its last) or `RUN@EPOCH`.
        name: of the model; letters, digits, dot, dash, underscore.

    Raises:
        ModelError: the name is taken or invalid, or the run has no epoch.
        RunError: the epoch is not kept.
        WriteFailed: no space or no permission.
    """
    check_name(name)
    model = stored_models.find(reference)
    weights = model_files.weights_content(model)
    check_size(weights, "Use RUN@EPOCH as the model, without a release.")
    gate = _gate(model)
    training = {**model.card.training, "run": model.card.name}
    if patients := training_patients.record(model):
        training[training_patients.RECORD] = patients
    card = replace(model.card, training=training)
    return publish(name, card, weights, model.dev_films, gate)


def publish(
    name: str,
    card: Card,
    weights: bytes,
    dev_films: pd.DataFrame,
    gate: bytes | None = None,
    out_of_fold: bytes | None = None,
) -> Path:
    """Write a model's folder as a whole or not at all, and return it.

    Args:
        name: of the model; also set in the card.
        card: without the hashes of the other files.
        weights: content of the weights file.
        dev_films: predictions on them, see `Model.dev_films`.
        gate: content of the gate's file.
        out_of_fold: content of the table of out-of-fold predictions, which the card describes.

    Raises:
        ModelError: see `check_name`.
    """
    check_name(name)
    table = dev_films.to_parquet(None, index=False)
    card = replace(
        card,
        predictions_sha256=model_files.sha256(table),
        gate=gate_job.facts(gate) if gate else {},
        name=name,
        weights_sha256=model_files.sha256(weights),
    )
    folder = models_folder() / name
    draft = temporary(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        sweep(folder.parent, DRAFT_SECONDS)
        draft.mkdir()
        try:
            (draft / WEIGHTS).write_bytes(weights)
            if gate:
                (draft / GATE).write_bytes(gate)
            if out_of_fold:
                (draft / OUT_OF_FOLD).write_bytes(out_of_fold)
            (draft / PREDICTIONS).write_bytes(table)
            (draft / CARD).write_bytes(checksums.json_with_own(card.to_dict()))
            try:
                draft.rename(folder)  # appears whole or not at all
            except OSError:
                _refuse_taken(name)  # another process was quicker
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder


def check_name(name: str) -> None:
    """Refuse a name for a model.

    Raises:
        ModelError: it is taken or invalid.
    """
    if not NAME.fullmatch(name):
        raise ModelError(
            f"A model's name takes letters, digits, '.', '-' and '_' and begins with a letter or "
            f"digit; received {short(name)!r}."
        )
    _refuse_taken(name)


def _refuse_taken(name: str) -> None:
    if os.path.lexists(models_folder() / name):
        raise ModelError(f"A model called {name!r} exists. Choose another name, or delete it.")


def check_size(weights: bytes, instead: str) -> None:
    """Refuse weights that are too large for a released model.

    Args:
        weights: content of the file.
        instead: the next step, a sentence.

    Raises:
        ModelError: they are too large.
    """
    if len(weights) > LIMIT_BYTES:
        raise ModelError(
            f"A released model's weights stay under {LIMIT_BYTES / 1e6:g} MB; these take "
            f"{len(weights) / 1e6:.1f} MB. {instead}"
        )


def _gate(model: Model) -> bytes | None:
    """Return the content of the model's gate, or of one fitted on its run's films."""
    if model.gate:
        return model.gate.read_bytes()
    if not model.is_run:
        return None  # a released model without one
    try:
        return gate_job.of_run(model)
    except (DataError, DamagedFile):
        return None
