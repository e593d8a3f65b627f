"""Backups of a resumed run: files that it will write again, kept in `set_aside/` until it has.

A run resumes from its latest whole state. Files that are later than this state are no longer part
of the run, but they have no second copy until their epochs are trained again. They are moved, with
the metrics lines that belong to them, and removed when the same epoch is complete again.
"""

from pathlib import Path

from fracture_core.epochs import checkpoints, predictions
from fracture_core.epochs.checkpoints import Position
from fracture_core.files import remove_tree, replace_file, sweep, walk, writing
from fracture_core.runs import journal

FOLDER = "set_aside"
METRICS = "metrics.jsonl"


def move(run_folder: Path, position: Position) -> list[int]:
    """Move away files later than `position`, and remove half-written ones of a killed process.

    Returns:
        The completed epochs that the run loses by this, in order.
    """
    for part in ("checkpoints", "predictions"):
        sweep(run_folder / part, older_than_seconds=0.0)  # no other process writes there
    lost = [e for e in _epochs_in(run_folder / METRICS) if e > position.epoch]
    if lost:
        _copy_metrics(run_folder)
    tables = [
        predictions.path(run_folder, epoch)
        for epoch in predictions.epochs(run_folder)
        if epoch > position.epoch
    ]
    for path in [*checkpoints.later(run_folder / "checkpoints", position), *tables]:
        _move(run_folder, path)
    return lost


def clear(run_folder: Path, epoch: int) -> None:
    """Remove the backups of the epochs up to this one: they are complete again."""
    folder = run_folder / FOLDER
    if not folder.is_dir():
        return
    places = (place / name for place, _, names in walk(folder) for name in names)
    files = [path for path in places if path.name.startswith("epoch_") and path.is_file()]
    waiting = [path for path in files if _made_by(path) > epoch]
    if not waiting and _last_line(folder) <= epoch:
        remove_tree(folder)
        return
    for path in files:
        if path not in waiting:
            path.unlink()


def _epochs_in(metrics: Path) -> list[int]:
    return sorted({line["epoch"] for line in journal.up_to(metrics, "epoch", 2**62)})


def _copy_metrics(run_folder: Path) -> None:
    copy = run_folder / FOLDER / METRICS
    if not copy.exists():  # a second fall-back must not replace the backup of the first
        with writing(copy):
            copy.parent.mkdir(exist_ok=True)
        replace_file(copy, (run_folder / METRICS).read_bytes())


def _move(run_folder: Path, path: Path) -> None:
    target = run_folder / FOLDER / path.relative_to(run_folder)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            path.unlink()  # the older copy belongs to an epoch that was complete
        else:
            path.rename(target)


def _made_by(path: Path) -> int:
    """Return the epoch at whose end this file, or a later one in its place, is written again."""
    match = checkpoints.NAME.match(path.name)
    return int(match[1]) + (match[2] is not None) if match else 0


def _last_line(folder: Path) -> int:
    return max(_epochs_in(folder / METRICS), default=0)
