"""Checkpoints of a run: weights of every epoch, and the whole state where a run can be resumed.

`epoch_NNNN.weights.h5` holds the network's weights, as the report saved them; `epoch_NNNN.npz`
beside it the optimizer, the position and the digest of the weights. Inside an epoch, a stop and
every so many seconds leave the same two files under `epoch_NNNN_step_SSSSSSSS`, NNNN counting the
epochs completed. A state's `.npz` is written last: where it is, the pair is whole.
"""

import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fracture_core.errors import RunError
from fracture_core.files import replace_file

if TYPE_CHECKING:
    import keras

NAME = re.compile(r"epoch_(\d+)(?:_step_(\d+))?\.")
STATE = re.compile(r"epoch_(\d+)(?:_step_(\d+))?\.npz")
WEIGHTS = re.compile(r"epoch_(\d+)\.weights\.h5")
KEEP_EVERY = 5  # epochs whose whole state is kept for good, beside the last two and the best
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)
MOST_BYTES = 2**30  # of one run's weights; past that the older ones are thinned


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a run stands, and what it must remember to go on.

    Args:
        step: training steps done.
        epoch: epochs completed.
        sums: of the epoch that is under way: loss, films judged right, films shown.
        best_epoch: epoch with the lowest dev loss so far, `None` without a dev share.
        best_loss: its dev loss.
        plateau: what the schedule's falls have multiplied the learning rate by so far.
        waited: epochs without a lower dev loss since the last low or the last fall.
        line: the metrics line of the completed epoch, `None` inside the first one.
    """

    step: int = 0
    epoch: int = 0
    sums: tuple[float, float, int] = (0.0, 0.0, 0)
    best_epoch: int | None = None
    best_loss: float | None = None
    plateau: float = 1.0
    waited: int = 0
    line: dict[str, Any] | None = None


def stem(position: Position, inside: bool) -> str:
    """The file name's stem of a checkpoint."""
    step = f"_step_{position.step:08d}" if inside else ""
    return f"epoch_{position.epoch:04d}{step}"


def save(
    folder: Path,
    model: "keras.Model",
    optimizer: "keras.optimizers.Optimizer",
    position: Position,
    inside: bool = False,
) -> None:
    """Write a checkpoint whole or not at all.

    Args:
        folder: the run's `checkpoints/`.
        inside: whether the epoch after `position.epoch` is under way.
    """
    name = stem(position, inside)
    weights = folder / f"{name}.weights.h5"
    save_weights(model, weights)
    arrays = {f"v{i:04d}": np.asarray(v) for i, v in enumerate(optimizer.variables)}
    content = io.BytesIO()
    text = json.dumps(position.__dict__)
    np.savez(content, position=text, weights_sha256=_digest(weights), **arrays)
    replace_file(folder / f"{name}.npz", content.getvalue())


class WeightsInMemory(io.BytesIO):
    """A `.weights.h5` without a file; Keras asks for a name with this ending."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def save_weights(model: "keras.Model", path: Path) -> None:
    """Write `.weights.h5`, as `load_weights` of Keras reads it, atomically."""
    # By way of memory: a write that fails, as on a full disk, makes HDF5 crash its process.
    content = WeightsInMemory()
    model.save_weights(content)
    replace_file(path, content.getvalue())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def states(folder: Path) -> list[Path]:
    """The states that a run can go on from, latest first."""
    found = [(m, path) for path in folder.glob("epoch_*.npz") if (m := STATE.fullmatch(path.name))]
    # A state inside an epoch comes after the end of the epoch before it.
    found.sort(key=lambda pair: (int(pair[0][1]), int(pair[0][2] or 0)), reverse=True)
    return [path for _, path in found]


def forkable(folder: Path) -> list[int]:
    """The completed epochs whose whole state is kept, in order."""
    found = (STATE.fullmatch(path.name) for path in folder.glob("epoch_*.npz"))
    return sorted(int(match[1]) for match in found if match and not match[2])


def stays(epoch: int) -> bool:
    """Whether a completed epoch's whole state is kept for good, be it the best one or not."""
    return epoch % KEEP_EVERY == 0


def weights_name(epoch: int) -> str:
    """The file's name, whether it is there or not."""
    return f"epoch_{epoch:04d}.weights.h5"


def weights_of(folder: Path, epoch: int) -> Path:
    """The weights file of a completed epoch.

    Raises:
        RunError: the epoch left none.
    """
    path = folder / weights_name(epoch)
    if not path.is_file():
        kept = ", ".join(map(str, epochs(folder))) or "none yet"
        raise RunError(f"{folder.parent.name} keeps no weights of epoch {epoch}. Kept: {kept}.")
    return path


