"""The pixel cache: built once, resumed, whole or made again."""

import io
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.errors import DataError, Stopped, WriteFailed
from fracture_core.films import pixel_cache
from fracture_core.films.images import load
from fracture_core.films.pixel_cache import PixelCache, of_films


def content(seed: int) -> bytes:
    """A film of random grey values, as PNG."""
    values = np.random.default_rng(seed).integers(0, 256, (40, 60), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def ten(tmp_path):
    """A folder of ten films, of which the fourth is cut short, and their paths."""
    paths = [f"image{i}.png" for i in range(10)]
    for i, path in enumerate(paths):
        whole = content(i)
        (tmp_path / path).write_bytes(whole[: len(whole) // 2] if i == 3 else whole)
    return tmp_path, paths


def test_a_cache_has_the_order_of_its_paths_and_names_what_was_refused(ten) -> None:
    root, paths = ten
    cache = of_films(root, paths[::-1], PixelRecipe(), root / "cache")
    assert isinstance(cache, PixelCache)
    assert (cache.pixels.shape, cache.pixels.dtype) == ((10, 32, 32), np.uint8)
    assert np.array_equal(cache.pixels[0], load(root / paths[9], PixelRecipe()))
    assert list(cache.refused) == [6]
    assert "image3.png is cut short" in cache.refused[6]
    assert not cache.pixels[6].any()


def test_a_kept_cache_is_opened_without_reading_a_film(ten, monkeypatch) -> None:
    root, paths = ten
    built = of_films(root, paths, PixelRecipe(), root / "cache")

    def never(*_: object) -> None:
        raise AssertionError("a film was read")

    monkeypatch.setattr(pixel_cache, "load", never)
    again = of_films(root, paths, PixelRecipe(), root / "cache")
    assert np.array_equal(built.pixels, again.pixels)
    assert built.refused == again.refused


def test_a_cache_cannot_be_written_to(ten) -> None:
    root, paths = ten
    cache = of_films(root, paths, PixelRecipe(), root / "cache")
    with pytest.raises(ValueError, match="read-only"):
        cache.pixels[0] = 1


@pytest.mark.parametrize(
    "recipe",
    [
        PixelRecipe(size=24),
        PixelRecipe(resample="nearest"),
        PixelRecipe(fit="squash"),
    ],
)
def test_another_recipe_is_another_cache(ten, recipe) -> None:
    root, paths = ten
    of_films(root, paths, PixelRecipe(), root / "cache")
    other = of_films(root, paths, recipe, root / "cache")
    assert np.array_equal(other.pixels[0], load(root / paths[0], recipe))


def test_a_changed_film_is_read_again(ten) -> None:
    root, paths = ten
    of_films(root, paths, PixelRecipe(), root / "cache")
    (root / paths[3]).write_bytes(content(3))
    cache = of_films(root, paths, PixelRecipe(), root / "cache")
    assert cache.refused == {}
    assert cache.pixels[3].any()


def test_a_missing_film_costs_only_its_own_row(ten) -> None:
    root, paths = ten
    cache = of_films(root, ["gone.png", *paths[:2]], PixelRecipe(), root / "cache")
    assert list(cache.refused) == [0]
    assert cache.pixels[1].any()


def test_progress_counts_to_all_films(ten) -> None:
    root, paths = ten
    counts = []
    of_films(root, paths, PixelRecipe(), root / "cache", lambda *at: counts.append(at))
    assert counts == [(i, 10) for i in range(1, 11)]


def test_a_stopped_build_goes_on_where_it_was(ten, monkeypatch) -> None:
    root, paths = ten
    monkeypatch.setattr(pixel_cache, "_CHUNK", 4)
    answers = iter([False] * 5)
    with pytest.raises(Stopped, match="after 6 of 10"):
        of_films(
            root, paths, PixelRecipe(), root / "cache", should_stop=lambda: next(answers, True)
        )
    counts = []
    cache = of_films(root, paths, PixelRecipe(), root / "cache", lambda *at: counts.append(at))
    assert counts[0] == (5, 10)  # the first chunk of four was kept
    assert list(cache.refused) == [3]
    whole = [load(root / p, PixelRecipe()) for i, p in enumerate(paths) if i != 3]
    assert np.array_equal(np.delete(cache.pixels, 3, axis=0), whole)


def test_a_build_that_failed_leaves_no_cache_behind(ten) -> None:
    root, paths = ten

    def failing(done: int, _: int) -> None:
        raise RuntimeError(f"disk full at {done}")

    with pytest.raises(RuntimeError, match="disk full"):
        of_films(root, paths, PixelRecipe(), root / "cache", failing)
    assert not list((root / "cache").glob("[!.]*"))


def test_of_two_builders_the_second_waits_for_the_first(ten) -> None:
    root, paths = ten
    started, resume, counts = threading.Event(), threading.Event(), []

    def hold(*_: int) -> None:
        started.set()
        assert resume.wait(10)

    arguments = (root, paths, PixelRecipe(), root / "cache")
    first = threading.Thread(target=of_films, args=(*arguments, hold))
    first.start()
    assert started.wait(10)
    with pytest.raises(Stopped, match="Waiting"):
        of_films(*arguments, should_stop=lambda: True)
    second = threading.Thread(target=of_films, args=(*arguments, lambda *at: counts.append(at)))
    second.start()
    resume.set()
    first.join(10)
    second.join(10)
    assert counts == []  # it found the first one's cache and built nothing
    assert len(of_films(*arguments).pixels) == 10


def test_a_disk_without_room_is_refused_before_it_is_full(ten, monkeypatch) -> None:
    root, paths = ten
    monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=10_000))
    with pytest.raises(WriteFailed, match="Free some space"):
        of_films(root, paths, PixelRecipe(), root / "cache")


def test_no_films_are_no_cache(tmp_path) -> None:
    with pytest.raises(DataError, match="Choose other parts"):
        of_films(tmp_path, [], PixelRecipe(), tmp_path / "cache")


@pytest.mark.parametrize(
    "note", ["[1]", "null", '{"done": 4}', '{"done": 4, "refused": {"99": "is cut short"}}', "{"]
)
def test_a_damaged_note_of_a_build_is_begun_again(ten, note) -> None:
    root, paths = ten
    with pytest.raises(Stopped):
        of_films(root, paths, PixelRecipe(), root / "cache", should_stop=lambda: True)
    (path,) = (root / "cache").glob(".*/progress.json")
    path.write_text(note)
    cache = of_films(root, paths, PixelRecipe(), root / "cache")
    assert list(cache.refused) == [3]
    assert np.array_equal(cache.pixels[9], load(root / paths[9], PixelRecipe()))
