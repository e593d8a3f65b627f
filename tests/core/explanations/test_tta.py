"""The spread of a film's probability under flips and small turns."""

import numpy as np
import pytest

from fracture_core.explanations import tta
from fracture_core.models import epoch_models
from fracture_core.networks.augmentation import apply, preview, turned
from fracture_core.prediction.inference import Predictor


@pytest.fixture(scope="module")
def predictor(finished_run) -> Predictor:
    """A Predictor of the finished run's last epoch."""
    return Predictor(epoch_models.of_run(finished_run, 3))


def test_turns_and_flips_are_what_they_are_called() -> None:
    films = np.random.default_rng(0).integers(0, 256, (4, 32, 32)).astype(np.uint8)
    degrees, mirrored = np.array([0, 90, 0, 90]), np.array([False, False, True, True])
    changes = turned(32, degrees, mirrored)
    previews = preview(films, changes)
    assert np.array_equal(previews[0], films[0])
    assert np.array_equal(previews[1], np.rot90(films[1]))
    assert np.array_equal(previews[2], films[2][:, ::-1])
    assert np.array_equal(previews[3], np.rot90(films[3][:, ::-1]))
    by_tensorflow = apply(films[..., None].astype(np.float32), changes).numpy()[..., 0]
    assert np.abs(by_tensorflow - previews).max() <= 0.51


def test_the_first_variant_is_the_film_itself_and_all_are_told(predictor) -> None:
    film = np.random.default_rng(1).integers(0, 256, (32, 32)).astype(np.uint8)
    spread = tta.spread(predictor, film)
    assert spread.probabilities[0] == float(predictor.probabilities(film[None])[0])
    assert len(spread.probabilities) == len(set(zip(spread.degrees, spread.mirrored, strict=True)))
    assert spread.mirrored.count(True) == spread.mirrored.count(False) == len(tta.DEGREES)
    mirrored = spread.probabilities[len(tta.DEGREES)]
    assert mirrored == float(predictor.probabilities(film[None, :, ::-1])[0])
    assert 0 <= spread.low < spread.mean < spread.high <= 1
    assert spread.deviation == pytest.approx(np.std(spread.probabilities))
    assert spread.positive(spread.low) == len(spread.probabilities) - 1
    assert spread.positive(spread.high) == 0


def test_it_is_the_same_each_time_and_nothing_where_all_is_even(predictor) -> None:
    film = np.random.default_rng(2).integers(0, 256, (32, 32)).astype(np.uint8)
    assert tta.spread(predictor, film) == tta.spread(predictor, film)
    even = tta.spread(predictor, np.full((32, 32), 90, np.uint8))
    assert even.low == even.high
    assert even.deviation == pytest.approx(0)
