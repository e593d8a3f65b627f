"""CLAIM's checklist: answers come from named fields of a card, and go with them."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fracture_core.models import released_models
from fracture_core.models.model_card import Card
from fracture_core.reports import claim_answers, claim_checklist
from fracture_core.reports.claim_checklist import State

STARTER = Path(__file__).parents[3] / "models" / "starter-five-conv"


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    return released_models.read(STARTER).card.to_dict()


def without(card: dict[str, Any], field: str) -> dict[str, Any]:
    """Return a copy of a card that lacks a field, named with dots."""
    left = copy.deepcopy(card)
    *path, last = field.removeprefix("card.").split(".")
    inside = left
    for key in path:
        inside = inside[key]
    del inside[last]
    return left


def test_the_checklist_has_all_items_of_claim_in_order(card: dict[str, Any]) -> None:
    items = claim_checklist.items(card)
    assert [item.number for item in items] == list(range(1, 43))
    filled = [item for item in items if item.state is State.FILLED]
    assert len(filled) > 12 and all(item.answer and item.fields for item in filled)


def test_an_item_is_empty_without_any_field_of_its_answer(card: dict[str, Any]) -> None:
    tried = 0
    for item in claim_checklist.items(card):
        for field in item.fields if item.state is State.FILLED else ():
            again = claim_checklist.items(without(card, field))[item.number - 1]
            assert (again.state, again.answer) == (State.AUTHORS, ""), (item.asks, field)
            tried += 1
    assert tried > 15


def test_answers_are_those_of_the_card(card: dict[str, Any]) -> None:
    answers = {item.number: item.answer for item in claim_checklist.items(card)}
    assert "32 x 32 px" in answers[9] and "97,409 parameters" in answers[22]
    assert f"train: {card['training']['images']['train']} films" in answers[20]
    sensitivity = card["metrics"]["valid"]["studies"]["sensitivity"]
    words = f"valid, studies: sensitivity {sensitivity['value']:.3f} ({sensitivity['low']:.3f}"
    assert words in answers[36] and f"n = {sensitivity['n']}" in answers[36]


def test_real_films_leave_questions_about_people_to_the_authors(card: dict[str, Any]) -> None:
    real = copy.deepcopy(card)
    real["training"]["synthetic"] = False
    states = {item.number: item.state for item in claim_checklist.items(real)}
    people = [
        item.number
        for item in claim_checklist.items(card)
        if item.state is State.NOT_APPLICABLE and item.number != claim_checklist.ENSEMBLING
    ]
    assert people and all(states[number] is State.AUTHORS for number in people)


def test_foreign_text_is_no_markup_in_the_document(card: dict[str, Any]) -> None:
    hostile = {**card, "label_meaning": "a | b\n# **bold** <img src=x> [link](http://x)"}
    document = claim_checklist.markdown("model", claim_checklist.items(hostile))
    assert "<img" not in document.replace("\\<img", "") and "\n# **" not in document
    rows = [line for line in document.splitlines() if line.startswith("| ")]
    assert all(row.replace("\\|", "").count("|") == 6 for row in rows)


def test_how_it_was_trained_names_what_regularized_it(card: dict[str, Any]) -> None:
    plain = Card.from_dict(card)
    training = {**plain.training, "label_smoothing": 0.1, "weight_average": 0.999}
    words = claim_answers.training(replace(plain, training=training))
    assert words == f"{claim_answers.training(plain)} Label smoothing: 0.1. Weight average: 0.999."
