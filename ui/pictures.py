"""Films as pictures: as they were given, as the network saw them, and where their number stands."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from fracture_core import aggregation, images

Source = Path | UploadedFile
SEEN_SIDE = 256  # px at least, so that the browser has nothing to blur


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A film to look at: WebP bytes, and its size in px."""

    content: bytes
    width: int
    height: int


def content(source: Source) -> Path | bytes:
    """What a film is read from: its path in the data set, or the bytes that were uploaded."""
    return source if isinstance(source, Path) else source.getvalue()


def shown(source: Source, long_side: int) -> Picture:
    """The whole film in grey, its longer side at most `long_side` px, never enlarged.

    Raises:
        FilmError: it cannot be read; see `images.decode`.
    """
    film = images.decode(content(source), source.name)
    film.thumbnail((long_side, long_side))
    stream = io.BytesIO()
    film.save(stream, "WEBP", quality=90)
    return Picture(content=stream.getvalue(), width=film.width, height=film.height)


def seen(pixels: np.ndarray) -> bytes:
    """A network's uint8 (size, size) pixels as a PNG, each pixel a square of whole px."""
    factor = -(-SEEN_SIDE // len(pixels))
    stream = io.BytesIO()
    Image.fromarray(pixels.repeat(factor, 0).repeat(factor, 1)).save(stream, "PNG")
    return stream.getvalue()


def scale(probability: float, threshold: float, fracture: str, no_fracture: str, text: str) -> str:
    """A probability on its scale from 0 to 1 with the operating point, as SVG.

    Args:
        fracture: hex colour of the scale above the operating point, and of a positive film.
        no_fracture: of the scale up to it, and of a negative film.
        text: hex colour of the numbers.
    """
    left, width, y = 10, 300, 26
    x, cut = left + width * probability, left + width * threshold
    positive = bool(aggregation.is_positive(probability, threshold))
    ink = fracture if positive else no_fracture
    shape = (
        f'<path d="M{x:.1f} {y - 10} l9 17 h-18 z" fill="{ink}"/>'
        if positive
        else f'<circle cx="{x:.1f}" cy="{y}" r="8" fill="{ink}"/>'
    )
    # The ends' numbers give way to that of the operating point.
    ends = [(left, "0"), (left + width, "1")]
    words = [(cut, f"{threshold:.2f}"), *(end for end in ends if abs(end[0] - cut) > 24)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 56" width="320" height="56" '
        f'font-family="sans-serif" font-size="12" fill="{text}">'
        f'<rect x="{left}" y="{y - 3}" width="{cut - left:.1f}" height="6" rx="3" '
        f'fill="{no_fracture}" opacity="0.45"/>'
        f'<rect x="{cut:.1f}" y="{y - 3}" width="{left + width - cut:.1f}" height="6" rx="3" '
        f'fill="{fracture}" opacity="0.45"/>'
        f'<line x1="{cut:.1f}" x2="{cut:.1f}" y1="{y - 15}" y2="{y + 15}" stroke="{text}" '
        f'stroke-width="2"/>{shape}'
        + "".join(_label(place, word) for place, word in words)
        + "</svg>"
    )


def _label(x: float, word: str) -> str:
    return f'<text x="{x:.1f}" y="53" text-anchor="middle">{word}</text>'
