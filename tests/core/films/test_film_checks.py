"""The plain checks of a film: each failure has a value and a limit."""

import io

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from fracture_core.films import film_checks, images
from fracture_core.films.film_checks import Check

SIZE = 32


def slope(width: int = 200, height: int = 240, low: int = 0, high: int = 200) -> np.ndarray:
    """Return a slope of grey on a dark rim, which passes all checks."""
    values = np.full((height, width), low, np.uint8)
    values[20:-20, 20:-20] = np.linspace(low, high, width - 40)
    return values


def saved(values: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    """Return these values as a file."""
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, **options)
    return stream.getvalue()


def checks_of(content: bytes) -> dict[str, Check]:
    """Return all checks of a file, by name."""
    film = images.decode(content, "film")
    checks = film_checks.check(film, film_checks.colour(content), SIZE)
    return {each.name: each for each in checks}


def failed(content: bytes) -> list[str]:
    """Return the names of the checks that a file fails."""
    return [name for name, check in checks_of(content).items() if not check.passed]


def test_a_film_passes_each_check_and_all_have_value_and_limit() -> None:
    checks = checks_of(saved(slope()))
    assert list(checks) == ["colour", "size", "aspect", "blank", "contrast", "inverted"]
    assert all(check.passed and not check.doubt and not check.remedy for check in checks.values())
    assert checks["size"].value == 240
    assert checks["aspect"].value == 1.2
    assert checks["colour"].value == 0
    assert checks["inverted"].value == 0
    assert checks["contrast"].value == pytest.approx(200 / 255, abs=0.02)
    values = slope() / 255
    assert checks["blank"].value == pytest.approx(values.std())


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        (np.full((200, 200), 90, np.uint8), "blank", "spread is 0.000, minimum 0.01"),
        (slope(low=90, high=120), "contrast", "is 11% of the full range, minimum 20%"),
        (255 - slope(), "inverted", "bright, 100% of white, limit 60%"),
        (slope(60, 62), "size", "has 62 px, at least 64 are needed"),
        (slope(100, 500), "aspect", "5.0 times as long as wide, limit 4"),
    ],
)
def test_a_picture_unlike_a_film_fails_one_check_by_name(values, name, words) -> None:
    content = saved(values)
    assert failed(content) == [name]
    check = checks_of(content)[name]
    assert words in check.doubt
    assert check.remedy == ("invert" if name == "inverted" else "")


def test_a_film_smaller_than_the_networks_input_is_doubted() -> None:
    film = images.decode(saved(slope(200, 240)), "film")
    size = {each.name: each for each in film_checks.check(film, 0.0, 512)}["size"]
    assert (size.passed, size.limit) == (False, 512)


def test_colour_is_of_the_channels_and_not_of_the_mode() -> None:
    grey = slope()
    rgb = np.repeat(grey[..., None], 3, axis=-1)
    for content in (saved(rgb), saved(rgb, "JPEG", quality=60), saved(rgb, "WEBP", lossless=True)):
        assert film_checks.colour(content) == 0
        assert failed(content) == []
    photo = np.stack([grey, np.roll(grey, 60, axis=1), 200 - grey], axis=-1).astype(np.uint8)
    for content in (saved(photo), saved(photo, "JPEG")):
        assert film_checks.colour(content) > 0.5
        assert "colour" in failed(content)
    marked = rgb.copy()
    marked[:40, :40] = (255, 40, 0)  # a stamp in a corner
    assert 0.02 < film_checks.colour(saved(marked)) < film_checks.MOST_COLOUR
    paletted = io.BytesIO()
    Image.fromarray(photo).quantize(16).save(paletted, "PNG")
    assert film_checks.colour(paletted.getvalue()) > 0.5


@pytest.mark.parametrize("kind", ["uint16", "bool"])
def test_grey_files_of_other_depths_have_no_colour(kind, tmp_path) -> None:
    values = slope().astype(np.uint16) * 256 if kind == "uint16" else slope() > 100
    path = tmp_path / "film.png"
    path.write_bytes(saved(values))
    assert film_checks.colour(path) == 0


def test_a_file_that_is_no_image_has_no_colour() -> None:
    assert film_checks.colour(b"\0" * 128 + b"DICM") == 0


@pytest.mark.parametrize("kind", ["png", "jxl", "heic", "avif", "cut jpeg"])
def test_a_coloured_photograph_is_noticed_in_every_format(kind: str) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8).repeat(16, 0)
    colours = colours.repeat(16, 1)
    stream = io.BytesIO()
    if kind == "heic":
        pillow_heif.from_pillow(Image.fromarray(colours)).save(stream)
    elif kind == "jxl":
        stream.write(imagecodecs.jpegxl_encode(colours))
    else:
        Image.fromarray(colours).save(stream, {"cut jpeg": "JPEG"}.get(kind, kind.upper()))
    content = stream.getvalue()[:-10] if kind == "cut jpeg" else stream.getvalue()
    assert film_checks.colour(content) > 0.5
