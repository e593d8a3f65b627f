"""Films as pictures: as received, and as the network's input."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fracture_core.film_files import dicom
from fracture_core.films import eraser, images
from fracture_core.films.eraser import Stroke

Source = Path | bytes  # of the data set, or as it was uploaded
SEEN_SIDE = 256  # px at least, so that the browser does not blur by enlarging


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An encoded image, WebP or PNG, of a film.

    Args:
        content: of the image file.
        width, height: of the image in px.
        file_size: width and height in px of the film's own file, which may be larger.
        spacing: of the file's pixels, if it states it.
        notes: what was odd about the film's file, see `FilmReading`.
    """

    content: bytes
    width: int
    height: int
    file_size: tuple[int, int]
    spacing: dicom.Spacing | None = None
    notes: tuple[str, ...] = ()


def shown(
    source: Source,
    name: str,
    long_side: int,
    erased: Sequence[Stroke] = (),
    inverted: bool = False,
) -> Picture:
    """Return the whole film in grey, its longer side at most `long_side` px, never enlarged.

    Args:
        source: the film.
        name: of its file, for errors.
        long_side: px.
        erased: strokes of the eraser.
        inverted: whether black and white are exchanged.

    Raises:
        FilmError: it cannot be read; see `images.read`.
    """
    # As much as there is: whether that is enough for a verdict is the model's recipe's business.
    reading = images.read(source, name, missing_rows_percent=100)
    whole = reading.image
    film = eraser.erase(ImageOps.invert(whole) if inverted else whole, erased)
    film.thumbnail((long_side, long_side))
    stream = io.BytesIO()
    film.save(stream, "WEBP", quality=90)
    return Picture(
        content=stream.getvalue(),
        width=film.width,
        height=film.height,
        file_size=whole.size,
        spacing=dicom.spacing(source, name),
        notes=reading.notes,
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
