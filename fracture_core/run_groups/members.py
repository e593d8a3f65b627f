"""Runs of a group: which there are, and starting, stopping and deleting them as one.

What has no run yet, since a start was cut short or a run deleted, is started by the next start.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import RunBusy, RunError
from fracture_core.files import remove_tree, temporary, writing
from fracture_core.jobs import launcher
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_labels import Labels
from fracture_core.runs.run_status import State


class RunGroup(Protocol):
    """A group of runs, such as a cross-validation or a sweep."""

    @property
    def name(self) -> str:
        """Its name, the beginning of its runs' names."""

    @property
    def folder(self) -> Path:
        """The folder of its files."""

    @property
    def noun(self) -> str:
        """One of its runs is called this: "fold"."""

    @property
    def config(self) -> TrainConfig:
        """Settings that all its runs share."""

    @property
    def created(self) -> str:
        """ISO 8601 UTC."""

    @property
    def labels(self) -> Labels:
        """Tags and note of its runs."""

    @property
    def planned(self) -> Mapping[str, TrainConfig]:
        """Settings of all its runs by their names, in the order in which they start."""

    def owns(self, run: Run) -> bool:
        """Tell whether a run is one of its own, and not another one of the same name."""


def tagged(labels: Labels, tag: str) -> Labels:
    """Return labels with a group's own tag added."""
    return replace(labels, tags=tuple(dict.fromkeys([*labels.tags[:19], tag])))


def read(value: RunGroup) -> list[Run]:
    """Return the runs of a group; those not yet started, or deleted, are missing."""
    runs = []
    for name in value.planned:
        with contextlib.suppress(RunError):
            runs.append(run_folders.read(run_folders.find(name)))
    return [run for run in runs if value.owns(run)]


def start(value: RunGroup) -> None:
    """Queue every run that there is not, and resume those that stopped, failed or were killed.

    Finished and active runs stay as they are.

    Raises:
        RunError: some runs cannot be started; the others were started anyway.
    """
    runs, refusals = {run.name: run for run in read(value)}, []
    for name, config in value.planned.items():
        try:
            _start_one(name, config, value.labels, runs.get(name))
        except RunBusy:
            continue  # another process has just started it
        except RunError as error:
            refusals.append(str(error))
    if refusals:
        raise RunError(" ".join(refusals))


def _start_one(name: str, config: TrainConfig, labels: Labels, run: Run | None) -> None:
    if run is None:
        launcher.create_and_start(config, name, labels=labels)
    elif not run.status.state.alive and run.status.state is not State.FINISHED:
        launcher.resume(run.folder)


def stop(value: RunGroup) -> None:
    """Ask the active runs to stop; they keep their work."""
    run_folders.stop_active(read(value))


def delete(value: RunGroup) -> None:
    """Delete a group with its runs.

    Raises:
        RunBusy: a run is active; nothing is deleted then.
        WriteFailed: no permission.
    """
    runs = read(value)
    if active := [run.name for run in runs if run.status.state.alive]:
        raise RunBusy(f"{', '.join(active)} of {value.name} is active. Stop it first.")
    for run in runs:
        run_folders.delete(run.folder)
    with writing(value.folder):
        gone = value.folder.rename(temporary(value.folder))
        remove_tree(gone)
