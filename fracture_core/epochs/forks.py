"""Forks: new runs that start from the saved state of another run's epoch."""

import contextlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from fracture_core import checksums
from fracture_core.config.setting_table import settings
from fracture_core.config.train_config import TrainConfig
from fracture_core.epochs import checkpoints, epoch_weights, feature_maps, pixel_hashes, predictions
from fracture_core.errors import ConfigError, DamagedFile
from fracture_core.files import writing
from fracture_core.runs import journal, run_config, run_folders, run_status

# The state fits only the network that left it, and its curve only the films that it saw and the
# loss that it measures.
FIXED = tuple(
    dict.fromkeys(s.path.partition(".")[0] for s in settings().values() if s.fixed)
)  # fields of `TrainConfig`


def create(source: Path, epoch: int, name: str | None = None, **changes: Any) -> Path:
    """Make the folder of a fork, as a whole or not at all; no process is started.

    It holds the files of `source` up to the end of `epoch`: films, curve, prediction tables,
    weights and state. With the same settings it continues as `source` did, to the last bit.

    Args:
        source: the run folder to begin from.
        epoch: a completed epoch; `checkpoints.forkable` lists those to choose from.
        name: as in `run_folders.create`.
        **changes: fields of `TrainConfig`, all but `FIXED`. Another optimizer starts without
            memory.

    Raises:
        RunError: the epoch's state is not kept, or its weights cannot be read.
        ConfigError: a setting must not be changed, or is out of its range.
    """
    parent = run_folders.read(source)
    config = _config(parent, epoch, changes)
    journal.films(source)  # refuses unreadable films before anything is made

    def fill(folder: Path) -> None:
        with writing(folder):
            _copy(source, folder, epoch, keeps_added="epochs" not in changes)
        if config.optimizer != parent.config.optimizer:
            checkpoints.forget_optimizer(folder / "checkpoints" / f"epoch_{epoch:04d}.npz")
        keys = ["data", "versions", "pixels", "pretraining"]
        if config.threads == parent.config.threads:
            keys.append("probe")  # other threads, other bits
        facts = {key: parent.facts[key] for key in keys if key in parent.facts}
        run_config.complete(folder, **facts, parent={"name": parent.name, "epoch": epoch})
        journal.log_event(folder, "forked", parent=parent.name, epoch=epoch)

    return run_folders.create(config, name, fill)


def _config(parent: run_folders.Run, epoch: int, changes: dict[str, Any]) -> TrainConfig:
    """Return the parent's config with these changes, at the parent's latest learning rate."""
    if unknown := sorted(set(changes) - {field.name for field in fields(TrainConfig)}):
        raise ConfigError(f"A run has no setting {', '.join(map(repr, unknown))}.")
    before = parent.config
    fixed = [key for key in FIXED if changes.get(key, getattr(before, key)) != getattr(before, key)]
    if fixed:
        raise ConfigError(
            f"A fork continues with its parent's network, films and loss: {', '.join(fixed)} "
            "cannot be changed. Start a new run instead, with the weights if they fit."
        )
    rate = rate_after(parent, epoch)
    config = replace(before, **{"learning_rate": rate, **changes, "weights": None})
    added = 0 if "epochs" in changes else journal.epochs_requested(parent.folder, before)
    if max(config.epochs, added) <= epoch:
        raise ConfigError(
            f"A fork at epoch {epoch} must train beyond it; received {config.epochs} total epochs. "
            "Choose more epochs."
        )
    return config


def rate_after(run: run_folders.Run, epoch: int) -> float:
    """Return the base learning rate at the end of an epoch, before the schedule's factor.

    Raises:
        RunError: the epoch's state is not kept, or cannot be read.
    """
    step = checkpoints.position_after(run.folder / "checkpoints", epoch).step
    rates = [rate for at, rate in journal.rate_changes(run.folder) if at < step]
    return rates[-1] if rates else run.config.learning_rate


def _copy(source: Path, folder: Path, epoch: int, keeps_added: bool) -> None:
    shared = [n for n in epoch_weights.kept(source / "checkpoints") if n <= epoch]
    names = [f"checkpoints/{epoch_weights.name(n)}" for n in shared]
    names += [f"predictions/{predictions.path(source, n).name}" for n in range(1, epoch + 1)]
    names += [f"features/{feature_maps.path(source, n).name}" for n in shared]
    for name in names:
        # A damaged earlier epoch is left out, the others are copied.
        with contextlib.suppress(FileNotFoundError, DamagedFile):
            checksums.copy(source, folder, name)
    needed = ["films.parquet", f"checkpoints/epoch_{epoch:04d}.npz"]
    if "pixels" in run_folders.read(source).facts:  # an older run has no hashes of its films
        needed.append(pixel_hashes.FILE)
    for name in needed:
        try:
            checksums.copy(source, folder, name)
        except FileNotFoundError as error:
            raise DamagedFile(
                f"A fork sees its parent's films; the {name} of {source.name} is missing. Put the "
                "file back, or begin a new run."
            ) from error
    position = checkpoints.position_after(source / "checkpoints", epoch)
    lines = checkpoints.lines_up_to(source, position)
    journal.replace_lines(folder / "metrics.jsonl", lines)
    steps = journal.up_to(source / "steps.jsonl", "step", position.step)
    journal.replace_lines(folder / "steps.jsonl", steps)
    # The rates that were requested are in the fork's config.
    added = ("more_epochs", "epochs_withdrawn") if keeps_added else ()
    kinds = ("film_refused", *added)
    events = [event for event in journal.events(source) if event.get("kind") in kinds]
    journal.replace_lines(folder / "events.jsonl", events)
    before = run_status.read(folder)
    run_status.write(folder, replace(before, epoch=epoch, step=position.step))
