"""The pointing game: hits, chance and the film's centre."""

import numpy as np
import pytest

from benchmarks import pointing
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.explanations.heat_maps import HeatMap
from fracture_core.films import images
from fracture_core.models import epoch_models
from fracture_core.phantom import phantom_set
from fracture_core.phantom.study_plan import Break
from fracture_core.prediction.inference import Predictor

SIZE = 32


@pytest.fixture(scope="module")
def predictor(finished_run) -> Predictor:
    """A Predictor of the finished run's last epoch."""
    return Predictor(epoch_models.of_run(finished_run, 3))


def heat_of(values: list[list[float]], **facts: float) -> HeatMap:
    """A map of 16 px cells, or others."""
    fields = {"cell": 16.0, "sees": 16.0, "origin": 0.0, "probability": 0.5} | facts
    return HeatMap(method="made", values=np.array(values, np.float32), **fields)


def test_a_point_is_in_a_box_whose_last_pixels_are_exclusive() -> None:
    marks = [Break(kind="hairline", box=(10, 20, 30, 40))]
    assert pointing.points_into(10, 20, marks)
    assert pointing.points_into(29.9, 39.9, marks)
    assert not pointing.points_into(30, 30, marks)
    assert not pointing.points_into(15, 19.9, marks)
    assert not pointing.points_into(15, 25, [])
    box = [Break(kind="hairline", box=(0, 0, 100, 100))]
    assert pointing.chance(heat_of([[1, 2], [3, 4]]), (200, 200), PixelRecipe(), box) == 0.25


@pytest.mark.slow
def test_the_pointing_game_counts_hits_chance_and_the_middle(predictor, phantom_root) -> None:
    breaks = phantom_set.breaks(phantom_root)
    broken = {path: marks for path, marks in breaks.items() if marks}

    def pointer(places: dict[bytes, tuple[int, int]]):
        def explained(_, pixels: np.ndarray) -> HeatMap:
            values = np.zeros((SIZE, SIZE), np.float32)
            values[places[pixels.tobytes()]] = 1
            return heat_of(values.tolist(), cell=1.0, sees=1.0, probability=0.9)

        return explained

    right, wrong = {}, {}
    for path, marks in broken.items():
        film = images.decode(phantom_root / path)
        left, top, width, height = images.placed(film.size, PixelRecipe())
        x0, y0, x1, y1 = marks[0].box
        row = top + int((y0 + y1) / 2 / film.height * height)
        column = left + int((x0 + x1) / 2 / film.width * width)
        key = images.to_pixels(film, PixelRecipe()).tobytes()
        right[key], wrong[key] = (row, column), (0, 0)
    result = pointing.pointing_game(predictor, phantom_root, breaks, pointer(right))
    assert (result.hits.count, result.hits.n) == (len(broken), len(broken))
    assert result.positive == result.hits  # 0.9 is above the threshold for all
    assert 0 < result.chance < 0.3
    assert result.centre.count < result.centre.n == len(broken)
    missed = pointing.pointing_game(predictor, phantom_root, breaks, pointer(wrong))
    assert (missed.hits.count, missed.method) == (0, "made")
    assert missed.chance == result.chance
