"""Verdicts taken apart, on probabilities with a known answer."""

import pandas as pd
import pytest

from fracture_core.verdicts import aggregation, breakdown


def test_a_verdict_that_depends_on_one_film() -> None:
    parts = breakdown.break_down([0.2, 0.9, 0.4], 0.5)
    assert (parts.fracture, parts.highest, parts.turning) == (True, 1, 0.9)
    assert parts.margin == pytest.approx(0.4)
    assert parts.without == (True, False, True)
    assert parts.pivotal == (1,)


def test_with_two_positive_films_none_is_pivotal() -> None:
    parts = breakdown.break_down([0.8, 0.9], 0.5)
    assert parts.without == (True, True)
    assert parts.pivotal == ()


def test_leaving_out_a_film_cannot_change_a_negative_verdict() -> None:
    parts = breakdown.break_down([0.1, 0.5], 0.5)  # at the threshold is not above it
    assert not parts.fracture
    assert parts.margin == 0.0
    assert parts.pivotal == ()


def test_without_its_single_film_there_is_no_verdict() -> None:
    parts = breakdown.break_down([0.7], 0.5)
    assert parts.without == (None,)
    assert parts.pivotal == ()
    assert breakdown.break_down([], 0.5) is None


def test_the_verdict_turns_at_the_turning_threshold() -> None:
    values = [0.31, 0.62]
    turning = breakdown.break_down(values, 0.5).turning
    assert aggregation.any_rule(values, turning - 1e-9).fracture
    assert not aggregation.any_rule(values, turning).fracture


def test_other_rules_beside_or() -> None:
    verdicts = breakdown.other_rules([0.6, 0.2, 0.1, 0.7], 0.5)
    assert list(verdicts) == [
        "any film (OR)",
        "mean of the films",
        "at least 2 films",
        "more than half (3 of 4)",
        "noisy-OR",
    ]
    assert [verdict.fracture for verdict in verdicts.values()] == [True, False, True, False, True]
    assert verdicts["mean of the films"].score == pytest.approx(0.4)
    assert verdicts["at least 2 films"].score == 0.6
    assert verdicts["more than half (3 of 4)"].score == 0.2
    assert verdicts["noisy-OR"].score == pytest.approx(1 - 0.4 * 0.8 * 0.9 * 0.3)


def test_rules_that_would_be_or_are_left_out() -> None:
    assert list(breakdown.other_rules([0.6], 0.5)) == [
        "any film (OR)",
        "mean of the films",
        "noisy-OR",
    ]
    assert "more than half (2 of 3)" not in breakdown.other_rules([0.6, 0.1, 0.1], 0.5)


def test_at_least_k_needs_k_films() -> None:
    assert aggregation.at_least_rule([0.9], 0.5, 2).fracture is False
    assert aggregation.at_least_rule([], 0.5, 2).fracture is None
    for k in (1, 2, 3):
        positive = sum(value > 0.5 for value in (0.6, 0.7, 0.2))
        assert aggregation.at_least_rule([0.6, 0.7, 0.2], 0.5, k).fracture == (positive >= k)


def test_track_record_counts_studies_alike() -> None:
    rows = [  # patient, label, probabilities of its films
        ("a", 1, [0.9, 0.1]),
        ("b", 0, [0.8, 0.1]),
        ("c", 1, [0.1, 0.1]),
        ("d", 1, [0.9, 0.9, 0.9]),
    ]
    films = pd.DataFrame(
        [
            ("valid", "wrist", patient, "study1", label, value)
            for patient, label, values in rows
            for value in values
        ],
        columns=["split", "part", "patient", "study", "label", "probability"],
    )
    alike = breakdown.track_record(films, 0.5, 2, True)
    assert (alike.count, alike.n) == (1, 2)
    assert breakdown.track_record(films, 0.5, 2, False).n == 1
    assert breakdown.track_record(films, 0.5, 4, True).n == 0
    assert breakdown.track_record(films.iloc[:0], 0.5, 2, True).value is None
