"""Films of every format and mode, compared with independent readers."""

import io
import struct
import zlib

import cv2
import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
from PIL import Image

from fracture_core.config.limits import LIMITS
from fracture_core.errors import FilmError
from fracture_core.film_files import codestream, formats, raster
from fracture_core.films import film_checks, images
from tests.core import dicoms

GREY = np.add.outer(np.arange(48), np.arange(64) * 2).astype(np.uint8)
WIDE = GREY.astype(np.uint16) * 20 + 300  # 12-bit values
COLOUR = np.dstack([GREY, GREY[::-1], 255 - GREY])


def saved(values: np.ndarray, kind: str, mode: str | None = None, **options: object) -> bytes:
    image, stream = Image.fromarray(values), io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, kind, **options)
    return stream.getvalue()


def tiff(values: np.ndarray, photometric: str = "minisblack", **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric=photometric, metadata=None, **options)
    return stream.getvalue()


def pixels(content: bytes, name: str = "film") -> np.ndarray:
    return np.asarray(images.decode(content, name)).astype(int)


def stretch(values: np.ndarray) -> np.ndarray:
    """The stated rule for more than 8 bits, written down a second time."""
    whole = values.astype(float)
    return np.rint((whole - whole.min()) * (255 / (whole.max() - whole.min()))).astype(int)


def luma(colours: np.ndarray) -> np.ndarray:
    return colours @ np.array([0.299, 0.587, 0.114])


# Formats


@pytest.mark.parametrize("suffix", ["gif", "bmp", "jfif", "dib", "tiff", "png"])
def test_a_film_of_8_bits_keeps_its_values_in_every_exact_format(suffix: str) -> None:
    kind = {"jfif": "JPEG", "tiff": "TIFF", "dib": "BMP"}.get(suffix, suffix.upper())
    assert (
        np.abs(pixels(saved(GREY, kind, **{"quality": 100} if kind == "JPEG" else {})) - GREY).max()
        <= 2
    )
    assert f".{suffix}" in images.SUFFIXES


CODED = {  # a film of 12 bits, coded without loss
    "lossless JPEG": lambda v: imagecodecs.jpeg8_encode(v, bitspersample=16, lossless=True),
    "JPEG-LS": imagecodecs.jpegls_encode,
    "JPEG 2000": lambda v: imagecodecs.jpeg2k_encode(v, level=0),
    "JPEG 2000 stream": lambda v: imagecodecs.jpeg2k_encode(v, level=0, codecformat="j2k"),
    "JPEG XL": lambda v: imagecodecs.jpegxl_encode(v, lossless=True),
    "JPEG XL in boxes": lambda v: imagecodecs.jpegxl_encode(v, lossless=True, usecontainer=True),
    "PNG": imagecodecs.png_encode,
    "TIFF": tiff,
}


@pytest.mark.parametrize("kind", CODED)
def test_twelve_bits_are_stretched_alike_in_every_format(kind: str) -> None:
    reading = images.read(CODED[kind](WIDE), "film.jpg")  # whatever the suffix says
    assert np.array_equal(reading.image, stretch(WIDE)) and reading.notes == ()


@pytest.mark.parametrize("kind", ["JPEG-LS", "JPEG 2000", "JPEG XL", "PNG"])
def test_eight_bits_stay_in_every_format(kind: str) -> None:
    assert np.array_equal(pixels(CODED[kind](GREY)), GREY)


def test_twelve_bit_jpeg_is_near_to_its_values() -> None:
    content = imagecodecs.jpeg8_encode(WIDE, bitspersample=12, level=98)
    assert np.abs(pixels(content) - stretch(WIDE)).max() <= 2


@pytest.mark.parametrize("bits", [8, 12])
def test_avif_is_read_with_its_bits(bits: int) -> None:
    values = (GREY if bits == 8 else WIDE)[..., None].repeat(3, 2)
    content = imagecodecs.avif_encode(values, level=100, bitspersample=bits, pixelformat="444")
    expected = luma(
        imagecodecs.avif_decode(content) if bits == 8 else stretch(imagecodecs.avif_decode(content))
    )
    assert np.abs(pixels(content) - expected).max() <= 2


def test_heif_is_read() -> None:
    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(GREY)).save(stream, quality=-1)
    assert formats.kind(stream.getvalue()) == "HEIF"
    assert np.abs(pixels(stream.getvalue(), "IMG_0001.jpg") - GREY).max() <= 2


