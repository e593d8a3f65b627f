"""DICOM films: from the file's content to grey, and the identifier of a film's study.

Only the elements that the pixels need are read, and the study's identifier: no name, date or other
element about the patient is ever read.

Values become grey by the standard (PS3.3 C.7.6.3, C.11.1 and C.11.2): the modality LUT or rescale
slope and intercept, then the VOI LUT or window where the file has one, then a stretch so that the
lowest value becomes 0 and the highest 255; films of 8 bits without a window keep their values.
MONOCHROME1 is inverted, so that bone is bright. Padding around the film is black. Of several frames
the first is read.
"""

import contextlib
import io
import logging
import struct
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fracture_core import file_reader
from fracture_core.config import LIMITS
from fracture_core.errors import FilmError
from fracture_core.film_files import formats
from fracture_core.film_files.film_reading import FilmReading

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset
    from pydicom.pixels.decoders.base import Decoder

SUFFIXES = (".dcm", ".dicom")  # of files that may lack the mark
MARK = slice(128, 132)  # place of the bytes "DICM"
STUDY_UID = "StudyInstanceUID"
_TAGS = [
    "PhotometricInterpretation", "SamplesPerPixel", "PlanarConfiguration", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames",
    "PixelData", "FloatPixelData", "DoubleFloatPixelData", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence",
    "VOILUTSequence", "VOILUTFunction", "WindowCenter", "WindowWidth",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData", "PixelAspectRatio",
]  # fmt: skip
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing")
_SPACING_MM = (1e-3, 10.0)  # of a pixel; others are damage
_lock = threading.Lock()  # guards the two below
_restore = contextlib.ExitStack()  # of the warning filters, while films are being read
_readers = 0  # films being read


