"""DICOM films: from the file's content to grey, and the identifier of a film's study.

Only the elements that the pixels need are read, and the study's identifier: no name, date or other
element about the patient is ever read.

Values become grey by the standard (PS3.3 C.7.6.3, C.11.1 and C.11.2): the modality LUT or rescale
slope and intercept, then the VOI LUT or window where the file has one, then a stretch so that the
lowest value becomes 0 and the highest 255; films of 8 bits that nothing rescales and no window
limits keep their values. MONOCHROME1 is inverted, so that bone is bright. Padding around the film
is black. Of several frames the first is read. Pixels that are not square are made so.

An element that is odd counts as absent, and a note names it; a film is refused only for what its
pixels themselves lack.
"""

import contextlib
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from fracture_core import file_reader
from fracture_core.config.limits import LIMITS
from fracture_core.dicom_files import (
    data_set,
    film_values,
    layout,
    pixel_spacing,
    stored_values,
)
from fracture_core.dicom_files.pixel_spacing import Spacing
from fracture_core.errors import FilmError
from fracture_core.film_files import cut_short, formats
from fracture_core.film_files.film_reading import FilmReading

# pydicom is imported where a DICOM file is read: it takes a while.
if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

SUFFIXES = data_set.SUFFIXES
STUDY_UID = "StudyInstanceUID"
_GROUPS = ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]
_TAGS = [
    "PhotometricInterpretation", "SamplesPerPixel", "PlanarConfiguration", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames",
    "PixelData", "FloatPixelData", "DoubleFloatPixelData", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit",
    "DoubleFloatPixelPaddingValue", "DoubleFloatPixelPaddingRangeLimit", "RescaleSlope",
    "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence", "VOILUTFunction", "WindowCenter",
    "WindowWidth", "WindowCenterWidthExplanation", "PresentationLUTShape",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData", "PixelAspectRatio",
    *pixel_spacing.KEYWORDS, *_GROUPS,
]  # fmt: skip
_lock = threading.Lock()  # guards the two below
_restore = contextlib.ExitStack()  # of the warning filters, while films are being read
_readers = 0  # films being read


def is_dicom(data: bytes, name: str) -> bool:
    """Return whether a file is DICOM, see `data_set.is_dicom`."""
    return data_set.is_dicom(data, name)


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


def read(data: bytes, name: str, missing_rows_percent: float) -> FilmReading:
    """Read a film at full size in grey, bone bright, with notes on odd elements of its file.

    Args:
        data: the file's content.
        name: of the film, for errors.
        missing_rows_percent: most rows that may be missing at its end.

    Raises:
        FilmError: it is no DICOM file, holds no image, is damaged, cut short, too big or too
            small, or is compressed in an unsupported way.
    """
    with _quiet():
        dataset = data_set.opened(data, name, _TAGS)
        try:
            return _reading(dataset, name, missing_rows_percent)
        except FilmError:
            raise
        except MemoryError as error:
            raise FilmError(name, formats.NO_MEMORY) from error
        except Exception as error:  # decoders of damaged files raise anything
            reason = "is damaged: its pixels cannot be unpacked. Copy it again from its source."
            raise FilmError(name, reason) from error


def frames(data: bytes, name: str) -> int:
    """Return the number of frames of a film that can be decoded; 1 where the file has none."""
    with _quiet():
        return layout.frames(data_set.opened(data, name, ["NumberOfFrames"], pixels=False))


def study_uid(source: Path | bytes, name: str) -> str | None:
    """Return the identifier of a film's study.

    Args:
        source: the file's path, or its content; of a file that is not DICOM only the beginning is
            read.
        name: of the film; its ending decides where the file lacks every sign of the format.

    Returns:
        `None` where the file is not DICOM, cannot be read, or has no identifier.
    """
    with _quiet():
        try:
            data = source if isinstance(source, bytes) else _content(source, name)
            if not is_dicom(data, name):
                return None
            dataset = data_set.opened(data, name, [STUDY_UID], pixels=False)
            return str(dataset.get(STUDY_UID) or "") or None
        except Exception:  # decoding the film reports the fault
            return None


def spacing(source: Path | bytes, name: str) -> Spacing | None:
    """Return the spacing of a film's pixels as `read` gives them; see `study_uid`."""
    with _quiet():
        try:
            data = source if isinstance(source, bytes) else _content(source, name)
            if not is_dicom(data, name):
                return None
            tags = ["Rows", "Columns", *pixel_spacing.KEYWORDS, *_GROUPS]
            dataset = data_set.opened(data, name, tags, pixels=False)
            return pixel_spacing.read_squared(dataset, (int(dataset.Columns), int(dataset.Rows)))
        except Exception:  # decoding the film reports the fault
            return None


def _content(path: Path, name: str) -> bytes:
    """Return a DICOM file's content, or the beginning of another file."""
    with file_reader.opened(path, LIMITS.file_bytes) as file:
        beginning = file.read(data_set.MARK.stop)
        return beginning + file.read() if is_dicom(beginning, name) else beginning


def _reading(dataset: "FileDataset", name: str, missing_rows_percent: float) -> FilmReading:
    """Read a film; see `read`."""
    notes: list[str] = []
    frame, header = stored_values.frame_of(dataset, layout.frames(dataset)) or (None, None)
    pixels = layout.read(dataset, header, name, notes)
    stored = stored_values.read(dataset, pixels, frame, name, notes)
    if stored.missing:
        cut_short.check(name, stored.missing, pixels.rows, missing_rows_percent)
        notes.append(cut_short.note(stored.missing))
    grey, depth = film_values.brightness(dataset, stored, notes), None
    if grey is None:
        values = film_values.read(dataset, pixels, stored, notes)
        every = film_values.depth(values, notes)
        grey, depth = film_values.grey(every), None if values.is_grey else every
    image = Image.fromarray(grey)
    size = pixel_spacing.square_size(dataset, image.size, notes)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    return FilmReading(
        image=image,
        notes=tuple(dict.fromkeys(notes)),
        missing_rows=round(stored.missing * image.height / pixels.rows),
        depth=depth,
    )
