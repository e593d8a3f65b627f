"""Hashes of every film's pixels, stored with the run: a resume must see the same films.

Files are compared by their pixels, not by their bytes or times: a data set that was copied or
saved again without loss is the same. Another version of the pixel recipe, or of a decoder, gives
other pixels of the same film; hashes of different versions are never compared.
"""

import hashlib
import importlib.metadata
import io
from pathlib import Path

import numpy as np

from fracture_core import checksums
from fracture_core.errors import DamagedFile
from fracture_core.films import images
from fracture_core.runs import run_folders

FILE = "pixel_hashes.npy"
_DECODERS = ("pillow", "pydicom", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg")


def version() -> str:
    """Return the versions that determine a film's pixels: of our recipe, and of the decoders."""
    return ", ".join(
        [f"recipe {images.RECIPE_VERSION}"]
        + [f"{name} {importlib.metadata.version(name)}" for name in _DECODERS]
    )


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
    content = io.BytesIO()
    np.save(content, of(pixels))
    checksums.write(folder, folder / FILE, content.getvalue())
    run_folders.complete_facts(folder, pixels=version())


def changed(folder: Path, pixels: np.ndarray) -> np.ndarray | None:
    """Return the rows whose pixels differ from those that the run began with, in order.

    Args:
        folder: the run folder.
        pixels: as in `save`.

    Returns:
        int64 `(n_changed,)`; `None` where the run has no hashes, or those of another version.

    Raises:
        DamagedFile: the file is missing, or was changed.
    """
    if run_folders.read(folder).facts.get("pixels") != version():
        return None
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
