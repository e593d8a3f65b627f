"""Distance of a DICOM film's pixels in mm, and pixels that are not square."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fracture_core.config.limits import LIMITS
from fracture_core.dicom_files import elements, film_values

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

KEYWORDS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_MM = (1e-3, 10.0)  # of a pixel; others are damage
_SQUARE = 0.01  # of a pixel's side; sides that differ by less are the same to the eye
_LONGEST = 8.0  # times the other side; more is damage


@dataclass(frozen=True, kw_only=True)
class Spacing:
    """Distance of a film's pixels, as `read` gives them.

    Args:
        row: mm from a row to the next.
        column: mm from a column to the next.
        at_detector: whether it is not corrected for magnification: bone is smaller than measured.
    """

    row: float
    column: float
    at_detector: bool


def read(dataset: "Dataset") -> Spacing | None:
    """Return the spacing of a film's stored pixels; `None` where it states none that can be.

    An uncorrected Pixel Spacing equals Imager Pixel Spacing (PS3.3 10.7.1.3).
    """
    groups = film_values.levels(dataset, "PixelMeasuresSequence")
    pairs = [_pair(group, KEYWORDS[0]) for group in groups]
    corrected = next((pair for pair in pairs if pair), None)
    detector = _pair(dataset, KEYWORDS[1]) or _pair(dataset, KEYWORDS[2])
    lengths = corrected or detector
    if lengths is None:
        return None
    return Spacing(row=lengths[0], column=lengths[1], at_detector=lengths == detector)


def _pair(dataset: "Dataset", keyword: str) -> tuple[float, float] | None:
    """Return two lengths in mm; `None` for another number of them, or one that no film has."""
    row, column = _two(elements.numbers(dataset, keyword))
    least, most = _MM
    return (row, column) if least <= row <= most and least <= column <= most else None


def _two(values: Sequence[float | None] | None) -> tuple[float, float]:
    """Return two numbers, 0 twice for any other number of them."""
    if values is None or len(values) != 2 or values[0] is None or values[1] is None:
        return 0.0, 0.0
    return values[0], values[1]


def read_squared(dataset: "Dataset", size: tuple[int, int]) -> Spacing | None:
    """Return the spacing of a film's pixels once they are square, see `square_size`."""
    stored = read(dataset)
    if stored is None:
        return None
    width, height = square_size(dataset, size, [])
    return Spacing(
        row=stored.row * size[1] / height,
        column=stored.column * size[0] / width,
        at_detector=stored.at_detector,
    )


def square_size(dataset: "Dataset", size: tuple[int, int], notes: list[str]) -> tuple[int, int]:
    """Return the (width, height) of a film in square pixels; the same for pixels that are square.

    The longer side of a pixel becomes several, so that nothing is lost. Its sides follow from its
    spacing, else from Pixel Aspect Ratio (PS3.3 C.7.6.3.1.7).

    Args:
        dataset: of the film.
        size: width and height of the film as it is stored, px.
        notes: takes a sentence where the size changes or the sides cannot be.
    """
    spacing, keyword = read(dataset), "spacing"
    high, wide = (spacing.row, spacing.column) if spacing else (0.0, 0.0)
    if spacing is None:
        keyword = "PixelAspectRatio"
        high, wide = _two(elements.numbers(dataset, keyword))
        if not (high > 0 and wide > 0):
            if keyword in dataset:
                elements.ignore(keyword, "is no ratio", notes)
            return size
    if abs(high / wide - 1) < _SQUARE:
        return size
    width, height = size
    if high > wide:
        square = width, round(height * high / wide)
    else:
        square = round(width * wide / high), height
    sides = f"{high:g} high and {wide:g} wide"
    if max(high / wide, wide / high) > _LONGEST or square[0] * square[1] > LIMITS.film_pixels:
        notes.append(f"Its pixels are said to be {sides} ({keyword}), which was ignored.")
        return size
    notes.append(
        f"Its pixels are not square ({keyword}: {sides}): it was scaled to true proportions."
    )
    return square
