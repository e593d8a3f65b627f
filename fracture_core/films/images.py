"""From a file or an upload to pixels, the same way for display, training and prediction.

`read` gives a film at full size, `to_pixels` applies a `PixelRecipe`, `load` does both;
`thumbnail` makes a small copy for showing.
"""

import hashlib
import io
import json
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from fracture_core import file_reader
from fracture_core.config import LIMITS, PixelRecipe
from fracture_core.errors import FileRefused, FilmError
from fracture_core.files import replace_file
from fracture_core.film_files import dicom, formats
from fracture_core.film_files.film_reading import FilmReading

FORMATS = tuple(kind.upper() for kind in formats.READ)  # by Pillow; DICOM by `dicom`
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", *dicom.SUFFIXES)  # lower case

# `decode` refuses a huge film by its header, before any pixel is unpacked; Pillow's own check
# would add a warning or an error of its own below our limit's sentence.
Image.MAX_IMAGE_PIXELS = None

RECIPE_VERSION = 1  # raised whenever `decode` or `to_pixels` returns other pixels of the same film
_WIDE_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_ORIENTATION = 0x0112  # EXIF tag; for its values 2 to 8 the film is turned by `_TURNS`
_SUBFILE = 254  # TIFF tag NewSubfileType; its lowest bit marks a smaller copy of another page
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_RESAMPLE = {"area": Image.Resampling.BOX, "nearest": Image.Resampling.NEAREST}
_JPEG = (b"\xff\xd8\xff", b"\xff\xd9")  # first and last bytes of such a file


def read(source: Path | bytes, name: str | None = None) -> FilmReading:
    """Read a film at full size in grey, with notes on what is odd about its file.

    Reads PNG, JPEG, WebP and TIFF of any mode, whatever the file's ending, and DICOM, see
    `dicom`; of several frames the first. EXIF orientation is applied, colour becomes luma (ITU-R
    601-2), transparent pixels are blended with black. Films of more than 8 bits per pixel in one
    channel are stretched: their lowest value becomes 0, their highest 255.

    Args:
        source: the file's path, or its content.
        name: of the film, for errors; the path's last part if left out.

    Raises:
        FilmError: the file is missing, unreadable, empty, no image, cut short, damaged, too
            big or too small.
    """
    name = name or (source.name if isinstance(source, Path) else "The film")
    data = source if isinstance(source, bytes) else content(source, name)
    if not data:
        raise FilmError(name, "is empty (0 bytes). Copy it again from where it came from.")
    if len(data) > LIMITS.file_bytes:
        raise FilmError(name, formats.too_many_bytes(len(data)))
    if dicom.is_dicom(data, name):
        return dicom.read(data, name)
    try:
        film = Image.open(io.BytesIO(data), formats=FORMATS)
        refusal = formats.wrong_size(*film.size)
        if refusal is None:
            film.load()  # applies and removes the orientation of a TIFF
            turn = _TURNS.get(film.getexif().get(_ORIENTATION, 1))
            grey = _grey(film)
            return FilmReading(image=grey.transpose(turn) if turn is not None else grey)
    except UnidentifiedImageError as error:
        raise FilmError(name, _format_reason(data, name)) from error
    except Exception as error:  # decoders of damaged files raise anything
        reason = f"is cut short or damaged ({error}). Copy it again from where it came from."
        raise FilmError(name, reason) from error
    raise FilmError(name, refusal)


def decode(source: Path | bytes, name: str | None = None) -> Image.Image:
    """Return the picture of `read`: a Pillow image of mode "L", 0 to 255.

    Raises:
        FilmError: see `read`.
    """
    return read(source, name).image


def frames(source: Path | bytes, name: str | None = None) -> int:
    """Return the number of frames or pages of a film that `decode` has read; it reads the first.

    Of a TIFF's pages smaller copies do not count; the count ends at `LIMITS.dicom_frames`.
    """
    name = name or (source.name if isinstance(source, Path) else "The film")
    data = source if isinstance(source, bytes) else content(source, name)
    if dicom.is_dicom(data, name):
        return dicom.frames(data, name)
    film = Image.open(io.BytesIO(data), formats=FORMATS)
    return _pages(film) if isinstance(film, TiffImageFile) else getattr(film, "n_frames", 1)


def _pages(film: TiffImageFile) -> int:
    """Count pages one by one: Pillow's own count of a damaged file may take any time."""
    count = 1
    for number in range(1, LIMITS.dicom_frames):
        try:
            film.seek(number)
        except Exception:  # the end, or damage behind the first page
            break
        count += not film.tag_v2.get(_SUBFILE, 0) & 1
    return count


def _format_reason(data: bytes, name: str) -> str:
    """Return the refusal of a file of an unsupported format, as a clause after its name."""
    kinds, kind = f"{', '.join(formats.READ)} or DICOM", formats.kind(data)
    if kind in formats.READ:
        return f"begins as a {kind} image and is damaged. Copy it again from where it came from."
    if kind == "zip":
        return "is a zip inside a folder, or one that is cut short. Unpack it, or copy it again."
    if kind:
        return f"is a {kind} file, which is not read. Save the film as {kinds}."
    claims = ", whatever its ending says" if name.lower().endswith(SUFFIXES) else ""
    return f"is not a {kinds} image{claims}. Save the film as one of these."


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


def _grey(film: Image.Image) -> Image.Image:
    """Return the opened file's pixels as mode "L"; decodes them, so a damaged file fails here."""
    if film.mode in _WIDE_MODES:
        return Image.fromarray(formats.stretched(np.asarray(film)))
    if film.has_transparency_data:
        black = Image.new("RGBA", film.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, film.convert("RGBA")).convert("L")
    if film.mode in ("L", "1", "P", "RGB"):
        return film.convert("L")
    return film.convert("RGB").convert("L")


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
    return to_pixels(decode(source, name), recipe)


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
    film = decode(path)
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


def cache_key(*parts: object) -> str:
    """Return the key, 24 hex digits, of something made of films; another Pillow has another one.

    Args:
        *parts: all that it depends on, as JSON takes it.
    """
    text = json.dumps([PIL.__version__, *parts])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
