"""Bootstrap over groups: closed forms, and the coverage of its intervals in a simulation."""

import numpy as np
import pytest

from fracture_core.verdicts import resampling


def test_every_resample_draws_as_many_groups_as_there_are() -> None:
    numbers, count = resampling.group_numbers(["b", "b", "a", "b", 3, 3])
    assert (numbers.tolist(), count) == ([0, 0, 1, 0, 2, 2], 3)
    drawn = resampling.draws(3, 500)
    assert drawn.shape == (500, 3) and (drawn.sum(axis=1) == 3).all()
    assert drawn.mean(axis=0) == pytest.approx([1, 1, 1], abs=0.15)
    np.testing.assert_array_equal(drawn, resampling.draws(3, 500))
    assert (drawn != resampling.draws(3, 500, seed=1)).any()


def test_the_interval_of_single_cases_is_that_of_the_normal_approximation() -> None:
    values = np.tile([0.0, 1.0, 1.0, 1.0], 100)
    interval = resampling.mean(values, range(400))
    reach = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert interval.value == pytest.approx(0.75)
    assert (interval.n, interval.groups) == (400, 400)
    assert interval.low == pytest.approx(0.75 - reach, abs=0.005)
    assert interval.high == pytest.approx(0.75 + reach, abs=0.005)


def test_copies_in_one_group_add_no_certainty() -> None:
    values = np.tile([0.0, 1.0], 20)
    once = resampling.mean(values, range(40))
    copied = resampling.mean(np.repeat(values, 9), np.repeat(range(40), 9))
    assert (copied.low, copied.high) == (pytest.approx(once.low), pytest.approx(once.high))
    assert (copied.n, copied.groups) == (360, 40)


def test_the_same_value_everywhere_is_not_called_certain() -> None:
    interval = resampling.mean(np.zeros(60), range(60))
    assert (interval.value, interval.low, interval.high) == (0.0, None, None)


@pytest.mark.parametrize(("values", "groups"), [([], []), ([1.0, 0.0] * 4, list("abcd") * 2)])
def test_without_enough_groups_there_is_no_interval(values: list[float], groups: list[str]) -> None:
    interval = resampling.mean(values, groups)
    assert interval.low is None and interval.high is None
    assert interval.value == (0.5 if values else None)


def test_intervals_cover_the_truth_where_patients_have_several_studies() -> None:
    draw = np.random.default_rng(7)
    groups = np.repeat(np.arange(60), 4)
    held = ignoring = 0
    for _ in range(100):
        chance = draw.beta(0.5, 0.5, size=60)  # a patient's own, 0.5 in the mean
        values = draw.random(240) < np.repeat(chance, 4)
        grouped, single = (resampling.mean(values, each) for each in (groups, range(240)))
        held += grouped.low <= 0.5 <= grouped.high
        ignoring += single.low <= 0.5 <= single.high
    assert 0.90 <= held / 100 <= 0.99
    assert ignoring / 100 < 0.88  # what ignoring patients would claim as 95 %
