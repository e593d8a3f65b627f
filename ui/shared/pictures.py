"""Films as pictures: as received, and as the network's input."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from fracture_core.dicom_files import dicom
from fracture_core.dicom_files.pixel_spacing import Spacing
from fracture_core.film_files import film_depth
from fracture_core.film_files.film_depth import FilmDepth, Window
from fracture_core.films import eraser, images
from fracture_core.films.eraser import Stroke

Source = Path | bytes  # of the data set, or as it was uploaded
SEEN_SIDE = 256  # px at least, so that the browser does not blur by enlarging
_FAST = 1  # of PNG's compression: more makes noise hardly smaller


@dataclass(frozen=True, kw_only=True)
class Depth:
    """Meaning of a picture's codes, in units of the film's file.

    Args:
        first: value of code 1; code 0 is outside the film.
        step: from one code's value to the next one's.
        shades: a byte per code from 1 on, the grey that the film has by default.
        inverted: whether the highest value is black.
        windows: of the file.
    """

    first: float
    step: float
    shades: bytes
    inverted: bool
    windows: tuple[Window, ...]


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An encoded image of a film.

    Args:
        content: of the image file, WebP or PNG of mode "L". With `depth`, a PNG of twice the
            height: the high bytes of the film's codes above, the low bytes below.
        width, height: of the film in the image, px.
        file_size: width and height in px of the film's own file, which may be larger.
        spacing: of the file's pixels, if it states it.
        notes: what was odd about the film's file, see `FilmReading`.
        depth: of a film of more than 8 bits.
    """

    content: bytes
    width: int
    height: int
    file_size: tuple[int, int]
    spacing: Spacing | None = None
    notes: tuple[str, ...] = ()
    depth: Depth | None = None


def shown(
    source: Source,
    name: str,
    long_side: int,
    erased: Sequence[Stroke] = (),
    inverted: bool = False,
    *,
    encoding: Literal["WEBP", "PNG"] = "WEBP",
) -> Picture:
    """Return the whole film in grey, its longer side at most `long_side` px, never enlarged.

    Args:
        source: the film.
        name: of its file, for errors.
        long_side: px.
        erased: strokes of the eraser.
        inverted: whether black and white are exchanged.
        encoding: of a film of 8 bits, with or without loss.

    Raises:
        FilmError: it cannot be read; see `images.read`.
    """
    reading = images.read(source, name, images.SHOWN_MISSING_PERCENT)
    whole, depth = reading.image, None
    film = reading.depth
    if reading.values is not None:
        film = film_depth.of(reading.values, np.asarray(whole), reading.inverted)
    if film is not None:
        small = Image.new("1", whole.size)
        small.thumbnail((long_side, long_side))
        content, depth = _coded(film, small.size, erased, inverted)
    else:
        small = eraser.erase(ImageOps.invert(whole) if inverted else whole, erased)
        small.thumbnail((long_side, long_side))
        content = _encoded(small, encoding)
    return Picture(
        content=content,
        width=small.width,
        height=small.height,
        file_size=whole.size,
        spacing=dicom.spacing(source, name),
        notes=reading.notes,
        depth=depth,
    )


def still(picture: Picture) -> bytes:
    """Return the image file of a picture at its default window, for places without the viewer.

    The content of a film of more than 8 bits is no picture by itself: the viewer puts it together.
    """
    if picture.depth is None:
        return picture.content
    high, low = np.vsplit(np.asarray(Image.open(io.BytesIO(picture.content))), 2)
    greys = np.frombuffer(b"\0" + picture.depth.shades, np.uint8)  # code 0 is outside the film
    return _encoded(Image.fromarray(greys[high.astype(np.uint16) << 8 | low]), "WEBP")


def _encoded(film: Image.Image, encoding: str) -> bytes:
    stream = io.BytesIO()
    film.save(stream, encoding, **({"quality": 90} if encoding == "WEBP" else {}))
    return stream.getvalue()


def _coded(
    film: FilmDepth, size: tuple[int, int], erased: Sequence[Stroke], inverted: bool
) -> tuple[bytes, Depth]:
    """Return a film's codes at this (width, height) as a picture, and what they mean."""
    import cv2

    codes = film_depth.codes(film)
    pixels = codes.pixels
    if erased:
        filled = eraser.erase_values(pixels.astype(np.float32), erased)
        pixels = np.clip(np.rint(filled), 0, len(codes.shades)).astype(np.uint16)
    if size != pixels.shape[::-1]:
        way = cv2.INTER_AREA if size[0] * size[1] < pixels.size else cv2.INTER_LINEAR
        outside = cv2.resize(film.outside.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        pixels = cv2.resize(pixels, size, interpolation=way)
        pixels[outside > 0] = 0
    stream = io.BytesIO()
    halves = np.vstack([pixels >> 8, pixels & 255]).astype(np.uint8)
    Image.fromarray(halves).save(stream, "PNG", compress_level=_FAST)
    return stream.getvalue(), Depth(
        first=codes.first,
        step=codes.step,
        shades=(255 - codes.shades if inverted else codes.shades).tobytes(),
        inverted=film.inverted != inverted,
        windows=film.windows,
    )


def brief(notes: Sequence[str]) -> str:
    """Return what was odd about a film's file as a clause: the first note, and how many more."""
    if not notes:
        return ""
    first = notes[0].removesuffix(".")
    more = f" (and {len(notes) - 1} more)" if len(notes) > 1 else ""
    return f"{first[:1].lower()}{first[1:]}{more}"


def network_picture(pixels: np.ndarray) -> bytes:
    """Encode a network's input, uint8 (size, size), as PNG with each pixel a square of whole px."""
    factor = -(-SEEN_SIDE // len(pixels))
    stream = io.BytesIO()
    Image.fromarray(pixels.repeat(factor, 0).repeat(factor, 1)).save(stream, "PNG")
    return stream.getvalue()
