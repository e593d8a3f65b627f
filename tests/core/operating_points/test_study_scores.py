"""Scores of studies by every rule: against the single rules, closed forms, and their algebra."""

import numpy as np
import pandas as pd
import pytest

from fracture_core.errors import ConfigError
from fracture_core.operating_points import study_scores
from fracture_core.operating_points.calibration import Scaling
from fracture_core.verdicts import aggregation
from tests.core import made_predictions


def draws(number: int = 300, seed: int = 0) -> list[np.ndarray]:
    """Studies of one to six films; ties and certain films among them."""
    rng = np.random.default_rng(seed)
    return [
        np.round(np.clip(rng.normal(0.5, 0.4, rng.integers(1, 7)), 0, 1), 2) for _ in range(number)
    ]


def test_scores_equal_those_of_the_single_rules() -> None:
    for films in draws():
        score = {rule: study_scores.score(rule, films) for rule in study_scores.RULES}
        assert score["or"] == aggregation.any_rule(films, 0.5).score
        assert score["mean"] == pytest.approx(aggregation.mean_rule(films, 0.5).score)
        for k in (2, 3):
            assert score[f"at_least_{k}"] == aggregation.at_least_rule(films, 0.5, k).score
        assert score["noisy_or"] == pytest.approx(aggregation.noisy_or_rule(films, 0.5).score)


def test_a_table_has_the_scores_of_its_studies_in_order() -> None:
    films = made_predictions.films(60, seed=3).sample(frac=1, random_state=1)  # not sorted
    table = study_scores.of_films(films)
    keys = films["part"] + films["patient"] + films["study"]
    assert (table["part"] + table["patient"]).tolist() == [
        key.partition("study")[0] for key in keys.unique()
    ]
    for key, row in zip(keys.unique(), table.itertuples(), strict=True):
        own = films[keys == key]
        values = own["probability"].to_numpy(np.float64)
        assert (row.label, row.views) == (own["label"].iloc[0], len(own))
        assert row.mean == pytest.approx(values.mean())
        assert row.noisy_or == pytest.approx(1 - np.prod(1 - values))


def test_a_film_that_does_not_count_changes_nothing() -> None:
    films = made_predictions.films(30)
    more = films.assign(probability=np.nan, path=films["path"] + "x")
    both = study_scores.of_films(pd.concat([films, more], ignore_index=True))
    alone = study_scores.of_films(films)
    for rule in study_scores.RULES:
        assert both[rule].tolist() == pytest.approx(alone[rule].tolist())
    assert both["views"].tolist() == alone["views"].tolist()
    none = study_scores.of_films(more)
    assert none["views"].tolist() == [0] * len(none) and none["or"].isna().all()


@pytest.mark.parametrize("rule", ["or", "noisy_or", "at_least_2", "at_least_3", "calibrated_max"])
def test_one_more_film_never_lowers_the_score(rule: str) -> None:
    rng = np.random.default_rng(1)
    for films in draws(seed=1):
        more = [*films, rng.random()]
        assert study_scores.score(rule, more) >= study_scores.score(rule, films)


@pytest.mark.parametrize("rule", study_scores.RULES)
def test_a_higher_probability_never_lowers_the_score_nor_a_higher_threshold_adds_a_call(
    rule: str,
) -> None:
    rng = np.random.default_rng(2)
    for films in draws(seed=2):
        raised = films.copy()
        place = rng.integers(len(films))
        raised[place] = min(1.0, raised[place] + rng.random() / 2)
        score = study_scores.score(rule, films)
        assert study_scores.score(rule, raised) >= score - 1e-12
        low, high = np.sort(rng.random(2))
        assert bool(score > low) >= bool(score > high)


def test_or_is_at_least_two_of_the_films_and_more_and_below_noisy_or() -> None:
    for films in draws(seed=4):
        score = {rule: study_scores.score(rule, films) for rule in study_scores.RULES}
        assert score["at_least_3"] <= score["at_least_2"] <= score["or"]
        assert score["mean"] <= score["or"] <= score["noisy_or"] + 1e-12


def test_a_study_of_one_film_is_never_positive_by_two() -> None:
    assert study_scores.score("at_least_2", [1.0]) == 0.0
    assert study_scores.score("or", []) is None


def test_calibrated_max_is_the_maximum_of_what_the_map_makes_of_the_films() -> None:
    scaling = Scaling(method="temperature", temperature=2.0)
    for films in draws(50, seed=5):
        expected = scaling.apply(films).max()
        assert study_scores.score("calibrated_max", films, scaling) == expected


def test_an_unknown_rule_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"one of or, mean, .* received 'median'"):
        study_scores.score("median", [0.5])


def test_studies_are_grouped_by_their_number_of_views() -> None:
    table = study_scores.of_films(made_predictions.films(200, seed=1))
    groups = study_scores.by_views(table)
    assert list(groups) == ["1 view", "2 views", "3 views", "4 or more views"]
    assert sum(mask.sum() for mask in groups.values()) == 200
    assert set(table["views"][groups["4 or more views"]]) == {4, 5}
    few = table[table["views"] <= 4]
    assert list(study_scores.by_views(few))[-1] == "4 views"
