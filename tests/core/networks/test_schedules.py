"""The learning rate of every step."""

import numpy as np
import pytest

from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.train_config import TrainConfig
from fracture_core.networks import schedules


def curve(schedule: Schedule, steps: int = 60, length: int = 10, epochs: int = 4) -> np.ndarray:
    """The factors of steps beyond the 40 of the schedule."""
    return np.array([schedules.factor(schedule, s, length, epochs) for s in range(steps)])


def test_a_constant_rate_stays() -> None:
    assert set(curve(Schedule())) == {1.0}


def test_a_cosine_falls_from_the_whole_rate_to_its_floor_and_stays_there() -> None:
    values = curve(Schedule(kind="cosine", floor_percent=20.0))
    assert (values[0], values[39]) == (1.0, pytest.approx(0.2))
    assert values[19:21].mean() == pytest.approx(0.6)  # half way, by symmetry
    assert (np.diff(values[:40]) < 0).all()
    assert set(values[40:]) == {values[39]}


def test_a_step_schedule_falls_by_its_factor_and_stays_at_its_last_rate() -> None:
    values = curve(Schedule(kind="step", step_epochs=2, factor=0.5))
    assert set(values[:20]) == {1.0}
    assert set(values[20:]) == {0.5}


def test_a_warm_up_grows_in_a_straight_line_to_the_whole_rate() -> None:
    values = curve(Schedule(warmup_epochs=2.0))
    assert np.allclose(values[:20], np.arange(1, 21) / 20)
    assert set(values[20:]) == {1.0}
    cosine = curve(Schedule(kind="cosine", warmup_epochs=2.0))
    assert cosine[20] == 1.0
    assert cosine[39] == pytest.approx(0.01)


def test_a_plateau_falls_after_its_patience_and_not_below_its_floor() -> None:
    schedule = Schedule(kind="plateau", patience=2, factor=0.1, floor_percent=5.0)
    state = (1.0, 0)
    states = []
    for better in (True, False, False, False, False, True, False):
        state = schedules.fall(schedule, state[0], 0 if better else state[1] + 1)
        states.append(state)
    assert [plateau for plateau, _ in states] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01, 0.01])
    assert [waited for _, waited in states] == [0, 1, 0, 1, 0, 0, 1]
    assert schedules.factor(schedule, 5, 10, 4, plateau=0.01) == 0.05
    assert schedules.fall(Schedule(), 1.0, 99) == (1.0, 99)


def test_a_rate_that_was_asked_for_holds_from_its_step_and_the_last_word_wins() -> None:
    config = TrainConfig(data="x", learning_rate=0.5, epochs=4)
    changes = [(3, 0.1), (6, 0.2), (5, 0.3)]  # the last one after a resume from before step 6
    values = schedules.rates(config, changes, first=2, count=6, length=10, plateau=1.0)
    assert values.dtype == np.float32
    assert values.tolist() == pytest.approx([0.5, 0.1, 0.1, 0.3, 0.3, 0.3])


def test_a_schedule_multiplies_what_was_asked_for() -> None:
    config = TrainConfig(data="x", epochs=4, schedule=Schedule(kind="step", step_epochs=1))
    values = schedules.rates(config, [(0, 0.1)], first=9, count=2, length=10, plateau=1.0)
    assert values.tolist() == pytest.approx([0.1, 0.03])
