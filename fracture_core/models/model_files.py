"""Files of a model: their names, greatest sizes and checksums, and checked contents.

A released model has all in its own folder; a run's weights lie among its checkpoints, and its gate
in the cache folder.
"""

import hashlib
from pathlib import Path

from fracture_core import checksums, file_reader
from fracture_core.config.limits import LIMITS
from fracture_core.errors import DamagedFile, FileRefused, ModelError
from fracture_core.folders import cache_folder
from fracture_core.models.model import Model
from fracture_core.models.model_card import MOST_MEMBERS, Card

CARD = "card.json"  # of a released model
WEIGHTS, PREDICTIONS = "weights.weights.h5", "dev_predictions.parquet"
GATE = "gate.npz"
PREVIOUS_GATE = "gate.previous.npz"  # while a new one and its card are written
OUT_OF_FOLD = "out_of_fold.parquet"  # of a model that was cross-validated, see `out_of_fold`
PREVIOUS_OUT_OF_FOLD = "out_of_fold.previous.parquet"  # while a new one and its card are written
FILES = (CARD, WEIGHTS, PREDICTIONS, GATE, OUT_OF_FOLD)  # of a released model, the last two of some
GATE_BYTES = 64 * file_reader.MB  # of a gate, packed or not; enough for 4,000 features
WEIGHTS_BYTES = 2 * MOST_MEMBERS * 4 * LIMITS.parameters  # with room for the file's metadata
GATE_VERSION = 2  # raised whenever the same films give another gate


def member_group(number: int) -> str:
    """Return the name of a member's group in an ensemble's weights file, counted from 1."""
    return f"member_{number}"


def sha256(source: Path | bytes, limit: int = WEIGHTS_BYTES) -> str:
    """Return the hex digest of a file, or of its content.

    Args:
        source: the file's path, or its content.
        limit: maximum size of the file in bytes.

    Raises:
        FileRefused: the file cannot be read, or is larger.
    """
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    digest = hashlib.sha256()
    with file_reader.opened(source, limit) as stream:
        while block := stream.read(file_reader.MB):
            digest.update(block)
    return digest.hexdigest()


def weights_content(model: Model) -> bytes:
    """Return the content of a model's weights file, read once and checked.

    Raises:
        ModelError: a released model's file is not the one that its card was written for.
        DamagedFile: a run's file does not match its checksum.
    """
    try:
        content = file_reader.read_bytes(model.weights, WEIGHTS_BYTES)
    except FileRefused as error:
        raise ModelError(f"The weights of {model.card.name} cannot be read: {error}") from error
    if model.is_run:
        checksums.check(model.weights.parent.parent, model.weights, content)
    else:
        check_weights(model.card.name, model.card, sha256(content))
    return content


def check_weights(name: str, card: Card, digest: str) -> None:
    """Refuse weights of another hash than the card's."""
    if digest != card.weights_sha256:
        raise ModelError(
            f"The weights of {name} are not those that its card was written for. "
            "Release the model again."
        )


def is_whole_weights(weights: Path) -> bool:
    """Check that a weights file is not cut short; the weights are not read."""
    import h5py

    try:
        with file_reader.opened(weights, WEIGHTS_BYTES) as stream:
            h5py.File(stream).close()
    except (OSError, FileRefused):
        return False
    return True


def gate_folder(weights: Path, limit: int = WEIGHTS_BYTES) -> Path:
    """Return the folder for the gate of a run's weights, which need not exist.

    Args:
        weights: the file.
        limit: maximum size of the file in bytes.
    """
    return cache_folder() / "gates" / f"{sha256(weights, limit)[:16]}-{GATE_VERSION}"


def is_whole_gate(path: Path) -> bool:
    """Tell whether a run's gate is stored here undamaged; a damaged one is fitted again."""
    try:
        checksums.read(path.parent, path)
    except (OSError, FileRefused, DamagedFile):
        return False
    return True