def is_dicom(data: bytes, name: str) -> bool:
    """Return whether a file is DICOM: by its mark, or by its ending where it has no other mark."""
    return data[MARK] == b"DICM" or (name.lower().endswith(SUFFIXES) and formats.kind(data) is None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings on odd values of elements, which the warnings may show.

    Warning filters hold for the whole process: of films that are read at the same time the first
    silences them, and the last restores them.
    """
    global _readers
    with _lock:
        if not _readers:
            _restore.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers:
                _restore.close()


def read(data: bytes, name: str) -> FilmReading:
    """Read a film at full size in grey, bone bright, with notes on odd elements of its file.

    Args:
        data: the file's content.
        name: of the film, for errors.

    Raises:
        FilmError: it is no DICOM file, holds no image, is damaged, too big or too small, or is
            compressed in an unsupported way.
    """
    with _quiet():
        dataset = _dataset(data, name, _TAGS)
        _check_size(dataset, name)
        try:
            _check_coded_size(dataset, name)
            return FilmReading(image=Image.fromarray(_grey(dataset)))
        except FilmError:
            raise
        except Exception as error:  # decoders of damaged files raise anything
            raise FilmError(name, _decoding_reason(dataset)) from error


def frames(data: bytes, name: str) -> int:
    """Return the number of frames of a film that can be decoded; 1 where the file has none."""
    with _quiet():
        dataset = _dataset(data, name, ["NumberOfFrames"], pixels=False)
        return int(dataset.get("NumberOfFrames") or 1)


def study_uid(source: Path | bytes, name: str) -> str | None:
    """Return the identifier of a film's study.

    Args:
        source: the file's path, or its content; of a file that is not DICOM only the beginning is
            read.
        name: of the film; its ending decides where the file lacks a mark.

    Returns:
        `None` where the file is not DICOM, cannot be read, or has no identifier.
    """
    with _quiet():
        try:
            data = source if isinstance(source, bytes) else _content(source, name)
            if not is_dicom(data, name):
                return None
            dataset = _dataset(data, name, [STUDY_UID], pixels=False)
            return str(dataset.get(STUDY_UID) or "") or None
        except Exception:  # decoding the film reports the fault
            return None


@dataclass(frozen=True, kw_only=True)
class Spacing:
    """Distance of a film's pixels.

    Args:
        row: mm from a row to the next.
        column: mm from a column to the next.
        at_detector: whether it is not corrected for magnification: bone is smaller than measured.
    """

    row: float
    column: float
    at_detector: bool


def spacing(source: Path | bytes, name: str) -> Spacing | None:
    """Return the spacing of a film's pixels, of a DICOM file that states it; see `study_uid`.

    An uncorrected Pixel Spacing equals Imager Pixel Spacing (PS3.3 10.7.1.3).
    """
    with _quiet():
        try:
            data = source if isinstance(source, bytes) else _content(source, name)
            if not is_dicom(data, name):
                return None
            dataset = _dataset(data, name, list(_SPACINGS), pixels=False)
            corrected, detector = (_two_lengths(dataset.get(tag)) for tag in _SPACINGS)
        except Exception:  # decoding the film reports the fault
            return None
    lengths = corrected or detector
    if lengths is None:
        return None
    return Spacing(row=lengths[0], column=lengths[1], at_detector=lengths == detector)


def _two_lengths(value: Any) -> tuple[float, float] | None:
    """Return two lengths in mm; `None` for another number of them, or one that no film has."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return None
    row, column = (float(each) for each in value)
    least, most = _SPACING_MM
    return (row, column) if least <= row <= most and least <= column <= most else None


def _content(path: Path, name: str) -> bytes:
    """Return a DICOM file's content, or the beginning of another file."""
    with file_reader.opened(path, LIMITS.file_bytes) as file:
        beginning = file.read(MARK.stop)
        return beginning + file.read() if is_dicom(beginning, name) else beginning


def _dataset(data: bytes, name: str, tags: list[str], pixels: bool = True) -> "FileDataset":
    """Read these elements of a DICOM file.

    Raises:
        FilmError: it is not DICOM, or damaged.
    """
    import pydicom
    from pydicom import config
    from pydicom.errors import InvalidDicomError
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    config.settings.reading_validation_mode = config.IGNORE
    # It logs odd values, and a value may be a name; its import sets a level.
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    try:
        dataset = pydicom.dcmread(
            io.BytesIO(data),
            specific_tags=tags,
            stop_before_pixels=not pixels,
            force=data[MARK] != b"DICM",
        )
        if not len(dataset) and data[MARK] != b"DICM":
            raise InvalidDicomError
        if "TransferSyntaxUID" not in dataset.file_meta:  # absent where the mark is
            implicit, _ = dataset.original_encoding
            dataset.file_meta.TransferSyntaxUID = (
                ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            )
        return dataset
    except InvalidDicomError as error:
        reason = "is no DICOM file, whatever its ending says. Export the film again."
        raise FilmError(name, reason) from error
    except Exception as error:  # its reader of damaged files raises many kinds
        reason = "is cut short or damaged. Copy it again from where it came from."
        raise FilmError(name, reason) from error


def _check_size(dataset: "Dataset", name: str) -> None:
    """Refuse a film without pixels or of a wrong size, before any pixel is decoded."""
    if not any(key in dataset for key in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        reason = "is a DICOM file that holds no image. Give the film itself."
        raise FilmError(name, reason)
    try:
        width, height = int(dataset.Columns), int(dataset.Rows)
        frames = int(dataset.get("NumberOfFrames") or 1)
    except Exception as error:  # an element is missing, or of any type
        raise FilmError(name, _decoding_reason(dataset)) from error
    if refusal := formats.wrong_size(width, height):
        raise FilmError(name, refusal)
    if not 1 <= frames <= LIMITS.dicom_frames:
        rule = f"1 to {LIMITS.dicom_frames:,} are supported. Save the film alone."
        raise FilmError(name, f"has {frames:,} frames; {rule}")


def _check_coded_size(dataset: "FileDataset", name: str) -> None:
    """Refuse a compressed frame of another size: its decoder would allocate that size."""
    from pydicom.encaps import get_frame

    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    frames = int(dataset.get("NumberOfFrames") or 1)
    coded = coded_size(get_frame(dataset.PixelData, 0, number_of_frames=frames))
    if coded is not None and coded != (int(dataset.Columns), int(dataset.Rows)):
        sizes = f"says {dataset.Columns} x {dataset.Rows} px and holds {coded[0]} x {coded[1]}"
        raise FilmError(name, f"is damaged: it {sizes}. Copy it again from where it came from.")


def coded_size(frame: bytes) -> tuple[int, int] | None:
    """Return (width, height) of a JPEG or JPEG 2000 codestream; `None` for other codings."""
    start = _codestream(frame)
    if frame[start : start + 4] == b"\xff\x4f\xff\x51" and len(frame) >= start + 24:
        right, bottom, left, top = struct.unpack(">4I", frame[start + 8 : start + 24])
        return right - left, bottom - top
    place = 2 if frame[:2] == b"\xff\xd8" else len(frame)
    while place + 9 <= len(frame):  # segments of a JPEG up to its frame header (ISO 10918-1, B.2)
        if frame[place] != 0xFF:
            return None
        kind, length = frame[place + 1], int.from_bytes(frame[place + 2 : place + 4], "big")
        if (0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC)) or kind == 0xF7:
            height, width = struct.unpack(">HH", frame[place + 5 : place + 9])
            return width, height
        place += 1 if kind == 0xFF else 2 + length
    return None


def _codestream(frame: bytes) -> int:
    """Return the place of a JPEG 2000 codestream: 0, or inside its box (ISO 15444-1, I.4)."""
    place = 0
    if frame[:12] != b"\0\0\0\x0cjP  \r\n\x87\n":
        return place
    while place + 8 <= len(frame):
        length, kind = struct.unpack(">I4s", frame[place : place + 8])
        long = length == 1  # the length follows the kind, in 8 bytes
        if kind == b"jp2c":
            return place + (16 if long else 8)
        if long:
            length = int.from_bytes(frame[place + 8 : place + 16], "big")
        if length < 8:  # the last box, or none
            break
        place += length
    return len(frame)


def _decoding_reason(dataset: "Dataset") -> str:
    """Explain pixels that could not be decoded, as a clause that follows the film's name."""
    import pydicom

    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if syntax is not None and pydicom.uid.UID(syntax).is_transfer_syntax:
        decoder = _decoder(syntax)
        if decoder is None or not decoder.is_available:
            name = pydicom.uid.UID(syntax).name
            return f"is compressed as {name}, which cannot be read here. Export it uncompressed."
    return "is cut short or damaged. Copy it again from where it came from."


def _decoder(syntax: str) -> "Decoder | None":
    from pydicom.pixels.decoders.base import get_decoder

    try:
        return get_decoder(syntax)
    except NotImplementedError:
        return None


def _grey(dataset: "Dataset") -> np.ndarray:
    """Return the first frame in grey, uint8 (rows, columns)."""
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    kind = str(dataset.get("PhotometricInterpretation", ""))
    stored = pixel_array(dataset, index=0)
    if kind == "PALETTE COLOR":
        stored = apply_color_lut(stored, dataset)
        stored = (stored / 257).astype(np.uint8) if stored.dtype == np.uint16 else stored
    if stored.ndim == 3:
        colours = stored if stored.dtype == np.uint8 else formats.stretched(stored)
        return np.asarray(Image.fromarray(np.ascontiguousarray(colours[..., :3])).convert("L"))
    padding = _padding(dataset, stored)
    grey = _mapped(dataset, stored, padding)
    if kind == "MONOCHROME1":
        grey = 255 - grey
    grey[padding] = 0
    return grey


def _mapped(dataset: "Dataset", stored: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """Return stored values as uint8: by the file's window, then stretched to 0 to 255."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    windowed = "VOILUTSequence" in dataset or _has_window(dataset)
    rescaled = "ModalityLUTSequence" in dataset or "RescaleSlope" in dataset
    if stored.dtype == np.uint8 and int(dataset.BitsStored) == 8 and not (windowed or rescaled):
        return stored.copy()
    values = apply_modality_lut(stored, dataset)
    if windowed:
        values = apply_voi_lut(values, dataset, index=0)
    return formats.stretched(values, padding)


def _has_window(dataset: "Dataset") -> bool:
    """Return whether there is a window; one narrower than 1 is none (PS3.3 C.11.2.1.2)."""
    width = dataset.get("WindowWidth")
    first = width[0] if isinstance(width, Sequence) and not isinstance(width, str) else width
    return first not in (None, "") and float(first) >= 1


def _padding(dataset: "Dataset", stored: np.ndarray) -> np.ndarray:
    """Return which pixels are padding, bool, by stored values (PS3.3 C.7.5.1.1.2)."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit is None else limit)))
    return (stored >= low) & (stored <= high)
