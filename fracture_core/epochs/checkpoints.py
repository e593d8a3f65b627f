"""Checkpoints of a run: weights of every epoch, and the whole state where a run can be resumed.

`epoch_NNNN.weights.h5` holds the network's weights, as the report saved them. `epoch_NNNN.npz`
beside it holds the optimizer, the position and the digest of the weights; and, where a run averages
its weights, those that training goes on with, since the network's file holds the average. Within an
epoch, the same two files are written at a stop and at regular intervals, named
`epoch_NNNN_step_SSSSSSSS`, NNNN being the epochs completed. A state's `.npz` is written last: where
it exists, the pair is whole.
"""

import contextlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fracture_core import checksums, file_reader
from fracture_core.config.limits import LIMITS
from fracture_core.epochs import epoch_weights
from fracture_core.errors import RunError
from fracture_core.runs import journal, line_rules

if TYPE_CHECKING:
    import keras

NAME = re.compile(r"epoch_([0-9]{1,9})(?:_step_([0-9]{1,12}))?\.")
STATE = re.compile(r"epoch_([0-9]{1,9})(?:_step_([0-9]{1,12}))?\.npz")
KEEP_EVERY = 5  # every fifth epoch's whole state is kept, besides the last two and the best
STATE_BYTES = 4 * 4 * LIMITS.parameters  # largest state, unpacked: mostly the optimizer's memory
MOST_BYTES = 2**30  # of one run's weights; beyond it the oldest are deleted


@dataclass(frozen=True, kw_only=True)
class Position:
    """The position of a run, with all that it needs to continue from there.

    Args:
        step: training steps done.
        epoch: epochs completed.
        sums: of the epoch in progress: loss, films predicted correctly, films shown.
        studies: shown in the epoch in progress, each with a loss; 0 where films have theirs.
        best_epoch: epoch with the lowest dev loss so far, `None` without a dev share.
        best_loss: its dev loss.
        plateau: factor on the learning rate from the schedule's reductions so far.
        waited: epochs without a lower dev loss since the lowest one or the last reduction.
        line: the metrics line of the completed epoch, `None` within the first epoch.
    """

    step: int = 0
    epoch: int = 0
    sums: tuple[float, float, int] = (0.0, 0.0, 0)
    studies: int = 0
    best_epoch: int | None = None
    best_loss: float | None = None
    plateau: float = 1.0
    waited: int = 0
    line: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class State:
    """Contents of the two files of a checkpoint.

    Args:
        position: see `Position`.
        optimizer: its variables, then those that are learned beside the network; `None` for an
            optimizer that starts without memory.
        weights: the content of the `.weights.h5`.
        training: the weights that training goes on with, where those are their average; else none.
        requests: `journal.request_count` when it was written, 0 in states of older versions.
    """

    position: Position
    optimizer: list[np.ndarray] | None
    weights: bytes
    training: list[np.ndarray] = field(default_factory=list)
    requests: int = 0


def stem(position: Position, inside: bool) -> str:
    """Return the stem of a checkpoint's file names."""
    step = f"_step_{position.step:08d}" if inside else ""
    return f"epoch_{position.epoch:04d}{step}"


def save(
    folder: Path,
    model: "keras.Model",
    optimizer: "keras.optimizers.Optimizer",
    position: Position,
    inside: bool = False,
    beside: "Sequence[keras.Variable]" = (),
    training: "Sequence[keras.Variable]" = (),
) -> None:
    """Write a checkpoint as a whole or not at all.

    Args:
        folder: the run's `checkpoints/`.
        model: its weights are all that a prediction needs.
        optimizer: its memory is needed to go on.
        position: of the run.
        inside: whether the epoch after `position.epoch` is in progress.
        beside: variables that are learned beside the network.
        training: weights that training goes on with, where the model holds their average.
    """
    name = stem(position, inside)
    weights = epoch_weights.content(model)
    checksums.write(folder.parent, folder / f"{name}.weights.h5", weights)
    arrays = {f"v{i:04d}": np.asarray(v) for i, v in enumerate([*optimizer.variables, *beside])}
    arrays |= {f"t{i:04d}": np.asarray(v) for i, v in enumerate(training)}
    content = io.BytesIO()
    text = json.dumps(position.__dict__)
    requests = journal.request_count(folder.parent)  # lets a resume detect lost ones
    digest = checksums.digest(weights)
    texts = {"position": text, "weights_sha256": digest, "asked": str(requests)}
    np.savez(content, allow_pickle=False, **texts, **arrays)
    checksums.write(folder.parent, folder / f"{name}.npz", content.getvalue())


def states(folder: Path) -> list[Path]:
    """Return the states that a run can resume from, latest first."""
    return [path for _, path in _matched_states(folder)]


def _matched_states(folder: Path) -> list[tuple[re.Match[str], Path]]:
    files = folder.glob("epoch_*.npz")
    pairs = [(match, path) for path in files if (match := STATE.fullmatch(path.name))]
    # A state within an epoch comes after the end of the epoch before it.
    pairs.sort(key=lambda pair: (int(pair[0][1]), int(pair[0][2] or 0)), reverse=True)
    return pairs


