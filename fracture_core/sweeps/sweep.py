"""Sweep: runs of all combinations of some settings' values, each with several seeds.

The runs of the first seed come first in the queue, so that a sweep that is cut short is balanced.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from fracture_core.config import setting_table
from fracture_core.config.record import check_range
from fracture_core.config.train_config import TrainConfig
from fracture_core.curation import curated_data
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import ConfigError, RunNameTaken
from fracture_core.files import FileCache
from fracture_core.run_groups import group_folder, members
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_labels import Labels
from fracture_core.sweeps import axes as sweep_axes
from fracture_core.sweeps.axes import Axis
from fracture_core.words import short

NOTE = "sweep.json"
TAG = "sweep"
SEEDS = (1, 20)  # of each combination


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A sweep as it was started.

    Args:
        name: its own, and the beginning of its runs' names.
        config: settings that all runs share; its seed is the first.
        axes: settings that are varied.
        seeds: number of seeds of each combination.
        created: ISO 8601 UTC.
        labels: tags and note of its runs.
    """

    name: str
    config: TrainConfig
    axes: tuple[Axis, ...]
    seeds: int
    created: str
    labels: Labels = field(default_factory=Labels)
    noun: ClassVar[str] = "run"

    @property
    def folder(self) -> Path:
        """The folder of its note."""
        return group_folder.root() / self.name

    @cached_property
    def combinations(self) -> list[Mapping[str, Any]]:
        """Values by path of the setting; a combination's number is its place, from 1."""
        return sweep_axes.combinations(self.config, self.axes)

    @property
    def places(self) -> dict[str, tuple[int, int]]:
        """Number of the combination and of the seed, from 1, by the run's name; in order."""
        numbers = range(1, len(self.combinations) + 1)
        return {
            run_name(self.name, number, seed): (number, seed)
            for seed in range(1, self.seeds + 1)
            for number in numbers
        }

    @cached_property
    def planned(self) -> Mapping[str, TrainConfig]:
        """Settings of all runs by their names."""
        return {name: self._config(*place) for name, place in self.places.items()}

    def _config(self, number: int, seed: int) -> TrainConfig:
        values = self.combinations[number - 1]
        return setting_table.with_values(
            self.config, {**values, "seed": self.config.seed + seed - 1}
        )

    def owns(self, run: Run) -> bool:
        """Tell whether a run is one of this sweep."""
        if run.name not in self.planned:
            return False
        # The folder of all runs may have been moved with its lists.
        same = {name: getattr(self.config, name) for name in ("data", *group_folder.COPIES)}
        return self.planned[run.name] == replace(run.config, **same)

    def words(self, number: int) -> str:
        """Return a combination in words: "learning rate 0.001, input side 64 px"."""
        values = self.combinations[number - 1]
        return ", ".join(
            f"{axis.setting.label.lower()} {axis.words(values[axis.path])}" for axis in self.axes
        )


def run_name(name: str, number: int, seed: int) -> str:
    """Return the name of the run of a combination with a seed, both counted from 1."""
    return f"{name}-{number}-seed{seed}"


def names() -> list[str]:
    """Return the names of all sweeps, in order."""
    return group_folder.names(NOTE)


def exists(name: str) -> bool:
    """Tell whether there is a sweep of this name."""
    return group_folder.exists(name, NOTE)


def find(name: str) -> Sweep:
    """Return the sweep of this name.

    Raises:
        RunNotFound: there is none.
        RunError: its note cannot be read, or was changed.
    """
    return group_folder.find(name, NOTE, TAG, _restored)


