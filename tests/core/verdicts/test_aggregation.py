"""From image probabilities to verdicts on studies."""

import json

import numpy as np
import pandas as pd
import pytest

from fracture_core.verdicts.aggregation import (
    Verdict,
    any_rule,
    is_positive,
    mean_rule,
    rules,
    verdicts,
)


def test_an_image_at_the_threshold_is_not_positive() -> None:
    assert is_positive([0.5, 0.5000001], 0.5).tolist() == [False, True]


def test_a_float32_table_and_its_json_numbers_agree() -> None:
    table = np.array([0.3, 0.7], np.float32)
    for threshold in (0.3, 0.7):
        alone = [bool(is_positive(float(p), threshold)) for p in table]
        assert is_positive(table, threshold).tolist() == alone


def test_one_positive_image_makes_a_fracture() -> None:
    assert any_rule([0.1, 0.9, 0.2], 0.5) == Verdict(fracture=True, score=0.9)


def test_no_positive_image_makes_none() -> None:
    assert any_rule([0.1, 0.5], 0.5) == Verdict(fracture=False, score=0.5)


def test_the_mean_rule_compares_the_mean() -> None:
    assert mean_rule([0.25, 0.75, 0.25, 0.25], 0.5) == Verdict(fracture=False, score=0.375)


@pytest.mark.parametrize("rule", [any_rule, mean_rule])
@pytest.mark.parametrize("nothing", [[], [float("nan")]])
def test_without_a_counted_image_there_is_no_verdict(rule, nothing) -> None:
    assert rule(nothing, 0.5) == Verdict(fracture=None, score=None)


def test_an_image_that_is_not_counted_changes_nothing() -> None:
    assert rules([0.25, float("nan"), 0.5], 0.3) == rules([0.25, 0.5], 0.3)


def test_rules_are_ready_for_json() -> None:
    by_rule = json.loads(json.dumps(rules(np.array([0.25, 0.75], np.float32), 0.5)))
    assert by_rule == {
        "any": {"fracture": True, "score": 0.75},
        "mean": {"fracture": False, "score": 0.5},
    }


def films() -> pd.DataFrame:
    """Two studies of one name in two parts, and a third one; their rows interleaved."""
    rows = [
        ("train", "wrist", "patient00001", "study1", 0),
        ("train", "hand", "patient00001", "study1", 1),
        ("train", "wrist", "patient00001", "study1", 0),
        ("valid", "hand", "patient00002", "study2", 1),
    ]
    return pd.DataFrame(rows, columns=["split", "part", "patient", "study", "label"])


def test_every_study_gets_one_verdict_in_order_of_its_first_image() -> None:
    table = verdicts(films(), np.array([0.2, 0.6, 0.7, 0.4]), 0.5)
    assert table.to_dict("list") == {
        "key": [
            "train/wrist/patient00001/study1",
            "train/hand/patient00001/study1",
            "valid/hand/patient00002/study2",
        ],
        "split": ["train", "train", "valid"],
        "part": ["wrist", "hand", "hand"],
        "patient": ["patient00001", "patient00001", "patient00002"],
        "study": ["study1", "study1", "study2"],
        "label": [0, 1, 1],
        "images": [2, 1, 1],
        "positive_images": [1, 1, 0],
        "score": [0.7, 0.6, 0.4],
        "verdict": [True, True, False],
        "right": [False, True, False],
    }


def test_the_table_agrees_with_the_rule_on_every_study() -> None:
    rng = np.random.default_rng(0)
    many = pd.DataFrame({"study": [f"study{i}" for i in rng.integers(0, 40, 200)]})
    many = many.assign(split="train", part="hand", patient="patient00001", label=0)
    probabilities = np.where(rng.random(200) < 0.3, np.nan, rng.random(200))
    table = verdicts(many, probabilities, 0.7)
    assert len(table) == many["study"].nunique()
    for row in table.itertuples():
        expected = any_rule(probabilities[many["study"] == row.study], 0.7)
        assert (None if pd.isna(row.verdict) else row.verdict) == expected.fracture
        assert (None if np.isnan(row.score) else row.score) == expected.score


def test_a_study_without_a_counted_image_is_neither_right_nor_wrong() -> None:
    table = verdicts(films(), np.array([0.2, np.nan, np.nan, 0.4]), 0.5)
    assert table["images"].tolist() == [1, 0, 1]
    assert table["verdict"].isna().tolist() == [False, True, False]
    assert table["right"].isna().tolist() == [False, True, False]


def test_rows_may_carry_any_index() -> None:
    odd = films().set_index(pd.Index([7, 3, 9, 1]))
    values = np.array([0.2, 0.6, 0.7, 0.4])
    pd.testing.assert_frame_equal(verdicts(odd, values, 0.5), verdicts(films(), values, 0.5))
