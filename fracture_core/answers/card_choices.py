"""Saving choices into a released model's card."""

from contextlib import AbstractContextManager
from dataclasses import replace

from fracture_core.errors import ModelError
from fracture_core.models import card_changes, model_names, stored_models
from fracture_core.models.model import Model
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
    with _changing(reference) as model:
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
        card_changes.write(model.weights.parent, replace(card, choices=choices))


def save_calibration(reference: str, calibration: Calibration | None) -> None:
    """Keep a calibration in a card, or remove it; for the errors see `save_point`.

    An operating point on calibrated probabilities goes with the calibration that it was chosen by.
    """
    with _changing(reference) as model:
        choices, point = model.card.choices, model.card.choices.operating_point
        if point and point.rule == "calibrated_max":
            choices = replace(choices, operating_point=None)
        choices = replace(choices, calibration=calibration)
        card_changes.write(model.weights.parent, replace(model.card, choices=choices))


def save_promise(reference: str, promise: Promise | None) -> None:
    """Keep a promise in a card, or remove it; for the errors see `save_point`."""
    with _changing(reference) as model:
        choices = replace(model.card.choices, promise=promise)
        card_changes.write(model.weights.parent, replace(model.card, choices=choices))


def _changing(reference: str) -> AbstractContextManager[Model]:
    """Hold a released model for a change of its card, see `card_changes.changing`."""
    place = model_names.place(reference)
    if place.run:
        reference = stored_models.find(reference).reference
        raise ModelError(
            f"{reference} is an epoch of a run, whose card is made from its folder. Release it, "
            f"then choose: python -m fracture_core release {reference} NAME"
        )
    return card_changes.changing(place.folder)
