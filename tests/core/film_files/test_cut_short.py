"""Films whose file ends too early: what is there is read, what is missing is told."""

import io
import tracemalloc

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.errors import FilmError
from fracture_core.film_files.film_reading import FilmReading
from fracture_core.films import images

WIDTH, HEIGHT = 120, 400


def grains(seed: int = 0) -> np.ndarray:
    """A film of which every row differs from every other, and none is black."""
    values = np.random.default_rng(seed).integers(60, 140, (HEIGHT, WIDTH), np.uint8)
    return values + np.linspace(0, 100, HEIGHT).astype(np.uint8)[:, None]


def saved(values: np.ndarray, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, kind, **options)
    return stream.getvalue()


def tiff(values: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric="minisblack", metadata=None, **options)
    return stream.getvalue()


GREY = grains()
COLOUR = np.dstack([grains(0), grains(1), grains(2)])
WIDE = GREY.astype(np.uint16) * 16
WHOLE = {  # kind -> a whole file
    "baseline": saved(GREY, "JPEG", quality=92),
    "optimized": saved(GREY, "JPEG", optimize=True),
    "progressive": saved(GREY, "JPEG", progressive=True),
    "restarts": saved(GREY, "JPEG", restart_marker_rows=1),
    "grey as colour": saved(np.dstack([GREY] * 3), "JPEG"),
    "12-bit JPEG": imagecodecs.jpeg8_encode(WIDE, bitspersample=12, level=95),
    "lossless JPEG": imagecodecs.jpeg8_encode(WIDE, bitspersample=16, lossless=True),
    "png": saved(GREY, "PNG"),
    "colour png": saved(COLOUR, "PNG"),
    "wide png": saved(WIDE, "PNG"),
    "wide colour png": imagecodecs.png_encode(COLOUR.astype(np.uint16) * 16),
    "gif": saved(GREY, "GIF"),
    "interlaced gif": saved(GREY, "GIF", interlace=1),
    "top-down tiff": tiff(GREY, rowsperstrip=8),
    "lzw tiff": tiff(GREY, rowsperstrip=8, compression="lzw"),
    "deflated tiff": tiff(WIDE, compression="zlib", predictor=True),
    "tiled tiff": tiff(GREY, tile=(16, 64)),
    "bmp": saved(GREY, "BMP"),
}


