"""From a file or an upload to pixels, the same way for display, training and prediction.

`read` gives a film at full size, `to_pixels` applies a `PixelRecipe`, `load` does both;
`thumbnail` makes a small copy for showing.
"""

import functools
import hashlib
import importlib.metadata
import io
import json
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from fracture_core import file_reader
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.config.limits import LIMITS
from fracture_core.dicom_files import dicom
from fracture_core.errors import FileRefused, FilmError
from fracture_core.files import replace_file
from fracture_core.film_files import (
    bitmap,
    codestream,
    cut_short,
    formats,
    jpeg,
    png,
    tiff,
)
from fracture_core.film_files.film_reading import FilmReading
from fracture_core.film_files.raster import NoNumbersError, Raster
from fracture_core.words import short

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "JPEG2000", "AVIF")  # that Pillow opens
SUFFIXES = (*formats.SUFFIXES, *dicom.SUFFIXES)  # lower case

# `read` refuses a huge film by its header, before any pixel is unpacked; Pillow's own check
# would add a warning or an error of its own below our limit's sentence.
Image.MAX_IMAGE_PIXELS = None

RECIPE_VERSION = 5  # raised whenever `decode` or `to_pixels` returns other pixels of the same film
_DECODERS = ("pillow", "tifffile", "imagecodecs", "pi-heif", "pydicom")
MISSING_ROWS_PERCENT = PixelRecipe().missing_rows_percent
# Of a film that is shown: as much as there is, unless that is next to nothing. Whether it is enough
# for a verdict is the business of the model's recipe.
SHOWN_MISSING_PERCENT = 95.0
_TURNS = {  # by EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LAST_ROWS = {  # by EXIF orientation: where a file's last rows are
    **dict.fromkeys((3, 4), "first {} rows"),
    **dict.fromkeys((6, 7), "first {} columns"),
    **dict.fromkeys((5, 8), "last {} columns"),
}
_RESAMPLE = {"area": Image.Resampling.BOX, "nearest": Image.Resampling.NEAREST}
_JPEG = (b"\xff\xd8\xff", b"\xff\xd9")  # first and last bytes of such a file


def read(
    source: Path | bytes,
    name: str | None = None,
    missing_rows_percent: float = MISSING_ROWS_PERCENT,
) -> FilmReading:
    """Read a film at full size in grey, with notes on what is odd about its file.

    Reads the formats of `formats.READ` in any mode, whatever the file's ending, and DICOM, see
    `dicom`; of several frames the first. EXIF orientation is applied; `raster` says how values
    become grey. Of a file that was cut short the rows that are there are read; the others, from
    the first one that is not whole, are black.

    Args:
        source: the file's path, or its content.
        name: of the film, for errors; the path's last part if left out.
        missing_rows_percent: most rows that may be missing; see `PixelRecipe`.

    Raises:
        FilmError: the file is missing, unreadable, empty, no image, cut short by more rows,
            damaged, too big or too small.
    """
    name = name or (source.name if isinstance(source, Path) else "The film")
    data = source if isinstance(source, bytes) else content(source, name)
    if not data:
        raise FilmError(name, "is empty (0 bytes). Copy it again from where it came from.")
    if len(data) > LIMITS.file_bytes:
        raise FilmError(name, formats.too_many_bytes(len(data)))
    if dicom.is_dicom(data, name):
        return dicom.read(data, name, missing_rows_percent)
    return _reading(_raster(data, name), name, missing_rows_percent)


def _raster(data: bytes, name: str) -> Raster:
    """Read a film of a pixel format.

    Raises:
        FilmError: it cannot be read.
    """
    kind = formats.kind(data)
    try:
        match kind:
            case "PNG":
                return png.read(data, name)
            case "JPEG":
                return jpeg.read(data, name)
            case "TIFF":
                return tiff.read(data, name)
            case "GIF" | "BMP" | "WebP":
                return bitmap.read(data, name, kind)
            case "JPEG 2000" | "JPEG-LS" | "JPEG XL" | "AVIF" | "HEIF":
                return codestream.read(data, name, kind)
    except FilmError:
        raise
    except MemoryError as error:
        raise FilmError(name, formats.NO_MEMORY) from error
    except NoNumbersError as error:
        reason = "holds no pixel that is a finite number. Export it again, or leave it out."
        raise FilmError(name, reason) from error
    except NotImplementedError as error:
        reason = f"is a {kind} image of a kind that is not read ({short(error)}). Save it as PNG."
        raise FilmError(name, reason) from error
    except Exception as error:  # decoders of damaged files raise anything
        words = short(error) or type(error).__name__
        reason = f"is cut short or damaged ({words}). Copy it again from where it came from."
        raise FilmError(name, reason) from error
    raise FilmError(name, _format_reason(kind, name))


