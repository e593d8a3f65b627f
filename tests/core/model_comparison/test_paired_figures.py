"""Paired differences: against closed forms, DeLong's interval, and copies of cases."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fracture_core.model_comparison import paired_figures
from fracture_core.verdicts import estimates
from fracture_core.verdicts.resampling import Interval


def studies(n: int, seed: int = 1) -> pd.DataFrame:
    """Scores of two related predictors on studies of a patient each."""
    draw = np.random.default_rng(seed)
    label = draw.integers(0, 2, n)
    common = label + draw.normal(0, 1, n)
    table = pd.DataFrame({"key": np.arange(n).astype(str), "patient": np.arange(n), "label": label})
    for side, noise in zip(paired_figures.SIDES, (0.5, 1.2), strict=True):
        score = 1 / (1 + np.exp(-(common + draw.normal(0, noise, n) - 0.5)))
        table[f"score_{side}"], table[f"verdict_{side}"] = score, score > 0.5
    return table


def differences(table: pd.DataFrame) -> dict[str, Interval]:
    return paired_figures.differences(*paired_figures.sides(table))


def delong(table: pd.DataFrame) -> float:
    """Standard error of the difference of two AUROCs (DeLong et al. 1988, Biometrics 44:837)."""
    truth = table["label"].to_numpy() == 1
    parts = []
    for side in paired_figures.SIDES:
        score = table[f"score_{side}"].to_numpy()
        above = score[truth][:, None] > score[~truth][None, :]
        parts.append((above.mean(axis=1), above.mean(axis=0)))
    positive, negative = (np.cov(a, b) for a, b in zip(*parts, strict=True))
    total = positive / truth.sum() + negative / (~truth).sum()
    return math.sqrt(total[0, 0] + total[1, 1] - 2 * total[0, 1])


@pytest.mark.parametrize("first", range(7))
def test_mcnemars_exact_p_is_the_binomials(first: int) -> None:
    for second in range(12):
        n = first + second
        expected = stats.binomtest(first, n, 0.5).pvalue if n else 1.0
        assert paired_figures.mcnemar(first, second) == pytest.approx(expected)


def test_a_difference_is_that_of_the_two_figures() -> None:
    table = studies(150)
    gaps = differences(table)
    one, two = (
        estimates.estimate(
            table["label"], table[f"score_{s}"], table[f"verdict_{s}"], table["patient"]
        )
        for s in paired_figures.SIDES
    )
    assert set(gaps) == set(estimates.NAMES)
    for name, gap in gaps.items():
        assert gap.value == pytest.approx(one[name].value - two[name].value)
        assert gap.low < gap.value < gap.high and gap.n == min(one[name].n, two[name].n)
    assert gaps["accuracy"].n == 150 > gaps["sensitivity"].n


def test_of_independent_studies_the_auroc_interval_is_close_to_delongs() -> None:
    table = studies(300, seed=3)
    gap = differences(table)["auroc"]
    half = 1.96 * delong(table)
    assert (gap.high - gap.low) / 2 == pytest.approx(half, rel=0.1)
    assert gap.low == pytest.approx(gap.value - half, abs=0.2 * half)


def test_copies_of_a_patients_study_make_no_interval_narrower() -> None:
    table = studies(60)
    copies = pd.concat([table] * 3, ignore_index=True)
    one, three = (differences(each)["auroc"] for each in (table, copies))
    assert (three.n, three.groups) == (180, 60)
    assert (three.low, three.high) == pytest.approx((one.low, one.high))


def test_two_equal_predictors_have_no_difference_and_no_interval() -> None:
    table = studies(40)
    for kind in ("score", "verdict"):
        table[f"{kind}_second"] = table[f"{kind}_first"]
    gaps = differences(table)
    assert {gap.value for gap in gaps.values()} == {0.0}
    assert {gap.low for gap in gaps.values()} == {None}
    assert paired_figures.discordant(table) == (0, 0)


def test_studies_that_differ_in_films_or_lack_a_verdict_are_no_pair() -> None:
    side = pd.DataFrame(
        {
            "key": ["a", "b", "c"],
            "patient": ["p", "q", "r"],
            "label": [1, 0, 1],
            "images": [2, 3, 1],
            "score": [0.9, 0.2, 0.4],
            "verdict": pd.array([True, False, False], "boolean"),
        }
    )
    fewer = side.assign(images=[2, 2, 1])
    none = side.assign(verdict=pd.array([True, False, pd.NA], "boolean"))
    assert paired_figures.pair(side, fewer)["key"].tolist() == ["a", "c"]
    assert paired_figures.pair(side, none)["key"].tolist() == ["a", "b"]
    assert paired_figures.discordant(paired_figures.pair(side, side)) == (0, 0)
