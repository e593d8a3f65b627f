"""Group of runs that cross-validates one setting: a run per fold, shown and started as one.

A group is a folder in `runs/.groups`: its settings, the list of folds, and what was made of its
predictions. Each fold is an ordinary run, called NAME-fold1, NAME-fold2, ... and names the list in
its settings. `group_runs` makes, starts and deletes groups.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from fracture_core.config.limits import LIMITS
from fracture_core.config.record import check_range
from fracture_core.config.train_config import TrainConfig
from fracture_core.files import FileCache
from fracture_core.run_groups import group_folder
from fracture_core.run_groups import members as group_members
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_labels import Labels

NOTE, LIST = "group.json", "folds.csv"


@dataclass(frozen=True, kw_only=True)
class Group:
    """A cross-validation as it was started.

    Args:
        name: its own, and the beginning of its runs' names.
        config: settings of every fold's run, without the fold.
        folds: number of folds.
        hash: of the list of folds.
        created: ISO 8601 UTC.
        labels: tags and note of its runs.
    """

    name: str
    config: TrainConfig
    folds: int
    hash: str
    created: str
    labels: Labels = field(default_factory=Labels)
    noun: ClassVar[str] = "fold"

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return group_folder.root() / self.name

    @property
    def numbers(self) -> range:
        """The folds' numbers, from 1."""
        return range(1, self.folds + 1)

    @property
    def planned(self) -> Mapping[str, TrainConfig]:
        """Settings of every fold's run, by its name."""
        return {self.run_name(fold): self.fold_config(fold) for fold in self.numbers}

    def run_name(self, fold: int) -> str:
        """Return the name of a fold's run."""
        return run_name(self.name, fold)

    def fold_config(self, fold: int) -> TrainConfig:
        """Return the settings of a fold's run."""
        return replace(self.config, fold=fold, fold_list=str((self.folder / LIST).absolute()))

    def owns(self, run: Run) -> bool:
        """Tell whether a run is a fold of this group."""
        return of_run(run) == self.name


def run_name(name: str, fold: int) -> str:
    """Return the name of the run of a group's fold."""
    return f"{name}-fold{fold}"


def names() -> list[str]:
    """Return the names of all groups, in order."""
    return group_folder.names(NOTE)


def exists(name: str) -> bool:
    """Tell whether there is a group of this name."""
    return group_folder.exists(name, NOTE)


def find(name: str) -> Group:
    """Return the group of this name.

    Raises:
        RunNotFound: there is none.
        RunError: its note cannot be read, or was changed.
    """
    return group_folder.find(name, NOTE, "cross-validation", _restored)


def _restored(name: str, fields: dict[str, Any]) -> Group:
    """Return the group of a note.

    Raises:
        ConfigError, KeyError, TypeError: a value is missing, of the wrong kind or out of range.
    """
    check_range("folds", fields["folds"], LIMITS.folds)
    if type(fields["folds"]) is not int:
        raise TypeError
    return Group(
        name=name,
        config=TrainConfig.from_dict(fields["config"]),
        folds=fields["folds"],
        hash=str(fields["hash"]),
        created=str(fields["created"]),
        labels=Labels.from_dict(fields["labels"]),
    )


def list_groups(cache: FileCache | None = None) -> tuple[list[Group], list[str]]:
    """Return all groups and sentences, see `group_folder.list_all`."""
    return group_folder.list_all(NOTE, find, cache)


def of_run(run: Run) -> str:
    """Return the name of the group that a run says it is a fold of; "" for other runs."""
    if run.config.fold is None or run.config.fold_list is None:
        return ""
    name = Path(run.config.fold_list).parent.name
    return name if run.name == run_name(name, run.config.fold) else ""


def members(group: Group, runs: list[Run] | None = None) -> dict[int, Run]:
    """Return the runs of a group by their fold; those not yet started, or deleted, are missing.

    Args:
        group: the group.
        runs: all runs, if they are at hand.
    """
    own = group_members.read(group) if runs is None else filter(group.owns, runs)
    by_fold = {run.config.fold or 0: run for run in own}
    return {fold: by_fold[fold] for fold in group.numbers if fold in by_fold}
