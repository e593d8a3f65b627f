"""Saving choices into a released model's card."""

from dataclasses import replace
from pathlib import Path

from fracture_core import checksums
from fracture_core.errors import ModelError
from fracture_core.files import replace_file
from fracture_core.models import cards
from fracture_core.models.cards import Card
from fracture_core.models.model_names import CARD
from fracture_core.operating_points.calibration import Calibration
from fracture_core.operating_points.choices import OperatingPoint
from fracture_core.operating_points.promise import Promise


def save_point(reference: str, point: OperatingPoint | None) -> None:
    """Keep an operating point in a card, or remove it.

    A point of OR becomes the card's threshold; one of another rule leaves that as it was.

    Args:
        reference: of a released model.
        point: to be kept; `None` to go back to the card's own threshold.

    Raises:
        ModelError: the model is an epoch of a run, or not whole.
        WriteFailed: the card cannot be written; the one before is unchanged.
    """
    model = _released(reference)
    card = model.card.without_choices()
    choices = replace(model.card.choices, operating_point=None)
    if point:
        point = replace(
            point,
            card_threshold=card.threshold,
            card_threshold_origin=card.threshold_origin,
        )
        if point.rule == "or":
            card = replace(card, threshold=point.threshold, threshold_origin=point.origin)
        choices = replace(choices, operating_point=point)
    _write(model.weights.parent, replace(card, choices=choices))


def save_calibration(reference: str, calibration: Calibration | None) -> None:
    """Keep a calibration in a card, or remove it; for the errors see `save_point`.

    An operating point on calibrated probabilities goes with the calibration that it was chosen by.
    """
    model = _released(reference)
    choices, point = model.card.choices, model.card.choices.operating_point
    if point and point.rule == "calibrated_max":
        choices = replace(choices, operating_point=None)
    choices = replace(choices, calibration=calibration)
    _write(model.weights.parent, replace(model.card, choices=choices))


def save_promise(reference: str, promise: Promise | None) -> None:
    """Keep a promise in a card, or remove it; for the errors see `save_point`."""
    model = _released(reference)
    choices = replace(model.card.choices, promise=promise)
    _write(model.weights.parent, replace(model.card, choices=choices))


def _released(reference: str) -> cards.Model:
    model = cards.find(reference)
    if model.is_run:
        raise ModelError(
            f"{model.reference} is an epoch of a run, whose card is made from its folder. Release "
            f"it, then choose: python -m fracture_core release {model.reference} NAME"
        )
    return model


def _write(folder: Path, card: Card) -> None:
    replace_file(folder / CARD, checksums.json_with_own(card.to_dict()))