def test_what_is_not_read_is_named_and_never_called_damaged() -> None:
    for content, words in (
        (b"8BPS" + bytes(60), "a Photoshop file"),
        (b"II\xbc\x01" + bytes(60), "a JPEG XR file"),
        (b"v/1\x01" + bytes(60), "an OpenEXR file"),
        (b"%PDF-1.7" + bytes(60), "a PDF file"),
        (b"P5\n64 48\n255\n" + bytes(60), "a PNM file"),
        (b"\0\0\0\x18ftypmp42" + bytes(60), "an MP4 video file"),
    ):
        with pytest.raises(FilmError, match=f"is {words}, which is not read") as caught:
            images.decode(content, "film.png")
        assert "damaged" not in str(caught.value)
    with pytest.raises(FilmError, match=r"of a kind that is not read .*no real numbers"):
        images.decode(tiff(WIDE.astype(np.complex64)), "film.tif")
    with pytest.raises(FilmError, match=r"coded as .*, which is not read"):
        images.decode(tiff(GREY, compression="jpegxr"), "film.tif")


# Values


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_of_every_type_is_its_values(dtype: str, order: str) -> None:
    values = GREY.astype(np.float64)
    if dtype[0] == "i":
        values = values - 100
    elif dtype in ("u4", "u8"):
        values = values * 2.0 ** (24 if dtype == "u4" else 50)
    values = values.astype(dtype)
    expected = GREY if dtype == "u1" else stretch(values)
    content = tiff(values, byteorder=order)
    assert np.array_equal(pixels(content), expected)
    turned = tiff(values, "miniswhite", byteorder=order)
    assert np.array_equal(pixels(turned), 255 - expected)


@pytest.mark.parametrize("bits", [*range(1, 8), *range(9, 16), 24, 31])
def test_a_tiff_of_any_number_of_bits_is_its_values(bits: int) -> None:
    levels = 2**bits - 1
    values = np.linspace(0, levels, 48 * 64).reshape(48, 64).round()
    expected = np.floor(values * 255 / levels) if bits < 8 else stretch(values)
    for order in "><" if bits == 24 else ">":
        content = packed_tiff(values.astype(np.uint64), bits, order)
        assert np.abs(pixels(content) - expected).max() <= (1 if bits < 8 else 0)


def packed_tiff(values: np.ndarray, bits: int, order: str = ">") -> bytes:
    """A TIFF whose rows hold values of `bits` bits, one after the other."""
    rows = (values[..., None] >> np.arange(bits, dtype=np.uint64)[::-1] & np.uint64(1)).reshape(
        len(values), -1
    )
    body = np.packbits(rows.astype(np.uint8), axis=1).tobytes()
    if order == "<":  # of whole bytes
        body = np.frombuffer(body, np.uint8).reshape(-1, bits // 8)[:, ::-1].tobytes()
    height, width = values.shape
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, 1), (273, 8)]
    tags += [(277, 1), (278, height), (279, len(body))]
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags)
    header = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "I", 8 + len(body))
    return header + body + struct.pack(order + "H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    "options",
    [
        {"bigtiff": True},
        {"tile": (16, 32)},
        {"rowsperstrip": 5, "compression": "lzw", "predictor": True},
        {"compression": "zlib", "byteorder": ">"},
        {"compression": "zstd"},
        {"compression": "lzma"},
        {"compression": "packbits"},
        {"compression": "jpeg2000"},
        {"compression": "jpegxl"},
    ],
    ids=str,
)
def test_a_tiff_of_any_layout_is_the_same_film(options: dict) -> None:
    if options.get("compression") == "jpegxl":
        options = {"compression": "jpegxl_dng", "compressionargs": {"lossless": True}}
    if options.get("compression") == "jpeg2000":
        options = {**options, "compressionargs": {"level": 0}}
    assert np.array_equal(pixels(tiff(WIDE, **options)), stretch(WIDE))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("wide", [False, True])
def test_a_coloured_tiff_is_luma_after_one_stretch_over_its_channels(planar, wide) -> None:
    values = COLOUR.astype(np.uint16) * 16 if wide else COLOUR
    stored = np.moveaxis(values, 2, 0) if planar == "separate" else values
    expected = luma(stretch(values) if wide else values)
    assert np.abs(pixels(tiff(stored, "rgb", planarconfig=planar)) - expected).max() <= 1


def test_a_palette_is_the_colours_that_it_names() -> None:
    table = np.array([np.arange(256)[::-1] * 257] * 3, np.uint16)
    assert np.array_equal(pixels(tiff(GREY, "palette", colormap=table)), 255 - GREY)


