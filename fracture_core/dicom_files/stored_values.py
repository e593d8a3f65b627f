"""Stored values of a DICOM film's first frame: from its bytes to numbers, before any meaning."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fracture_core.dicom_files import codestreams, data_set, elements
from fracture_core.dicom_files.layout import Layout
from fracture_core.errors import FilmError
from fracture_core.film_files import codestream
from fracture_core.film_files.codestream import Head
from fracture_core.words import plural

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

_DECODABLE = {
    "1.2.840.10008.1.2.5",  # run lengths
    *(f"1.2.840.10008.1.2.4.{each}" for each in (50, 51, 57, 70)),  # JPEG
    *(f"1.2.840.10008.1.2.4.{each}" for each in (80, 81)),  # JPEG-LS
    *(f"1.2.840.10008.1.2.4.{each}" for each in (90, 91, 201, 202, 203)),  # JPEG 2000
}


@dataclass(frozen=True, kw_only=True)
class StoredValues:
    """Values of one frame.

    Args:
        cells: as they lie in the file, unsigned or floating (rows, columns) or (rows, columns, 3).
        values: what the cells mean, by their stored bits and sign; of the same shape.
        colour: their photometric interpretation.
        missing: rows at the end that the file does not hold; their values are 0.
    """

    cells: np.ndarray
    values: np.ndarray
    colour: str
    missing: int


def frame_of(dataset: "FileDataset", frames: int) -> tuple[bytes, Head | None] | None:
    """Return the first compressed frame and what it says of itself; `None` if uncompressed."""
    if not data_set.is_encapsulated(dataset):
        content = elements.content(dataset, "PixelData")
        if not (data_set.syntax(dataset).encapsulated and codestreams.begins(content)):
            return None
    frame = codestreams.first_frame(elements.content(dataset, "PixelData"), frames)
    return frame, codestream.head(frame)


def read(
    dataset: "FileDataset", layout: Layout, frame: bytes | None, name: str, notes: list[str]
) -> StoredValues:
    """Return the values of a film's first frame.

    Args:
        dataset: of the film.
        layout: of its pixels.
        frame: compressed; `None` for uncompressed pixels.
        name: of the film, for errors.
        notes: takes a sentence on what is odd.

    Raises:
        FilmError: it is compressed in a way that is not read.
        Exception: it is damaged.
    """
    syntax = data_set.syntax(dataset)
    if syntax.encapsulated and syntax.uid not in _DECODABLE:
        raise FilmError(name, _compressed(syntax))
    if frame is not None:
        return _decoded(layout, frame, syntax, name, notes)
    if syntax.encapsulated:
        notes.append(
            f"Its DICOM element TransferSyntaxUID says {syntax.name}, and its pixels are not "
            "compressed."
        )
    elif not syntax.known:
        notes.append(
            "Its DICOM element TransferSyntaxUID is none of the standard's: its pixels were read "
            "as uncompressed."
        )
    return _native(dataset, layout, notes)


def _compressed(syntax: data_set.Syntax) -> str:
    name = syntax.name if syntax.encapsulated or not syntax.known else "nothing that is known"
    return f"is compressed as {name}, which cannot be read here. Export it uncompressed."


def _decoded(
    layout: Layout, frame: bytes, syntax: data_set.Syntax, name: str, notes: list[str]
) -> StoredValues:
    result = codestreams.decoded(frame, layout)
    if result is None:
        raise FilmError(name, _compressed(syntax))
    head = codestream.head(frame)
    cells = result.values
    precision = 8 * cells.dtype.itemsize if head is None else head.precision
    cells = cells.view(f"u{cells.dtype.itemsize}")
    shift = layout.high_bit + 1 - layout.stored if precision > layout.high_bit else 0
    values = _meant(cells, min(layout.stored, precision), shift, layout.signed, notes)
    return StoredValues(cells=cells, values=values, colour=result.colour, missing=result.missing)


def _native(dataset: "FileDataset", layout: Layout, notes: list[str]) -> StoredValues:
    content = elements.content(dataset, layout.keyword)
    _note_surplus(content, layout, notes)
    if layout.allocated == 1:
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
        cells, missing = _rows(bits, layout)
        return StoredValues(cells=cells, values=cells, colour=layout.colour, missing=missing)
    kind, size = ("f" if layout.is_float else "u"), layout.allocated // 8
    flat = np.frombuffer(content, f"<{kind}{size}", len(content) // size)
    if _is_big_endian(dataset, flat, layout):
        flat = flat.view(flat.dtype.newbyteorder(">"))
        if size == 1 and elements.vr(dataset, layout.keyword) == "OW":
            flat = flat[: len(flat) // 2 * 2].reshape(-1, 2)[:, ::-1].reshape(-1)  # words of two
    cells, missing = _rows(flat.astype(f"{kind}{size}", copy=False), layout)
    if layout.is_float:
        return StoredValues(cells=cells, values=cells, colour=layout.colour, missing=missing)
    shift = layout.high_bit + 1 - layout.stored
    values = _meant(cells, layout.stored, shift, layout.signed, notes)
    return StoredValues(cells=cells, values=values, colour=layout.colour, missing=missing)


def _note_surplus(content: bytes, layout: Layout, notes: list[str]) -> None:
    """Note whole rows behind the last frame; a byte or two fill the element to an even length."""
    row = layout.columns * (16 if layout.halved else layout.samples * layout.allocated)  # bits
    surplus = 8 * len(content) // row - layout.frames * layout.rows
    if surplus > 0:
        notes.append(
            f"Its pixels are {plural(surplus, 'row')} more than its DICOM element Rows says, and "
            "these were ignored."
        )


def _is_big_endian(dataset: "FileDataset", flat: np.ndarray, layout: Layout) -> bool:
    """Return whether uncompressed cells begin with their highest byte.

    Of a private transfer syntax the bits that hold no value decide, where they are 0 in one order.
    """
    syntax, big = data_set.syntax(dataset), data_set.is_big_endian(dataset)
    if syntax.known or flat.dtype.itemsize != 2 or layout.is_float:
        return big
    spare = 0xFFFF & ~(2 ** (layout.high_bit + 1) - 1)
    swapped = flat.byteswap()
    if (flat & spare).any() != (swapped & spare).any():
        return bool((flat & spare).any())
    return syntax.uid == data_set.GE_BIG_ENDIAN or big


def _rows(flat: np.ndarray, layout: Layout) -> tuple[np.ndarray, int]:
    """Return the first frame's cells in rows and columns, and the rows that are missing."""
    rows, columns = layout.rows, layout.columns
    if layout.halved:  # two brightnesses, then their blue and red (PS3.3 C.7.6.3.1.2)
        whole = flat[: len(flat) // 4 * 4].reshape(-1, 4)[:, :2].reshape(-1)
        filled, missing = _filled(whole, rows, columns)
        return filled.reshape(rows, columns), missing
    if layout.planar:
        last = max(0, len(flat) - 2 * rows * columns)
        missing = rows - min(rows, last // columns)
        filled, _ = _filled(flat, 3 * rows, columns)
        return filled.reshape(3, rows, columns).transpose(1, 2, 0), missing
    filled, missing = _filled(flat, rows, columns * layout.samples)
    shape = (rows, columns) if layout.samples == 1 else (rows, columns, layout.samples)
    return filled.reshape(shape), missing


def _filled(flat: np.ndarray, rows: int, width: int) -> tuple[np.ndarray, int]:
    """Return rows of cells, 0 where they are missing, and how many are."""
    whole = min(rows, len(flat) // width)
    if whole == rows:
        return flat[: rows * width], 0
    filled = np.zeros(rows * width, flat.dtype)
    filled[: whole * width] = flat[: whole * width]
    return filled, rows - whole


def _meant(
    cells: np.ndarray, stored: int, shift: int, signed: bool, notes: list[str]
) -> np.ndarray:
    """Return what cells mean: the stored bits above `shift`, with their sign (PS3.5 8.1.1)."""
    size = 8 * cells.dtype.itemsize
    if signed:
        above = size - stored - shift  # bits
        raised: np.ndarray = (cells << above if above else cells).view(f"i{cells.dtype.itemsize}")
        return raised >> (size - stored) if size > stored else raised
    values: np.ndarray = cells >> shift if shift else cells
    if shift + stored == size:
        return values
    masked: np.ndarray = values & cells.dtype.type((1 << stored) - 1)
    if not shift and int(cells.max()) >> stored and _roughness(cells) < _roughness(masked):
        notes.append("Its DICOM element BitsStored is too small for its values, taken whole.")
        return cells
    return masked


def _roughness(values: np.ndarray) -> int:
    """Return the sum of the steps along the rows: large where values wrap, or bits mean nothing."""
    return int(np.abs(np.diff(values.astype(np.int64), axis=1)).sum())
