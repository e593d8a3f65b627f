"""The eraser: a film without a screw, a marker or any region that a person has brushed over.

What was brushed over is filled with a smooth blend of what lies around it, so that the network
sees neither the thing nor a hole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

REACH = 2.0  # brush radii: how far around what lies there is blended in; doubled until it suffices
STROKES, POINTS = 200, 2_000  # at most, of a film and of a stroke: more is no hand's work


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
    """Which pixels of a film of this (width, height) in px were brushed over, bool (h, w)."""
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
    """How much of a film of this (width, height) in px was brushed over, 0 to 1."""
    return float(brushed(size, strokes).mean()) if strokes else 0.0


def erase(film: Image.Image, strokes: Sequence[Stroke]) -> Image.Image:
    """The film (mode L) with what was brushed over filled; the same film where nothing was.

    A normalized convolution (Knutsson and Westin 1993): blurred grey over blurred coverage, with a
    wider blur where too little lies within reach.
    """
    if not strokes or not (hidden := brushed(film.size, strokes)).any():
        return film
    if hidden.all():
        return Image.new("L", film.size, round(float(np.asarray(film).mean())))
    from scipy.ndimage import gaussian_filter

    reach = REACH * max(1.0, max(stroke.radius for stroke in strokes) * film.width)
    values = np.asarray(film, np.float32).copy()
    todo = hidden.copy()
    while todo.any():
        top, bottom, left, right = _around(todo, round(4 * reach))
        known = ~hidden[top:bottom, left:right]
        grey = values[top:bottom, left:right]
        cover = gaussian_filter(known.astype(np.float32), reach)
        blend = gaussian_filter(np.where(known, grey, 0.0).astype(np.float32), reach)
        near = todo[top:bottom, left:right] & (cover > 0.05)
        grey[near] = blend[near] / cover[near]
        todo[top:bottom, left:right] &= ~near
        reach *= 2
    return Image.fromarray(np.clip(np.round(values), 0, 255).astype(np.uint8))


def _around(mask: np.ndarray, margin: int) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of the box that holds the mask, and a margin."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    return (
        max(0, rows[0] - margin),
        min(height, rows[-1] + 1 + margin),
        max(0, columns[0] - margin),
        min(width, columns[-1] + 1 + margin),
    )