def test_values_that_are_no_numbers_lie_outside_the_film() -> None:
    values = WIDE.astype(np.float32)
    values[0], values[1, 0], values[1, 1] = np.nan, np.inf, -np.inf
    grey = pixels(tiff(values))
    [note] = images.read(tiff(values)).notes
    assert note == "Pixels that are no finite numbers were read as black."
    assert images.read(tiff(WIDE.astype(np.float32))).notes == ()
    inside = np.isfinite(values)
    assert (grey[~inside] == 0).all()
    assert np.array_equal(grey[inside], stretch(values[inside]))
    assert (pixels(tiff(values, "miniswhite"))[~inside] == 0).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_twelve_bit_values_in_16_bits_fill_the_range_in_every_channel_count(channels) -> None:
    values = WIDE[..., None].repeat(channels, 2)
    if channels in (2, 4):
        values[..., -1] = 4095  # opaque in 12 bits
    content = imagecodecs.png_encode(values[..., 0] if channels == 1 else values)
    ours = pixels(content)
    assert np.array_equal(ours, stretch(WIDE))
    other = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    first = other if other.ndim == 2 else other[..., 0]
    assert np.array_equal(ours, stretch(first))


def test_opacity_of_16_bits_blends_with_black_and_what_is_clear_counts_in_no_stretch() -> None:
    values = np.dstack([WIDE, np.full_like(WIDE, 65535)])
    values[0] = (65535, 0)
    values[1, :, 1] = 32768
    grey = pixels(imagecodecs.png_encode(values))
    rest = stretch(WIDE[1:])
    assert (grey[0] == 0).all() and np.array_equal(grey[2:], rest[1:])
    assert np.abs(grey[1] - rest[0] / 2).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX"])
def test_the_same_grey_film_in_any_mode_is_the_same(mode: str) -> None:
    black_and_white = Image.fromarray((GREY > 90).astype(np.uint8) * 255)
    image = black_and_white
    for step in {"La": ("LA", "La"), "PA": ("P", "PA"), "RGBa": ("RGBA", "RGBa")}.get(
        mode, (mode,)
    ):
        image = image.convert(step)
    assert image.mode == mode
    assert np.array_equal(raster.grey_of(image), black_and_white)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV"])
def test_colour_in_another_space_is_luma_of_the_same_colours(mode: str) -> None:
    colours = Image.fromarray(COLOUR).convert(mode)
    if mode == "HSV":
        expected = cv2.cvtColor(np.asarray(colours), cv2.COLOR_HSV2RGB_FULL)
    elif mode == "YCbCr":
        swapped = np.asarray(colours)[..., [0, 2, 1]]
        expected = cv2.cvtColor(np.ascontiguousarray(swapped), cv2.COLOR_YCrCb2RGB)
    else:
        inks = 1 - np.asarray(colours) / 255
        expected = 255 * inks[..., :3] * inks[..., 3:]
    assert np.abs(np.asarray(raster.grey_of(colours), int) - luma(expected)).max() <= 3


def test_lab_is_the_luma_of_its_colours() -> None:
    lab = cv2.cvtColor((COLOUR / 255).astype(np.float32), cv2.COLOR_RGB2Lab)
    stored = np.dstack([lab[..., 0] * 2.55, lab[..., 1], lab[..., 2]]).round()
    values = stored.astype(np.int16).astype(np.uint8)  # a and b signed, in one byte
    content = tiff(values, "cielab")
    assert np.abs(pixels(content) - luma(COLOUR)).max() <= 6  # of whole steps of a and b


def test_of_several_pages_the_first_is_read_and_all_are_counted() -> None:
    content = tiff(np.stack([WIDE, WIDE[::-1], WIDE]))
    assert np.array_equal(pixels(content), stretch(WIDE)) and images.frames(content) == 3
    assert images.frames(CODED["JPEG XL"](WIDE)) == 1


# PNG chunks


def with_chunk(content: bytes, kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + body) if crc is None else crc
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)
    return content[:33] + chunk + content[33:]


@pytest.mark.parametrize(
    ("kind", "body", "crc"),
    [
        (b"tEXt", b"Comment\0wrong", 1),
        (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3_000_000)), None),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(70_000_000)), None),
        (b"iCCP", b"profile\0\0no profile", None),
        (b"gAMA", b"\0", 7),
        (b"prIv", b"anything", 0),
    ],
)
def test_an_odd_ancillary_chunk_costs_no_film(kind: bytes, body: bytes, crc: int | None) -> None:
    content = with_chunk(saved(GREY, "PNG"), kind, body, crc)
    reading = images.read(content, "film.png")
    assert np.array_equal(reading.image, GREY) and reading.notes == ()
    assert images.frames(content) == 1


