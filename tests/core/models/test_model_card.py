"""The card: it survives JSON, and says what a positive label means."""

import pytest

from fracture_core.models import model_card, stored_models
from fracture_core.models.model_card import Card


def test_a_card_survives_json(run_copy) -> None:
    card = stored_models.find("finished").card
    assert Card.from_json(card.to_json()) == card


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"synthetic": True, "kind": "mura"}, "drawn into the synthetic bone"),
        ({"kind": "class_folders", "positive": "Fractured"}, "class folder 'Fractured'"),
        ({"kind": "fracatlas", "positive": None}, "as FracAtlas' radiologists marked it"),
        ({"kind": "mura"}, "Positive means abnormal"),
    ],
)
def test_the_meaning_of_a_label_is_that_of_its_data(data, words) -> None:
    assert words in model_card.label_meaning(data)
