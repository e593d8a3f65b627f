"""The change from one epoch to the next, by numbers that can be checked by hand."""

import pandas as pd
import pytest

from fracture_core.analysis.fluctuation import change, compare


def table(*values: float | None, first: int = 1) -> pd.DataFrame:
    epochs = range(first, first + len(values))
    return pd.DataFrame({"epoch": epochs, "valid.accuracy": values})


def test_a_change_is_the_mean_of_absolute_differences() -> None:
    assert change(pd.Series([0.5, 0.7, 0.6, 0.9], [1, 2, 3, 4])) == pytest.approx(0.6 / 3)
    assert change(pd.Series([0.9, 0.5, 0.6, 0.7], [4, 1, 3, 2])) == pytest.approx(0.6 / 3)
    assert change(pd.Series([0.5, 0.5], [7, 8])) == 0.0


def test_only_epochs_in_a_row_count() -> None:
    assert change(pd.Series([0.5, 0.7, 0.2], [1, 2, 5])) == pytest.approx(0.2)
    assert change(pd.Series([0.5, None, 0.2, 0.3], [1, 2, 3, 4])) == pytest.approx(0.1)
    assert change(pd.Series([0.5, 0.2], [1, 3])) is None
    assert change(pd.Series([0.5], [1])) is None
    assert change(pd.Series([], dtype=float)) is None


def test_three_seeds_have_students_interval_and_the_difference_is_paired() -> None:
    # Changes of .1, .2 and .3 running, of .05, .10 and .03 recomputed.
    pairs = [
        (table(0.5, 0.6, 0.5), table(0.60, 0.65, 0.70)),
        (table(0.5, 0.7, 0.5), table(0.60, 0.70, 0.60)),
        (table(0.5, 0.8, 0.5), table(0.60, 0.63, 0.66)),
    ]
    result = compare(pairs, "valid.accuracy")
    t = 4.302653  # of 2 degrees of freedom, two-sided 95 %
    half = t * 0.1 / 3**0.5
    assert result.running.value == pytest.approx(0.2) and result.running.n == 3
    assert 0.2 - half < 0 and result.running.low == 0.0  # no change is below 0
    assert result.running.high == pytest.approx(0.2 + half, abs=1e-6)
    assert result.recomputed.value == pytest.approx(0.06)
    # .05, .10, .03: deviation sqrt((.0001 + .0016 + .0009) / 2)
    assert result.recomputed.high == pytest.approx(0.06 + t * 0.0013**0.5 / 3**0.5, abs=1e-6)
    # .05, .10 and .27: mean .14, deviation sqrt((.0081 + .0016 + .0169) / 2)
    assert result.difference.value == pytest.approx(0.14)
    reach = t * (0.0266 / 2) ** 0.5 / 3**0.5
    assert result.difference.low == pytest.approx(0.14 - reach, abs=1e-6)
    assert result.difference.high == pytest.approx(0.14 + reach, abs=1e-6)


def test_both_ways_count_the_same_epochs_and_seeds() -> None:
    pairs = [
        (table(0.1, 0.5, 0.6, 0.8), table(0.6, 0.65, 0.67, first=2)),
        (table(0.5, 0.9), table(0.5)),  # no two epochs in common
        (table(0.5, 0.9), pd.DataFrame(columns=["epoch"])),  # not evaluated again
        (pd.DataFrame(), table(0.5, 0.9)),
    ]
    result = compare(pairs, "valid.accuracy")
    assert result.running.n == result.recomputed.n == result.difference.n == 1
    assert result.running.value == pytest.approx(0.15)
    assert result.recomputed.value == pytest.approx(0.035)


def test_one_seed_has_no_interval_and_none_no_value() -> None:
    result = compare([(table(0.5, 0.6), table(0.5, 0.52))], "valid.accuracy").difference
    assert result.value == pytest.approx(0.08)
    assert (result.low, result.high, result.n) == (None, None, 1)
    assert compare([], "valid.accuracy").difference.value is None
