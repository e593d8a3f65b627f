"""Measurements of films: brightness by histogram, what waits on disk, landmarks left out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fracture_core.films import landmarks, measures
from fracture_core.films.landmarks import Landmarks


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three films of different sizes."""
    for number, size in enumerate([(90, 120), (300, 200), (64, 64)]):
        grey = np.random.default_rng(number).integers(0, 256, size).astype(np.uint8)
        Image.fromarray(grey).resize(size[::-1], Image.Resampling.BICUBIC).save(
            tmp_path / f"{number}.png"
        )
    return tmp_path


PATHS = ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (40, 30), (256, 201)])
def test_brightness_by_histogram_is_that_of_the_pixels(size: tuple[int, int]) -> None:
    grey = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
    values = measures._brightness(grey)
    shares = grey / 255
    assert values["mean"] == pytest.approx(shares.mean())
    assert values["spread"] == pytest.approx(shares.std())
    assert values["peak"] == pytest.approx(np.quantile(shares, 0.99))
    assert values["border"] == pytest.approx(np.median(measures.rim(shares)))


@pytest.mark.parametrize("size", [(512, 512), (512, 402), (513, 300), (600, 2), (1, 1000), (90, 9)])
def test_a_large_film_is_averaged_by_a_whole_factor(size: tuple[int, int]) -> None:
    grey = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
    reduced = measures._reduced(grey, measures.SMALL)
    expected = np.asarray(Image.fromarray(grey).reduce(-(-max(size) // measures.SMALL)), int)
    height, width = reduced.shape
    assert max(height, width) <= measures.SMALL
    rows, columns = (slice(0, side) for side in (height, width))
    assert np.abs(reduced - expected[rows, columns]).max() <= 1  # the two round halves otherwise
    assert (expected.shape[0] - height, expected.shape[1] - width) <= (1, 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 2), (3, 50), (40, 30)])
def test_the_rim_holds_each_pixel_of_it_once(size: tuple[int, int]) -> None:
    numbers = np.arange(np.prod(size)).reshape(size)
    width = max(1, round(measures.RIM * min(size)))
    inside = np.zeros(size, bool)
    inside[width:-width, width:-width] = True
    assert sorted(measures.rim(numbers)) == numbers[~inside].tolist()


def test_pictures_and_landmarks_wait_on_disk_and_leave_nothing_there(root: Path) -> None:
    folder = root / "facts"
    table = measures.table(root, PATHS, folder)
    large = (table[name] for name in ("small", "landmarks", "coarse"))
    for path, small, marks, coarse in zip(PATHS, *large, strict=True):
        row = measures.measure(root, path)
        assert bytes(small) == row["small"] and bytes(marks) == row["landmarks"]
        assert bytes(coarse) == row["coarse"]
        expected = landmarks.find(landmarks.picture(Image.open(root / path)))
        points = Landmarks.from_bytes(bytes(marks)).points
        assert points == pytest.approx(expected.points, abs=0.1)
    del table, large, small, marks, coarse
    assert {path.name for path in folder.iterdir()} == {"facts-000000.parquet", "SHA256SUMS"}


def test_landmarks_that_were_left_out_are_found_once_they_are_wanted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []
    measure = measures.measure
    monkeypatch.setattr(
        measures, "measure", lambda r, p, **how: measured.append(p) or measure(r, p, **how)
    )

    def table(with_landmarks: bool):
        measured.clear()
        return measures.table(root, PATHS, root / "facts", with_landmarks=with_landmarks)

    plain = table(False)
    assert sorted(measured) == PATHS and not any(map(bytes, plain["landmarks"]))
    table(False)
    assert measured == []
    whole = table(True)
    assert sorted(measured) == PATHS and any(map(bytes, whole["landmarks"]))
    table(False)
    assert measured == []  # what holds more will do
    same = [name for name in plain if name not in ("stamp", "landmarks", "coarse")]
    assert plain[same].equals(whole[same])
