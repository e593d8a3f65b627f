"""The map of films: places, the area drawn on it, what damage costs."""

import numpy as np
import pytest

from fracture_core.errors import Stopped
from fracture_core.neighbours import film_map
from fracture_core.neighbours.film_features import FilmFeatures


def clusters(films: int = 90, unreadable: int | None = None) -> FilmFeatures:
    """Three far groups of films."""
    random = np.random.default_rng(0)
    middles = 20 * np.eye(3, 8)[np.arange(films) % 3]
    values = (middles + random.normal(size=(films, 8))).astype(np.float32)
    readable = np.arange(films) != (-1 if unreadable is None else unreadable)
    return FilmFeatures(values=values, probabilities=values[:, 0], readable=readable)


def test_films_alike_lie_side_by_side_the_same_every_time() -> None:
    steps: list[tuple[int, int]] = []
    places = film_map.make(clusters(), lambda *step: steps.append(step))
    group = np.arange(90) % 3
    middles = np.stack([places[group == n].mean(axis=0) for n in range(3)])
    away = np.linalg.norm(places[:, None] - middles[None], axis=2)
    assert (away.argmin(axis=1) == group).all()
    assert places.min() >= 0 and places.max() == 1
    total = film_map.EARLY + film_map.LATER
    assert steps[0] == (0, total) and steps[-1] == (total, total) and steps == sorted(steps)
    assert np.array_equal(places, film_map.make(clusters()))


@pytest.mark.parametrize("films", [1, 2, 7, 8, 12])
def test_few_films_have_a_map_too(films: int) -> None:
    places = film_map.make(clusters(films))
    assert places.shape == (films, 2) and np.isfinite(places).all()


def test_an_unreadable_film_has_no_place() -> None:
    places = film_map.make(clusters(30, unreadable=4))
    assert np.isnan(places[4]).all() and np.isfinite(np.delete(places, 4, axis=0)).all()


def test_drawing_the_map_can_be_stopped() -> None:
    with pytest.raises(Stopped):
        film_map.make(clusters(), should_stop=lambda: True)


def test_an_area_holds_what_lies_in_it_by_the_even_odd_rule() -> None:
    places = np.array([[0.5, 0.5], [0.1, 0.1], [0.9, 0.5], [np.nan, np.nan]], np.float32)
    square = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]
    assert film_map.inside(places, square).tolist() == [True, False, False, False]
    twice = [*square, *square]  # around it twice: inside an even number of times
    assert not film_map.inside(places, twice).any()
    assert not film_map.inside(places, []).any()


def test_a_saved_map_is_read_back_and_a_damaged_one_is_none(tmp_path) -> None:
    places = np.array([[0.25, 1.0], [np.nan, np.nan]], np.float32)
    film_map.save(tmp_path, places)
    assert np.array_equal(film_map.load(tmp_path, 2), places, equal_nan=True)
    assert film_map.load(tmp_path, 3) is None
    file = tmp_path / film_map.FILE
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert film_map.load(tmp_path, 2) is None
    (tmp_path / "SHA256SUMS").unlink()
    assert film_map.load(tmp_path, 2) is None  # without a checksum it is not believed
    film_map.save(tmp_path, places + 2)
    assert film_map.load(tmp_path, 2) is None