def test_a_damaged_critical_chunk_is_damage() -> None:
    with pytest.raises(FilmError, match="PLTE chunk is damaged"):
        images.decode(with_chunk(saved(GREY, "PNG"), b"PLTE", bytes(768), 5), "film.png")


# Sizes


def test_the_size_of_every_coding_is_known_before_it_is_unpacked() -> None:
    for height, width in ((48, 64), (64, 64), (17, 300), (1080, 1920), (96, 128), (513, 40)):
        values = np.zeros((height, width), np.uint8)
        for kind in ("JPEG-LS", "JPEG 2000", "JPEG 2000 stream", "JPEG XL", "JPEG XL in boxes"):
            assert codestream.size(CODED[kind](values)) == (width, height), kind


def test_a_bomb_of_every_format_is_refused_by_its_header() -> None:
    side = 9_000
    assert side**2 > LIMITS.film_pixels
    flat = np.zeros((side, side), np.uint8)
    bombs = [
        imagecodecs.jpegls_encode(flat),
        with_tag(with_tag(tiff(GREY, tile=(16, 16), compression="zlib"), 322, 10**5), 323, 10**5),
        saved(flat, "GIF"),
        with_size(saved(GREY, "BMP"), side),
        b"\xff\x0a" + size_of_xl(side),
        packed_tiff(np.zeros((16, 16), np.uint64), 8).replace(
            struct.pack(">HHII", 256, 4, 1, 16), struct.pack(">HHII", 256, 4, 1, 10**7)
        ),
    ]
    for bomb in bombs:
        with pytest.raises(FilmError, match=r"at most 64 million pixels|tiles of"):
            images.decode(bomb, "bomb")


def with_size(bmp: bytes, side: int) -> bytes:
    """A BMP whose header says another size."""
    return bmp[:18] + struct.pack("<ii", side, side) + bmp[26:]


def with_tag(content: bytes, tag: int, value: int) -> bytes:
    """A little-endian TIFF with another value of a tag."""
    place = content.index(struct.pack("<H", tag), struct.unpack("<I", content[4:8])[0])
    return content[:place] + struct.pack("<HHII", tag, 4, 1, value) + content[place + 12 :]


def size_of_xl(side: int) -> bytes:
    """The size header of a square JPEG XL image of 13 to 18 bits a side."""
    value = 0 | 2 << 1 | (side - 1) << 3 | 1 << 21
    return value.to_bytes(16, "little")


