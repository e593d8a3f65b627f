"""From a run to a released model: `models/NAME` with weights, card, dev predictions and gate."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

from fracture_core import cards, gate_job
from fracture_core.cards import CARD, GATE, PREDICTIONS, WEIGHTS, Model
from fracture_core.config import models_folder
from fracture_core.errors import DataError, ModelError
from fracture_core.files import temporary, writing
from fracture_core.runs import NAME

LIMIT_BYTES = 4_300_000  # of a weights file; with its gate, a model's folder stays below 5 MB


def release(reference: str, name: str) -> Path:
    """Publish a run as a model; gives the new folder. Loads TensorFlow where a gate is fitted.

    Where the training films are no longer there, the model gets no gate.

    Args:
        reference: a run (its best dev epoch, else its last) or `RUN@EPOCH`.
        name: of the model; letters, digits, dot, dash, underscore.

    Raises:
        ModelError: the name is taken or cannot be a folder's name, or the run has no epoch.
        RunError: the epoch is not kept.
    """
    folder = models_folder() / name
    if not NAME.fullmatch(name):
        raise ModelError(
            f"A model's name takes letters, digits, '.', '-' and '_' and begins with a letter or "
            f"digit; received {name!r}."
        )
    if folder.exists():
        raise ModelError(f"A model called {name!r} exists. Choose another name, or delete it.")
    model = cards.find(reference)
    weights_bytes = model.weights.stat().st_size
    if weights_bytes > LIMIT_BYTES:
        raise ModelError(
            f"A released model's weights stay under {LIMIT_BYTES / 1e6:g} MB; these take "
            f"{weights_bytes / 1e6:.1f} MB. Use RUN@EPOCH as the model, without a release."
        )
    gate = _gate(model)
    card = replace(
        model.card,
        gate=gate_job.facts(gate) if gate else {},
        name=name,
        weights_sha256=cards.sha256(model.weights),
        training={**model.card.training, "run": model.card.name},
    )
    draft = temporary(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
        shutil.copyfile(model.weights, draft / WEIGHTS)
        if gate:
            (draft / GATE).write_bytes(gate)
        model.judged.to_parquet(draft / PREDICTIONS, index=False)
        (draft / CARD).write_text(json.dumps(card.to_dict(), indent=2) + "\n", encoding="utf-8")
        draft.rename(folder)  # appears whole or not at all
    return folder


def _gate(model: Model) -> bytes | None:
    """The content of its gate: the one that it has, else one fitted on its run's films."""
    if model.gate:
        return model.gate.read_bytes()
    if "@" not in model.reference:
        return None  # a released model without one
    try:
        return gate_job.of_run(model)
    except DataError:
        return None
