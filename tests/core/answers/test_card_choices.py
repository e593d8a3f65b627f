"""Choices in a card: kept, used, removed; nonsense costs its card one sentence."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from fracture_core import checksums
from fracture_core.answers import card_choices
from fracture_core.datasets import catalog
from fracture_core.errors import ConfigError, ModelError
from fracture_core.evaluations import evaluation_job
from fracture_core.models import card_changes, stored_models
from fracture_core.models.model_card import Card
from fracture_core.models.model_files import CARD
from fracture_core.operating_points import calibration
from fracture_core.operating_points.choices import Choices, OperatingPoint
from fracture_core.operating_points.promise import Promise
from tests.core import made_predictions

POINT = OperatingPoint(rule="or", threshold=0.31, aim="kappa", studies=60, positive=25)
MEAN = replace(POINT, rule="mean", threshold=0.4, aim="youden")
CALIBRATED = replace(POINT, rule="calibrated_max", threshold=0.4)


@pytest.fixture
def model(folders: Path) -> Path:
    """A released model with 60 dev studies."""
    return made_predictions.released("made", made_predictions.films(60, split="train"))


def card() -> Card:
    return stored_models.find("made").card


def test_a_point_of_or_becomes_the_cards_threshold_and_says_where_it_was_chosen(model) -> None:
    card_choices.save_point("made", POINT)
    assert card().threshold == 0.31
    assert card().threshold_origin == "chosen on 60 dev studies (25 positive) for the best kappa"
    assert card().choices.operating_point.card_threshold == 0.5
    card_choices.save_point("made", None)
    assert (card().threshold, card().threshold_origin) == (0.5, "set before training")
    assert card().choices == Choices()


def test_a_point_of_another_rule_leaves_the_threshold_of_or(model) -> None:
    card_choices.save_point("made", POINT)
    card_choices.save_point("made", MEAN)
    assert (card().threshold, card().threshold_origin) == (0.5, "set before training")
    assert card().choices.operating_point.words == "mean of the films above 0.4"
    card_choices.save_point("made", POINT)  # and the own threshold is not forgotten
    assert card().choices.operating_point.card_threshold == 0.5


def test_every_choice_leaves_the_others(model) -> None:
    fitted = calibration.fit(stored_models.find("made").dev_films, "isotonic")
    promise = Promise(missed_percent=10.0)
    card_choices.save_promise("made", promise)
    card_choices.save_calibration("made", fitted)
    card_choices.save_point("made", MEAN)
    assert card().choices.calibration == fitted and card().choices.promise == promise
    assert stored_models.find("made").guarded  # with a checksum of its own
    card_choices.save_calibration("made", None)
    card_choices.save_promise("made", None)
    assert card().choices.operating_point.rule == "mean"


def test_a_point_on_calibrated_scores_needs_the_calibration_and_goes_with_it(model) -> None:
    with pytest.raises(ConfigError, match=r"needs a calibration in the card\. Keep one first"):
        card_choices.save_point("made", CALIBRATED)
    fitted = calibration.fit(stored_models.find("made").dev_films, "temperature")
    card_choices.save_calibration("made", fitted)
    card_choices.save_point("made", CALIBRATED)
    card_choices.save_calibration("made", None)
    assert card().choices == Choices()


def test_a_runs_epoch_is_refused_with_the_next_step(run_copy) -> None:
    for save, value in (
        (card_choices.save_point, POINT),
        (card_choices.save_promise, Promise()),
        (card_choices.save_calibration, None),
    ):
        with pytest.raises(ModelError, match="python -m fracture_core release finished@"):
            save("finished", value)


def test_a_choice_keeps_the_evaluation_of_before(model, phantom_root) -> None:
    dataset = catalog.read(phantom_root)
    before = evaluation_job.folder_of("made", dataset, "valid")
    card_choices.save_point("made", POINT)
    card_choices.save_promise("made", Promise())
    assert evaluation_job.folder_of("made", dataset, "valid") == before


def test_a_card_of_before_has_no_choices(model) -> None:
    fields, _ = checksums.split_own(json.loads((model / CARD).read_text()))
    del fields["choices"]
    (model / CARD).write_bytes(checksums.json_with_own(fields))
    assert card().choices == Choices()


@pytest.mark.parametrize(
    "choices",
    [
        [],
        {"magic": 1},
        {"operating_point": POINT.to_dict() | {"rule": "magic"}},
        {"operating_point": POINT.to_dict() | {"aim": "magic"}},
        {"operating_point": POINT.to_dict() | {"threshold": 2.0}},
        {"operating_point": POINT.to_dict() | {"threshold": "0.5"}},
        {"operating_point": POINT.to_dict() | {"card_threshold": -1.0}},
        {"operating_point": POINT.to_dict() | {"card_threshold_origin": "x" * 10_000}},
        {"operating_point": POINT.to_dict() | {"chosen_on": "valid"}},
        {"operating_point": POINT.to_dict() | {"studies": -1}},
        {"operating_point": POINT.to_dict() | {"positive": 61}},
        {"operating_point": POINT.to_dict() | {"cost_ratio": 1e9}},
        {"operating_point": CALIBRATED.to_dict()},
        {"operating_point": {}},
        {"calibration": {"films": {}, "studies": {}}},
        {"calibration": {"films": {"method": "isotonic"}, "studies": {"method": "temperature"}}},
        {"promise": {"missed_percent": 0.0}},
        {"promise": 5},
    ],
)
def test_nonsense_in_a_card_costs_it_one_sentence(model, choices) -> None:
    fields, _ = checksums.split_own(json.loads((model / CARD).read_text()))
    (model / CARD).write_bytes(checksums.json_with_own(fields | {"choices": choices}))
    with pytest.raises(ModelError, match="The card of made cannot be read") as refused:
        stored_models.find("made")
    assert len(str(refused.value)) < 500


def test_two_writers_lose_no_change(model: Path) -> None:
    promise = Promise(missed_percent=12)
    begun, waits = threading.Event(), threading.Event()

    def other() -> None:
        begun.set()
        card_choices.save_promise("made", promise)
        waits.set()

    writer = threading.Thread(target=other)
    with card_changes.changing(model) as current:
        writer.start()
        assert begun.wait(10) and not waits.wait(0.3)  # it stands before the lock
        choices = replace(current.card.choices, operating_point=MEAN)
        card_changes.write(model, replace(current.card, choices=choices))
    writer.join(10)
    assert waits.is_set()
    assert card().choices.promise == promise and card().choices.operating_point == MEAN
