"""Pipeline: the films of every step."""

import numpy as np
import pytest

from fracture_core.config.presets import preset
from fracture_core.config.train_config import TrainConfig
from fracture_core.training_films.pipeline import Pipeline


def numbered(count: int, config: TrainConfig) -> Pipeline:
    """Films that can be told apart: each holds its number in every pixel."""
    pixels = np.arange(count, dtype=np.uint8)[:, None, None].repeat(32, 1).repeat(32, 2)
    return Pipeline(pixels=pixels, labels=np.arange(count) % 2, config=config)


def shown_rows(films: Pipeline, steps: range) -> list[int]:
    """The numbers of the films of these steps, in order."""
    return [int(n) for n in films.chunk(steps.start, len(steps)).films[:, 0, 0]]


@pytest.mark.parametrize("name", ["recommended", "report2018"])
@pytest.mark.parametrize("count", [1, 9, 10, 47, 250])
def test_every_film_is_shown_exactly_once_a_pass(name, count) -> None:
    films = numbered(count, preset(name, "x"))
    length = films.steps_a_pass
    for number in range(4):
        assert sorted(shown_rows(films, range(number * length, (number + 1) * length))) == [
            *range(count)
        ]


def test_the_reports_282_steps_go_on_through_the_passes() -> None:
    films = numbered(47, preset("report2018", "x"))
    assert (films.steps_an_epoch, films.steps_a_pass) == (282, 5)
    counts = np.bincount(shown_rows(films, range(282)), minlength=47)
    assert counts.min() == 56  # 282 steps are 56 whole passes and two steps
    assert counts.sum() == 56 * 47 + 20
    assert counts.max() == 57


def test_an_epoch_is_a_pass_when_its_length_is_not_asked_for() -> None:
    films = numbered(47, TrainConfig(data="x"))
    assert films.steps_an_epoch == films.steps_a_pass == 5
    assert films.chunk(0, 5).ends.tolist() == [10, 20, 30, 40, 47]


def test_films_depend_on_seed_and_step_and_not_on_what_was_asked_before() -> None:
    config = TrainConfig(data="x")
    straight, jumping = numbered(47, config), numbered(47, config)
    whole = straight.chunk(0, 15)
    begins = [0, *whole.ends[:-1]]
    for step in (14, 3, 9, 0, 14):
        chunk = jumping.chunk(step, 1)
        rows = slice(begins[step], whole.ends[step])
        assert np.array_equal(chunk.films, whole.films[rows])
        assert np.array_equal(chunk.labels, whole.labels[rows])
        assert np.array_equal(chunk.changes, whole.changes[rows])
        assert (chunk.numbers.tolist(), chunk.ends.tolist()) == ([step], [len(chunk.films)])
    other = numbered(47, TrainConfig(data="x", seed=2))
    assert shown_rows(other, range(5)) != shown_rows(straight, range(5))
    assert shown_rows(straight, range(5)) != shown_rows(straight, range(5, 10))


def test_labels_stay_with_their_films() -> None:
    chunk = numbered(47, TrainConfig(data="x")).chunk(2, 4)
    assert (chunk.films.dtype, chunk.labels.dtype) == (np.uint8, np.float32)
    assert np.array_equal(chunk.labels, chunk.films[:, 0, 0] % 2)


# --- how a run comes by its films ---------------------------------------------------------------
