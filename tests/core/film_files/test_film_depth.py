"""Values of more than 8 bits: codes for a window, and the grey that the picture gives each."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from fracture_core.film_files import film_depth
from fracture_core.film_files.film_depth import FilmDepth
from fracture_core.films import images
from tests.core import dicoms
from ui.shared import pictures

RAMP = np.arange(32 * 64, dtype=np.uint16).reshape(32, 64) * 2 + 7


def depth_of(content: bytes, name: str) -> tuple[FilmDepth, np.ndarray]:
    reading = images.read(content, name)
    grey = np.asarray(reading.image)
    if reading.depth is not None:
        return reading.depth, grey
    assert reading.values is not None
    return film_depth.of(reading.values, grey, reading.inverted), grey


def png(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    return stream.getvalue()


def tiff(values: np.ndarray, photometric: str) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric=photometric)
    return stream.getvalue()


FILMS = {
    "png": lambda: png(RAMP),
    "tiff": lambda: tiff(RAMP, "minisblack"),
    "white is zero": lambda: tiff(RAMP, "miniswhite"),
    "signed": lambda: tiff(RAMP.astype(np.int16) - 900, "minisblack"),
    "float": lambda: tiff(RAMP.astype(np.float32) / 7, "minisblack"),
    "dicom": lambda: dicoms.make(RAMP),
    "window": lambda: dicoms.make(RAMP, WindowCenter=2000, WindowWidth=900, RescaleSlope=2),
    "turned": lambda: dicoms.make(RAMP, PhotometricInterpretation="MONOCHROME1"),
}


@pytest.mark.parametrize("kind", FILMS)
def test_codes_keep_every_value_and_the_films_grey(kind: str) -> None:
    film, grey = depth_of(FILMS[kind](), "film")
    codes = film_depth.codes(film)
    assert codes.pixels.min() >= 1
    difference = np.abs(codes.shades[codes.pixels - 1].astype(int) - grey)
    assert difference.max() <= (kind == "float")  # whose values are not evenly spaced
    values = codes.first + (codes.pixels.astype(float) - 1) * codes.step
    stored = film.units[film.places]
    assert np.abs(values - stored).max() <= (film.units.max() - film.units.min()) / 60_000
    assert film.inverted == (kind in ("white is zero", "turned"))


def test_films_of_8_bits_and_of_colour_have_none() -> None:
    for content in (
        png(RAMP.astype(np.uint8)),
        dicoms.make((RAMP // 20).astype(np.uint8)),
        png(np.dstack([RAMP.astype(np.uint8)] * 3)),
    ):
        reading = images.read(content, "film")
        assert reading.depth is None and reading.values is None


def test_values_that_are_not_even_or_too_many_become_nearest_codes() -> None:
    units = np.sort(np.random.default_rng(0).uniform(-3, 9, 100_000))
    places = np.arange(100_000, dtype=np.uint32).reshape(250, 400)
    shades = np.linspace(0, 255, 100_000).astype(np.uint8)
    outside = np.zeros(places.shape, bool)
    outside[0] = True
    film = FilmDepth(places=places, units=units, shades=shades, outside=outside, inverted=False)
    codes = film_depth.codes(film)
    assert (codes.pixels[0] == 0).all() and codes.pixels[1:].min() >= 1
    inside = codes.pixels[1:].astype(int)
    assert np.abs(codes.first + (inside - 1) * codes.step - units[places[1:]]).max() < 12 / 60_000
    assert np.abs(codes.shades[inside - 1].astype(int) - shades[places[1:]]).max() <= 1


def test_a_picture_of_codes_has_them_in_two_halves_and_follows_the_eraser() -> None:
    content = dicoms.make(RAMP, PixelPaddingValue=7)
    picture = pictures.shown(content, "film.dcm", 2048)
    assert picture.depth is not None
    halves = np.asarray(Image.open(io.BytesIO(picture.content))).astype(int)
    high, low = halves[:32], halves[32:]
    values = picture.depth.first + (high * 256 + low - 1) * picture.depth.step
    assert (high[0, 0], low[0, 0]) == (0, 0)  # padding
    assert np.array_equal(values.ravel()[1:], RAMP.ravel()[1:])
    turned = pictures.shown(content, "film.dcm", 2048, inverted=True)
    assert turned.depth is not None and turned.depth.inverted
    stroke = pictures.Stroke(points=((0.5, 0.5),), radius=0.1)
    erased = pictures.shown(content, "film.dcm", 2048, (stroke,))
    other = np.asarray(Image.open(io.BytesIO(erased.content))).astype(int)
    changed = (other != halves)[:32] | (other != halves)[32:]
    assert changed[14:18, 28:36].any() and not changed[:, :16].any()
    small = pictures.shown(content, "film.dcm", 32)
    assert (small.width, small.height) == (32, 16)
    assert Image.open(io.BytesIO(small.content)).size == (32, 32)


@pytest.mark.parametrize("kind", FILMS)
def test_a_still_picture_shows_the_film_in_the_grey_that_a_network_receives(kind: str) -> None:
    content = FILMS[kind]()
    picture = pictures.shown(content, "film", 2048)
    assert picture.depth is not None
    still = np.asarray(Image.open(io.BytesIO(pictures.still(picture))).convert("L")).astype(int)
    grey = np.asarray(images.read(content, "film").image).astype(int)
    assert still.shape == grey.shape
    assert np.abs(still - grey).mean() < 4  # WebP is not exact


def test_infinite_values_lie_outside_and_change_no_other_code() -> None:
    values = RAMP.astype(np.float32) / 7
    values[0, 0], values[1, 1], values[2, 2] = np.inf, -np.inf, np.nan
    film, _ = depth_of(tiff(values, "minisblack"), "film")
    codes = film_depth.codes(film)
    assert codes.pixels[0, 0] == codes.pixels[1, 1] == codes.pixels[2, 2] == 0
    back = codes.first + (codes.pixels.astype(float) - 1) * codes.step
    there = np.isfinite(values)
    assert np.abs(back - values)[there].max() <= codes.step
