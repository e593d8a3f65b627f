"""Released models: a folder each with card, weights, dev predictions and, of some, a gate."""

from pathlib import Path

import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.errors import ConfigError, FileRefused, ModelError
from fracture_core.models import model_files, prediction_table
from fracture_core.models.model import Model
from fracture_core.models.model_card import MOST_MEMBERS, Card
from fracture_core.models.model_files import CARD, GATE, PREDICTIONS, PREVIOUS_GATE, WEIGHTS


def read(folder: Path) -> Model:
    """Return the released model in this folder.

    Raises:
        ModelError: a file is missing or damaged, or does not belong to the card.
    """
    if missing := [n for n in (CARD, WEIGHTS, PREDICTIONS) if not (folder / n).is_file()]:
        raise ModelError(
            f"{folder.name} is no whole model: {', '.join(missing)} is missing, or no file."
        )
    card, has_checksum = _card(folder)
    model_files.check_weights(
        folder.name, card, model_files.sha256(folder / WEIGHTS, card.weights_bytes)
    )
    gate = _gate_of(folder, card)
    if card.gate and gate is None:
        raise ModelError(
            f"The {GATE} of {folder.name} is missing, or not the one that its card was written "
            "for. Release the model again."
        )
    return Model(
        reference=folder.name,
        card=card,
        weights=folder / WEIGHTS,
        dev_films=_dev_predictions(folder, card),
        gate=gate,
        guarded=bool(card.predictions_sha256 and has_checksum),
    )


def _card(folder: Path) -> tuple[Card, bool]:
    """Return a released model's card, and whether it carries its own checksum.

    Raises:
        ModelError: it cannot be read, or was changed since it was written.
    """
    try:
        fields, is_intact = checksums.split_own(file_reader.read_json(folder / CARD))
        card = Card.from_dict(fields)
    except (ConfigError, FileRefused) as error:
        raise ModelError(f"The card of {folder.name} cannot be read: {error}") from error
    if is_intact is False:
        raise ModelError(
            f"The {CARD} of {folder.name} is damaged (its own checksum differs). Put it back, "
            "or release the model again."
        )
    if len(card.members) == 1 or len(card.members) > MOST_MEMBERS:
        raise ModelError(
            f"An ensemble has 2 to {MOST_MEMBERS} members; the card of {folder.name} names "
            f"{len(card.members)}. Make it again."
        )
    return card, is_intact is not None


def _dev_predictions(folder: Path, card: Card) -> pd.DataFrame:
    """Return a released model's predictions on its dev films.

    Raises:
        ModelError: they cannot be read, or are not those that the card was written for.
    """
    try:
        table = prediction_table.read(folder / PREDICTIONS)
    except FileRefused as error:
        raise ModelError(f"The {PREDICTIONS} of {folder.name} cannot be read: {error}") from error
    expected = card.predictions_sha256
    if expected and model_files.sha256(folder / PREDICTIONS, file_reader.TABLE_BYTES) != expected:
        raise ModelError(
            f"The {PREDICTIONS} of {folder.name} is not the one that its card was written for. "
            "Release the model again."
        )
    return table


def _gate_of(folder: Path, card: Card) -> Path | None:
    """Return the card's gate; the previous one if a kill came between writing gate and card."""
    expected = card.gate.get("sha256")
    paths = (folder / name for name in (GATE, PREVIOUS_GATE))
    whole = (
        path
        for path in paths
        if path.is_file() and model_files.sha256(path, model_files.GATE_BYTES) == expected
    )
    return next(whole, None) if card.gate else None