def _reading(film: Raster, name: str, missing_rows_percent: float) -> FilmReading:
    """Turn a film upright, with a note on what is missing.

    Raises:
        FilmError: too much of it is missing.
    """
    turn, place = _TURNS.get(film.orientation), _LAST_ROWS.get(film.orientation, cut_short.LAST)
    place = place.replace("last", "first") if film.at_top else place
    missing, partial = film.missing_rows, film.partial_rows
    cut_short.check(
        name, missing, film.grey.height, missing_rows_percent, partial=partial, place=place
    )
    grey = film.grey if turn is None else film.grey.transpose(turn)
    notes = list(film.notes)
    if film.is_cut:
        notes.append(cut_short.note(missing, partial, place))
    return FilmReading(
        image=grey,
        notes=tuple(notes),
        missing_rows=missing + partial,
        mode=film.mode,
        values=film.values if turn is None else None,
        inverted=film.inverted,
    )


def decode(
    source: Path | bytes,
    name: str | None = None,
    missing_rows_percent: float = MISSING_ROWS_PERCENT,
) -> Image.Image:
    """Return the picture of `read`: a Pillow image of mode "L", 0 to 255.

    Raises:
        FilmError: see `read`.
    """
    return read(source, name, missing_rows_percent).image


def frames(source: Path | bytes, name: str | None = None) -> int:
    """Return the number of frames or pages of a film that `decode` has read; it reads the first.

    Of a TIFF's pages smaller copies do not count; the count ends at `LIMITS.dicom_frames`.
    """
    name = name or (source.name if isinstance(source, Path) else "The film")
    data = source if isinstance(source, bytes) else content(source, name)
    if dicom.is_dicom(data, name):
        return dicom.frames(data, name)
    try:
        if formats.kind(data) == "TIFF":
            return tiff.pages(data)
        return getattr(opened(data), "n_frames", 1)
    except Exception:  # Pillow does not open it, or not all of it
        return 1


def opened(data: bytes) -> Image.Image:
    """Open a film's file with Pillow, which decodes nothing yet; a JPEG gets a missing end mark.

    Raises:
        Exception: Pillow does not read it.
    """
    kind = formats.kind(data)
    if kind == "PNG":
        data = png.needed(data)
    elif kind == "JPEG" and not data.endswith(jpeg.END):
        data += jpeg.END
    return Image.open(io.BytesIO(data), formats=FORMATS)


def in_colour(data: bytes) -> Image.Image:
    """Return a film that `read` has read as a Pillow image in its own colours, if not yet decoded.

    Raises:
        Exception: Pillow does not read it.
    """
    kind = formats.kind(data)
    if kind in codestream.BEYOND_PILLOW:
        return codestream.in_colour(data, kind)
    return opened(data)


def _format_reason(kind: str | None, name: str) -> str:
    """Return the refusal of a file of an unsupported format, as a clause after its name."""
    if kind == "zip":
        return "is a zip inside a folder, or one that is cut short. Unpack it, or copy it again."
    if kind:
        article = "an" if kind[0] in "AEIO" or kind in formats.SPELLED else "a"
        return f"is {article} {kind} file, which is not read. Save the film as PNG or DICOM."
    claims = ", whatever its ending says" if name.lower().endswith(SUFFIXES) else ""
    return f"is not a PNG, JPEG, TIFF, DICOM or other image{claims}. Save the film as one of these."


def content(path: Path, name: str | None = None) -> bytes:
    """Return the content of a film's file.

    Raises:
        FilmError: it is missing, no regular file, too large, or may not be read.
    """
    name = name or path.name
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise FilmError(name, "is a folder or a device, not a file. Give an image file.")
        if facts.st_size > LIMITS.file_bytes:
            raise FilmError(name, formats.too_many_bytes(facts.st_size))
        return file_reader.read_bytes(path, LIMITS.file_bytes)
    except FileRefused as error:
        if isinstance(error.__cause__, PermissionError):
            reason = "may not be read. Give yourself permission to read it."
            raise FilmError(name, reason) from error
        raise FilmError(name, f"{error.reason}. Check its disk.") from error
    except FileNotFoundError as error:
        raise FilmError(name, "does not exist. Check the path, or rescan the data.") from error
    except OSError as error:
        raise FilmError(name, f"cannot be read ({error.strerror}). Check its disk.") from error


