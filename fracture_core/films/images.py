"""From a file or an upload to pixels: the one road for showing, training and judging alike.

`decode` gives a film at full size, `to_pixels` applies a `PixelRecipe`, `load` does both. The
pixel cache holds a whole data set as a memory map, so that an epoch never touches an image file.
"""

import fcntl
import hashlib
import io
import json
import math
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, UnidentifiedImageError

from fracture_core import file_reader
from fracture_core.config import LIMITS, PixelRecipe
from fracture_core.errors import DataError, FileRefused, FilmError, Stopped, WriteFailed
from fracture_core.files import make_folder, open_lock, replace_file, writing
from fracture_core.films import dicom, formats

FORMATS = tuple(kind.upper() for kind in formats.READ)  # by Pillow; DICOM by `dicom`
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", *dicom.SUFFIXES)  # lower case

# `decode` refuses a huge film by its header, before any pixel is unpacked; Pillow's own check
# would add a warning or an error of its own below our limit's sentence.
Image.MAX_IMAGE_PIXELS = None

RECIPE_VERSION = 1  # raised whenever `decode` or `to_pixels` gives other pixels of the same film
_WIDE_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_ORIENTATION = 0x0112  # EXIF tag; its values 2 to 8 say how the film must be turned to stand right
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
_JPEG = (b"\xff\xd8\xff", b"\xff\xd9")  # how such a file begins and ends
_CHUNK = 256  # films between two notes of how far a cache has come; a kill costs at most these


def decode(source: Path | bytes, name: str | None = None) -> Image.Image:
    """A film at full size in grey: a Pillow image of mode "L", 0 to 255.

    Reads PNG, JPEG, WebP and TIFF of any mode, whatever the file's ending, and DICOM, see
    `dicom`; of several frames the first. EXIF orientation is applied, colour becomes luma (ITU-R
    601-2), alpha lies on black.
    Films of more than 8 bits a pixel in one channel are stretched: their lowest value becomes 0,
    their highest 255.

    Args:
        source: the file's path, or its content.
        name: what errors call the film; the path's last part if left out.

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
        return dicom.decode(data, name)
    try:
        film = Image.open(io.BytesIO(data), formats=FORMATS)
        refusal = formats.wrong_size(*film.size)
        if refusal is None:
            film.load()  # TIFF is turned here, and then no longer says how
            turn = _TURNS.get(film.getexif().get(_ORIENTATION))
            grey = _grey(film)
            return grey.transpose(turn) if turn is not None else grey
    except UnidentifiedImageError as error:
        raise FilmError(name, _no_film(data, name)) from error
    except Exception as error:  # decoders of damaged files raise whatever they stumble over
        reason = f"is cut short or damaged ({error}). Copy it again from where it came from."
        raise FilmError(name, reason) from error
    raise FilmError(name, refusal)


def frames(source: Path | bytes, name: str | None = None) -> int:
    """How many frames or pages a film that `decode` could read holds; it reads the first.

    Of a TIFF's pages those count that are no smaller copies of others, up to `LIMITS.dicom_frames`.
    """
    name = name or (source.name if isinstance(source, Path) else "The film")
    data = source if isinstance(source, bytes) else content(source, name)
    if dicom.is_dicom(data, name):
        return dicom.frames(data, name)
    film = Image.open(io.BytesIO(data), formats=FORMATS)
    return _pages(film) if film.format == "TIFF" else getattr(film, "n_frames", 1)


def _pages(film: Image.Image) -> int:
    """Counted one by one: Pillow's own count takes as long as a damaged file makes it."""
    count = 1
    for number in range(1, LIMITS.dicom_frames):
        try:
            film.seek(number)
        except Exception:  # the end, or damage behind the first page
            break
        count += not film.tag_v2.get(_SUBFILE, 0) & 1
    return count


def _no_film(data: bytes, name: str) -> str:
    """Why a file of no format that is read is refused, as a clause that follows its name."""
    kinds, found = f"{', '.join(formats.READ)} or DICOM", formats.kind(data)
    if found in formats.READ:
        return f"begins as a {found} image and is damaged. Copy it again from where it came from."
    if found == "zip":
        return "is a zip inside a folder, or one that is cut short. Unpack it, or copy it again."
    if found:
        return f"is a {found} file, which is not read. Save the film as {kinds}."
    claims = ", whatever its ending says" if name.lower().endswith(SUFFIXES) else ""
    return f"is not a {kinds} image{claims}. Save the film as one of these."


def content(path: Path, name: str | None = None) -> bytes:
    """All that a film's file holds.

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
    """The opened file's pixels as mode "L"; unpacks them, so a damaged file fails here."""
    if film.mode in _WIDE_MODES:
        return Image.fromarray(formats.stretched(np.asarray(film)))
    if film.has_transparency_data:
        black = Image.new("RGBA", film.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, film.convert("RGBA")).convert("L")
    if film.mode in ("L", "1", "P", "RGB"):
        return film.convert("L")
    return film.convert("RGB").convert("L")


