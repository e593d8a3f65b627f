"""Values of a film of more than 8 bits, for a window that acts on them rather than on grey."""

from dataclasses import dataclass

import numpy as np

_CODES = 2**16 - 1  # of pixels inside the film: 1 to this
_WHOLE = 2**16  # values of a film that are distinguished without sorting its pixels
_EVEN = 1e-6  # of a step, by which steps may differ and still be equal
_STEEPEST = 50.0  # of a sigmoid's exponent; beyond it every number is 0 or 1
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True, kw_only=True)
class Window:
    """A window: which values become black, which white (DICOM PS3.3 C.11.2.1.2).

    Args:
        center, width: in the film's units; the width is positive, and at least 1 if "LINEAR".
        function: one of `FUNCTIONS`.
        explanation: what it shows, as the file says; "" where it does not.
    """

    center: float
    width: float
    function: str = "LINEAR"
    explanation: str = ""

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return brightness, 0 to 1, of values in the film's units."""
        if self.function == "SIGMOID":
            steps = np.clip(-4 * (values - self.center) / self.width, -_STEEPEST, _STEEPEST)
            return 1 / (1 + np.exp(steps))
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        if self.width == 1:
            return (values > self.center - 0.5).astype(np.float64)
        return np.clip((values - self.center + 0.5) / (self.width - 1) + 0.5, 0, 1)


@dataclass(frozen=True, kw_only=True)
class FilmDepth:
    """A grey film's values before they become 8 bits.

    Args:
        places: for each pixel the place of its value in `units`, unsigned (rows, columns).
        units: float64 (n,), values in the file's units.
        shades: uint8 (n,), the grey that `FilmReading.image` gives each value.
        outside: bool (rows, columns): pixels that are no part of the film, and black.
        inverted: whether the highest value is black.
        windows: of the file.
    """

    places: np.ndarray
    units: np.ndarray
    shades: np.ndarray
    outside: np.ndarray
    inverted: bool
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Codes:
    """A film's values as whole numbers that are evenly spaced.

    Args:
        pixels: uint16 (rows, columns), 0 outside the film, else 1 to the number of shades.
        first: value of code 1, in the film's units.
        step: from one code's value to the next one's.
        shades: uint8, the grey of code 1, 2, ...
    """

    pixels: np.ndarray
    first: float
    step: float
    shades: np.ndarray


def told_apart(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each pixel the place of its value, and the values, ascending."""
    if values.dtype.kind in "ui":
        low, high = int(values.min()), int(values.max())
        if high - low < _WHOLE:
            places = (values - values.dtype.type(low)).view(f"u{values.dtype.itemsize}")
            return places, np.arange(low, high + 1, dtype=np.float64)
    levels, places = np.unique(values, return_inverse=True)
    return places.reshape(values.shape), levels.astype(np.float64)


def of(values: np.ndarray, grey: np.ndarray, inverted: bool) -> FilmDepth:
    """Return the depth of a film that its values alone make grey.

    Args:
        values: (rows, columns), of any number type.
        grey: uint8, of the same shape: what the film's picture makes of them.
        inverted: whether the highest value is black.
    """
    outside = ~np.isfinite(values)
    places, units = told_apart(values)
    shades = np.zeros(len(units), np.uint8)
    shades[places] = grey
    return FilmDepth(places=places, units=units, shades=shades, outside=outside, inverted=inverted)


def codes(film: FilmDepth) -> Codes:
    """Return a film's values as codes; values that are not evenly spaced become nearest ones."""
    units, shades = film.units, film.shades
    is_finite = np.isfinite(units)  # others lie outside
    finite = units[is_finite]
    steps = np.diff(finite)
    step = float(steps[0]) if len(steps) else 1.0
    is_even = bool(step) and bool((np.abs(steps - step) <= _EVEN * abs(step)).all())
    if len(units) > _CODES + 1 or not is_even or not is_finite.all():
        low, high = float(finite.min()), float(finite.max())
        step = (high - low) / (_CODES - 1) or 1.0
        inside = np.where(is_finite, units, low)
        places = np.rint((inside - low) / step).astype(np.uint16)
        order = np.argsort(finite, kind="stable")
        nearest = np.searchsorted(finite[order], low + step * np.arange(_CODES))
        shades = shades[is_finite][order][np.clip(nearest, 0, len(finite) - 1)]
        pixels = places[film.places] + np.uint16(1)
        first = low
    else:
        pixels = np.minimum(film.places.astype(np.uint32) + 1, _CODES).astype(np.uint16)
        shades, first = shades[:_CODES], float(units[0])
    pixels[film.outside] = 0
    return Codes(pixels=pixels, first=first, step=step, shades=shades)