def rows_there(reading: FilmReading, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels of the rows that are complete, and of the same rows of the whole film."""
    pixels, missing = np.asarray(reading.image), reading.missing_rows
    at_top = any("first" in note for note in reading.notes)
    part = slice(missing, None) if at_top else slice(0, len(pixels) - missing)
    return pixels[part], whole[part]


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("cut", [1, 2, 12, 40, 300])
def test_a_file_that_lacks_its_last_bytes_is_read_with_a_note(kind: str, cut: int) -> None:
    content = WHOLE[kind]
    whole = images.read(content, "film")
    assert whole.notes == () and whole.missing_rows == 0
    reading = images.read(content[:-cut], "film", 90)
    assert reading.image.size == whole.image.size
    assert len(reading.notes) == 1 and reading.notes[0].startswith("Its ")
    there, expected = rows_there(reading, np.asarray(whole.image))
    if np.asarray(whole.image)[: len(there)].max() == there.max():  # else the stretch differs
        assert np.abs(there.astype(int) - expected).max() <= 1
    assert reading.missing_rows <= 0.2 * HEIGHT or kind in ("progressive", "interlaced gif")


@pytest.mark.parametrize("kind", ["baseline", "restarts", "png", "gif", "top-down tiff", "bmp"])
def test_rows_that_are_missing_are_black_and_counted(kind: str) -> None:
    content = WHOLE[kind]
    reading = images.read(content[: int(0.98 * len(content))], "film")
    pixels, count = np.asarray(reading.image), reading.missing_rows
    assert 0.005 * HEIGHT <= count <= 0.08 * HEIGHT
    dark = (pixels == 0).all(axis=1)
    place = "first" if kind == "bmp" else "last"
    lost = int(dark.sum())
    assert f"Its {place} {lost} rows are missing" in reading.notes[0]
    assert (dark[:lost] if kind == "bmp" else dark[-lost:]).all()
    partly = count - lost  # of a row of blocks the left ones may be there
    assert partly < 16 and (f"the {partly} beside them in part" in reading.notes[0]) == (partly > 0)


def test_rows_that_a_damaged_bmp_places_far_away_take_no_memory() -> None:
    content = bytearray(WHOLE["bmp"])
    content[10:14] = (2**31 - 1).to_bytes(4, "little")
    tracemalloc.start()
    with pytest.raises(FilmError, match="are missing"):
        images.read(bytes(content), "film")
    assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    tracemalloc.stop()


def test_a_jpeg_without_its_end_mark_lacks_no_row() -> None:
    reading = images.read(WHOLE["baseline"][:-2], "film")
    assert reading.notes == ("Its last bytes are missing; every row is there.",)
    assert np.array_equal(reading.image, images.decode(WHOLE["baseline"]))


@pytest.mark.parametrize("kind", ["baseline", "progressive", "png"])
def test_zeros_in_place_of_the_last_bytes_are_no_film(kind: str) -> None:
    content = WHOLE[kind]
    short = images.read(content[:-200], "film", 90)
    padded = images.read(content[:-200] + bytes(200), "film", 90)
    assert (padded.notes, padded.missing_rows) == (short.notes, short.missing_rows)
    assert np.array_equal(padded.image, short.image)


def test_padding_between_segments_and_bytes_behind_the_end_are_no_cut() -> None:
    content = WHOLE["baseline"]
    place = content.index(b"\xff\xdb")  # of a segment
    for odd in (content[:place] + b"\0\0\xff" + content[place:], content + b"more"):
        reading = images.read(odd, "film")
        assert reading.notes == () and np.array_equal(reading.image, images.decode(content))


def test_an_end_mark_that_was_put_back_hides_nothing() -> None:
    reading = images.read(WHOLE["baseline"][:-600] + b"\xff\xd9", "film")
    assert reading.missing_rows > 0 and "missing" in reading.notes[0]


def test_a_film_that_ends_in_middle_grey_is_whole() -> None:
    flat = GREY.copy()
    flat[-16:] = 128
    assert images.read(saved(flat, "JPEG"), "film").notes == ()


def test_more_missing_rows_than_the_setting_allows_are_refused_with_their_share() -> None:
    half = WHOLE["png"][: len(WHOLE["png"]) // 2]
    expected = r"cut\.png is cut short: its last 2\d\d rows of 400 are missing \(5\d%; at most 5 %"
    with pytest.raises(FilmError, match=expected):
        images.read(half, "cut.png")
    assert images.read(half, "cut.png", 60).missing_rows > 200
    with pytest.raises(FilmError, match="none may be"):
        images.read(WHOLE["baseline"][:-20], "cut.jpg", 0)
    assert images.read(WHOLE["baseline"][:-1], "cut.jpg", 0).missing_rows == 0


def test_every_road_to_pixels_goes_by_the_recipes_setting(tmp_path) -> None:
    path = tmp_path / "film.jpg"
    path.write_bytes(WHOLE["baseline"][:-20])
    assert images.load(path, PixelRecipe()).any()
    with pytest.raises(FilmError, match="cut short"):
        images.load(path, PixelRecipe(missing_rows_percent=0))


def test_a_progressive_film_without_its_last_scans_lacks_every_row() -> None:
    content = WHOLE["progressive"]
    with pytest.raises(FilmError, match=r"100%|cut short or damaged"):
        images.read(content[: content.rindex(b"\xff\xda")], "film")


def test_a_film_that_ends_before_its_first_pixel_is_damaged() -> None:
    for content in (WHOLE["baseline"], WHOLE["png"], WHOLE["gif"]):
        with pytest.raises(FilmError, match="is cut short or damaged"):
            images.read(content[:30], "film")


@pytest.mark.parametrize(
    ("orientation", "place"), [(3, "first 8 rows"), (6, "first 8 columns"), (8, "last 8 columns")]
)
def test_what_is_missing_is_told_as_the_film_is_turned(orientation: int, place: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(GREY, "JPEG", exif=exif.tobytes())
    reading = images.read(content[:-20], "film")
    assert reading.notes == (f"Its {place} are missing in part.",)


def test_a_webp_that_is_cut_short_is_told_by_its_own_length() -> None:
    content = saved(GREY, "WEBP")
    with pytest.raises(FilmError, match=r"is cut short: [\d,]+ of [\d,]+ bytes"):
        images.read(content[:-100], "film.webp")
