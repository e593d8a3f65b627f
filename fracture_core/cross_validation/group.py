"""Group of runs that cross-validates one setting: a run per fold, shown and started as one.

A group is a folder in `runs/.groups`: its settings, the list of folds, and what was made of its
predictions. Each fold is an ordinary run, called NAME-fold1, NAME-fold2, ... and names the list in
its settings. `group_runs` makes, starts and deletes groups.
"""

import contextlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fracture_core import checksums, file_reader
from fracture_core.config.limits import LIMITS
from fracture_core.config.record import check_range
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError, DamagedFile, FileRefused, RunError, RunNotFound
from fracture_core.folders import runs_folder
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import NAME, Labels, Run, State, Status
from fracture_core.words import short

NOTE, LIST = "group.json", "folds.csv"
EXCLUDED, FAMILIES = "exclude.csv", "families.csv"  # copies of lists that an audit may change


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

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return groups_folder() / self.name

    @property
    def numbers(self) -> range:
        """The folds' numbers, from 1."""
        return range(1, self.folds + 1)

    def run_name(self, fold: int) -> str:
        """Return the name of a fold's run."""
        return run_name(self.name, fold)

    def fold_config(self, fold: int) -> TrainConfig:
        """Return the settings of a fold's run."""
        return replace(self.config, fold=fold, fold_list=str((self.folder / LIST).absolute()))


def groups_folder() -> Path:
    """Return the folder of all groups; beside the runs, since a cache may be emptied."""
    return runs_folder() / ".groups"


def run_name(name: str, fold: int) -> str:
    """Return the name of the run of a group's fold."""
    return f"{name}-fold{fold}"


def names() -> list[str]:
    """Return the names of all groups, in order."""
    return sorted(path.parent.name for path in groups_folder().glob(f"[!.]*/{NOTE}"))


def exists(name: str) -> bool:
    """Tell whether there is a group of this name."""
    return bool(NAME.fullmatch(name)) and (groups_folder() / name / NOTE).is_file()


def find(name: str) -> Group:
    """Return the group of this name.

    Raises:
        RunNotFound: there is none.
        RunError: its note cannot be read, or was changed.
    """
    if not exists(name):
        known = ", ".join(names()[:8]) or "none yet"
        raise RunNotFound(f"No cross-validation is called {short(name)!r}. There are: {known}.")
    path = groups_folder() / name / NOTE
    next_step = f"Delete {path.parent}, or put the file back."
    try:
        fields, is_intact = checksums.split_own(file_reader.read_json(path))
        if is_intact is not True:
            raise DamagedFile(f"The {NOTE} of {name} is damaged. {next_step}")
        return _restored(name, fields)
    except (FileRefused, ConfigError, KeyError, TypeError) as error:
        raise RunError(f"The {NOTE} of {name} cannot be read. {next_step}") from error


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


def list_groups() -> tuple[list[Group], list[str]]:
    """Return all readable groups, newest first, and a sentence for each of the others."""
    groups, sentences = [], []
    for name in names():
        try:
            groups.append(find(name))
        except RunError as error:
            sentences.append(str(error))
    return sorted(groups, key=lambda group: (group.created, group.name), reverse=True), sentences


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
    if runs is None:
        runs = []
        for fold in group.numbers:
            with contextlib.suppress(RunError):
                runs.append(run_folders.read(run_folders.find(group.run_name(fold))))
    own = [run for run in runs if of_run(run) == group.name]
    by_fold = {run.config.fold or 0: run for run in own}
    return {fold: by_fold[fold] for fold in group.numbers if fold in by_fold}


# --- state --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Progress:
    """State of a group's runs.

    Args:
        folds: number of folds.
        finished: number of finished ones.
        active: number of those that wait or train.
        share: of all epochs that are done, 0 to 1.
        seconds_left: until all folds end, at the speed of those that train; `None` while unknown.
        problems: a sentence for each fold that failed or was interrupted.
    """

    folds: int
    finished: int
    active: int
    share: float
    seconds_left: float | None
    problems: tuple[str, ...]

    @property
    def words(self) -> str:
        """The state in a few words: "2 of 5 folds done, training"."""
        done = f"{self.finished} of {self.folds} folds done"
        if self.finished == self.folds:
            return "finished"
        return f"{done}, training" if self.active else f"{done}, stopped"


def progress(group: Group, runs: dict[int, Run]) -> Progress:
    """Return the state of a group, given its `members`."""
    status = [run.status for run in runs.values()]
    ended = (State.FAILED, State.INTERRUPTED)
    epochs = sum(each.epoch for each in status if each.state is not State.FINISHED)
    finished = sum(each.state is State.FINISHED for each in status)
    return Progress(
        folds=group.folds,
        finished=finished,
        active=sum(each.state.alive for each in status),
        share=(finished + epochs / group.config.epochs) / group.folds,
        seconds_left=_seconds_left(group, status),
        problems=tuple(
            f"{run.name}: {run.status.message}"
            for run in runs.values()
            if run.status.state in ended
        ),
    )


def _seconds_left(group: Group, status: list[Status]) -> float | None:
    """Estimate the time until all folds end, by the time of an epoch in those that train."""
    times = [
        each.seconds_left / max(1, each.epochs - each.epoch)
        for each in status
        if each.state is State.RUNNING and each.seconds_left
    ]
    if not times:
        return None
    done = sum(
        group.config.epochs if each.state is State.FINISHED else each.epoch for each in status
    )
    epochs = group.folds * group.config.epochs - done
    return epochs * sum(times) / len(times) ** 2