def _restored(name: str, fields: dict[str, Any]) -> Sweep:
    """Return the sweep of a note.

    Raises:
        ConfigError, KeyError, TypeError: a value is missing, of the wrong kind or out of range.
    """
    check_range("seeds", fields["seeds"], SEEDS)
    if type(fields["seeds"]) is not int:
        raise TypeError
    varied = tuple(
        Axis(path=str(each["path"]), values=tuple(map(_hashable, each["values"])))
        for each in fields["axes"]
    )
    if unknown := [axis.path for axis in varied if axis.path not in sweep_axes.offered()]:
        raise ConfigError(f"A sweep cannot vary {short(unknown[0])!r}.")
    value = Sweep(
        name=name,
        config=TrainConfig.from_dict(fields["config"]),
        axes=tuple(map(sweep_axes.checked, varied)),
        seeds=fields["seeds"],
        created=str(fields["created"]),
        labels=Labels.from_dict(fields["labels"]),
    )
    _check_size(value)
    return value


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check_size(value: Sweep) -> None:
    """Refuse too many runs, and settings that cannot be used.

    Raises:
        ConfigError: see `axes.combinations`; or there are too many runs.
    """
    runs = len(value.combinations) * value.seeds
    if runs > sweep_axes.MOST_RUNS:
        raise ConfigError(
            f"A sweep makes at most {sweep_axes.MOST_RUNS} runs; these values and seeds make "
            f"{runs:,}. Leave some out."
        )


def list_sweeps(cache: FileCache | None = None) -> tuple[list[Sweep], list[str]]:
    """Return all sweeps and sentences, see `group_folder.list_all`."""
    return group_folder.list_all(NOTE, find, cache)


def plan(config: TrainConfig, axes: Sequence[Axis], seeds: int, name: str = "sweep") -> Sweep:
    """Return a sweep that is not kept anywhere yet.

    Args:
        config: settings that all runs share.
        axes: settings that are varied.
        seeds: number of seeds of each combination.
        name: of the sweep.

    Raises:
        ConfigError: the values, their number or a combination cannot be used.
    """
    check_range("seeds", seeds, SEEDS)
    value = Sweep(
        name=name,
        config=config,
        axes=tuple(map(sweep_axes.checked, axes)),
        seeds=seeds,
        created=datetime.now(UTC).isoformat(),
        labels=members.tagged(Labels(), TAG),
    )
    _check_size(value)
    return value


def begin(value: Sweep, dataset: Dataset, labels: Labels | None = None) -> Sweep:
    """Keep a sweep and queue its runs; the same under the name of one that exists goes on with it.

    Args:
        value: of `plan`.
        dataset: the films of its `config.data`.
        labels: tags and note of its runs; the tag `TAG` is added.

    Raises:
        RunNameTaken: a group, model or run has the name of it or of one of its runs.
        ConfigError: the data have no such part.
        DataError: the data set is incomplete, or lacks the selection, or a list cannot be read.
        RunError: a run cannot be started; the others were started anyway.
        WriteFailed: no space or no permission.
    """
    group_folder.check_complete(dataset.complete)
    curated = curated_data.of_config(dataset, value.config).dataset
    catalog.select(curated.manifest, "train", value.config.parts)  # refused before runs fail
    asked = replace(
        value,
        config=group_folder.settled(value.config, dataset.root, value.name),
        labels=members.tagged(labels or Labels(), TAG),
    )
    if exists(asked.name):
        kept = find(asked.name)
        if (kept.config, kept.axes, kept.seeds) != (asked.config, asked.axes, asked.seeds):
            raise RunNameTaken(
                f"A sweep called {asked.name!r} exists, with other settings. Choose another name, "
                f"or go on with it: resume {asked.name}."
            )
        members.start(kept)
        return kept
    group_folder.refuse_taken(asked.name, TAG, asked.planned)
    note = {
        "config": asked.config.to_dict(),
        "axes": [{"path": axis.path, "values": list(axis.values)} for axis in asked.axes],
        "seeds": asked.seeds,
        "created": asked.created,
        "labels": asked.labels.to_dict(),
    }
    group_folder.write(asked.name, NOTE, note, value.config)
    members.start(asked)
    return asked
