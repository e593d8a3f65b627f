"""Layout of a DICOM film's pixels: size, samples and bits, as its elements say or its length tells.

An element that is absent or impossible is taken as the others and the number of bytes suggest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fracture_core.config.limits import LIMITS
from fracture_core.dicom_files import data_set, elements
from fracture_core.errors import FilmError
from fracture_core.film_files import formats
from fracture_core.film_files.codestream import Head

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

_SIDES = range(1, 2**16)
_ALLOCATED = (1, 8, 16, 32, 64)  # bits of a sample that are read
_GREY = ("MONOCHROME2", "MONOCHROME1", "PALETTE COLOR")
_COLOURS = (
    "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT",
)  # fmt: skip
_HALVED = ("YBR_FULL_422", "YBR_PARTIAL_422")  # uncompressed: 2 bytes a pixel
_FLOATS = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}  # bits


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Storage of a film's pixels.

    Args:
        keyword: of the element that holds them.
        rows, columns: px.
        samples: of a pixel, 1 or 3.
        colour: the photometric interpretation, such as "MONOCHROME2".
        halved: whether two pixels share their colour, in 4 bytes.
        allocated: bits of a sample's cell.
        stored: bits of it that hold the value.
        high_bit: the highest of these, counted from 0.
        signed: whether the value may be negative.
        planar: whether a colour's plane comes after the other.
        frames: of the film.
    """

    keyword: str
    rows: int
    columns: int
    samples: int
    colour: str
    halved: bool
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    planar: bool
    frames: int

    @property
    def is_float(self) -> bool:
        """True for values that are floating point numbers."""
        return self.keyword in _FLOATS


def read(dataset: "FileDataset", coded: Head | None, name: str, notes: list[str]) -> Layout:
    """Return the layout of a film's pixels.

    Args:
        dataset: of the film.
        coded: of its compressed frame; `None` for uncompressed ones and where it says nothing.
        name: of the film, for errors.
        notes: takes a sentence on each odd element.

    Raises:
        FilmError: it holds no image, its size is not supported, or its bits cannot be derived.
    """
    keyword = next((each for each in data_set.PIXELS if each in dataset), None)
    if keyword is None:
        raise FilmError(name, "is a DICOM file that holds no image. Give the film itself.")
    frames = _frames(dataset, name, notes)
    rows, columns = _size(dataset, coded, frames, name, notes)
    if refusal := formats.wrong_size(columns, rows):
        raise FilmError(name, refusal)
    if coded is not None and (coded.width, coded.height) != (columns, rows):
        sizes = f"says {columns} x {rows} px and holds {coded.width} x {coded.height}"
        raise FilmError(name, f"is damaged: it {sizes}. Copy it again from where it came from.")
    compressed = coded is not None or data_set.is_encapsulated(dataset)
    length = None if compressed else _length(dataset, keyword)
    cells = rows * columns * frames
    samples, colour, halved = _colour(dataset, coded, length, cells, notes)
    if keyword in _FLOATS:
        allocated = stored = _FLOATS[keyword]
    else:
        bits = None if length is None else 8 * length / (cells * (2 if halved else samples))
        allocated = _allocated(dataset, coded, bits, name, notes)
        stored = _stored(dataset, allocated, notes)
    if halved and allocated != 8:
        halved = False
    return Layout(
        keyword=keyword,
        rows=rows,
        columns=columns,
        samples=samples,
        colour=colour,
        halved=halved,
        allocated=allocated,
        stored=stored,
        high_bit=_high_bit(dataset, allocated, stored, notes),
        signed=bool(_one_of(dataset, "PixelRepresentation", (0, 1), 0, notes)),
        planar=samples == 3
        and length is not None
        and bool(_one_of(dataset, "PlanarConfiguration", (0, 1), 0, notes)),
        frames=frames,
    )


def frames(dataset: "FileDataset") -> int:
    """Return the number of frames that a film states; 1 where it states none, or an odd one."""
    values = elements.numbers(dataset, "NumberOfFrames")
    first = values[0] if values else None
    return int(first) if first is not None and first >= 1 and first == int(first) else 1


def _frames(dataset: "FileDataset", name: str, notes: list[str]) -> int:
    count = frames(dataset)
    stated = elements.numbers(dataset, "NumberOfFrames")
    if stated and stated[0] != count:
        elements.assume(dataset, "NumberOfFrames", count, notes)
    if count > LIMITS.dicom_frames:
        rule = f"1 to {LIMITS.dicom_frames:,} are supported. Save the film alone."
        raise FilmError(name, f"has {count:,} frames; {rule}")
    return count


def _length(dataset: "FileDataset", keyword: str) -> int:
    return len(elements.content(dataset, keyword))


def _one_of(
    dataset: "FileDataset", keyword: str, allowed: tuple[int, ...], default: int, notes: list[str]
) -> int:
    value = elements.whole(dataset, keyword, allowed)
    if value is None:
        elements.assume(dataset, keyword, default, notes)
        return default
    return value


