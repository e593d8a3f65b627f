"""From stored values to a film's values in the file's units, and from these to grey.

The steps are those of the standard (PS3.3 C.7.6.3, C.11.1 and C.11.2). A step that leaves one value
of a film that holds several is ignored, and a note says so.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fracture_core.dicom_files import elements, lookup_tables, windows
from fracture_core.dicom_files.layout import Layout
from fracture_core.dicom_files.lookup_tables import LookupTable
from fracture_core.dicom_files.stored_values import StoredValues
from fracture_core.film_files import film_depth, film_reading, formats
from fracture_core.film_files.film_depth import FilmDepth, Window

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_PALETTE = ("Red", "Green", "Blue")


@dataclass(frozen=True, kw_only=True)
class FilmValues:
    """A grey film's values.

    Args:
        places: for each pixel the place of its value in `units`, unsigned (rows, columns).
        units: float64 (values), ascending stored values in rescaled units.
        outside: bool (rows, columns): padding, missing rows and values that are no numbers.
        inverted: whether the highest value is black.
        windows: of the file, those that can be used.
        table: of the file, in place of a window.
        is_grey: whether `units` are grey already, 0 to 255: films of 8 bits that say no more.
    """

    places: np.ndarray
    units: np.ndarray
    outside: np.ndarray
    inverted: bool
    windows: tuple[Window, ...]
    table: LookupTable | None
    is_grey: bool


def levels(dataset: "Dataset", sequence: str) -> list["Dataset"]:
    """Return the data sets that may hold elements of one functional group, the frame's own first.

    Args:
        dataset: of the film.
        sequence: keyword of the group's sequence, such as "FrameVOILUTSequence".
    """
    groups = [
        *elements.items(dataset, "PerFrameFunctionalGroupsSequence")[:1],
        *elements.items(dataset, "SharedFunctionalGroupsSequence")[:1],
    ]
    return [*(each for group in groups for each in elements.items(group, sequence)[:1]), dataset]


def read(dataset: "Dataset", layout: Layout, stored: StoredValues, notes: list[str]) -> FilmValues:
    """Return a grey film's values, and how its file would show them.

    Args:
        dataset: of the film.
        layout: of its pixels.
        stored: its stored values, (rows, columns).
        notes: takes a sentence on what is odd.
    """
    outside = _outside(dataset, layout, stored, notes)
    places, plain = film_depth.told_apart(stored.values)
    inside = _present(places, outside, len(plain))
    units = _rescaled(dataset, plain, inside, notes)
    table, chosen = _voi(dataset, units, inside, notes)
    untouched = units is plain and table is None and not chosen
    return FilmValues(
        places=places,
        units=units,
        outside=outside,
        inverted=_is_inverted(dataset, stored.colour, notes),
        windows=chosen,
        table=table,
        is_grey=untouched and layout.stored == 8 and not layout.signed and not layout.is_float,
    )


def depth(film: FilmValues, notes: list[str]) -> FilmDepth:
    """Return a film's values, each with the grey that it becomes, uint8, bone bright.

    Args:
        film: its values.
        notes: takes a sentence on extreme ones.
    """
    if film.is_grey:
        shades = film.units.astype(np.uint8)
    else:
        shown = film.units
        if film.table is not None:
            shown = film.table.apply(shown)
        elif film.windows:
            shown = film.windows[0].apply(shown)
        counts = np.bincount(film.places[~film.outside].ravel(), minlength=len(shown))
        inside = counts > 0
        shown = np.where(np.isfinite(shown), shown, 0)
        if inside.any() and formats.limits(shown[inside], counts[inside])[2]:
            notes.append(formats.CLIPPED)
        shades = formats.stretched(shown, ~inside, counts)
    if film.inverted:
        shades = 255 - shades
    return FilmDepth(
        places=film.places,
        units=film.units,
        shades=shades,
        outside=film.outside,
        inverted=film.inverted,
        windows=film.windows,
    )


def grey(film: FilmDepth) -> np.ndarray:
    """Return a film in grey, uint8 (rows, columns), black outside."""
    pixels: np.ndarray = film.shades[film.places]
    pixels[film.outside] = 0
    return pixels


def brightness(dataset: "Dataset", stored: StoredValues, notes: list[str]) -> np.ndarray | None:
    """Return a film of colours in grey, uint8 (rows, columns); `None` for a film that has none."""
    values, colour = stored.values, stored.colour
    if colour == "PALETTE COLOR":
        mapped = _palette(dataset, values, notes)
        if mapped is None:
            return None
        values, colour = mapped, "RGB"
    if colour.startswith("MONOCHROME"):
        return None
    if values.dtype != np.uint8:
        values = formats.stretched(values)
    if colour.startswith("YBR"):
        bright = values if values.ndim == 2 else values[..., 0]
        if colour.startswith("YBR_PARTIAL"):  # black is 16, white 235
            bright = np.clip((bright.astype(np.float64) - 16) * 255 / 219, 0, 255).round()
        pixels = bright.astype(np.uint8)
    else:
        pixels = np.array(Image.fromarray(np.ascontiguousarray(values)).convert("L"))
    if stored.missing:
        pixels = pixels.copy()
        pixels[-stored.missing :] = 0
    return pixels


def _palette(dataset: "Dataset", values: np.ndarray, notes: list[str]) -> np.ndarray | None:
    """Return red, green and blue, uint8 (rows, columns, 3), of places in the film's palette."""
    planes = []
    for each in _PALETTE:
        keyword = f"{each}PaletteColorLookupTable"
        table = lookup_tables.read(dataset, 0, notes, f"{keyword}Descriptor", f"{keyword}Data")
        if table is None:
            return None
        wide = table.entries.max() > 255
        planes.append(table.apply(values) // (257 if wide else 1))
    return np.stack(planes, axis=-1).astype(np.uint8)


def _present(places: np.ndarray, outside: np.ndarray, count: int) -> np.ndarray:
    """Return which values occur inside the film, bool (count,)."""
    return np.bincount(places[~outside].ravel(), minlength=count) > 0


def _varies(values: np.ndarray, inside: np.ndarray) -> bool:
    """Return whether values are numbers and not all the same inside the film."""
    within = values[inside]
    return bool(len(within) and np.isfinite(within).all() and within.min() < within.max())


def _rescaled(
    dataset: "Dataset", plain: np.ndarray, inside: np.ndarray, notes: list[str]
) -> np.ndarray:
    """Return stored values in rescaled units; the very same array where nothing rescales them."""
    several = _varies(plain, inside)
    for item in elements.tables(dataset, "ModalityLUTSequence", notes):
        table = lookup_tables.read(item, plain[0], notes)
        if table is not None and (_varies(units := table.apply(plain), inside) or not several):
            return units
        if table is not None:
            elements.ignore("ModalityLUTSequence", "leaves one value", notes)
    slope = intercept = None
    for level in levels(dataset, "PixelValueTransformationSequence"):
        if slope is None:
            slope = elements.number(level, "RescaleSlope", notes)
        if intercept is None:
            intercept = elements.number(level, "RescaleIntercept", notes)
    if slope == 0:
        elements.ignore("RescaleSlope", "is 0", notes)
        slope = None
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if (slope, intercept) == (1.0, 0.0):
        return plain
    units = plain * slope + intercept
    if several and not _varies(units, inside):
        elements.ignore("RescaleSlope", "leaves one value", notes)
        return plain
    return units


def _voi(
    dataset: "Dataset", units: np.ndarray, inside: np.ndarray, notes: list[str]
) -> tuple[LookupTable | None, tuple[Window, ...]]:
    """Return the file's table and windows; the table is shown where there is one."""
    places = levels(dataset, "FrameVOILUTSequence")
    several, lowest = _varies(units, inside), float(np.nanmin(units))
    table = None
    items = [each for level in places for each in elements.tables(level, "VOILUTSequence", notes)]
    for item in items:
        table = lookup_tables.read(item, lowest, notes)
        if table is not None and several and not _varies(table.apply(units), inside):
            elements.ignore("VOILUTSequence", "leaves one grey", notes)
            table = None
        if table is not None:
            break
    chosen = windows.read(places, notes)
    useful = [each for each in chosen if not several or _varies(each.apply(units), inside)]
    if len(useful) < len(chosen):
        notes.append("Its window (WindowCenter, WindowWidth) leaves one grey and was ignored.")
    return table, tuple(useful)


def _is_inverted(dataset: "Dataset", colour: str, notes: list[str]) -> bool:
    """Return whether low values are bright; a film that says so twice is turned once."""
    shape = elements.text(dataset, "PresentationLUTShape")
    by_colour = colour == "MONOCHROME1"
    if shape not in ("", "IDENTITY", "INVERSE"):
        elements.ignore("PresentationLUTShape", "is unknown", notes)
    elif shape == "INVERSE" and not by_colour:
        notes.append(
            "Its DICOM element PresentationLUTShape says INVERSE: black and white were exchanged."
        )
        return True
    elif shape == "IDENTITY" and by_colour:
        notes.append(
            "Its DICOM element PresentationLUTShape says IDENTITY, against MONOCHROME1, which was "
            "followed."
        )
    return by_colour


def _outside(
    dataset: "Dataset", layout: Layout, stored: StoredValues, notes: list[str]
) -> np.ndarray:
    """Return which pixels are no part of the film, bool (rows, columns)."""
    outside = np.zeros(stored.values.shape, bool)
    if layout.is_float:
        outside |= ~np.isfinite(stored.values)
        if outside.any():
            notes.append(film_reading.NO_NUMBERS)
    if stored.missing:
        outside[-stored.missing :] = True
    padding = _padding(dataset, layout, stored, notes)
    if padding is not None and (outside | padding).all():
        elements.ignore("PixelPaddingValue", "covers the whole film", notes)
    elif padding is not None:
        outside |= padding
    return outside


def _padding(
    dataset: "Dataset", layout: Layout, stored: StoredValues, notes: list[str]
) -> np.ndarray | None:
    """Return which pixels are padding, by stored values (PS3.3 C.7.5.1.1.2)."""
    kind = {32: "Float", 64: "DoubleFloat"}[layout.allocated] if layout.is_float else ""
    keyword, limit_keyword = f"{kind}PixelPaddingValue", f"{kind}PixelPaddingRangeLimit"
    value = elements.number(dataset, keyword, notes)
    if value is None:
        return None
    if len(elements.numbers(dataset, keyword) or ()) > 1:
        notes.append(f"Its DICOM element {keyword} has several values; the first was used.")
    limit = elements.number(dataset, limit_keyword, notes)
    if not layout.is_float:
        value = _as_stored(value, layout)
        limit = None if limit is None else _as_stored(limit, layout)
    low, high = sorted((value, value if limit is None else limit))
    padding: np.ndarray = (stored.values >= low) & (stored.values <= high)
    if limit is None and not layout.is_float and not _fits(value, layout):
        padding |= stored.cells == int(value) % (1 << layout.allocated)
    return padding


def _fits(value: float, layout: Layout) -> bool:
    low = -(1 << layout.stored - 1) if layout.signed else 0
    return low <= value < low + (1 << layout.stored)


def _as_stored(value: float, layout: Layout) -> float:
    """Return a padding value with the sign that stored values have, whatever its own."""
    if _fits(value, layout):
        return value
    bits = int(value) % (1 << layout.allocated)
    negative = layout.signed and bits >= 1 << layout.allocated - 1
    return bits - (1 << layout.allocated) if negative else bits
