"""Films of pixel formats: their rows, and the one rule that makes their values grey.

Films of 8 bits or fewer per channel keep their values, scaled to 0 to 255 where they have fewer.
Others (more bits, signed numbers, fractions) are stretched: the lowest value of the film becomes 0,
the highest 255, over all colour channels together, but for a few hot or dead pixels
(`formats.limits`); values that are no finite numbers lie outside the film and become black. Colour
then becomes luma (ITU-R 601-2). Transparent pixels are blended with black: an opacity of more than
8 bits counts as a share of the film's highest one, and pixels without any do not count in the
stretch.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fracture_core.film_files import film_reading, formats

_WIDE_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_CHANNELS = {1: "grey", 2: "grey with opacity", 3: "colour", 4: "colour with opacity"}


class NoNumbersError(ValueError):
    """None of a film's values is a finite number."""


@dataclass(frozen=True, kw_only=True)
class Raster:
    """A film's rows as its file stores them, before its orientation is applied.

    Args:
        grey: mode "L", of full size; rows that are missing are black.
        mode: of the file, as Pillow names it.
        is_cut: whether the file ends too early.
        missing_rows: rows of which nothing is there for that.
        partial_rows: rows beside them of which only a part is there; the rest is black.
        at_top: whether those are its first rows, not its last.
        orientation: by EXIF, 1 to 8.
        values: of a whole grey film of more than 8 bits, (rows, columns); `None` for others.
        inverted: whether the lowest of these is white.
        notes: on what is odd about its values, one sentence each.
    """

    grey: Image.Image
    mode: str
    is_cut: bool = False
    missing_rows: int = 0
    partial_rows: int = 0
    at_top: bool = False
    orientation: int = 1
    values: np.ndarray | None = None
    inverted: bool = False
    notes: tuple[str, ...] = ()


def from_rows(
    rows: Image.Image,
    height: int,
    *,
    mode: str,
    partial: int = 0,
    at_top: bool = False,
    orientation: int = 1,
    notes: tuple[str, ...] = (),
) -> Raster:
    """Return a film that was cut short: the rows that are there, the others black.

    Args:
        rows: mode "L", the rows that are there.
        height: of the whole film.
        mode: of the file.
        partial: how many of the last of these rows are there only in part.
        at_top: whether the first rows are missing.
        orientation: by EXIF.
        notes: on what is odd about its values.
    """
    missing = height - rows.height
    grey = Image.new("L", (rows.width, height))
    grey.paste(rows, (0, missing if at_top else 0))
    return Raster(
        grey=grey,
        mode=mode,
        is_cut=True,
        missing_rows=missing,
        partial_rows=partial,
        at_top=at_top,
        orientation=orientation,
        notes=notes,
    )


def notes_on(
    values: np.ndarray, bits: int | None = None, opacity: np.ndarray | None = None
) -> tuple[str, ...]:
    """Return notes on values that are no finite numbers, and on extreme ones that are clipped.

    Args:
        values: as `grey_of_values` takes them, like `bits` and `opacity`.
        bits: of a value.
        opacity: (rows, columns).
    """
    outside = _outside(values, opacity)
    notes = []
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        notes.append(film_reading.NO_NUMBERS)
    is_stretched = not _keeps_values(values, _bits(values, bits)) and not outside.all()
    if is_stretched and formats.limits(values[~outside].astype(np.float64))[2]:
        notes.append(formats.CLIPPED)
    return tuple(notes)


def grey_of(film: Image.Image) -> Image.Image:
    """Return a Pillow image of any mode as mode "L", by the rule above; decodes it if need be."""
    if film.mode in _WIDE_MODES:
        return Image.fromarray(formats.stretched(np.asarray(film)))
    if film.mode == "LAB":
        return _lab_grey(np.asarray(film))
    if film.has_transparency_data:
        black = Image.new("RGBA", film.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, _with_opacity(film)).convert("L")
    if film.mode in ("L", "1", "P", "RGB"):
        return film.convert("L")
    return film.convert("RGB").convert("L")


def _with_opacity(film: Image.Image) -> Image.Image:
    """Return mode "RGBA"; modes with premultiplied opacity have no direct way."""
    steps = {"La": ("LA", "RGBA"), "RGBa": ("RGBA",)}
    for mode in steps.get(film.mode, ("RGBA",)):
        film = film.convert(mode)
    return film


