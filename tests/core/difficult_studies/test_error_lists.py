"""Lists of errors, disputed and forgotten studies, labels in doubt."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fracture_core.analysis.trajectories import Trajectories
from fracture_core.difficult_studies import error_lists, label_doubts, training_dynamics

FILMS = pd.DataFrame(
    [
        ("a", 1, 0.30),  # missed, near
        ("b", 1, 0.05),  # missed, certain
        ("c", 0, 0.99),  # alarm, certain; its other film is cleared
        ("c", 0, 0.10),
        ("d", 0, 0.55),  # alarm, near; both films are positive
        ("d", 0, 0.52),
        ("e", 1, 0.90),  # right, and disputed
        ("e", 1, 0.45),
        ("f", 0, 0.20),  # right
    ],
    columns=["patient", "label", "probability"],
).assign(split="valid", part="hand", study="study1", view=0)
FILMS["path"] = [f"{number}.png" for number in range(len(FILMS))]


def patients(table: pd.DataFrame) -> list[str]:
    return [key.split("/")[2] for key in table["key"]]


def test_errors_come_with_the_most_certain_first() -> None:
    assert patients(error_lists.wrong(FILMS, 0.5, "missed")) == ["b", "a"]
    alarms = error_lists.wrong(FILMS, 0.5, "alarms")
    assert patients(alarms) == ["c", "d"]
    assert alarms["value"].tolist() == pytest.approx([0.98, 0.1])
    assert alarms["reason"].tolist() == ["score 0.990", "score 0.550"]


def test_certainty_is_the_share_of_the_way_from_the_threshold() -> None:
    values = error_lists.certainty(np.array([0.0, 0.1, 0.2, 0.6, 1.0]), 0.2)
    assert values == pytest.approx([1.0, 0.5, 0.0, 0.5, 1.0])
    assert error_lists.certainty(np.array([1.0, 0.5]), 1.0) == pytest.approx([0.0, 0.5])


def test_films_disagree_where_they_are_on_both_sides() -> None:
    table = error_lists.disputed(FILMS, 0.5)
    assert patients(table) == ["c", "e"]
    assert table["reason"][0] == "1 of 2 films positive, scores 0.100 to 0.990"
    assert patients(error_lists.disputed(FILMS, 0.53)) == ["c", "e", "d"]


def trajectories(hits: list[list[int]]) -> Trajectories:
    """A run whose studies of one positive film are right as told, (epochs, studies)."""
    probabilities = np.where(np.array(hits) == 1, 0.9, 0.1).astype(np.float32)
    n = probabilities.shape[1]
    films = pd.DataFrame({"patient": [f"p{i}" for i in range(n)], "label": 1, "role": "valid"})
    films = films.assign(split="valid", part="hand", study="study1")
    key = [f"valid/hand/p{i}/study1" for i in range(n)]
    return Trajectories(
        films=films,
        epochs=tuple(range(1, len(hits) + 1)),
        probabilities=probabilities,
        studies=films.assign(key=key, trained_on=False),
        order=np.arange(n),
        starts=np.arange(n),
    )


def labels_of(run: Trajectories) -> dict[str, int]:
    """The labels that the run was trained with, by study."""
    return dict(zip(run.studies["key"], run.studies["label"], strict=True))


def learned(hits: list[list[int]]) -> pd.DataFrame:
    """Return when such a run learned its studies, by its own labels."""
    run = trajectories(hits)
    return training_dynamics.learned(run, 0.5, labels_of(run))


def test_forgotten_studies_were_right_and_then_wrong() -> None:
    run = trajectories([[1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]])
    table = error_lists.forgotten(run, 0.5, labels_of(run))
    assert patients(table) == ["p0", "p1"] and table["value"].tolist() == [2, 1]
    assert table["reason"][0] == "forgotten 2 times in 4 epochs"
    assert error_lists.forgotten(run, 0.5, {}).empty


def test_forgotten_and_learned_go_by_the_labels_asked_for_not_by_those_of_the_run() -> None:
    run = trajectories([[1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]])
    keys = run.studies["key"].tolist()
    other = dict.fromkeys(keys, 0)  # what was right is wrong, and the other way round
    table = error_lists.forgotten(run, 0.5, other)
    assert patients(table) == ["p0", "p2"] and table["label"].tolist() == [0, 0]
    late = training_dynamics.learned(run, 0.5, other)
    assert late["epoch"].tolist()[:2] == [4, 3] and np.isnan(late["epoch"][2])
    only = {keys[1]: 0, "valid/hand/nobody/study1": 1}
    assert training_dynamics.learned(run, 0.5, only)["key"].tolist() == [keys[1]]
    assert run.studies["label"].tolist() == [1, 1, 1]


def test_a_study_is_learned_from_the_epoch_after_its_last_error() -> None:
    table = learned([[1, 1, 0, 0], [1, 0, 0, 1], [1, 1, 0, 0]])
    assert (
        table["epoch"].tolist()[:2] == [1, 3] and table["epoch"].isna().tolist()[2:] == [True] * 2
    )
    assert table["share"].tolist()[:2] == [0.0, 1.0]
    one_epoch = learned([[1, 0]])
    assert one_epoch["epoch"].tolist()[0] == 1 and np.isnan(one_epoch["epoch"][1])


def test_difficulty_counts_runs_that_learn_and_how_early() -> None:
    early, late = [[0, 0, 0], [1, 0, 0], [1, 0, 0]], [[1, 0, 0], [1, 0, 0], [1, 1, 0]]
    runs = {str(number): learned(hits) for number, hits in enumerate((early, late, late))}
    table = training_dynamics.difficulty(runs)
    assert table["level"].tolist() == ["easy", "medium", "hard"]
    assert table["learned"].tolist() == [3, 2, 0] and table["runs"].tolist() == [3, 3, 3]
    assert table["epoch"].tolist()[:2] == pytest.approx([4 / 3, 3.0])
    assert training_dynamics.difficulty({}).empty


def test_figures_by_difficulty_are_those_of_its_studies() -> None:
    keys = [f"valid/hand/{name}/study1" for name in "abcdef"]
    levels = pd.DataFrame({"level": ["hard", "hard", "hard", "easy", "easy", "easy"]}, index=keys)
    figures = training_dynamics.by_level(FILMS, 0.5, levels)
    assert list(figures) == ["all", "easy", "hard"]
    accuracy = {name: level["studies"]["accuracy"] for name, level in figures.items()}
    assert accuracy["hard"].value == 0.0 and accuracy["hard"].n == 3
    assert accuracy["easy"].value == pytest.approx(2 / 3)
    assert accuracy["all"].value == pytest.approx(2 / 6)
    assert training_dynamics.by_level(FILMS, 0.5, levels.iloc[:0]) == {}


def test_a_doubted_label_is_where_the_models_are_as_sure_of_the_other_one() -> None:
    # Mean of the label's own probability: 0.7 of label 1, 0.6 of label 0.
    labels = [1, 1, 1, 0, 0, 0]
    scores = [0.95, 0.95, 0.2, 0.1, 0.3, 0.8]
    assert label_doubts.is_doubted(labels, scores).tolist() == [False] * 2 + [True, False] + [
        False,
        True,
    ]
    # As sure as of its label on average, but the models predict the label: no doubt.
    assert not label_doubts.is_doubted([1, 1, 0, 0], [0.3, 0.3, 0.4, 0.05])[2]
    assert not label_doubts.is_doubted([1, 1], [0.1, 0.9]).any()


def test_known_wrong_labels_are_found_and_few_others() -> None:
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 2, 2_000)
    scores = np.clip(np.where(truth, 0.8, 0.2) + draw.normal(0, 0.12, 2_000), 0, 1)
    flipped = draw.random(2_000) < 0.05
    doubted = label_doubts.is_doubted(truth ^ flipped, scores)
    assert (doubted & flipped).sum() > 0.5 * flipped.sum()  # half are surer than the mean
    assert not (doubted & ~flipped).any()


def test_the_scores_of_several_runs_are_averaged() -> None:
    table = pd.DataFrame(
        {"key": list("abcd"), "label": [1, 1, 0, 0], "score": [0.9, 0.1, 0.1, 0.4]}
    )
    other = table.assign(score=[0.9, 0.3, 0.1, 0.4]).iloc[:3]
    found = label_doubts.find([table, other])
    assert found["key"].tolist() == ["b"] and found["reason"][0] == "mean score 0.200 by 2 runs"
    assert found["value"][0] == pytest.approx(0.8)
    assert label_doubts.find([]).empty


def test_a_study_without_an_epoch_has_no_list() -> None:
    run = trajectories([[1, 1]])
    empty = replace(run, epochs=(), probabilities=run.probabilities[:0])
    assert error_lists.forgotten(empty, 0.5, labels_of(empty)).empty
