"""The pixel cache: all films of a data set as one memory map, so that an epoch opens no film.

A build is resumable, on all cores, and appears whole, by a rename.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fracture_core import file_reader, locks
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.errors import DataError, FilmError, Stopped, WriteFailed
from fracture_core.files import make_folder, remove_tree, replace_file, writing
from fracture_core.films.images import cache_key, file_facts, load

_CHUNK = 256  # films between two saves of a build's progress; the most that a kill costs


@dataclass(frozen=True, kw_only=True)
class PixelCache:
    """Pixels of many films, in the order of the paths.

    Args:
        pixels: read-only memory map, uint8 `(n, size, size)`, 0 to 255.
        refused: row -> reason why this film could not be read; its pixels are 0.
    """

    pixels: np.ndarray
    refused: dict[int, str]


def of_films(
    root: Path,
    paths: Sequence[str],
    recipe: PixelRecipe,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> PixelCache:
    """Return the pixels of all these films: opened if cached, else built on all cores.

    Keyed by paths, file sizes, modification times, recipe and Pillow's version. A build that was
    stopped or killed continues from there. Of two processes, the second waits for the first.

    Args:
        root: folder that the paths are relative to.
        paths: one film each, in the order of the rows.
        recipe: of the pixels.
        folder: of all caches; created if missing.
        progress: called with (films done, all films) after every film of a build.
        should_stop: called after every film of a build, and while waiting.

    Raises:
        Stopped: `should_stop` returned true.
        DataError: there are no paths.
        WriteFailed: the disk has no room for their pixels, or takes no file.
    """
    if not len(paths):
        raise DataError("There is no film to read: the selection is empty. Choose other parts.")
    key = _key(root, paths, recipe)
    final, draft = folder / key, folder / f".{key}"
    shape = (len(paths), recipe.size, recipe.size)
    if cache := _opened(final, shape):
        return cache
    make_folder(folder)
    with _exclusive(folder / f".{key}.lock", should_stop):
        cache = _opened(final, shape)  # another process built it meanwhile
        if cache is None:
            _clear(final)  # it is damaged, and can be built again
            _build(draft, [root / path for path in paths], recipe, progress, should_stop)
            with writing(final):
                draft.rename(final)
            cache = _opened(final, shape)
    if cache is None:
        raise DataError(f"The pixels in {final} cannot be read back. Check the disk.")
    return cache


def kept(root: Path, paths: Sequence[str], recipe: PixelRecipe, folder: Path) -> PixelCache | None:
    """Return the pixels of all these films if a build has kept them; `None` if not.

    Arguments as in `of_films`.
    """
    shape = (len(paths), recipe.size, recipe.size)
    return _opened(folder / _key(root, paths, recipe), shape) if len(paths) else None


def _key(root: Path, paths: Sequence[str], recipe: PixelRecipe) -> str:
    """Return the name of the cache of these films."""
    facts = [(path, *file_facts(root / path)) for path in paths]
    return cache_key("pixels", str(root.absolute()), facts, asdict(recipe))


def _opened(folder: Path, shape: tuple[int, int, int], whole: bool = True) -> PixelCache | None:
    """Open the pixels in a folder; `None` where there are none, or they are damaged.

    Args:
        folder: of a cache, or of one that is being built.
        shape: of the pixels.
        whole: whether the build must be complete.
    """
    try:
        note = file_reader.read_json(folder / "progress.json", file_reader.LIST_BYTES)
        refused = {int(row): str(reason) for row, reason in note["refused"].items()}
        rows = all(0 <= row < shape[0] for row in refused)
        done = type(note["done"]) is int and 0 <= note["done"] <= shape[0]
        size = math.prod(shape) + file_reader.HEADER_BYTES
        with file_reader.opened(folder / "pixels.npy", size) as stream:
            fits = file_reader.array_header(stream) == (shape, np.dtype(np.uint8)) and done
        if not (fits and rows):
            return None
        pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
        is_complete = note["done"] == shape[0]
        sound = not whole or (is_complete and note["sha256"] == _digest(folder / "pixels.npy"))
    except Exception:  # numpy's reader of damaged headers raises many kinds
        return None
    return PixelCache(pixels=pixels, refused=refused) if sound else None


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex; quick, as the file is in the page cache."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _clear(path: Path) -> None:
    """Remove a file or folder; what cannot be removed fails when it is written."""
    if path.is_dir() and not path.is_symlink():
        with suppress(OSError):
            remove_tree(path)
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
    if _opened(draft, (len(files), recipe.size, recipe.size), whole=False) is None:
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
            pixels.flush()  # the progress file must never be ahead of the pixels
            state["done"] = rows.stop
            replace_file(note, json.dumps(state).encode())
    state["sha256"] = _digest(draft / "pixels.npy")
    replace_file(note, json.dumps(state).encode())


def _reserve(path: Path) -> None:
    """Reserve the space of a file before filling it: a memory map without space kills its process.

    Raises:
        WriteFailed: another process has used the space.
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
def _exclusive(lock: Path, should_stop: Callable[[], bool] | None) -> Iterator[None]:
    """Hold `lock`; the kernel releases it, whatever ends the process."""

    def wait() -> None:
        if should_stop and should_stop():
            raise Stopped("Waiting for another process's films was stopped.")

    with locks.held(lock, wait):
        yield
