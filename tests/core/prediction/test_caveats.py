"""Caveats shown before a verdict."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fracture_core.folders import models_folder
from fracture_core.models import model_card, released_models
from fracture_core.models.model import Model
from fracture_core.models.model_card import Card, Member
from fracture_core.prediction import caveats

GATE = Path("gate.npz")


def model(labels: list[int], scores: list[float], **changes: object) -> Model:
    """A model with one dev film per study, and by default with a gate."""
    films = pd.DataFrame(
        {
            "split": "train",
            "part": "forearm",
            "patient": [f"patient{n:05d}" for n in range(len(labels))],
            "study": "study1",
            "view": 0,
            "label": labels,
            "path": [f"{n}.png" for n in range(len(labels))],
            "probability": np.array(scores, np.float32),
        }
    )
    card = Card(name="m", architecture="five_conv", training={"synthetic": False})
    plain = {"reference": "m", "card": card, "weights": Path("w"), "dev_films": films, "gate": GATE}
    return Model(**plain | changes)


def good(**changes: object) -> Model:
    return model([1] * 20 + [0] * 20, [0.9] * 19 + [0.1] + [0.1] * 20, **changes)


def test_nothing_is_said_of_a_good_model_with_enough_dev_studies_and_a_gate() -> None:
    assert caveats.warnings(good(), 0.5) == ()


@pytest.mark.parametrize("training", [{}, {"synthetic": None}, {"root": "films"}])
def test_a_model_whose_card_does_not_say_what_it_has_seen_says_so(training) -> None:
    card = Card(name="m", architecture="five_conv", training=training)
    assert caveats.warnings(good(card=card), 0.5) == (caveats.UNKNOWN,)


def test_a_model_that_finds_nothing_and_ranks_below_chance_says_each_gravest_first() -> None:
    scores = np.linspace(0.1, 0.3, 150).tolist() + np.linspace(0.2, 0.4, 100).tolist()
    bad = model([1] * 150 + [0] * 100, scores)
    sentences = caveats.warnings(bad, 0.5)
    assert [sentence.split(":")[0] for sentence in sentences] == [
        "Sensitivity 0",
        "Worse than chance",
        "Worse than the baseline, as far as its dev studies can tell",
    ]
    assert sentences[0] == (
        "Sensitivity 0: at the threshold of 0.50 it found none of its 150 positive dev studies "
        "(95 % interval 0.0 to 2.5 %)."
    )
    assert "100 of 250 correct at the threshold of 0.50 (40.0 %, " in sentences[2]
    assert sentences[2].endswith("baseline (always the majority class): 60.0 %.")


def test_a_model_that_calls_everything_positive_says_so_and_the_threshold_decides() -> None:
    assert caveats.warnings(good(), 0.0)[0].startswith(
        "Specificity 0: at the threshold of 0.00 it called all of its 20 negative dev studies "
    )
    assert caveats.warnings(good(), 0.95)[0].startswith("Sensitivity 0: at the threshold of 0.95")


@pytest.mark.parametrize(("right", "expected"), [(70, False), (59, True), (40, True), (30, True)])
def test_no_better_than_guessing_is_a_question_of_the_interval(right: int, expected: bool) -> None:
    labels = [1, 0] * 50
    wrong = [n >= right for n in range(100)]
    scores = [float(label != flip) for label, flip in zip(labels, wrong, strict=True)]
    sentences = caveats.warnings(model(labels, scores), 0.5)
    assert any("than the baseline" in sentence for sentence in sentences) == expected


@pytest.mark.parametrize(("positive", "negative"), [(19, 40), (40, 19), (5, 5), (20, 20)])
def test_fewer_than_20_dev_studies_of_a_label_are_too_few(positive: int, negative: int) -> None:
    labels = [1] * positive + [0] * negative
    sentences = caveats.warnings(model(labels, [float(label) for label in labels]), 0.5)
    few = [sentence for sentence in sentences if sentence.startswith("Few dev studies")]
    assert bool(few) == (min(positive, negative) < caveats.FEWEST)
    assert all(f"{positive} positive and {negative} negative" in sentence for sentence in few)


def test_without_dev_films_nobody_knows() -> None:
    bare = replace(good(), dev_films=good().dev_films.iloc[:0])
    assert caveats.warnings(bare, 0.5) == (
        "This model set no dev films aside, so its reliability is unknown.",
    )


def test_what_has_no_gate_says_so_by_its_kind() -> None:
    [run] = caveats.warnings(good(gate=None, reference="run@3"), 0.5)
    [released] = caveats.warnings(good(gate=None), 0.5)
    members = (
        Member(name="a", architecture="three_conv"),
        Member(name="b", architecture="three_conv"),
    )
    card = Card(
        name="m", architecture=model_card.ENSEMBLE, members=members, training={"synthetic": False}
    )
    [ensemble] = caveats.warnings(good(gate=None, card=card), 0.5)
    assert run.startswith("This run has no gate yet: it cannot recognize")
    assert released.startswith("This model has no gate: ")
    assert ensemble.startswith("An ensemble has no gate: ")


def test_a_synthetic_model_is_no_judge_of_real_films_alone() -> None:
    drawn = Card(name="m", architecture="five_conv", training={"synthetic": True})
    assert caveats.warnings(good(card=drawn), 0.5) == (caveats.NEVER_SEEN,)
    assert caveats.warnings(good(card=drawn), 0.5, real=False) == ()


def test_the_shipped_model_has_nothing_against_it_on_films_of_its_kind() -> None:
    starter = released_models.read(models_folder() / "starter-five-conv")
    assert caveats.warnings(starter, starter.card.threshold, real=False) == ()
    assert caveats.warnings(starter, starter.card.threshold) == (caveats.NEVER_SEEN,)
