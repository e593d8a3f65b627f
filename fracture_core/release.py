"""From a run to a released model: `models/NAME` with weights, card and dev predictions."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

from fracture_core import cards
from fracture_core.cards import CARD, PREDICTIONS, WEIGHTS
from fracture_core.config import models_folder
from fracture_core.errors import ModelError
from fracture_core.files import temporary, writing
from fracture_core.runs import NAME

LIMIT_BYTES = 5_000_000  # of a weights file that may lie in a repository


def release(reference: str, name: str) -> Path:
    """Publish a run as a model; gives the new folder.

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
    card = replace(
        model.card,
        name=name,
        weights_sha256=cards.sha256(model.weights),
        training={**model.card.training, "run": model.card.name},
    )
    draft = temporary(folder)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
        shutil.copyfile(model.weights, draft / WEIGHTS)
        model.judged.to_parquet(draft / PREDICTIONS, index=False)
        (draft / CARD).write_text(json.dumps(card.to_dict(), indent=2) + "\n", encoding="utf-8")
        draft.rename(folder)  # appears whole or not at all
    return folder
