"""Random changes of films: bounds, repeatability, geometry."""

from dataclasses import replace

import numpy as np
import pytest

from fracture_core.config.film_settings import REPORT_AUGMENTATION, Augmentation
from fracture_core.networks.augmentation import apply, draw, preview

STILL = Augmentation(
    shear_degrees=0.0, zoom_percent=0.0, rotation_degrees=0.0, horizontal_flip=False
)


def film(size: int = 33) -> np.ndarray:
    """A float32 (1, size, size, 1) film with a bright corner, so that no symmetry hides a turn."""
    pixels = np.random.default_rng(0).random((1, size, size, 1), np.float32) * 50
    pixels[0, :8, :8] = 255
    return pixels


EVERYTHING = Augmentation(
    shear_degrees=15,
    zoom_percent=30,
    rotation_degrees=40,
    shift_percent=30,
    horizontal_flip=True,
    vertical_flip=True,
    brightness_percent=40,
    contrast_percent=60,
)


def drawn(rows: int, size: int = 33, **on: float) -> np.ndarray:
    """Changes with only these settings on."""
    return draw(replace(STILL, **on), size, rows, 1, 0)


def test_nothing_switched_on_changes_nothing() -> None:
    assert np.array_equal(apply(film(), draw(STILL, 33, 1, 1, 0)), film())


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
        32,
        2000,
        1,
        0,
    )
    assert 0.8 <= zoom[:, 0].min() < 0.82 and 1.18 < zoom[:, 0].max() <= 1.2
    shear = draw(
        Augmentation(shear_degrees=30, zoom_percent=0, rotation_degrees=0, horizontal_flip=False),
        32,
        2000,
        1,
        0,
    )
    assert -0.5 <= shear[:, 1].min() < -0.48 and 0.48 < shear[:, 1].max() <= 0.5  # sine of 30


def test_the_middle_of_the_film_stays_in_the_middle() -> None:
    rows = draw(Augmentation(shear_degrees=20, rotation_degrees=40), 33, 100, 1, 0)
    x = y = np.float32(16)
    assert np.allclose(rows[:, 0] * x + rows[:, 1] * y + rows[:, 2], 16, atol=1e-4)
    assert np.allclose(rows[:, 3] * x + rows[:, 4] * y + rows[:, 5], 16, atol=1e-4)


def test_what_earlier_runs_drew_stays_drawn() -> None:
    rows = draw(Augmentation(shear_degrees=5), 32, 3, seed=1, number=2)
    first = [
        [1.0861404, -0.1180931, 0.4952666, 0.1137191, 0.8732625, 0.2017864],
        [1.1051980, 0.0678128, -2.6816666, -0.1101754, 0.8150590, 4.5743046],
        [-1.0779819, -0.1229008, 34.1136818, -0.1782037, 0.8295907, 5.4035025],
    ]
    assert np.allclose(rows[:, :6], first, atol=1e-6)
    assert rows[:, 6:].tolist() == [[0, 0, 1, 0]] * 3


def test_each_change_is_drawn_for_itself() -> None:
    rows = draw(EVERYTHING, 32, 50, 1, 0)
    quiet = replace(EVERYTHING, brightness_percent=0, contrast_percent=0)
    assert np.array_equal(rows[:, :8], draw(quiet, 32, 50, 1, 0)[:, :8])
    still = replace(EVERYTHING, shift_percent=0)
    assert np.array_equal(
        np.delete(rows, [2, 5], 1), np.delete(draw(still, 32, 50, 1, 0), [2, 5], 1)
    )


