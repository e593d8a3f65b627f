"""Making a cross-validation: its folds drawn once, its runs queued.

`members` of `run_groups` stops, resumes and deletes it.
"""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from fracture_core.config.train_config import TrainConfig
from fracture_core.cross_validation import folds, group
from fracture_core.cross_validation.group import LIST, NOTE, Group
from fracture_core.curation import curated_data
from fracture_core.datasets import family_list, fold_list
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import ConfigError, RunNameTaken
from fracture_core.run_groups import group_folder, members
from fracture_core.runs.run_labels import Labels

TAG = "cross-validation"


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
    replace(config, fold=1)  # refuses settings that no fold can have
    group_folder.check_complete(dataset.complete)
    runs = (group.run_name(name, fold) for fold in range(1, count + 1))
    group_folder.refuse_taken(name, TAG, runs)
    families = family_list.read(Path(config.families)) if config.families else None
    curated = curated_data.of_config(dataset, config).dataset
    drawn = folds.draw(curated.manifest, count, config.seed, config.parts, families)
    value = Group(
        name=name,
        config=group_folder.settled(config, dataset.root, name),
        folds=count,
        hash=drawn.hash,
        created=datetime.now(UTC).isoformat(),
        labels=members.tagged(labels or Labels(), TAG),
    )
    note = {
        "config": value.config.to_dict(),
        "folds": value.folds,
        "hash": value.hash,
        "created": value.created,
        "labels": value.labels.to_dict(),
    }
    fill = partial(_write_list, drawn=drawn)
    group_folder.write(name, NOTE, note, config, fill)
    return value


def _write_list(folder: Path, drawn: fold_list.FoldList) -> None:
    fold_list.write(folder / LIST, drawn)


def begin(
    config: TrainConfig, count: int, name: str, dataset: Dataset, labels: Labels | None = None
) -> Group:
    """Make a group and queue its runs; arguments and errors as in `create` and `members.start`.

    The same settings under the name of a group that exists start what it lacks.
    """
    if group.exists(name):
        value = group.find(name)
        asked = group_folder.settled(config, dataset.root, name), count
        if (value.config, value.folds) != asked:
            raise RunNameTaken(
                f"A cross-validation called {name!r} exists, with other settings. Choose another "
                f"name, or go on with it: resume {name}."
            )
    else:
        value = create(config, count, name, dataset, labels)
    members.start(value)
    return value
