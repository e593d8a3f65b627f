"""Random changes of films: bounds, repeatability, geometry."""

import numpy as np
import pytest

from fracture_core.augmentation import apply, draw
from fracture_core.config import Augmentation

STILL = Augmentation(
    shear_degrees=0.0, zoom_percent=0.0, rotation_degrees=0.0, horizontal_flip=False
)


def film(size: int = 33) -> np.ndarray:
    """A float32 (1, size, size, 1) film with a bright corner, so that no symmetry hides a turn."""
    pixels = np.random.default_rng(0).random((1, size, size, 1), np.float32) * 50
    pixels[0, :8, :8] = 255
    return pixels


def test_nothing_switched_on_changes_nothing() -> None:
    assert np.allclose(apply(film(), draw(STILL, 33, 1, 1, 0)), film(), atol=1e-3)


def test_the_same_seed_and_pass_draw_the_same_and_others_do_not() -> None:
    first = draw(Augmentation(), 32, 50, seed=1, number=3)
    assert np.array_equal(first, draw(Augmentation(), 32, 50, seed=1, number=3))
    assert not np.array_equal(first, draw(Augmentation(), 32, 50, seed=1, number=4))
    assert not np.array_equal(first, draw(Augmentation(), 32, 50, seed=2, number=3))


def test_flips_mirror_about_half_of_the_films_exactly() -> None:
    flip = Augmentation(shear_degrees=0, zoom_percent=0, rotation_degrees=0, horizontal_flip=True)
    rows = draw(flip, 33, 400, 1, 0)
    mirrored = rows[:, 0] < 0
    assert 150 < mirrored.sum() < 250
    turned = apply(film(), rows[mirrored][:1]).numpy()
    assert np.allclose(turned, film()[:, :, ::-1], atol=1e-3)


def test_a_turn_of_90_degrees_is_a_turn_of_90_degrees() -> None:
    turn = Augmentation(shear_degrees=0, zoom_percent=0, rotation_degrees=90, horizontal_flip=False)
    rows = draw(turn, 33, 4000, 1, 0)
    largest = rows[[rows[:, 3].argmax()]]  # its sine is the nearest to 1
    assert largest[0, 3] == pytest.approx(1, abs=1e-3)
    turned = apply(film(), largest).numpy()
    assert np.abs(turned - np.rot90(film(), axes=(1, 2))).mean() < 2


def test_zoom_and_shear_stay_inside_their_bounds_in_percent_and_degrees() -> None:
    zoom = draw(
        Augmentation(shear_degrees=0, zoom_percent=20, rotation_degrees=0, horizontal_flip=False),
        32, 2000, 1, 0,
    )  # fmt: skip
    assert 0.8 <= zoom[:, 0].min() < 0.82 and 1.18 < zoom[:, 0].max() <= 1.2
    shear = draw(
        Augmentation(shear_degrees=30, zoom_percent=0, rotation_degrees=0, horizontal_flip=False),
        32, 2000, 1, 0,
    )  # fmt: skip
    assert -0.5 <= shear[:, 1].min() < -0.48 and 0.48 < shear[:, 1].max() <= 0.5  # sine of 30


def test_the_middle_of_the_film_stays_in_the_middle() -> None:
    rows = draw(Augmentation(shear_degrees=20, rotation_degrees=40), 33, 100, 1, 0)
    x = y = np.float32(16)
    assert np.allclose(rows[:, 0] * x + rows[:, 1] * y + rows[:, 2], 16, atol=1e-4)
    assert np.allclose(rows[:, 3] * x + rows[:, 4] * y + rows[:, 5], 16, atol=1e-4)
