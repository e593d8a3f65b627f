"""The eraser: a film without a screw, a marker or any region that a person has brushed over.

The erased area is filled with a smooth blend of its surroundings, so that the network sees neither
the object nor a hole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

REACH = 2.0  # brush radii: the width of the surroundings that are blended; doubled as needed
STROKES, POINTS = 200, 2_000  # at most, per film and per stroke: no hand draws more


@dataclass(frozen=True, kw_only=True)
class Stroke:
    """One movement of a round brush.

    Args:
        points: (x, y) of its centre, in shares of the film's width and height, 0 to 1.
        radius: in shares of the film's width.
    """

    points: tuple[tuple[float, float], ...]
    radius: float


def brushed(size: tuple[int, int], strokes: Sequence[Stroke]) -> np.ndarray:
    """Return the mask of the erased pixels of a film of this (width, height) in px, bool (h, w)."""
    width, height = size
    mask = Image.new("1", size)
    pen = ImageDraw.Draw(mask)
    for stroke in strokes[:STROKES]:
        radius = max(1.0, stroke.radius * width)
        line = [(x * width, y * height) for x, y in stroke.points[:POINTS]]
        pen.line(line, fill=1, width=round(2 * radius))
        for x, y in line:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
    return np.asarray(mask)


def share(size: tuple[int, int], strokes: Sequence[Stroke]) -> float:
    """Return the erased share of a film of this (width, height) in px, 0 to 1."""
    return float(brushed(size, strokes).mean()) if strokes else 0.0


def erase(film: Image.Image, strokes: Sequence[Stroke]) -> Image.Image:
    """Fill the erased area of a film (mode L); return the same film where nothing was erased."""
    if not strokes or not brushed(film.size, strokes).any():
        return film
    values = erase_values(np.asarray(film, np.float32), strokes)
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))


def erase_values(values: np.ndarray, strokes: Sequence[Stroke]) -> np.ndarray:
    """Return a film's values, float32 (rows, columns), with the erased area filled.

    A normalized convolution (Knutsson and Westin 1993): blurred grey over blurred coverage, with a
    wider blur where too few pixels are within reach.
    """
    height, width = values.shape
    hidden = brushed((width, height), strokes)
    if not hidden.any() or hidden.all():
        return np.full_like(values, values.mean()) if hidden.all() else values
    from scipy.ndimage import gaussian_filter

    reach = REACH * max(1.0, max(stroke.radius for stroke in strokes) * width)
    values = values.copy()
    unfilled = hidden.copy()
    while unfilled.any():
        top, bottom, left, right = _around(unfilled, round(4 * reach))
        visible = ~hidden[top:bottom, left:right]
        grey = values[top:bottom, left:right]
        cover = gaussian_filter(visible.astype(np.float32), reach)
        blend = gaussian_filter(np.where(visible, grey, 0.0).astype(np.float32), reach)
        near = unfilled[top:bottom, left:right] & (cover > 0.05)
        grey[near] = blend[near] / cover[near]
        unfilled[top:bottom, left:right] &= ~near
        reach *= 2
    return values


def _around(mask: np.ndarray, margin: int) -> tuple[int, int, int, int]:
    """Return top, bottom, left, right of the mask's bounding box with a margin."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    return (
        max(0, rows[0] - margin),
        min(height, rows[-1] + 1 + margin),
        max(0, columns[0] - margin),
        min(width, columns[-1] + 1 + margin),
    )