def to_pixels(film: Image.Image, recipe: PixelRecipe) -> np.ndarray:
    """Return a film of mode "L" as a network's input: uint8 `(size, size)`, 0 to 255.

    "area" averages the film's pixels, each of which counts in exactly one pixel of the result;
    "nearest" keeps one of them. A film smaller than the result has its pixels repeated, by either.
    "pad" scales the longer side to `size` and centres the film on black.
    """
    resample = _RESAMPLE[recipe.resample]
    left, top, width, height = placed(film.size, recipe)
    pixels = np.zeros((recipe.size, recipe.size), np.uint8)
    scaled = np.asarray(film.resize((width, height), resample))
    pixels[top : top + height, left : left + width] = scaled
    return pixels


def placed(film: tuple[int, int], recipe: PixelRecipe) -> tuple[int, int, int, int]:
    """Return left, top, width, height of a film of this (width, height) in the input."""
    if recipe.fit == "squash":
        return 0, 0, recipe.size, recipe.size
    longer = max(film)
    width, height = (max(1, round(side * recipe.size / longer)) for side in film)
    return (recipe.size - width) // 2, (recipe.size - height) // 2, width, height


def load(source: Path | bytes, recipe: PixelRecipe, name: str | None = None) -> np.ndarray:
    """Apply `decode`, then `to_pixels`: uint8 `(size, size)`, 0 to 255.

    Raises:
        FilmError: see `decode`.
    """
    return to_pixels(decode(source, name, recipe.missing_rows_percent), recipe)


def thumbnail(path: Path, long_side: int, folder: Path) -> bytes:
    """Return a small copy of a film as JPEG, cached in `folder`; a small film keeps its size.

    JPEG, since a person waits for a wall of films: WebP takes ten times as long.

    Args:
        path: the film's file.
        long_side: of the thumbnail, in px, at most.
        folder: the cache of thumbnails; created if missing. A changed file gets a new one.

    Raises:
        FilmError: see `decode`.
    """
    key = cache_key("thumbnail", str(path.absolute()), file_facts(path), long_side)
    file = folder / key[:2] / f"{key}.jpg"
    with suppress(FileRefused):  # missing or damaged: it is made again
        small = file_reader.read_bytes(file, file_reader.NOTE_BYTES)
        if _is_thumbnail(small, long_side):
            return small
    film = decode(path, missing_rows_percent=SHOWN_MISSING_PERCENT)
    film.thumbnail((long_side, long_side), Image.Resampling.BOX)
    stream = io.BytesIO()
    film.save(stream, "JPEG", quality=85)
    with suppress(OSError):  # films can be shown where the cache cannot be written
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, stream.getvalue())
    return stream.getvalue()


def _is_thumbnail(content: bytes, long_side: int) -> bool:
    """Return whether a cached thumbnail has both ends, a header that can be read and its size."""
    if not (content.startswith(_JPEG[0]) and content.endswith(_JPEG[1])):
        return False
    try:
        return max(Image.open(io.BytesIO(content), formats=("JPEG",)).size) <= long_side
    except Exception:  # Pillow has many for a damaged header
        return False


def stamp(root: Path, paths: Sequence[str]) -> str:
    """Return a text that changes with the size or time of change of any of the films' files."""
    return cache_key("films", [(path, *file_facts(root / path)) for path in paths])


def file_facts(path: Path) -> tuple[int, int]:
    """Return size in bytes and modification time in ns; -1 twice for a missing file."""
    try:
        facts = path.stat()
    except OSError:
        return (-1, -1)
    return (facts.st_size, facts.st_mtime_ns)


@functools.cache
def version() -> str:
    """Return the versions that determine a film's pixels: of our recipe, and of the decoders."""
    return ", ".join(
        [f"recipe {RECIPE_VERSION}"]
        + [f"{name} {importlib.metadata.version(name)}" for name in _DECODERS]
    )


def cache_key(*parts: object) -> str:
    """Return the key, 24 hex digits, of something made of films.

    Other decoders have another one, and so has another version of our reading.

    Args:
        *parts: all that it depends on, as JSON takes it.
    """
    text = json.dumps([version(), *parts])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