@pytest.mark.parametrize("reader", ["png", "tiff", "jpeg"])
def test_too_little_memory_is_no_damage(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError

    film = Image.fromarray(GREY)
    stream = io.BytesIO()
    film.save(stream, reader.upper())
    monkeypatch.setattr(getattr(images, reader), "read", refuse)
    with pytest.raises(FilmError, match="needs more memory than is free"):
        images.read(stream.getvalue())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_film_without_a_number_is_not_called_damaged(value: float) -> None:
    with pytest.raises(FilmError, match="holds no pixel that is a finite number"):
        images.read(tiff(np.full((60, 80), value, np.float32)), "film.tif")


@pytest.mark.parametrize("extreme", [0, 65_535])
@pytest.mark.parametrize("kind", ["png", "tiff", "dicom"])
@pytest.mark.parametrize("shape", [(120, 100), (99, 101), (70, 60)])
def test_a_hot_or_dead_pixel_takes_the_film_no_contrast(
    kind: str, extreme: int, shape: tuple[int, int]
) -> None:
    ramp = np.add.outer(*map(np.arange, shape)).astype(np.uint16) * 3 + 30_000
    values = ramp.copy()
    values[60, 50] = extreme
    write = {"png": lambda: saved(values, "PNG"), "tiff": lambda: tiff(values)}
    reading = images.read(write.get(kind, lambda: dicoms.make(values))(), "film")
    grey = np.asarray(reading.image).astype(int)
    assert grey[60, 50] == (0 if extreme == 0 else 255)
    rest = np.ones(values.shape, bool)
    rest[60, 50] = False
    assert np.abs(grey - stretch(ramp))[rest].max() <= 2  # the other end is clipped by a pixel, too
    assert reading.notes == ("A few pixels with extreme values were read as black or white.",)
    checks = film_checks.check(reading.image, 0.0, 32)
    assert all(each.passed for each in checks if each.name in ("blank", "contrast"))


HOT = {  # a film of colours or with opacity, in every format that holds 16 bits of it
    "TIFF": lambda v: tiff(v, "rgb" if v.shape[2] > 2 else "minisblack", **_extra(v)),
    "PNG": imagecodecs.png_encode,
    "JPEG XL": lambda v: imagecodecs.jpegxl_encode(v, lossless=True),
    "JPEG 2000": lambda v: imagecodecs.jpeg2k_encode(v, level=0),
    "lossless JPEG": lambda v: imagecodecs.jpeg8_encode(v, bitspersample=16, lossless=True),
}


def _extra(values: np.ndarray) -> dict[str, object]:
    return {} if values.shape[2] % 2 else {"extrasamples": ["unassalpha"], "planarconfig": "contig"}


@pytest.mark.parametrize("extreme", [0, 65_535])
@pytest.mark.parametrize("shape", [(120, 100), (70, 60)])
@pytest.mark.parametrize(
    ("kind", "channels"),
    [(kind, n) for kind in HOT for n in (2, 3, 4) if n == 3 or kind != "lossless JPEG"],
)
def test_a_hot_pixel_takes_a_film_of_several_channels_no_contrast(
    kind: str, channels: int, shape: tuple[int, int], extreme: int
) -> None:
    ramp = np.add.outer(*map(np.arange, shape)).astype(np.uint16) * 3 + 30_000
    shades = [ramp, ramp + 40, ramp + 90][: channels - (channels % 2 == 0)]
    values = np.dstack([*shades, np.full(shape, 65_535, np.uint16)][:channels])
    expected = stretch(np.dstack(shades))
    expected = luma(expected) if len(shades) == 3 else expected[..., 0]
    plain = images.read(HOT[kind](values), "film")
    assert np.abs(np.asarray(plain.image) - expected).max() <= 1 and plain.notes == ()
    values[60, 50, : len(shades)] = extreme  # all channels of one pixel
    reading = images.read(HOT[kind](values), "film")
    grey = np.asarray(reading.image).astype(int)
    assert grey[60, 50] == (0 if extreme == 0 else 255)
    rest = np.ones(shape, bool)
    rest[60, 50] = False
    assert np.abs(grey - expected)[rest].max() <= 3  # the other end is clipped by a pixel, too
    assert reading.notes == ("A few pixels with extreme values were read as black or white.",)


def test_of_a_small_film_of_colours_two_extreme_pixels_are_no_chance() -> None:
    ramp = np.add.outer(np.arange(40), np.arange(40)).astype(np.uint16) + 100
    colours = np.dstack([ramp, ramp, ramp + 10]).reshape(-1, 3)
    assert formats.limits(colours) == (100, 188, False)
    colours[5] = 4000
    assert formats.limits(colours)[2]
    colours[9, 1] = 4000  # in one channel
    assert formats.limits(colours) == (100, 4000, False)


@pytest.mark.parametrize("side", [16, 40])
def test_of_a_small_film_one_pixel_may_be_extreme_and_two_may_not(side: int) -> None:
    ramp = np.add.outer(np.arange(side), np.arange(side)).astype(np.uint16) + 100
    one, two = ramp.copy(), ramp.copy()
    one[5, 6] = two[5, 6] = two[9, 3] = 4000
    for values, has_extremes in ((ramp, False), (one, True), (two, False)):
        assert formats.limits(values.ravel())[2] == has_extremes
        different, counts = np.unique(values, return_counts=True)
        assert formats.limits(different, counts) == formats.limits(values.ravel())


@pytest.mark.parametrize("values", [[7], [7, 9000], [0, 7, 9000]])
def test_of_a_few_pixels_inside_the_film_none_is_extreme_by_chance(values: list[int]) -> None:
    low, high, _ = formats.limits(np.array(values))
    assert (low, high) == (min(values), max(values))


@pytest.mark.parametrize("shape", [(120, 100), (60, 50)])
def test_wide_values_that_are_many_are_no_extremes(shape: tuple[int, int]) -> None:
    values = np.full(shape, 1000, np.uint16)
    values[::2] += 300
    values[:4, :4] = 65_535  # a marker
    reading = images.read(tiff(values))
    assert np.array_equal(np.asarray(reading.image), stretch(values)) and reading.notes == ()