def forkable(folder: Path) -> list[int]:
    """Return the completed epochs whose whole state is kept, in order."""
    matches = (STATE.fullmatch(path.name) for path in folder.glob("epoch_*.npz"))
    return sorted(int(match[1]) for match in matches if match and not match[2])


def is_permanent(epoch: int) -> bool:
    """Tell whether a completed epoch's whole state is kept for good, even if not the best one."""
    return epoch % KEEP_EVERY == 0


def position_after(folder: Path, epoch: int) -> Position:
    """Return the run's position after an epoch whose whole state is kept and readable.

    Raises:
        RunError: the state is not kept, or it or its weights are damaged.
    """
    run, choices = folder.parent.name, forkable(folder)
    if epoch not in choices:
        existing = ", ".join(map(str, choices)) or "none yet"
        raise RunError(f"{run} keeps no whole state of epoch {epoch}. Kept: {existing}.")
    try:
        return read_state(folder / f"epoch_{epoch:04d}.npz").position
    except epoch_weights.UNREADABLE as error:
        raise RunError(
            f"The state that {run} keeps of epoch {epoch} cannot be read ({error}). "
            "Choose another epoch."
        ) from error


def read_state(path: Path) -> State:
    """Read and check both files of a state."""
    run, file = path.parent.parent, path.with_suffix(".weights.h5")
    weights = checksums.read(run, file)
    with file_reader.arrays(checksums.read(run, path), STATE_BYTES) as stored:
        if str(stored["weights_sha256"]) != checksums.digest(weights):
            raise ValueError("its weights are not those that were written with it")
        return State(
            position=_position(stored),
            optimizer=_arrays(stored, "v") or None,
            weights=weights,
            training=_arrays(stored, "t"),
            requests=int(str(stored["asked"])) if "asked" in stored.files else 0,
        )


def _arrays(stored: "np.lib.npyio.NpzFile", letter: str) -> list[np.ndarray]:
    """Return the arrays that are named by this letter and a number, in order."""
    return [stored[name] for name in _names(stored, letter)]


def _names(stored: "np.lib.npyio.NpzFile", letter: str) -> list[str]:
    return sorted(name for name in stored.files if re.fullmatch(rf"{letter}\d{{4,}}", name))


def _position(stored: "np.lib.npyio.NpzFile") -> Position:
    fields = file_reader.parsed(str(stored["position"]))
    position = Position(**{**fields, "sums": tuple(fields["sums"])})
    if not (line_rules.is_count(position.step) and line_rules.is_count(position.epoch)):
        raise ValueError("its step or epoch is no number")
    return position


def forget_optimizer(path: Path) -> None:
    """Take the optimizer's memory out of a state's `.npz`: it will start without one."""
    with file_reader.arrays(path, STATE_BYTES) as stored:
        rest = {n: stored[n] for n in ("position", "weights_sha256", *_names(stored, "t"))}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **rest)
    checksums.write(path.parent.parent, path, content.getvalue())


def lines_up_to(run_folder: Path, position: Position) -> list[dict[str, Any]]:
    """Return a run's metrics lines up to a position; a damaged one is taken from its state."""
    before = journal.up_to(run_folder / "metrics.jsonl", "epoch", position.epoch - 1)
    lines = {line["epoch"]: line for line in before}
    folder = run_folder / "checkpoints"
    for epoch in forkable(folder):
        if epoch < position.epoch and epoch not in lines:
            with contextlib.suppress(RunError):
                line = position_after(folder, epoch).line
                lines |= {epoch: line} if line else {}
    if position.line:
        lines[position.epoch] = position.line
    return [lines[epoch] for epoch in sorted(lines)]


def prune(folder: Path, position: Position) -> list[int]:
    """Delete states that are no longer needed, and the oldest weights of a run grown large.

    Returns:
        The epochs whose weights were deleted; usually none.
    """
    for number, (match, path) in enumerate(_matched_states(folder)):
        epoch, inside = int(match[1]), match[2] is not None
        if number < 2 or (not inside and (is_permanent(epoch) or epoch == position.best_epoch)):
            continue
        path.unlink()
        if inside:
            path.with_suffix(".weights.h5").unlink(missing_ok=True)
    return _thin(folder)


def _thin(folder: Path) -> list[int]:
    """Delete the oldest weights that no state needs, until the rest is small enough."""
    files = {epoch: folder / epoch_weights.name(epoch) for epoch in epoch_weights.kept(folder)}
    sizes = {epoch: path.stat().st_size for epoch, path in files.items()}
    total, needed, dropped = sum(sizes.values()), set(forkable(folder)), []
    for epoch, size in sizes.items():
        if total <= MOST_BYTES:
            break
        if epoch not in needed:
            files[epoch].unlink()
            total -= size
            dropped.append(epoch)
    return dropped


def later(folder: Path, position: Position) -> list[Path]:
    """Return the files written after `position`, which a resumed run writes again."""
    files = ((NAME.match(path.name), path) for path in sorted(folder.glob("epoch_*")))
    return [
        path
        for match, path in files
        if match and (int(match[1]) > position.epoch or int(match[2] or 0) > position.step)
    ]
