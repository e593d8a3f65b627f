"""The eraser: the erased area is filled, and nothing else has changed."""

import numpy as np
import pytest
from PIL import Image

from fracture_core.films.eraser import Stroke, brushed, erase, share


def ramp() -> np.ndarray:
    """Return a film that gets brighter from left to right, with a bright screw in it."""
    film = np.tile(np.linspace(40, 120, 200), (100, 1))
    film[40:60, 90:110] = 250
    return film.astype(np.uint8)


def over_screw() -> Stroke:
    return Stroke(points=((0.47, 0.5), (0.53, 0.5)), radius=0.09)


def test_a_screw_is_gone_and_the_rest_is_untouched() -> None:
    before = ramp()
    after = np.asarray(erase(Image.fromarray(before), [over_screw()]))
    hidden = brushed((200, 100), [over_screw()])
    assert hidden[40:60, 90:110].all()
    assert after[hidden].max() < 120 and after[hidden].min() > 40
    assert np.array_equal(after[~hidden], before[~hidden])


def test_the_fill_is_as_bright_as_its_surroundings() -> None:
    plain = np.tile(np.linspace(40, 120, 200), (100, 1)).astype(np.uint8)
    after = np.asarray(erase(Image.fromarray(plain), [over_screw()])).astype(int)
    assert abs(after - plain).max() < 14  # a slope of 0.4 per px, blended over some 40


def test_nothing_brushed_is_the_same_film() -> None:
    film = Image.fromarray(ramp())
    assert erase(film, []) is film


@pytest.mark.parametrize("radius", [0.4, 3.0])
def test_a_brush_over_nearly_all_or_all_of_the_film_ends(radius: float) -> None:
    film = erase(Image.fromarray(ramp()), [Stroke(points=((0.5, 0.5),), radius=radius)])
    assert film.size == (200, 100)
    assert 40 <= np.asarray(film)[50, 100] <= 130


def test_a_single_touch_and_points_outside_the_film_are_fine() -> None:
    touched = brushed((200, 100), [Stroke(points=((0.5, 0.5),), radius=0.05)])
    assert touched.sum() == pytest.approx(np.pi * 10.5**2, rel=0.05)
    assert not brushed((200, 100), [Stroke(points=((-1.0, 5.0),), radius=0.05)]).any()


def test_the_erased_area_is_a_share_of_the_film() -> None:
    half = Stroke(points=((0.25, 0.0), (0.25, 1.0)), radius=0.25)
    assert share((200, 100), [half]) == pytest.approx(0.5, abs=0.01)
    assert share((200, 100), [half, half]) == share((200, 100), [half])
    assert share((200, 100), []) == 0.0