def epochs(folder: Path) -> list[int]:
    """The epochs whose weights are kept, in order."""
    found = (WEIGHTS.fullmatch(path.name) for path in folder.glob("epoch_*.weights.h5"))
    return sorted(int(match[1]) for match in found if match)


def position_after(folder: Path, epoch: int) -> Position:
    """Where the run stood after an epoch whose whole state is kept; its weights are not looked at.

    Raises:
        RunError: the state is not kept, or cannot be read.
    """
    run, known = folder.parent.name, forkable(folder)
    if epoch not in known:
        kept = ", ".join(map(str, known)) or "none yet"
        raise RunError(f"{run} keeps no whole state of epoch {epoch}. Kept: {kept}.")
    path = folder / f"epoch_{epoch:04d}.npz"
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return _position(stored)
    except _UNREADABLE as error:
        raise RunError(
            f"The state that {run} keeps of epoch {epoch} cannot be read ({error}). "
            "Choose another epoch."
        ) from error


def restore(
    folder: Path, model: "keras.Model", optimizer: "keras.optimizers.Optimizer"
) -> tuple[Position, list[str]]:
    """Bring model and optimizer to the latest state that is whole.

    Returns:
        Where the run stands (`Position()` where nothing was kept), and a sentence for each state
        that could not be read and was passed over.
    """
    passed_over = []
    for path in states(folder):
        try:
            return _load(path, model, optimizer), passed_over
        except _UNREADABLE as error:
            passed_over.append(f"{path.name} cannot be read ({error}); the one before it is used.")
    return Position(), passed_over


def _load(path: Path, model: "keras.Model", optimizer: "keras.optimizers.Optimizer") -> Position:
    """All is read and checked before the first variable is changed."""
    weights = path.with_suffix(".weights.h5")
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        position = _position(stored)
        values = optimizer.variables
        if "v0000" in stored.files:  # else the optimizer begins without memory
            values = [stored[f"v{i:04d}"] for i in range(len(optimizer.variables))]
        if str(stored["weights_sha256"]) != _digest(weights):
            raise ValueError("its weights are not those that were written with it")
    model.load_weights(weights)
    for variable, value in zip(optimizer.variables, values, strict=True):
        variable.assign(value)
    return position


def _position(stored: "np.lib.npyio.NpzFile") -> Position:
    fields = json.loads(str(stored["position"]))
    return Position(**{**fields, "sums": tuple(fields["sums"])})


def forget_optimizer(path: Path) -> None:
    """Leave only the position in a state's `.npz`: its optimizer begins without memory."""
    with np.load(path, allow_pickle=False) as stored:
        kept = {name: stored[name] for name in ("position", "weights_sha256")}
    content = io.BytesIO()
    np.savez(content, **kept)
    replace_file(path, content.getvalue())


def prune(folder: Path, position: Position) -> list[int]:
    """Drop the states that are no longer needed, and thin the weights of a run grown large.

    Returns:
        The epochs whose weights were dropped; as a rule none.
    """
    for number, path in enumerate(states(folder)):
        match = STATE.fullmatch(path.name)
        epoch, inside = int(match[1]), match[2] is not None
        if number < 2 or (not inside and (stays(epoch) or epoch == position.best_epoch)):
            continue
        path.unlink()
        if inside:
            path.with_suffix(".weights.h5").unlink(missing_ok=True)
    return _thin(folder)


def _thin(folder: Path) -> list[int]:
    """Drop the oldest weights that no state needs, until what is left is small enough."""
    sizes = {epoch: weights_of(folder, epoch).stat().st_size for epoch in epochs(folder)}
    total, needed, dropped = sum(sizes.values()), set(forkable(folder)), []
    for epoch, size in sizes.items():
        if total <= MOST_BYTES:
            break
        if epoch not in needed:
            weights_of(folder, epoch).unlink()
            total -= size
            dropped.append(epoch)
    return dropped


def drop_later(folder: Path, position: Position) -> None:
    """Drop what was written after `position`: a resumed run makes it again."""
    for draft in folder.glob(".*"):  # of a write that was killed; nobody else writes here
        draft.unlink()
    for path in folder.glob("epoch_*"):
        match = NAME.match(path.name)
        if match and (int(match[1]) > position.epoch or int(match[2] or 0) > position.step):
            path.unlink()
