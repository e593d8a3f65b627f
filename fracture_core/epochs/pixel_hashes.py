"""Hashes of every film's pixels, stored with the run: a resume must see the same films.

Files are compared by their pixels, not by their bytes or times: a data set that was copied or
saved again without loss is the same. Another version of the pixel recipe, or of a decoder, gives
other pixels of the same film; hashes of different versions are never compared.
"""

import contextlib
import hashlib
import io
from pathlib import Path

import numpy as np

from fracture_core import checksums
from fracture_core.errors import DamagedFile, WriteFailed
from fracture_core.files import replace_file
from fracture_core.films import images
from fracture_core.runs import run_config, run_folders

FILE = "pixel_hashes.npy"


def of(pixels: np.ndarray) -> np.ndarray:
    """Return the hash of each film: uint64 `(n,)`, its BLAKE2b of 8 bytes.

    Args:
        pixels: uint8 `(n, size, size)`.
    """
    digests = (hashlib.blake2b(np.ascontiguousarray(film).data, digest_size=8) for film in pixels)
    return np.frombuffer(b"".join(each.digest() for each in digests), np.uint64)


def save(folder: Path, pixels: np.ndarray) -> None:
    """Store the hashes of a run's films, with the version that they depend on.

    Args:
        folder: the run folder.
        pixels: uint8 `(n, size, size)`, in the order of `films.parquet`.
    """
    checksums.write(folder, folder / FILE, _content(pixels))
    run_config.complete(folder, pixels=images.version())


def _content(pixels: np.ndarray) -> bytes:
    """Return the content of the file of these films."""
    content = io.BytesIO()
    np.save(content, of(pixels))
    return content.getvalue()


def changed(folder: Path, pixels: np.ndarray) -> np.ndarray | None:
    """Return the rows whose pixels differ from those that the run began with, in order.

    A missing or damaged file is made again if these are the pixels that its checksum was made of.

    Args:
        folder: the run folder.
        pixels: as in `save`.

    Returns:
        int64 `(n_changed,)`; `None` where the run has no hashes, or those of another version.

    Raises:
        DamagedFile: the file is missing or was changed, and so were films.
    """
    if run_folders.read(folder).facts.get("pixels") != images.version():
        return None
    if _is_made_again(folder, pixels):
        return np.zeros(0, np.int64)
    try:
        content = io.BytesIO(checksums.read(folder, folder / FILE))
        hashes = np.lib.format.read_array(content, allow_pickle=False)
    except FileNotFoundError as error:
        raise DamagedFile(
            f"The {FILE} of {folder.name} is missing, so its films cannot be compared with those "
            "that it began with. Put the file back, or train again."
        ) from error
    except DamagedFile as error:
        raise DamagedFile(f"{error} Put the file back, or train again.") from error
    except Exception:  # unguarded and damaged: nothing can be compared
        return None
    if hashes.shape != (len(pixels),):
        return None
    return np.flatnonzero(hashes != of(pixels))


def _is_made_again(folder: Path, pixels: np.ndarray) -> bool:
    """Write a lost file again where its checksum proves that it would be the same."""
    try:
        checksums.read(folder, folder / FILE)
        return False
    except (FileNotFoundError, DamagedFile):
        content = _content(pixels)
    if checksums.digest(content) not in checksums.digests(folder, folder / FILE)[-1:]:
        return False
    with contextlib.suppress(WriteFailed):  # the films are the same, wherever that is noted
        replace_file(folder / FILE, content)
    return True