def _size(
    dataset: "FileDataset", coded: Head | None, frames: int, name: str, notes: list[str]
) -> tuple[int, int]:
    """Return rows and columns; one that is missing follows from the frame or its length."""
    rows, columns = (elements.whole(dataset, each, _SIDES) for each in ("Rows", "Columns"))
    if rows is not None and columns is not None:
        return rows, columns
    missing = "Rows" if rows is None else "Columns"
    known = columns if rows is None else rows
    other = None
    if coded is not None:
        other = coded.height if rows is None else coded.width
        known = known or coded.width
    elif known is not None:
        other = _quotient(dataset, known * frames)
    if known is None or other is None:
        raise FilmError(name, f"lacks its size (DICOM element {missing}). Export the film again.")
    elements.assume(dataset, missing, other, notes)
    return (other, known) if rows is None else (known, other)


def _quotient(dataset: "FileDataset", cells: int) -> int | None:
    """Return the other side of an uncompressed film of which one is known, if it comes out even."""
    bits = elements.whole(dataset, "BitsAllocated", (8, 16, 32))
    samples = elements.whole(dataset, "SamplesPerPixel", (1, 3))
    if bits is None or samples is None:
        return None
    side, rest = divmod(_length(dataset, "PixelData"), cells * samples * bits // 8)
    return side if rest <= 1 and side in _SIDES else None


def _colour(
    dataset: "FileDataset", coded: Head | None, length: int | None, cells: int, notes: list[str]
) -> tuple[int, str, bool]:
    """Return samples of a pixel, colour and whether it is halved; the length decides quarrels."""
    stated = elements.text(dataset, "PhotometricInterpretation")
    colour = " ".join(stated.replace("_", " ").split()).replace("PALETTE COLOUR", "PALETTE COLOR")
    colour = next((each for each in _GREY + _COLOURS if each.replace("_", " ") == colour), "")
    samples = elements.whole(dataset, "SamplesPerPixel", (1, 3))
    says = 3 if colour in _COLOURS else 1 if colour else None
    if coded is not None:
        real = coded.samples if coded.samples in (1, 3) else says or samples or 1
    else:
        real = _samples(dataset, length, cells, (samples, says))
    if real != samples:
        elements.assume(dataset, "SamplesPerPixel", real, notes)
    halved = length is not None and colour in _HALVED
    if halved and length is not None and length >= 3 * cells:
        elements.assume(dataset, "PhotometricInterpretation", "RGB", notes)
        return 3, "RGB", False
    if says != real:
        colour = "RGB" if real == 3 else "MONOCHROME2"
        elements.assume(dataset, "PhotometricInterpretation", colour, notes)
    elif stated != colour:
        elements.assume(dataset, "PhotometricInterpretation", colour, notes)
    return real, colour, halved


def _samples(
    dataset: "FileDataset", length: int | None, cells: int, claims: tuple[int | None, int | None]
) -> int:
    """Return the samples of an uncompressed pixel: as two elements claim, or as the bytes allow."""
    bits = elements.whole(dataset, "BitsAllocated", _ALLOCATED)
    first, second = claims
    if first == second and first is not None:
        return first
    if length is not None and bits is not None:
        for count in (each for each in (first, second, 1, 3) if each):
            exact = cells * count * bits / 8
            if exact <= length < exact + 2:
                return count
    return second or first or 1


def _allocated(
    dataset: "FileDataset", coded: Head | None, bits: float | None, name: str, notes: list[str]
) -> int:
    """Return the bits of a cell.

    Args:
        dataset: of the film.
        coded: of its compressed frame.
        bits: a cell's, by the number of bytes; `None` for compressed ones.
        name: of the film, for errors.
        notes: takes a sentence.
    """
    stated = elements.whole(dataset, "BitsAllocated", _ALLOCATED)
    stored = elements.whole(dataset, "BitsStored", range(1, 65)) or 1
    if coded is not None:
        return stated or (8 if coded.precision <= 8 else 16)
    exact = next((each for each in _exact(bits, stored)), None)
    if stated is not None and (bits is None or stored <= stated <= bits * 1.001 or exact is None):
        return stated
    if exact is None:
        rule = "cannot be read without it. Export the film again"
        raise FilmError(name, f"lacks a supported DICOM element BitsAllocated, and {rule}.")
    elements.assume(dataset, "BitsAllocated", exact, notes)
    return exact


def _exact(bits: float | None, stored: int) -> Iterator[int]:
    """Yield the sizes of a cell that the number of bytes fits, and the stored bits fit into."""
    for each in (8, 16, 32):
        if bits is not None and each * 0.999 <= bits <= each * 1.001 and stored <= each:
            yield each


def _stored(dataset: "FileDataset", allocated: int, notes: list[str]) -> int:
    stored = elements.whole(dataset, "BitsStored", range(1, allocated + 1))
    if stored is not None:
        return stored
    high = elements.whole(dataset, "HighBit", range(allocated))
    value = allocated if not high else high + 1
    elements.assume(dataset, "BitsStored", value, notes)
    return value


def _high_bit(dataset: "FileDataset", allocated: int, stored: int, notes: list[str]) -> int:
    high = elements.whole(dataset, "HighBit", range(stored - 1, allocated))
    if high is not None:
        return high
    elements.assume(dataset, "HighBit", stored - 1, notes)
    return stored - 1
