"""Words of a verdict: complete, in numbers that agree, and never a fact about a patient."""

import pytest

from fracture_core.verdicts import closed_intervals, verdict_words
from fracture_core.verdicts.verdict_words import sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            (True, "study1_positive", "patient11417", ["image1.png", "image3.png"], 3),
            "The model finds a fracture (2 of 3 films) in study1_positive of patient11417: "
            "image1.png and image3.png.",
        ),
        (
            (True, "study1", "patient1", ["a", "b", "c"], 3),
            "The model finds a fracture (3 of 3 films) in study1 of patient1: a, b and c.",
        ),
        (
            (True, "your upload", None, ["a.png", "4 other films"], 9, 0, 0, 5),
            "The model finds a fracture (5 of 9 films) in your upload: a.png and 4 other films.",
        ),
        (
            (False, "study2", "patient1", (), 3),
            "The model finds no fracture (0 of 3 films) in study2 of patient1.",
        ),
        (
            (False, "study2", None, (), 1, 1),
            "The model finds no fracture (0 of 1 film) in study2; 1 could not be read.",
        ),
        (
            (True, "study2", None, ["a.png"], 3, 2),
            "The model finds a fracture (1 of 3 films) in study2: a.png; 2 could not be read.",
        ),
        (
            (False, "study2", None, (), 1, 3, 2),
            "The model finds no fracture (0 of 1 film) in study2; "
            "3 could not be read, 2 are doubted and not counted.",
        ),
        (
            (None, "study2", None, (), 0, 0, 1),
            "There is no verdict on study2: its only film is doubted and not counted.",
        ),
        (
            (None, "study2", None, (), 0, 0, 4),
            "There is no verdict on study2: its 4 films are all doubted and not counted.",
        ),
        (
            (None, "study2", None, (), 0, 1, 4),
            "There is no verdict on study2: 1 could not be read, 4 are doubted and not counted.",
        ),
        (
            (None, "study2", "patient1"),
            "There is no verdict on study2 of patient1: none of its images could be scored.",
        ),
    ],
)
def test_the_sentence_says_verdict_study_and_deciding_images(arguments, words) -> None:
    assert sentence(*arguments) == words


def test_of_many_films_the_first_are_named_and_the_others_counted() -> None:
    assert verdict_words.first(["a", "b", "c", "d"]) == ["a", "b", "c", "d"]
    assert verdict_words.first(["a", "b", "c", "d", "e"]) == ["a", "b", "c", "2 other films"]


@pytest.mark.parametrize(
    ("scores", "doubted", "words"),
    [
        ([0.4], False, "0 of 1 film above the threshold of 0.50; the highest is a with 0.400."),
        ([0.4, 0.7], False, "1 of 2 films above the threshold of 0.50; the highest is b with 0.7"),
        ([0.5], True, "0 of 1 film that counts above"),
        ([0.6, 0.6], True, "2 of 2 films that count above the threshold of 0.50; the highest is a"),
    ],
)
def test_the_highest_film_is_named_with_its_score(scores, doubted, words) -> None:
    told = verdict_words.highest(["a", "b"][: len(scores)], scores, 0.5, doubted)
    assert told.startswith(words)


def test_a_verdict_on_altered_films_is_not_compared_with_their_label() -> None:
    words = "Label in the data: X; "
    assert verdict_words.beside_label("X", True, False) == f"{words}the verdict is right."
    assert verdict_words.beside_label("X", False, False) == f"{words}the verdict is wrong."
    altered = verdict_words.beside_label("X", True, True)
    assert altered == f"{words}a verdict on altered films is neither right nor wrong."


@pytest.mark.parametrize(
    ("counts", "views", "words"),
    [
        ((0, 0), 1, "There are no comparable dev studies."),
        ((1, 1), 1, "Unknown: only 1 dev study with 1 film and this verdict."),
        ((9, 9), 2, "Unknown: only 9 dev studies with 2 films and this verdict."),
        (
            (8, 10),
            2,
            "Of 10 dev studies with 2 films and this verdict, 8 were right (95 % interval I).",
        ),
    ],
)
def test_a_track_record_needs_enough_studies(counts, views, words) -> None:
    told = verdict_words.track_record(closed_intervals.wilson(*counts), views, "I")
    assert told == f"How often is that right? {words}"


def test_a_headline_reports_what_the_model_finds_in_a_few_words() -> None:
    assert verdict_words.headline(True, 2, 3) == "The model finds a fracture (2 of 3 films)"
    assert verdict_words.headline(False, 0, 1) == "The model finds no fracture (0 of 1 film)"


def test_the_or_rule_is_explained_by_the_films_of_the_study() -> None:
    positive = verdict_words.or_rule(["a", "b", "c"], 0.5)
    assert positive == "Positive: a, b and c. One film above 0.50 is enough (OR rule)."
    none = verdict_words.or_rule([], 0.25)
    assert none == "No film is above 0.25; one would be enough (OR rule)."
