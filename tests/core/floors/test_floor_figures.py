"""Floors: their scores in closed form, the model beside them, and what was learned."""

import numpy as np
import pandas as pd
import pytest

from fracture_core.floors import floor_figures, floor_scores
from fracture_core.verdicts import estimates


def films(views: list[int], labels: list[int], seed: int = 0) -> pd.DataFrame:
    """Studies of so many films, a patient each, with a random probability for every film."""
    rows = [
        {
            "split": "valid",
            "part": "hand",
            "patient": f"p{number}",
            "study": "study1",
            "view": view,
            "label": label,
            "path": f"{number}-{view}.png",
        }
        for number, (count, label) in enumerate(zip(views, labels, strict=True))
        for view in range(count)
    ]
    table = pd.DataFrame(rows)
    return table.assign(probability=np.random.default_rng(seed).random(len(table)))


def test_views_alone_score_the_share_of_positive_training_studies_with_as_many() -> None:
    training = films([1, 1, 1, 2, 2, 3], [0, 0, 1, 1, 1, 0])
    own = films([1, 2, 3, 5], [0, 1, 0, 1])
    known, cases = (floor_scores.rows(each, None)["studies"] for each in (training, own))
    scores, verdicts = floor_scores.cheap(cases, known)["views"]
    # With one case of each label added: (1 + 1) / (3 + 2), (2 + 1) / (2 + 2), (0 + 1) / (1 + 2).
    assert scores == pytest.approx([2 / 5, 3 / 4, 1 / 3, 1 / 3])  # 5 views: as the most known
    assert verdicts.tolist() == [False, True, False, False]


def test_brightness_alone_is_scored_by_groups_of_training_studies_alike() -> None:
    training, own = films([1] * 100, [0] * 50 + [1] * 50), films([1, 1], [0, 1])
    values = dict(zip(training["path"], np.linspace(0, 1, 100), strict=True))
    known = floor_scores.rows(training, values)["studies"]
    cases = floor_scores.rows(own, {"0-0.png": 0.02, "1-0.png": 0.97})["studies"]
    scores, _ = floor_scores.cheap(cases, known)["brightness"]
    assert scores == pytest.approx([1 / 12, 11 / 12])  # groups of 10 studies
    unknown = floor_scores.rows(own, {"0-0.png": 0.02})["studies"]
    assert "brightness" not in floor_scores.cheap(unknown, known)


def test_a_number_that_never_varies_is_no_floor() -> None:
    training, own = films([2, 2], [0, 1]), films([2, 2], [0, 1])
    known, cases = (floor_scores.rows(each, None)["studies"] for each in (training, own))
    assert set(floor_scores.cheap(cases, known)) == {"majority"}
    assert set(floor_scores.cheap(cases, None)) == {"majority"}


def test_the_majority_has_the_baselines_accuracy_and_chances_auroc() -> None:
    own = films([2, 1, 3, 1], [1, 1, 1, 0])
    floors = floor_figures.of_level("studies", own, 0.5)
    majority = floors.floors["majority"]
    assert majority["accuracy"].value == 0.75 and majority["auroc"].value == 0.5
    assert majority["sensitivity"].value == 1.0 and majority["specificity"].value == 0.0


def test_every_floor_has_every_figure_on_both_levels() -> None:
    own, training = films([1, 2, 3] * 20, [0, 1] * 30), films([1, 2, 3] * 20, [0, 0, 1] * 20)
    twin = np.random.default_rng(5).random(len(own))
    brightness = dict.fromkeys([*own["path"], *training["path"]], 0.5) | {"0-0.png": 0.7}
    both = floor_figures.with_floors(own, 0.5, training, brightness, {"untrained": twin})
    for level, floors in both.items():
        assert set(floors.floors) == {"majority", "views", "brightness", "untrained"}
        for figures in floors.floors.values():
            assert set(figures) == set(estimates.NAMES)
        gap = floors.model["auroc"].value - floors.floors["untrained"]["auroc"].value
        assert floors.learned["untrained"].value == pytest.approx(gap)
        assert floors.model["accuracy"].n == (60 if level == "studies" else len(own))


@pytest.mark.parametrize(
    ("noise", "twin_noise", "words"),
    [
        (0.1, 5.0, "was learned beyond it (95 % interval +"),
        (5.0, 5.0, "nothing measurable was learned beyond it ("),
        (5.0, 0.1, "the model does worse than this floor (95 % interval -"),
    ],
)
def test_the_sentence_says_how_much_was_learned(
    noise: float, twin_noise: float, words: str
) -> None:
    own = films([1] * 100, [0, 1] * 50)
    draw = np.random.default_rng(1)
    model, twin = (
        1 / (1 + np.exp(-(own["label"] - 0.5 + draw.normal(0, each, 100))))
        for each in (noise, twin_noise)
    )
    own = own.assign(probability=model)
    floors = floor_figures.of_level("studies", own, 0.5, twins={"untrained": twin.to_numpy()})
    assert floors.strongest == "untrained"
    assert "the strongest floor (untrained twin) reaches" in floors.sentence
    assert "on the same 100 studies:" in floors.sentence
    assert words in floors.sentence


def test_without_twins_nothing_is_said_to_be_learned() -> None:
    own = films([1] * 60, [0, 1] * 30)
    noisy = own.assign(probability=np.clip(own["label"] * 0.5 + own["probability"] * 0.7, 0, 1))
    sentence = floor_figures.of_level("studies", noisy, 0.5).sentence
    assert (
        sentence.endswith("Only the twins can tell how much of that was learned.")
        and "beyond" not in sentence
    )


def test_with_one_label_nothing_can_be_said() -> None:
    floors = floor_figures.of_level("studies", films([1, 1], [0, 0]), 0.5)
    assert floors.strongest == "" and "one label only" in floors.sentence
    few = floor_figures.of_level("studies", films([1, 1], [0, 1]), 0.5)
    assert "too few patients" in few.sentence
