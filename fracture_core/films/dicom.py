"""DICOM films: from the file's content to grey, and which study a film belongs to.

Only the elements that the pixels need are read, and the study's identifier: no name, date or other
element about the patient is ever looked at.

How values become grey, by the standard (PS3.3 C.7.6.3, C.11.1 and C.11.2): the modality LUT or
rescale slope and intercept, then the VOI LUT or window where the file has one, then a stretch so
that the lowest value becomes 0 and the highest 255; films of 8 bits without a window stay as they
are. MONOCHROME1 is turned, so that bone is bright. Padding around the film is black. Of several
frames the first is read.
"""

import contextlib
import io
import logging
import struct
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fracture_core import file_reader
from fracture_core.config import LIMITS
from fracture_core.errors import FilmError
from fracture_core.films import formats

SUFFIXES = (".dcm", ".dicom")  # of files that may lack the mark at their beginning
MARK = slice(128, 132)  # where a DICOM file says that it is one
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
_door = threading.Lock()
_before: list[warnings.catch_warnings | None] = []  # what was, then one for each film being read


def is_dicom(data: bytes, name: str) -> bool:
    """Whether a file is one: by its mark, or by its name's ending where nothing else marks it."""
    return data[MARK] == b"DICM" or (name.lower().endswith(SUFFIXES) and formats.kind(data) is None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings on odd values of elements, which they may show.

    Python keeps what it warns of for the whole process: of films that are read side by side the
    first silences it, and the last gives back what was before.
    """
    with _door:
        if not _before:
            _before.append(warnings.catch_warnings())
            _before[0].__enter__()
            warnings.simplefilter("ignore")
        _before.append(None)  # one a film
    try:
        yield
    finally:
        with _door:
            _before.pop()
            if len(_before) == 1:
                _before.pop().__exit__(None, None, None)


def decode(data: bytes, name: str) -> Image.Image:
    """A film at full size in grey: a Pillow image of mode "L", 0 to 255, bone bright.

    Args:
        data: the file's content.
        name: what errors call the film.

    Raises:
        FilmError: it is no DICOM file, holds no image, is damaged, too big or too small, or is
            compressed in a way that cannot be read here.
    """
    with _quiet():
        found = _dataset(data, name, _TAGS)
        _check_size(found, name)
        try:
            _check_coded_size(found, name)
            return Image.fromarray(_grey(found))
        except FilmError:
            raise
        except Exception as error:  # decoders of damaged files raise whatever they stumble over
            raise FilmError(name, _why(found)) from error


def frames(data: bytes, name: str) -> int:
    """How many frames a film that can be decoded holds; 1 where it does not say."""
    with _quiet():
        found = _dataset(data, name, ["NumberOfFrames"], pixels=False)
        return int(found.get("NumberOfFrames") or 1)


def study_uid(source: Path | bytes, name: str) -> str | None:
    """The identifier of the study that a film belongs to.

    Args:
        source: the file's path, or its content; a path is read no further than its beginning
            where that is no DICOM file's.
        name: its ending tells where the file lacks a mark.

    Returns:
        `None` where it is no DICOM file, cannot be read, or does not say.
    """
    with _quiet():
        try:
            data = source if isinstance(source, bytes) else _content(source, name)
            if not is_dicom(data, name):
                return None
            found = _dataset(data, name, [STUDY_UID], pixels=False)
            return str(found.get(STUDY_UID) or "") or None
        except Exception:  # reading the film will say what is wrong with it
            return None


def _content(path: Path, name: str) -> bytes:
    """A DICOM file's content, or another file's beginning."""
    with file_reader.opened(path, LIMITS.file_bytes) as file:
        beginning = file.read(MARK.stop)
        return beginning + file.read() if is_dicom(beginning, name) else beginning


def _dataset(data: bytes, name: str, tags: list[str], pixels: bool = True) -> "object":
    import pydicom
    from pydicom import config
    from pydicom.errors import InvalidDicomError
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    config.settings.reading_validation_mode = config.IGNORE
    # It logs values that it stumbles over, and a value may be a name; its import sets a level.
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    try:
        found = pydicom.dcmread(
            io.BytesIO(data), specific_tags=tags, stop_before_pixels=not pixels,
            force=data[MARK] != b"DICM",
        )  # fmt: skip
        if not len(found) and data[MARK] != b"DICM":
            raise InvalidDicomError
        if "TransferSyntaxUID" not in found.file_meta:  # a file without a mark does not say it
            implicit, _ = found.original_encoding
            found.file_meta.TransferSyntaxUID = (
                ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            )
        return found
    except InvalidDicomError as error:
        reason = "is no DICOM file, whatever its ending says. Export the film again."
        raise FilmError(name, reason) from error
    except Exception as error:  # its reader of damaged files raises many kinds
        reason = "is cut short or damaged. Copy it again from where it came from."
        raise FilmError(name, reason) from error


def _check_size(found: "object", name: str) -> None:
    """Before any pixel is unpacked."""
    if not any(key in found for key in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        reason = "is a DICOM file that holds no image. Give the film itself."
        raise FilmError(name, reason)
    try:
        width, height = int(found.Columns), int(found.Rows)
        frames = int(found.get("NumberOfFrames") or 1)
    except Exception as error:  # an element is missing, or holds anything
        raise FilmError(name, _why(found)) from error
    if refusal := formats.wrong_size(width, height):
        raise FilmError(name, refusal)
    if not 1 <= frames <= LIMITS.dicom_frames:
        rule = f"1 to {LIMITS.dicom_frames:,} are looked through. Save the film alone."
        raise FilmError(name, f"has {frames:,} frames; {rule}")


def _check_coded_size(found: "object", name: str) -> None:
    """A compressed frame has a size of its own, which its decoder believes and makes room for."""
    from pydicom.encaps import get_frame

    if not found.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    frames = int(found.get("NumberOfFrames") or 1)
    size = coded_size(get_frame(found.PixelData, 0, number_of_frames=frames))
    if size not in (None, (int(found.Columns), int(found.Rows))):
        rule = f"says {found.Columns} x {found.Rows} px and holds {size[0]} x {size[1]}"
        raise FilmError(name, f"is damaged: it {rule}. Copy it again from where it came from.")


def coded_size(frame: bytes) -> tuple[int, int] | None:
    """(width, height) that a JPEG or JPEG 2000 codestream declares; `None` for other codings."""
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
    """Where a JPEG 2000 codestream begins: at once, or in the box for it (ISO 15444-1, I.4)."""
    place = 0
    if frame[:12] != b"\0\0\0\x0cjP  \r\n\x87\n":
        return place
    while place + 8 <= len(frame):
        length, kind = struct.unpack(">I4s", frame[place : place + 8])
        long = length == 1  # the length stands behind the kind, in 8 bytes
        if kind == b"jp2c":
            return place + (16 if long else 8)
        if long:
            length = int.from_bytes(frame[place + 8 : place + 16], "big")
        if length < 8:  # the last box, or none
            break
        place += length
    return len(frame)


def _why(found: "object") -> str:
    """What to say of pixels that could not be unpacked."""
    import pydicom

    syntax = getattr(getattr(found, "file_meta", None), "TransferSyntaxUID", None)
    if syntax is not None and pydicom.uid.UID(syntax).is_transfer_syntax:
        decoder = _decoder(syntax)
        if decoder is None or not decoder.is_available:
            words = pydicom.uid.UID(syntax).name
            return f"is compressed as {words}, which cannot be read here. Export it uncompressed."
    return "is cut short or damaged. Copy it again from where it came from."


def _decoder(syntax: str) -> "object | None":
    from pydicom.pixels import get_decoder

    try:
        return get_decoder(syntax)
    except NotImplementedError:
        return None


def _grey(found: "object") -> np.ndarray:
    """uint8 (rows, columns) of the first frame."""
    from pydicom.pixels import apply_color_lut, pixel_array

    kind = str(found.get("PhotometricInterpretation", ""))
    stored = pixel_array(found, index=0)
    if kind == "PALETTE COLOR":
        stored = apply_color_lut(stored, found)
        stored = (stored / 257).astype(np.uint8) if stored.dtype == np.uint16 else stored
    if stored.ndim == 3:
        colours = stored if stored.dtype == np.uint8 else formats.stretched(stored)
        return np.asarray(Image.fromarray(np.ascontiguousarray(colours[..., :3])).convert("L"))
    padding = _padding(found, stored)
    grey = _mapped(found, stored, padding)
    if kind == "MONOCHROME1":
        grey = 255 - grey
    grey[padding] = 0
    return grey


def _mapped(found: "object", stored: np.ndarray, padding: np.ndarray) -> np.ndarray:
    """Stored values as uint8: by the file's own window, then from lowest to highest."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    windowed = "VOILUTSequence" in found or _has_window(found)
    changed = "ModalityLUTSequence" in found or "RescaleSlope" in found
    if stored.dtype == np.uint8 and int(found.BitsStored) == 8 and not (windowed or changed):
        return stored.copy()
    values = apply_modality_lut(stored, found)
    if windowed:
        values = apply_voi_lut(values, found, index=0)
    return formats.stretched(values, padding)


def _has_window(found: "object") -> bool:
    """Whether there is a window at all; one narrower than 1 is none (PS3.3 C.11.2.1.2)."""
    width = found.get("WindowWidth")
    first = width[0] if isinstance(width, Sequence) and not isinstance(width, str) else width
    return first not in (None, "") and float(first) >= 1


def _padding(found: "object", stored: np.ndarray) -> np.ndarray:
    """Which pixels are no part of the film, bool; by stored values (PS3.3 C.7.5.1.1.2)."""
    value = found.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, bool)
    limit = found.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit is None else limit)))
    return (stored >= low) & (stored <= high)
