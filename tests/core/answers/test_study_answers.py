"""A study's answer: limits from dev, what the promise does not cover, and the saved choices."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fracture_core.answers import card_choices, study_answers
from fracture_core.errors import ConfigError
from fracture_core.films.film_checks import Check
from fracture_core.folders import PROJECT
from fracture_core.models import released_models, stored_models
from fracture_core.models.model import Model
from fracture_core.operating_points import calibration, study_scores
from fracture_core.operating_points.choices import OperatingPoint
from fracture_core.operating_points.promise import Answer, Promise
from fracture_core.prediction.study_prediction import FilmPrediction, StudyPrediction
from tests.core import made_predictions

ODD = Check(name="aspect", value=9.0, limit=5.0, doubt="Its shape is odd.")
PIXELS = np.zeros((24, 24), np.uint8)
MEAN = OperatingPoint(rule="mean", threshold=0.4, aim="youden", studies=900, positive=400)


@pytest.fixture
def model(folders: Path) -> Model:
    """A model of real films with 900 dev studies, enough for a promise."""
    dev = made_predictions.films(900, seed=1, split="train", skill=3.0)
    made_predictions.released("made", dev, synthetic=False)
    return stored_models.find("made")


def film(probability: float, **more) -> FilmPrediction:
    name = f"{probability}.png"
    return FilmPrediction(name=name, probability=probability, pixels=PIXELS, **more)


def study(*films: FilmPrediction, refused=()) -> StudyPrediction:
    return StudyPrediction(study="study1", films=films, refused=refused)


def test_sure_studies_are_answered_and_others_left_to_a_person(model) -> None:
    answers = study_answers.of_model(model, 0.5)
    clear, call = answers.limits.clear.score, answers.limits.call.score
    assert clear is not None and call is not None
    cleared = answers.of(study(film(0.0), film(min(clear, 0.5))))
    assert cleared.answer is Answer.NO_FRACTURE and "not above the limit" in cleared.reason
    called = answers.of(study(film(0.01), film(1.0)))
    assert called.answer is Answer.FRACTURE and f"limit of {call:.3f}" in called.reason
    between = study_answers.of_model(model, 0.999).of(study(film(min(0.99, clear + 0.1))))
    assert between.answer is Answer.PERSON and "for clearing" in between.reason


def test_a_small_dev_leaves_every_study_to_a_person_and_says_why(folders) -> None:
    made_predictions.released("small", made_predictions.films(49, split="train"), synthetic=False)
    answers = study_answers.of_model(stored_models.find("small"), 0.5)
    own = answers.of(study(film(0.01)))
    assert own.answer is Answer.PERSON
    assert "takes 59 studies cleared without a mistake" in own.reason


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (study(film(0.0), refused=(("x.png", "is no image"),)), "1 film could not be read"),
        (
            study(film(0.0), film(0.0, counted=False, checks=(ODD,))),
            "1 film looked unlike the training films",
        ),
        (study(film(0.0, checks=(ODD,))), "looked unlike"),
        (study(film(0.0, inverted=True), film(0.0, erased_share=0.1)), "2 films altered by hand"),
        (study(), "None of its films counts"),
    ],
)
def test_what_dev_has_none_of_is_left_to_a_person(model, case, words) -> None:
    own = study_answers.of_model(model, 0.5).of(case)
    assert own.answer is Answer.PERSON and words in own.reason


def test_a_model_of_synthetic_films_promises_nothing_on_real_ones(folders) -> None:
    dev = made_predictions.films(900, seed=1, split="train", skill=3.0)
    made_predictions.released("made", dev)
    answers = study_answers.of_model(stored_models.find("made"), 0.5)
    assert answers.of(study(film(0.0))).reason == study_answers.OF_SYNTHETIC
    assert answers.of(study(film(0.0)), real=False).answer is Answer.NO_FRACTURE


def test_the_saved_rule_is_told_beside_or_and_with_where_it_was_chosen(model) -> None:
    card_choices.save_point("made", MEAN)
    answers = study_answers.of_model(stored_models.find("made"), 0.5)
    finding = answers.finding(study(film(0.3), film(0.9)))
    assert finding.fracture and finding.score == pytest.approx(0.6)
    assert "(mean of the films above 0.4) the model finds a fracture: score 0.600" in (
        finding.sentence
    )
    assert "chosen on 900 dev studies (400 positive) for Youden's J" in finding.sentence
    record = answers.to_dict(study(film(0.3), film(0.9)), True)
    assert record["operating_point"]["rule"] == "mean" and record["operating_point"]["fracture"]
    assert answers.finding(study()) is None


def test_a_saved_point_of_or_needs_no_second_finding(model) -> None:
    card_choices.save_point("made", replace(MEAN, rule="or"))
    saved = stored_models.find("made")
    answers = study_answers.of_model(saved, saved.card.threshold)
    assert answers.threshold == 0.4
    assert answers.finding(study(film(0.9))) is None


def test_the_calibrated_probability_is_the_cards_map_of_the_or_score(model) -> None:
    assert study_answers.of_model(model, 0.5).probability(study(film(0.9))) is None
    fitted = calibration.fit(model.dev_films, "isotonic")
    card_choices.save_calibration("made", fitted)
    answers = study_answers.of_model(stored_models.find("made"), 0.5)
    expected = fitted.studies.apply([0.9])[0]
    assert answers.probability(study(film(0.2), film(0.9))) == expected
    assert answers.to_dict(study(film(0.9)), True)["calibrated_probability"] == expected
    assert answers.probability(study()) is None


def test_the_calibrated_rule_scores_by_the_cards_map_of_films(model) -> None:
    fitted = calibration.fit(model.dev_films, "temperature")
    card_choices.save_calibration("made", fitted)
    card_choices.save_point("made", replace(MEAN, rule="calibrated_max"))
    finding = study_answers.of_model(stored_models.find("made"), 0.5).finding(
        study(film(0.2), film(0.7))
    )
    scores = [0.2, 0.7]
    assert finding.score == study_scores.score("calibrated_max", scores, fitted.films)


@pytest.mark.parametrize(
    ("value", "words"), [(0.001, "below 1 %"), (0.999, "above 99 %"), (0.344, "34 %")]
)
def test_no_calibrated_probability_is_certain(value: float, words: str) -> None:
    assert study_answers.words(value) == words


def test_a_promise_takes_its_numbers_from_the_command_the_card_and_the_default(model) -> None:
    assert study_answers.changed(model) == Promise()
    card_choices.save_promise("made", Promise(missed_percent=10.0, confidence_percent=90.0))
    saved = stored_models.find("made")
    assert study_answers.changed(saved, 2.0) == Promise(missed_percent=2.0, confidence_percent=90.0)
    assert study_answers.of_model(saved, 0.5).limits.promise.missed_percent == 10.0
    with pytest.raises(ConfigError, match=r"from 0\.1 to 50; received 0"):
        study_answers.changed(model, 0.0)


def test_limits_come_from_out_of_fold_studies_where_a_model_has_them() -> None:
    starter = released_models.read(PROJECT / "models" / "starter-five-conv")
    source, films = study_answers.unseen_films(starter)
    answers = study_answers.of_model(starter, 0.5)
    assert source == answers.source == "out-of-fold" and len(films) > len(starter.dev_films)
    assert answers.limits.studies == len(study_answers.studies_of(films)) == 320
    assert "trained without its patient" in answers.source_words
