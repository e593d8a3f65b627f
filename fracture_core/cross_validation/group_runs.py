"""Starting and ending a group of runs: its folds drawn once, its runs queued, stopped and deleted.

What has no run yet, since a start was cut short or a run deleted, is started by the next start.
"""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fracture_core import checksums
from fracture_core.config.record import check_range
from fracture_core.config.train_config import TrainConfig, with_paths
from fracture_core.cross_validation import folds, group
from fracture_core.cross_validation.group import EXCLUDED, FAMILIES, LIST, NOTE, Group
from fracture_core.curation import curated_data
from fracture_core.datasets import exclusions, family_list, fold_list
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.datasets.family_list import FamilyList
from fracture_core.datasets.fold_list import FoldList
from fracture_core.errors import (
    ConfigError,
    DataError,
    RunBusy,
    RunError,
    RunNameTaken,
)
from fracture_core.files import make_folder, remove_tree, replace_file, sweep, temporary, writing
from fracture_core.folders import models_folder
from fracture_core.jobs import launcher
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import DRAFT_SECONDS, Labels, Run, State

TAG = "cross-validation"
LONGEST = 70  # characters of a group's name; those of its runs are longer


def create(
    config: TrainConfig, count: int, name: str, dataset: Dataset, labels: Labels | None = None
) -> Group:
    """Draw the folds and make the group's folder, as a whole or not at all; no run is started.

    Args:
        config: settings of every run.
        count: number of folds.
        name: letters, digits, dot, dash, underscore.
        dataset: the films of `config.data`.
        labels: tags and note of its runs; the tag `TAG` is added.

    Raises:
        RunNameTaken: a group, run or model has this name, or a run that of a fold.
        ConfigError: too many folds, or the settings name a fold already.
        DataError: the data set is incomplete, or a list cannot be read.
        WriteFailed: no space or no permission.
    """
    if config.fold is not None or config.fold_list is not None:
        raise ConfigError("A cross-validation makes its own folds. Leave out --fold.")
    run_folders.check_name(name)
    check_range("Number of characters in a cross-validation's name", len(name), (1, LONGEST))
    if not dataset.complete:
        raise DataError("Synthetic films are still being generated. Wait until they are complete.")
    _refuse_taken(name, count)
    families = family_list.read(Path(config.families)) if config.families else None
    excluded = exclusions.read(Path(config.exclude)) if config.exclude else None
    curated = curated_data.of_config(dataset, config).dataset
    drawn = folds.draw(curated.manifest, count, config.seed, config.parts, families)
    value = Group(
        name=name,
        config=_settled(config, dataset, name),
        folds=count,
        hash=drawn.hash,
        created=datetime.now(UTC).isoformat(),
        labels=_tagged(labels or Labels()),
    )
    _write(value, drawn, families, excluded)
    return value


def _tagged(labels: Labels) -> Labels:
    return replace(labels, tags=tuple(dict.fromkeys([*labels.tags[:19], TAG])))


def _settled(config: TrainConfig, dataset: Dataset, name: str) -> TrainConfig:
    """Return the settings as a group keeps them: absolute paths, and its own copies of lists."""
    copies = {"families": FAMILIES, "exclude": EXCLUDED}
    own: dict[str, Any] = {
        key: str(group.groups_folder() / name / file)
        for key, file in copies.items()
        if getattr(config, key)
    }
    changed = replace(config, data=str(dataset.root), **own)
    return with_paths(changed, lambda path: str(path.absolute()))


def _refuse_taken(name: str, count: int) -> None:
    taken = (name, *(group.run_name(name, n + 1) for n in range(count)))
    runs = [each for each in taken if run_folders.exists(each)]
    if runs or (group.groups_folder() / name).exists() or (models_folder() / name).exists():
        what = (
            f"A run called {runs[0]!r}" if runs else f"A cross-validation or model called {name!r}"
        )
        raise RunNameTaken(f"{what} exists. Choose another name.")


def _write(
    value: Group, drawn: FoldList, families: FamilyList | None, excluded: Exclusions | None
) -> None:
    """Fill a draft of the group's folder, then rename it to its final name."""
    make_folder(group.groups_folder())
    sweep(group.groups_folder(), DRAFT_SECONDS)
    draft = temporary(value.folder)
    note = {
        "config": value.config.to_dict(),
        "folds": value.folds,
        "hash": value.hash,
        "created": value.created,
        "labels": value.labels.to_dict(),
    }
    try:
        make_folder(draft)
        fold_list.write(draft / LIST, drawn)
        if families:
            replace_file(draft / FAMILIES, families.to_csv().encode())
        if excluded:
            replace_file(draft / EXCLUDED, excluded.to_csv().encode())
        replace_file(draft / NOTE, checksums.json_with_own(note))
        with writing(value.folder):
            try:
                draft.rename(value.folder)
            except OSError:
                _refuse_taken(value.name, value.folds)  # another process was quicker
                raise
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def start(value: Group) -> None:
    """Queue every fold that has no run, and resume those that stopped, failed or were killed.

    Finished and active folds stay as they are.

    Raises:
        RunError: some folds cannot be started; the others were started anyway.
    """
    runs, refusals = group.members(value), []
    for fold in value.numbers:
        try:
            _start_fold(value, fold, runs.get(fold))
        except RunBusy:
            continue  # another process has just started it
        except RunError as error:
            refusals.append(str(error))
    if refusals:
        raise RunError(" ".join(refusals))


def _start_fold(value: Group, fold: int, run: Run | None) -> None:
    if run is None:
        launcher.create_and_start(
            value.fold_config(fold), value.run_name(fold), labels=value.labels
        )
    elif not run.status.state.alive and run.status.state is not State.FINISHED:
        launcher.resume(run.folder)


def begin(
    config: TrainConfig, count: int, name: str, dataset: Dataset, labels: Labels | None = None
) -> Group:
    """Make a group and queue its runs; arguments and errors as in `create` and `start`.

    The same settings under the name of a group that exists start what it lacks.
    """
    if group.exists(name):
        value = group.find(name)
        if (value.config, value.folds) != (_settled(config, dataset, name), count):
            raise RunNameTaken(
                f"A cross-validation called {name!r} exists, with other settings. Choose another "
                f"name, or go on with it: resume {name}."
            )
    else:
        value = create(config, count, name, dataset, labels)
    start(value)
    return value


def stop(value: Group) -> None:
    """Ask the active folds to stop; they keep their work."""
    run_folders.stop_active(group.members(value).values())


def delete(value: Group) -> None:
    """Delete a group with its runs.

    Raises:
        RunBusy: a fold is active; nothing is deleted then.
        WriteFailed: no permission.
    """
    runs = group.members(value)
    if active := [run.name for run in runs.values() if run.status.state.alive]:
        raise RunBusy(f"{', '.join(active)} of {value.name} is active. Stop it first.")
    for run in runs.values():
        run_folders.delete(run.folder)
    with writing(value.folder):
        gone = value.folder.rename(temporary(value.folder))
        remove_tree(gone)
