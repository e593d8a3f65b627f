"""From files and uploads to pixels."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from fracture_core.config.film_settings import REPORT_RECIPE, PixelRecipe
from fracture_core.config.limits import LIMITS
from fracture_core.errors import FilmError
from fracture_core.films import images, pixel_cache
from fracture_core.films.images import decode, load, thumbnail, to_pixels


def film(width: int = 60, height: int = 40, seed: int = 0) -> Image.Image:
    """A film of random grey values."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    return Image.fromarray(values)


def content(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def values(image: Image.Image) -> list:
    return np.asarray(image).tolist()


def tiled(pattern: list[list[float]], dtype: type) -> np.ndarray:
    """The pattern repeated until it is large enough for a film."""
    return np.tile(np.array(pattern, dtype), (16, 16))


def corner(image: Image.Image) -> list:
    """The pattern of a film made by `tiled`, two by two."""
    return np.asarray(image)[:2, :2].tolist()


# Decoding: kinds and modes


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_grey_film_keeps_its_values(kind) -> None:
    decoded = decode(content(film(), kind))
    assert decoded.mode == "L"
    assert values(decoded) == values(film())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_kinds_are_read_too(kind) -> None:
    smooth = Image.linear_gradient("L")
    decoded = decode(content(smooth, kind, quality=95))
    assert decoded.mode == "L"
    assert np.abs(np.asarray(decoded, int) - np.asarray(smooth, int)).max() <= 8


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_the_same_film_in_another_mode_gives_the_same_pixels(mode) -> None:
    assert values(decode(content(film().convert(mode)))) == values(film())


def test_a_two_valued_film_becomes_black_and_white() -> None:
    checks = Image.fromarray(tiled([[0, 255], [255, 0]], np.uint8)).convert("1")
    assert corner(decode(content(checks))) == [[0, 255], [255, 0]]


def test_ink_of_a_cmyk_film_is_dark() -> None:
    half = Image.new("CMYK", (16, 16), (0, 0, 0, 128))
    assert set(np.asarray(decode(content(half, "TIFF"))).ravel()) == {127}


def test_colour_becomes_luma() -> None:
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    assert corner(decode(content(red))) == [[76, 76], [76, 76]]  # 0.299 * 255


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_black(mode) -> None:
    white = Image.new(mode, (32, 16), "white")
    white.putalpha(Image.fromarray(tiled([[0, 128]], np.uint8)))
    assert corner(decode(content(white))) == [[0, 128], [0, 128]]


def test_a_transparent_palette_colour_is_black() -> None:
    palette = Image.fromarray(tiled([[0, 1]], np.uint8), mode=None).convert("P")
    palette.putpalette([255, 255, 255, 200, 200, 200])
    assert corner(decode(content(palette, transparency=0))) == [[0, 200], [0, 200]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_stretched_from_lowest_to_highest(kind) -> None:
    wide = Image.fromarray(tiled([[1000, 2000], [3000, 5000]], np.uint16))
    assert corner(decode(content(wide, kind))) == [[0, 64], [128, 255]]


def test_big_endian_sixteen_bits_are_the_same_film() -> None:
    wide = tiled([[1000, 2000], [3000, 5000]], np.uint16)
    swapped = Image.frombytes("I;16B", (32, 32), wide.astype(">u2").tobytes())
    assert corner(decode(content(swapped, "TIFF"))) == [[0, 64], [128, 255]]


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_wider_numbers_are_stretched_by_the_same_rule(dtype) -> None:
    wide = Image.fromarray(tiled([[-10, 0], [10, 30]], dtype))
    assert corner(decode(content(wide, "TIFF"))) == [[0, 64], [128, 255]]


def test_a_flat_sixteen_bit_film_is_black() -> None:
    flat = Image.fromarray(np.full((16, 16), 4095, np.uint16))
    assert corner(decode(content(flat))) == [[0, 0], [0, 0]]


def test_a_film_without_any_number_is_refused() -> None:
    broken = Image.fromarray(np.full((16, 16), np.nan, np.float32))
    with pytest.raises(FilmError, match="no pixel that is a finite number"):
        decode(content(broken, "TIFF"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_film_is_turned_by_its_exif_orientation(kind, orientation) -> None:
    upright = np.zeros((32, 48), np.uint8)
    upright[:16, :16] = 255  # marks the corner at the top left
    back = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)  # undoes the turn
    stored = Image.fromarray(upright)
    if back in images._TURNS:
        stored = stored.transpose(images._TURNS[back])
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = np.asarray(decode(content(stored, kind, exif=exif.tobytes())), int)
    assert decoded.shape == upright.shape
    assert np.abs(decoded - upright)[4:12, 4:12].max() < 30
    assert np.abs(decoded - upright)[:, 24:].max() < 30


def test_of_several_frames_the_first_is_taken() -> None:
    frames = content(film(), "TIFF", save_all=True, append_images=[film(seed=1)])
    assert values(decode(frames)) == values(film())


def test_the_files_ending_does_not_matter(tmp_path) -> None:
    path = tmp_path / "film.jpg"
    path.write_bytes(content(film(), "PNG"))
    assert values(decode(path)) == values(film())


# Decoding: refusals


def test_an_empty_file_is_refused_by_name(tmp_path) -> None:
    path = tmp_path / "image3.png"
    path.touch()
    with pytest.raises(FilmError, match=r"image3\.png is empty .* Copy it again") as caught:
        decode(path)
    assert caught.value.name == "image3.png"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_that_lacks_more_than_a_few_rows_is_refused(kind, share) -> None:
    whole = content(film(200, 200), kind)
    with pytest.raises(FilmError, match=r"is cut short.* Copy it again"):
        decode(whole[: int(share * len(whole))], "cut")


def test_a_damaged_png_is_refused() -> None:
    whole = bytearray(content(film(200, 200)))
    whole[len(whole) // 2] ^= 0xFF
    with pytest.raises(FilmError, match="damaged"):
        decode(bytes(whole))


def pages(kind: str, **options: object) -> bytes:
    """A file of three frames."""
    first, *others = (Image.new("L", (40, 30), shade) for shade in (0, 90, 200))
    stream = io.BytesIO()
    first.save(stream, kind, save_all=True, append_images=others, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG"])
def test_frames_that_are_not_read_are_counted(kind: str, tmp_path) -> None:
    path = tmp_path / "film.img"
    path.write_bytes(pages(kind))
    assert images.frames(path) == images.frames(pages(kind)) == 3
    assert np.asarray(decode(path)).max() == 0  # the first is read
    assert images.frames(content(film(40, 40), kind)) == 1
    assert images.frames(content(film(40, 40), "JPEG")) == 1


def test_a_small_copy_in_a_tiff_is_no_page_and_a_cut_file_ends_the_count() -> None:
    stream = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(stream, new=True) as writer:
        for kind in (0, 1, 0):
            Image.new("L", (40, 30)).save(writer, "TIFF", tiffinfo={254: kind})
            writer.newFrame()
    assert images.frames(stream.getvalue()) == 2
    assert images.frames(pages("TIFF")[:-1300]) == 2


def test_text_renamed_to_png_is_refused(tmp_path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("not a film")
    with pytest.raises(FilmError, match=r"notes\.png is not a PNG, JPEG, TIFF, DICOM"):
        decode(path)


def test_a_refusal_names_what_the_file_is_and_its_ending_only_where_that_claims_more() -> None:
    for name in ("film.psd", "film.dcm"):
        with pytest.raises(FilmError, match="is a Photoshop file, which is not read"):
            decode(b"8BPS" + bytes(40), name)
    with pytest.raises(FilmError, match=r"notes\.txt is not a .* image\. Save"):
        decode(b"not a film", "notes.txt")
    with pytest.raises(FilmError, match="is a zip inside a folder, or one that is cut short"):
        decode(b"PK\x03\x04" + bytes(40), "study.zip")
    with pytest.raises(FilmError, match="is cut short or damaged"):
        decode(b"II*\0" + bytes(40), "film.tif")


def test_a_missing_file_is_refused(tmp_path) -> None:
    with pytest.raises(FilmError, match=r"gone\.png does not exist\. Check the path"):
        decode(tmp_path / "gone.png")


def test_a_folder_is_refused(tmp_path) -> None:
    with pytest.raises(FilmError, match="Give an image file"):
        decode(tmp_path)


def test_a_pipe_is_refused_and_never_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(FilmError, match="Give an image file"):
        decode(tmp_path / "pipe.png")


def test_a_file_without_permission_is_refused(tmp_path, monkeypatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")  # root, as in CI, is never denied

    (tmp_path / "film.png").write_bytes(content(film()))
    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(FilmError, match="Give yourself permission"):
        decode(tmp_path / "film.png")


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path) -> None:
    path = tmp_path / "film.png"
    with path.open("wb") as file:
        file.truncate(LIMITS.file_bytes + 1)
    with pytest.raises(FilmError, match="at most 64 MB"):
        decode(path)


def test_an_upload_of_too_many_bytes_is_refused() -> None:
    with pytest.raises(FilmError, match=r"big\.png has 64 MB; at most 64 MB"):
        decode(bytes(LIMITS.file_bytes + 1), "big.png")


@pytest.mark.parametrize("side", [8_001, 12_000, 60_000])
def test_a_pixel_bomb_is_refused_by_its_header(side) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(FilmError, match=f"has {side} x {side} px; at most 64 million pixels"):
        decode(bomb, "bomb.png")


# The recipe


def test_area_counts_every_pixel_of_the_film() -> None:
    recipe = PixelRecipe(size=32, fit="squash")
    total = np.zeros((32, 32), int)
    for x in range(70):
        column = np.zeros((64, 70), np.uint8)
        column[:, x] = 255
        pixels = to_pixels(Image.fromarray(column), recipe)
        assert pixels.any(), f"column {x} left no trace"
        total += pixels
    assert np.all(np.abs(total - 255) <= 3)  # and no pixel counts twice


def test_area_of_whole_blocks_is_their_mean() -> None:
    values = np.random.default_rng(0).integers(0, 256, (128, 128))
    mean = values.reshape(32, 4, 32, 4).mean(axis=(1, 3))
    pixels = to_pixels(Image.fromarray(values.astype(np.uint8)), PixelRecipe(size=32))
    assert np.all(np.abs(pixels - mean) <= 1)


def test_nearest_keeps_one_pixel_of_each_block() -> None:
    values = np.random.default_rng(0).integers(0, 256, (128, 128), np.uint8)
    recipe = PixelRecipe(size=32, resample="nearest")
    assert np.array_equal(to_pixels(Image.fromarray(values), recipe), values[2::4, 2::4])


def test_padding_keeps_proportions_and_centres_on_black() -> None:
    white = Image.new("L", (200, 100), 255)
    pixels = to_pixels(white, PixelRecipe(size=32))
    expected = np.zeros((32, 32), np.uint8)
    expected[8:24] = 255
    assert np.array_equal(pixels, expected)


def test_squashing_fills_the_square() -> None:
    white = Image.new("L", (200, 100), 255)
    assert np.all(to_pixels(white, REPORT_RECIPE) == 255)


@pytest.mark.parametrize("resample", ["area", "nearest"])
def test_a_small_film_is_enlarged_by_repeating_its_pixels(resample) -> None:
    values = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    recipe = PixelRecipe(size=32, resample=resample)
    repeated = values.repeat(2, axis=0).repeat(2, axis=1)
    assert np.array_equal(to_pixels(Image.fromarray(values), recipe), repeated)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5_000), (5_000, 1), (33, 31)])
def test_any_shape_gives_the_same_square(shape) -> None:
    pixels = to_pixels(Image.new("L", shape, 255), PixelRecipe(size=32))
    assert (pixels.shape, pixels.dtype) == ((32, 32), np.uint8)
    assert pixels.max() == 255


# One road


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("recipe", [PixelRecipe(), REPORT_RECIPE])
def test_file_upload_and_cache_give_the_same_bits(tmp_path, kind, recipe) -> None:
    (tmp_path / "film").write_bytes(content(film(130, 90), kind))
    from_file = load(tmp_path / "film", recipe)
    from_upload = load((tmp_path / "film").read_bytes(), recipe)
    cache = pixel_cache.of_films(tmp_path, ["film"], recipe, tmp_path / "cache")
    assert np.array_equal(from_file, from_upload)
    assert np.array_equal(from_file, cache.pixels[0])


# Thumbnails


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_thumbnail_is_a_small_jpeg_of_the_same_proportions(tmp_path) -> None:
    (tmp_path / "film.png").write_bytes(content(film(300, 200)))
    small = opened(thumbnail(tmp_path / "film.png", 96, tmp_path / "thumbs"))
    assert (small.format, small.size) == ("JPEG", (96, 64))


def test_a_thumbnail_never_enlarges(tmp_path) -> None:
    (tmp_path / "film.png").write_bytes(content(film(60, 40)))
    assert opened(thumbnail(tmp_path / "film.png", 96, tmp_path / "thumbs")).size == (60, 40)


def test_a_thumbnail_is_kept_until_its_film_changes(tmp_path, monkeypatch) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(content(film()))
    first = thumbnail(path, 32, tmp_path / "thumbs")
    with monkeypatch.context() as patch:
        patch.setattr(images, "decode", None)  # a kept one decodes nothing
        assert thumbnail(path, 32, tmp_path / "thumbs") == first
    path.write_bytes(content(film(90, 30)))
    assert opened(thumbnail(path, 32, tmp_path / "thumbs")).size == (32, 11)


@pytest.mark.parametrize("place", [4, 160, 164])  # a marker's length, the size, the components
def test_a_thumbnail_with_a_damaged_header_is_made_again(tmp_path, place) -> None:
    Image.new("L", (60, 40), 99).save(tmp_path / "film.png")
    first = thumbnail(tmp_path / "film.png", 96, tmp_path / "thumbs")
    [file] = (tmp_path / "thumbs").rglob("*.jpg")
    frame = first.index(b"\xff\xc0")  # the frame's header: length, depth, height, width
    damaged = bytearray(first)
    damaged[min(place, frame + 5)] ^= 0x40
    file.write_bytes(damaged)
    assert thumbnail(tmp_path / "film.png", 96, tmp_path / "thumbs") == first


def test_a_thumbnail_of_a_broken_film_is_refused_by_name(tmp_path) -> None:
    (tmp_path / "film.png").write_bytes(b"nothing")
    with pytest.raises(FilmError, match=r"film\.png"):
        thumbnail(tmp_path / "film.png", 32, tmp_path / "thumbs")


@pytest.mark.parametrize(("width", "height"), [(15, 900), (900, 15), (1, 1)])
def test_a_film_too_small_to_show_a_bone_is_refused(width, height) -> None:
    expected = rf"x.png has {width} x {height} px; a film has at least 16 px per side"
    with pytest.raises(FilmError, match=expected):
        decode(content(film(width, height)), "x.png")
    assert decode(content(film(16, 16))).size == (16, 16)