def grey_of_values(
    values: np.ndarray,
    bits: int | None = None,
    *,
    inverted: bool = False,
    opacity: np.ndarray | None = None,
) -> Image.Image:
    """Return values as mode "L", by the rule above.

    Args:
        values: (rows, columns), (rows, columns, 1) or (rows, columns, 3), of any number type.
        bits: of a value; `None` for those of its type.
        inverted: whether low values are white.
        opacity: (rows, columns), unsigned whole numbers; `None` for none.

    Raises:
        NoNumbersError: no value is a finite number.
        NotImplementedError: the values are complex, or of another shape.
    """
    if values.dtype.kind not in "buif":
        raise NotImplementedError("its values are no real numbers")
    values = values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] != 3):
        raise NotImplementedError(f"it has {values.shape[-1]} channels")
    outside = _outside(values, opacity)
    grey = _eight_bits(values, _bits(values, bits), outside)
    if inverted:
        grey = 255 - grey
    if opacity is not None:
        highest = 255 if opacity.dtype == np.uint8 else int(opacity.max()) or 1
        share = opacity.astype(np.float64)[..., None] / highest
        grey = np.rint(grey * (share if grey.ndim == 3 else share[..., 0])).astype(np.uint8)
    grey[outside] = 0
    return Image.fromarray(np.ascontiguousarray(grey)).convert("L")


def _outside(values: np.ndarray, opacity: np.ndarray | None) -> np.ndarray:
    """Return which pixels lie outside the film, bool (rows, columns)."""
    is_fraction = values.dtype.kind == "f"
    outside = ~np.isfinite(values) if is_fraction else np.zeros(values.shape[:2], bool)
    if outside.ndim == 3:
        outside = outside.any(axis=2)
    return outside if opacity is None else outside | (opacity == 0)


def _bits(values: np.ndarray, bits: int | None) -> int:
    return values.dtype.itemsize * 8 if bits is None else bits


def _keeps_values(values: np.ndarray, bits: int) -> bool:
    """Return whether values have so few bits that they are not stretched."""
    return values.dtype == bool or (values.dtype.kind == "u" and bits <= 8)


def _eight_bits(values: np.ndarray, bits: int, outside: np.ndarray) -> np.ndarray:
    """Return values as uint8, 0 to 255."""
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    if _keeps_values(values, bits):
        if bits == 8:
            return values.astype(np.uint8)
        scaled: np.ndarray = np.minimum(values.astype(np.uint16) * 255 // (2**bits - 1), 255)
        return scaled.astype(np.uint8)
    if outside.all() and values.dtype.kind == "f":
        raise NoNumbersError("it holds no value that is a number")
    known = values.copy()
    known[outside] = 0
    return formats.stretched(known, outside)


def grey_of_channels(values: np.ndarray, bits: int | None = None) -> Image.Image:
    """Return grey or colour values, with or without opacity, as mode "L".

    Args:
        values: (rows, columns) or (rows, columns, 1 to 4); of 2 or 4 channels the last is opacity.
        bits: of a value.

    Raises:
        ValueError: see `grey_of_values`.
        NotImplementedError: see `grey_of_values`; or there are more channels.
    """
    colours, opacity = _channels(values)
    return grey_of_values(colours, bits, opacity=opacity)


def notes_on_channels(values: np.ndarray, bits: int | None = None) -> tuple[str, ...]:
    """Return `notes_on` values that `grey_of_channels` takes."""
    colours, opacity = _channels(values)
    return notes_on(colours, bits, opacity)


def _channels(values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return colours, and the opacity beside them."""
    count = values.shape[2] if values.ndim == 3 else 1
    if count not in _CHANNELS:
        raise NotImplementedError(f"it has {count} channels")
    return (values, None) if count in (1, 3) else (values[..., :-1], values[..., -1])


def mode_of(values: np.ndarray) -> str:
    """Return the mode of values (rows, columns[, channels]) as Pillow would name it."""
    channels = values.shape[2] if values.ndim == 3 else 1
    mode = {1: "L", 2: "LA", 3: "RGB"}.get(channels, "RGBA")
    if values.dtype == np.uint8:
        return mode
    return f"{'I' if channels == 1 else mode};{8 * values.dtype.itemsize}"


def _lab_grey(values: np.ndarray) -> Image.Image:
    """Return CIE L*a*b* of 8 bits, a and b signed, as mode "L"."""
    lightness = values[..., 0].astype(np.float32) * (100 / 255)
    return lab_grey(lightness, *(values[..., n].view(np.int8).astype(np.float32) for n in (1, 2)))


def lab_grey(lightness: np.ndarray, a: np.ndarray, b: np.ndarray) -> Image.Image:
    """Return CIE L*a*b* as mode "L", through sRGB.

    Args:
        lightness: float32 (rows, columns), 0 to 100.
        a: of the same shape, about -128 to 127, like `b`.
        b: of the same shape.
    """
    import cv2

    rgb = cv2.cvtColor(np.dstack([lightness, a, b]), cv2.COLOR_Lab2RGB)
    return Image.fromarray(np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)).convert("L")


def first_rows(
    values: np.ndarray, count: int, grey: Callable[[np.ndarray], Image.Image]
) -> Image.Image:
    """Return the first rows of values in grey; the others count in no stretch."""
    return grey(values[:count]) if count else Image.new("L", (values.shape[1], 0))