def to_pixels(film: Image.Image, recipe: PixelRecipe) -> np.ndarray:
    """A film of mode "L" as a network's input: uint8 `(size, size)`, 0 to 255.

    "area" averages the film's pixels, each of which counts in exactly one pixel of the result;
    "nearest" keeps one of them. A film smaller than the result has its pixels repeated, by either.
    "pad" scales the longer side to `size` and centres the film on black.
    """
    resample = _RESAMPLE[recipe.resample]
    left, top, width, height = placed(film.size, recipe)
    pixels = np.zeros((recipe.size, recipe.size), np.uint8)
    pixels[top : top + height, left : left + width] = film.resize((width, height), resample)
    return pixels


def placed(film: tuple[int, int], recipe: PixelRecipe) -> tuple[int, int, int, int]:
    """Where a film of this (width, height) lies in a network's input: left, top, width, height."""
    if recipe.fit == "squash":
        return 0, 0, recipe.size, recipe.size
    longer = max(film)
    width, height = (max(1, round(side * recipe.size / longer)) for side in film)
    return (recipe.size - width) // 2, (recipe.size - height) // 2, width, height


def load(source: Path | bytes, recipe: PixelRecipe, name: str | None = None) -> np.ndarray:
    """`decode`, then `to_pixels`: uint8 `(size, size)`, 0 to 255.

    Raises:
        FilmError: see `decode`.
    """
    return to_pixels(decode(source, name), recipe)


def thumbnail(path: Path, long_side: int, folder: Path) -> bytes:
    """A small copy of a film as JPEG, kept in `folder`; a small film keeps its size.

    JPEG, since a wall of films is made while a person waits: WebP takes ten times as long.

    Args:
        path: the film's file.
        long_side: px that the longer side has at most.
        folder: where thumbnails are kept; made if missing. A changed file gets a new one.

    Raises:
        FilmError: see `decode`.
    """
    key = _key("thumbnail", str(path.absolute()), _fact(path), long_side)
    kept = folder / key[:2] / f"{key}.jpg"
    with suppress(FileRefused):  # none is kept, or what is there is damaged: it is made anew
        small = file_reader.read_bytes(kept, file_reader.NOTE_BYTES)
        if small.startswith(_JPEG[0]) and small.endswith(_JPEG[1]):
            return small
    film = decode(path)
    film.thumbnail((long_side, long_side), Image.Resampling.BOX)
    content = io.BytesIO()
    film.save(content, "JPEG", quality=85)
    with suppress(OSError):  # a film can be seen where nothing can be kept
        kept.parent.mkdir(parents=True, exist_ok=True)
        replace_file(kept, content.getvalue())
    return content.getvalue()


@dataclass(frozen=True, kw_only=True)
class PixelCache:
    """Pixels of many films, in the order of the paths that were asked for.

    Args:
        pixels: read-only memory map, uint8 `(n, size, size)`, 0 to 255.
        refused: row -> why this film could not be read; its pixels are 0.
    """

    pixels: np.ndarray
    refused: dict[int, str]


def pixel_cache(
    root: Path,
    paths: Sequence[str],
    recipe: PixelRecipe,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> PixelCache:
    """The pixels of all these films: opened if kept, else built on all cores.

    Keyed by paths, file sizes, modification times, recipe and Pillow's version. A build that was
    stopped or killed goes on where it was. Of two processes, the second waits for the first.

    Args:
        root: folder that the paths are relative to.
        paths: one film each, in the order of the rows.
        recipe: how a film becomes pixels.
        folder: where caches are kept; made if missing.
        progress: called with (films done, all films) after every film of a build.
        should_stop: asked after every film of a build, and while waiting.

    Raises:
        Stopped: `should_stop` said so.
        DataError: there are no paths.
        WriteFailed: the disk has no room for their pixels, or takes no file.
    """
    if not len(paths):
        raise DataError("There is no film to read: the selection is empty. Choose other parts.")
    facts = [(path, *_fact(root / path)) for path in paths]
    key = _key("pixels", str(root.absolute()), facts, asdict(recipe))
    kept, draft = folder / key, folder / f".{key}"
    shape = (len(paths), recipe.size, recipe.size)
    if found := _kept(kept, shape):
        return found
    make_folder(folder)
    with _alone(folder / f".{key}.lock", should_stop):
        found = _kept(kept, shape)  # another process made it meanwhile
        if found is None:
            _clear(kept)  # it is damaged, and can be made again
            _build(draft, [root / path for path in paths], recipe, progress, should_stop)
            with writing(kept):
                draft.rename(kept)
            found = _kept(kept, shape)
    if found is None:
        raise DataError(f"The pixels in {kept} cannot be read back. Check the disk.")
    return found


def _kept(folder: Path, shape: tuple[int, int, int], whole: bool = True) -> PixelCache | None:
    """The pixels in a folder; `None` where there are none, or they are damaged.

    Args:
        folder: of a cache, or of one that is being built.
        shape: that they must have.
        whole: whether only those of a finished build will do.
    """
    try:
        note = file_reader.read_json(folder / "progress.json", file_reader.LIST_BYTES)
        refused = {int(row): str(reason) for row, reason in note["refused"].items()}
        done = type(note["done"]) is int and 0 <= note["done"] <= shape[0]
        size = math.prod(shape) + file_reader.HEADER_BYTES
        with file_reader.opened(folder / "pixels.npy", size) as stream:
            fits = file_reader.array_header(stream) == (shape, np.uint8) and done
        pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False) if fits else None
        rows = all(0 <= row < shape[0] for row in refused) and note["done"] == shape[0]
        sound = not whole or (rows and note["sha256"] == _digest(folder / "pixels.npy"))
    except Exception:  # numpy's reader of damaged headers raises many kinds
        return None
    return PixelCache(pixels=pixels, refused=refused) if fits and sound else None


