"""A hash of every film's pixels, kept with the run: a resume must see the films that it began with.

Files are compared by their pixels, not by their bytes or times: a data set that was copied or
saved anew without loss is the same. Another version of the pixel recipe, or of what decodes
films, gives other pixels of the same film; hashes of different versions are never compared.
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
    """What decides the pixels of a film: the version of our recipe, and of the decoders."""
    return ", ".join(
        [f"recipe {images.RECIPE_VERSION}"]
        + [f"{name} {importlib.metadata.version(name)}" for name in _DECODERS]
    )


def of(pixels: np.ndarray) -> np.ndarray:
    """The hash of each film: uint64 `(n,)`, the first 8 bytes of its BLAKE2b.

    Args:
        pixels: uint8 `(n, size, size)`.
    """
    digests = (hashlib.blake2b(np.ascontiguousarray(film), digest_size=8) for film in pixels)
    return np.frombuffer(b"".join(each.digest() for each in digests), np.uint64)


def save(folder: Path, pixels: np.ndarray) -> None:
    """Keep the hashes of a run's films, with the version that they are of.

    Args:
        folder: the run folder.
        pixels: uint8 `(n, size, size)`, in the order of `films.parquet`.
    """
    content = io.BytesIO()
    np.save(content, of(pixels))
    checksums.write(folder, folder / FILE, content.getvalue())
    run_folders.complete_facts(folder, pixels=version())


def changed(folder: Path, pixels: np.ndarray) -> np.ndarray | None:
    """The rows whose pixels are not those that the run began with, in order.

    Args:
        folder: the run folder.
        pixels: as in `save`.

    Returns:
        int64 `(n_changed,)`; `None` where the run kept no hashes, or those of another version.

    Raises:
        DamagedFile: the hashes are missing, or not what was written.
    """
    if run_folders.read(folder).facts.get("pixels") != version():
        return None
    try:
        content = io.BytesIO(checksums.read(folder, folder / FILE))
        hashes = np.lib.format.read_array(content, allow_pickle=False)
    except FileNotFoundError as error:
        raise DamagedFile(
            f"The {FILE} of {folder.name} is missing, so that nobody can tell whether its films "
            "are those that it began with. Put the file back, or train again."
        ) from error
    except DamagedFile as error:
        raise DamagedFile(f"{error} Put the file back, or train again.") from error
    except Exception:  # unguarded and damaged: nothing can be compared
        return None
    if hashes.shape != (len(pixels),):
        return None
    return np.flatnonzero(hashes != of(pixels))
