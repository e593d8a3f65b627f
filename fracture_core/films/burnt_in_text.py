"""Text-like marks near a film's rim: a name or a date that was burnt into its pixels.

A measure without a network, which reads no letter: strokes brighter or darker than their
surroundings, cut out by a top hat, fall into connected parts; four or more parts of about one
height, one beside the other on a line, look like text. `benchmarks/burnt_in_text.py` measures how
often it finds drawn text, and how often it warns of none. A warning, never proof of either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

LONG_SIDE = 1024  # px of the copy that is searched; smaller films are searched as they are
RIM = 0.25  # of each side: where the middle of a line of text may lie, from the rim
_STROKE = 9  # px, at most: width of a letter's stroke in the copy
_CONTRAST = 40  # grey levels of 255 between a stroke and its surroundings
_HEIGHT = (6, 64)  # px of a letter
_WIDEST = 1.6  # times its height
_FILLED = (0.12, 0.9)  # share of a letter's box
_EVEN = 0.72  # least height of a letter in a line, of its neighbour's
_GAP = 1.2  # heights from a letter to the next, at most
_LETTERS = 4  # of a line, at least; a side marker has one or two


@dataclass(frozen=True, kw_only=True)
class _Part:
    """A connected part's box in px of the copy."""

    left: int
    top: int
    width: int
    height: int


def lines(film: Image.Image) -> list[tuple[int, int, int, int]]:
    """Return the boxes of text-like lines near the rim: left, top, right, bottom in the film's px.

    Args:
        film: decoded, mode "L".
    """
    scale = min(1.0, LONG_SIDE / max(film.size))
    copy = film
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in film.size)
        copy = film.resize((width, height), Image.Resampling.BOX)
    grey = np.asarray(copy)
    boxes: list[tuple[int, int, int, int]] = []
    for turned in (False, True):  # lines along the rows, then along the columns
        pixels = np.ascontiguousarray(grey.T if turned else grey)
        for left, top, right, bottom in _lines(pixels):
            if _is_near_rim((left + right) / 2, (top + bottom) / 2, pixels.shape):
                x0, y0, x1, y1 = (round(side / scale) for side in (left, top, right, bottom))
                boxes.append((y0, x0, y1, x1) if turned else (x0, y0, x1, y1))
    return boxes


def _is_near_rim(x: float, y: float, shape: tuple[int, ...]) -> bool:
    height, width = shape
    return min(x, width - x) < RIM * width or min(y, height - y) < RIM * height


def _lines(grey: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """Yield the boxes of lines of text-like parts along the rows."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (_STROKE, _STROKE))
    for hat in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
        strokes = (cv2.morphologyEx(grey, hat, kernel) > _CONTRAST).astype(np.uint8)
        parts = _parts(strokes)
        for line in _in_lines(parts):
            yield (
                min(part.left for part in line),
                min(part.top for part in line),
                max(part.left + part.width for part in line),
                max(part.top + part.height for part in line),
            )


def _parts(strokes: np.ndarray) -> list[_Part]:
    """Return the connected parts that have a letter's size, from left to right."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    parts = []
    for left, top, width, height, area in stats[1:].tolist():
        is_high = _HEIGHT[0] <= height <= _HEIGHT[1]
        filled = area / (width * height)
        slim = width < height / 4  # as of I, l and 1
        if is_high and width <= _WIDEST * height and (slim or _FILLED[0] <= filled <= _FILLED[1]):
            parts.append(_Part(left=left, top=top, width=width, height=height))
    return sorted(parts, key=lambda part: part.left)


def _in_lines(parts: Sequence[_Part]) -> Iterator[list[_Part]]:
    """Yield runs of letters, each beside the one before and of about its height."""
    left = list(parts)
    while left:
        line = [left.pop(0)]
        for part in list(left):
            if _follows(line[-1], part):
                line.append(part)
                left.remove(part)
        if len(line) >= _LETTERS and _is_written(line):
            yield line


def _follows(one: _Part, other: _Part) -> bool:
    """Return whether a letter stands beside another one, on its line."""
    height = max(one.height, other.height)
    gap = other.left - (one.left + one.width)
    bottoms = abs(one.top + one.height - other.top - other.height)
    even = min(one.height, other.height) >= _EVEN * height
    return even and -0.1 * height <= gap <= _GAP * height and bottoms <= 0.25 * height


def _is_written(line: Sequence[_Part]) -> bool:
    """Return whether heights and gaps are those of writing: a run of bars or dots is even."""
    widths = np.array([part.width for part in line])
    return bool(widths.std() > 0.05 * widths.mean() or len(line) > 2 * _LETTERS)