def _digest(path: Path) -> str:
    """SHA-256 of a file, in hex; the page cache has a film's pixels read once more in no time."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _clear(path: Path) -> None:
    """Take away whatever is there; what cannot be taken away is told by who writes there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _build(
    draft: Path,
    files: list[Path],
    recipe: PixelRecipe,
    progress: Callable[[int, int], None] | None,
    should_stop: Callable[[], bool] | None,
) -> None:
    """Fill `draft` with pixels.npy and progress.json, from where an earlier build ended."""
    note = draft / "progress.json"
    if _kept(draft, (len(files), recipe.size, recipe.size), whole=False) is None:
        _clear(draft)
        _check_room(draft.parent, len(files) * recipe.size**2)
        shape = (len(files), recipe.size, recipe.size)
        with writing(draft):
            draft.mkdir(exist_ok=True)
            np.lib.format.open_memmap(draft / "pixels.npy", "w+", np.uint8, shape).flush()
        replace_file(note, json.dumps({"done": 0, "refused": {}}).encode())
    state = file_reader.read_json(note, file_reader.LIST_BYTES)
    _reserve(draft / "pixels.npy")
    pixels = np.lib.format.open_memmap(draft / "pixels.npy", "r+")

    def fill(row: int) -> str | None:
        try:
            pixels[row] = load(files[row], recipe)
        except FilmError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while (first := state["done"]) < len(files):
            rows = range(first, min(first + _CHUNK, len(files)))
            for row, reason in zip(rows, pool.map(fill, rows), strict=True):
                if reason:
                    state["refused"][str(row)] = reason
                if progress:
                    progress(row + 1, len(files))
                if should_stop and should_stop():
                    pool.shutdown(cancel_futures=True)
                    raise Stopped(f"Reading films was stopped after {row + 1} of {len(files)}.")
            pixels.flush()  # the note must never be ahead of the pixels
            state["done"] = rows.stop
            replace_file(note, json.dumps(state).encode())
    state["sha256"] = _digest(draft / "pixels.npy")
    replace_file(note, json.dumps(state).encode())


def _reserve(path: Path) -> None:
    """Take all the room of a file before it is filled: a memory map that runs out of it kills its
    process.

    Raises:
        WriteFailed: another process has taken the room.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with writing(path), path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def _check_room(folder: Path, needed: int) -> None:
    """Refuse to fill a disk before a file is begun."""
    if (left := shutil.disk_usage(folder).free) < needed:
        raise WriteFailed(
            f"The pixels of these films need {needed / 2**20:,.0f} MB; {folder} has "
            f"{left / 2**20:,.0f} MB left. Free some space, or set FRACTURE_CACHE to another disk."
        )


@contextmanager
def _alone(lock: Path, should_stop: Callable[[], bool] | None) -> Iterator[None]:
    """Hold `lock`; the kernel frees it, whatever ends its holder."""
    with open_lock(lock) as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if should_stop and should_stop():
                    raise Stopped("Waiting for another process's films was stopped.") from None
                time.sleep(0.1)
        yield


def stamp(root: Path, paths: Sequence[str]) -> str:
    """Text that is another once a film's file is: its size or its time of change."""
    return _key("films", [(path, *_fact(root / path)) for path in paths])


def _fact(path: Path) -> tuple[int, int]:
    """Size in bytes and modification time in ns; a missing file has neither."""
    try:
        facts = path.stat()
    except OSError:
        return (-1, -1)
    return (facts.st_size, facts.st_mtime_ns)


def _key(*parts: object) -> str:
    text = json.dumps([PIL.__version__, *parts])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
