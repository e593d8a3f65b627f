"""Weights of a run after each of its epochs: `epoch_NNNN.weights.h5`, as the report saved them."""

import contextlib
import io
import re
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fracture_core import checksums
from fracture_core.errors import DamagedFile, FileRefused, RunError

if TYPE_CHECKING:
    import keras

WEIGHTS = re.compile(r"epoch_([0-9]{1,9})\.weights\.h5")
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,  # a damaged zip names an unknown compression
    DamagedFile,
    FileRefused,
)  # raised by reading a damaged checkpoint


class WeightsInMemory(io.BytesIO):
    """A `.weights.h5` in memory; Keras requires a name with this ending."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def content(model: "keras.Model") -> bytes:
    """Return the content of a `.weights.h5`, as `load_weights` of Keras reads it."""
    # Written to memory first: a failed write, as on a full disk, makes HDF5 crash the process.
    content = WeightsInMemory()
    model.save_weights(content)
    return content.getvalue()


def name(epoch: int) -> str:
    """Return the name of an epoch's weights file, which need not exist."""
    return f"epoch_{epoch:04d}.weights.h5"


def find(folder: Path, epoch: int) -> Path:
    """Return the weights file of a completed epoch, checked against its checksum.

    Raises:
        RunError: there is none, or its content is not what was written.
    """
    path = folder / name(epoch)
    if not path.is_file():
        existing = ", ".join(map(str, kept(folder))) or "none yet"
        raise RunError(f"{folder.parent.name} keeps no weights of epoch {epoch}. Kept: {existing}.")
    try:
        checksums.read(folder.parent, path)
    except DamagedFile as error:
        raise DamagedFile(
            f"The weights of {folder.parent.name} after epoch {epoch} are cut short or damaged: "
            f"{error} Pick another of its epochs."
        ) from error
    if not checksums.is_guarded(folder.parent, path):
        _check_by_state(path, epoch)
    return path


def _check_by_state(weights: Path, epoch: int) -> None:
    """Check weights without a checksum against the digest in their state, where one is kept.

    Raises:
        DamagedFile: they are not the weights that the state was written with.
    """
    state = weights.with_name(f"epoch_{epoch:04d}.npz")
    try:
        with np.load(io.BytesIO(checksums.read(state.parent.parent, state))) as stored:
            expected = str(stored["weights_sha256"])
    except UNREADABLE:
        return  # no digest to compare with
    if checksums.digest(checksums.read(weights.parent.parent, weights)) != expected:
        raise DamagedFile(
            f"The weights of {weights.parent.parent.name} after epoch {epoch} are cut short or "
            "damaged: they are not those of its state. Pick another of its epochs."
        )


def whole(folder: Path) -> list[int]:
    """Return the epochs whose weights are kept and undamaged, in order."""
    whole = []
    for epoch in kept(folder):
        with contextlib.suppress(RunError, OSError):
            find(folder, epoch)
            whole.append(epoch)
    return whole


def kept(folder: Path) -> list[int]:
    """Return the epochs whose weights are kept, in order."""
    matches = (WEIGHTS.fullmatch(path.name) for path in folder.glob("epoch_*.weights.h5"))
    return sorted(int(match[1]) for match in matches if match)