def test_grey_values_stay_exactly_those_of_the_resampling_unless_asked_for() -> None:
    films = film().repeat(50, 0)
    rows = draw(REPORT_AUGMENTATION, 33, 50, 1, 0)
    import tensorflow as tf

    resampled = tf.raw_ops.ImageProjectiveTransformV3(
        images=films,
        transforms=rows[:, :8],
        output_shape=[33, 33],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    assert np.array_equal(apply(films, rows), np.minimum(resampled, 255))


def test_a_shift_of_25_percent_moves_by_a_quarter_of_the_side_at_most() -> None:
    rows = drawn(4000, size=32, shift_percent=25)
    for moved in (-rows[:, 2], -rows[:, 5]):  # the film's middle goes to the right, and down
        assert -8 <= moved.min() < -7.9 and 7.9 < moved.max() <= 8  # px of 32
    assert abs(np.corrcoef(rows[:, 2], rows[:, 5])[0, 1]) < 0.1
    one = rows[:1].copy()
    one[0, [2, 5]] = (-5, 3)
    moved = apply(film(32), one).numpy()
    assert np.allclose(moved[:, :-3, 5:], film(32)[:, 3:, :-5], atol=1e-3)
    assert np.allclose(moved[0, :-3, :5], moved[0, :-3, 5:6], atol=1e-3)  # the rim goes on


def test_a_shift_is_as_long_on_a_zoomed_and_turned_film() -> None:
    rows = draw(replace(EVERYTHING, shift_percent=25), 32, 2000, 1, 0)
    linear, offset = rows[:, [0, 1, 3, 4]].reshape(-1, 2, 2), rows[:, [2, 5]]
    # The output pixel that shows the input's middle:
    middle = np.linalg.solve(linear, (15.5 - offset)[..., None])[..., 0]
    assert 7.9 < np.abs(middle - 15.5).max() <= 8.001


def test_a_vertical_flip_mirrors_top_and_bottom_of_about_half_of_the_films() -> None:
    rows = drawn(400, vertical_flip=True)
    mirrored = rows[:, 4] < 0
    assert 150 < mirrored.sum() < 250
    assert np.allclose(apply(film(), rows[mirrored][:1]), film()[:, ::-1], atol=1e-3)
    both = drawn(400, vertical_flip=True, horizontal_flip=True)
    quarters = np.unique(np.sign(both[:, [0, 4]]), axis=0, return_counts=True)[1]
    assert len(quarters) == 4 and quarters.min() > 60  # drawn each for itself


def test_brightness_adds_its_percent_of_the_full_range() -> None:
    rows = drawn(4000, brightness_percent=20)
    assert -51 <= rows[:, 9].min() < -50 and 50 < rows[:, 9].max() <= 51  # 20 % of 255
    brightest, darkest = rows[[rows[:, 9].argmax()]], rows[[rows[:, 9].argmin()]]
    assert np.allclose(apply(film(), brightest), np.minimum(film() + brightest[0, 9], 255))
    assert np.allclose(apply(film(), darkest), np.maximum(film() + darkest[0, 9], 0), atol=1e-3)


def test_contrast_scales_the_distance_from_middle_grey() -> None:
    rows = drawn(4000, contrast_percent=50)
    assert 0.5 <= rows[:, 8].min() < 0.51 and 1.49 < rows[:, 8].max() <= 1.5
    assert not rows[:, 9].any()
    one = rows[:1].copy()
    one[0, 8] = 0.5
    greys = np.float32([0, 100, 127.5, 255]).repeat(4).reshape(1, 4, 4, 1)
    assert np.unique(apply(greys, one)).tolist() == [63.75, 113.75, 127.5, 191.25]
    one[0, 8] = 1.5
    assert np.unique(apply(greys, one)).tolist() == [0, 86.25, 127.5, 255]  # both ends clipped


def test_the_preview_shows_what_the_network_will_see() -> None:
    """On films with bright rims, so that an edge that is not continued would show."""
    films = np.random.default_rng(1).integers(0, 256, (60, 33, 33), np.uint8)
    films[:, [0, -1]] = films[:, :, [0, -1]] = 255
    rows = draw(EVERYTHING, 33, 60, 1, 0)
    assert (rows[:, [2, 5]] < -1).any()  # beyond an edge
    result = apply(films[..., None].astype(np.float32), rows).numpy()[..., 0]
    shown = preview(films, rows)
    assert shown.dtype == np.uint8
    assert np.abs(shown - result).max() <= 1
    assert np.array_equal(preview(films, drawn(60)), films)
