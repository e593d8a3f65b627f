"""Pipeline of a run's films: their preparation, and the batch of every training step.

`prepare` reads the data set and gives each film its role and pixels. A step's batch is a function
of (seed, step): a pass shuffles all training films, a step takes the next `batch_size` of them,
and the last step of a pass takes the rest; or it takes whole studies, see `study_batches`. So any
step can be computed without those before it.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fracture_core import checksums
from fracture_core.config.train_config import TrainConfig
from fracture_core.curation import corrections, curated_data
from fracture_core.datasets import catalog, exclusions, family_list, fold_list
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.family_list import FamilyList
from fracture_core.datasets.fold_list import FoldList
from fracture_core.epochs import pixel_hashes
from fracture_core.errors import DataError, FractureError, Stopped, TrainingFailed
from fracture_core.films import pixel_cache
from fracture_core.folders import cache_folder, phantom_folder
from fracture_core.jobs.worker import Worker
from fracture_core.networks.augmentation import draw
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_config, run_folders
from fracture_core.runs.run_facts import DataFacts
from fracture_core.training import study_batches

READ_AHEAD = 2_000  # films at most: some seconds of one core for a run that may never come
NAMED = 5  # films that an error lists by path; the others are counted
STREAM = 0  # see `augmentation.STREAM`


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Input of some consecutive training steps.

    Args:
        films: uint8 (n, size, size), those of the first step, then those of the next step.
        labels: float32 (n,), 0 or 1.
        studies: int32 (n,), the number of each film's study in its step, from 0; where a run learns
            from films, each is a study of its own.
        changes: float32 (n, 10), see `augmentation.draw`.
        ends: int32 (steps,), end index of each step's films.
        numbers: int64 (steps,), each step's number since the run began, from 0.
    """

    films: np.ndarray
    labels: np.ndarray
    studies: np.ndarray
    changes: np.ndarray
    ends: np.ndarray
    numbers: np.ndarray

    @property
    def studies_shown(self) -> int:
        """Studies in all steps, each step counted for itself."""
        return int((self.studies[self.ends - 1] + 1).sum())


class _Pass(NamedTuple):
    """Rows of the films of a pass in order, the end of each step among them, and their changes."""

    rows: np.ndarray
    ends: np.ndarray
    changes: np.ndarray


@dataclass
class Pipeline:
    """Training films by step.

    Args:
        pixels: uint8 (n, size, size), from the pixel cache.
        labels: (n,), 0 or 1; where the run learns from studies, a study has its first film's.
        config: for seed, batch size, augmentation, the length of an epoch, and whether the run
            learns from films or from studies.
        studies: (n,), the number of each film's study, see `catalog.study_numbers`; by default,
            and where the run learns from films, each film is one.
    """

    pixels: np.ndarray
    labels: np.ndarray
    config: TrainConfig
    studies: InitVar[np.ndarray | None] = None
    _study: np.ndarray = field(init=False)
    _pass: tuple[int, _Pass] | None = field(default=None, init=False)

    def __post_init__(self, studies: np.ndarray | None) -> None:
        if studies is None or not self.config.study_pooling:
            studies = np.arange(len(self.labels))
        first = np.unique(studies, return_index=True)[1]
        self._study, self.labels = studies, self.labels[first][studies]

    @classmethod
    def of_films(cls, films: pd.DataFrame, pixels: np.ndarray, config: TrainConfig) -> "Pipeline":
        """Return the pipeline of some films.

        Args:
            films: manifest columns.
            pixels: uint8 (n, size, size), theirs.
            config: of the run.
        """
        labels = films["label"].to_numpy()
        numbers = catalog.study_numbers(films)
        return cls(pixels=pixels, labels=labels, config=config, studies=numbers)

    @property
    def labels_of_losses(self) -> np.ndarray:
        """Label of each film, or of each study where the run learns from studies: (losses,)."""
        labels: np.ndarray = self.labels[np.unique(self._study, return_index=True)[1]]
        return labels

    @cached_property
    def steps_a_pass(self) -> int:
        """Steps to show every training film once."""
        size = self.config.batch_size
        return -(-study_batches.shown(self._study, size) // size)

    @property
    def steps_an_epoch(self) -> int:
        """Steps of an epoch."""
        return self.config.steps_per_epoch or self.steps_a_pass

    def chunk(self, first: int, count: int) -> Chunk:
        """Return the input of `count` steps from `first` on, counted from 0 since the run began."""
        numbers = np.arange(first, first + count)
        batches = [self._batch(int(step)) for step in numbers]
        rows, changes, studies = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        return Chunk(
            films=self.pixels[rows],
            labels=self.labels[rows].astype(np.float32),
            studies=studies,
            changes=changes,
            ends=np.cumsum([len(each) for each, *_ in batches]).astype(np.int32),
            numbers=numbers.astype(np.int64),
        )

    def _batch(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return rows and changes of a step's films, and the numbers of their studies in it."""
        number, position = divmod(step, self.steps_a_pass)
        drawn = self._drawn(number)
        begin = drawn.ends[position - 1] if position else 0
        films = slice(begin, drawn.ends[position])
        rows = drawn.rows[films]
        new = np.diff(self._study[rows], prepend=self._study[rows[0]]) != 0
        return rows, drawn.changes[films], np.cumsum(new, dtype=np.int32)

    def _drawn(self, number: int) -> _Pass:
        """Return a pass; the current one is cached."""
        if self._pass is None or self._pass[0] != number:
            config = self.config
            if config.study_pooling:
                random = _random(config.seed, number)
                rows, ends = study_batches.draw(self._study, config.batch_size, random)
            else:
                rows, size = order(len(self.labels), config.seed, number), config.batch_size
                ends = np.minimum(np.arange(1, self.steps_a_pass + 1) * size, len(rows))
            size = config.recipe.size
            changes = draw(config.augmentation, size, len(rows), config.seed, number)
            self._pass = number, _Pass(rows, ends, changes)
        return self._pass[1]


def order(count: int, seed: int, number: int) -> np.ndarray:
    """Return the rows of `count` training films in the order of a pass, counted from 0."""
    return _random(seed, number).permutation(count)


def _random(seed: int, number: int) -> np.random.Generator:
    """Return the random numbers of a pass's order."""
    return np.random.Generator(np.random.Philox(key=[seed, number * 2 + STREAM]))


def prepare(folder: Path, worker: Worker) -> tuple[pd.DataFrame, np.ndarray]:
    """Prepare a run's films: wait for the phantom set, read the data set, decode the pixels.

    The first time, this writes `films.parquet` (without unreadable films, each of which is logged
    in an event) and completes `config.json`; later it reads them.

    Returns:
        Rows of `films.parquet` and uint8 (len(rows), size, size).

    Raises:
        Stopped: a stop was requested.
        DataError: the data set cannot be read, or has lost films since the run began.
        TrainingFailed: there are no training films of both labels.
    """
    config = worker.config
    _wait_for_phantom(Path(config.data), worker)
    worker.phase("reading films", "Reading the list of films.")
    begun = (folder / "films.parquet").is_file()
    with worker.may_leave():  # the list of a large data set on a slow disk
        rows = journal.films(folder) if begun else _assign(folder, config)
    # The config may name a parent folder; paths are relative to the root below it.
    run = run_folders.read(folder)
    root = run.data_root
    if begun:
        _check_same_labels(run.data)
    cache = _pixels(root, rows, worker)
    if begun:
        _check_nothing_lost(root, rows, cache)
        _check_nothing_changed(folder, root, rows, cache.pixels)
        return rows, cache.pixels
    for number, reason in cache.refused.items():
        row = rows.iloc[number]
        journal.log_event(folder, "film_refused", path=row.path, role=row.role, reason=reason)
    readable = np.setdiff1d(np.arange(len(rows)), list(cache.refused))
    rows = rows.iloc[readable].reset_index(drop=True)
    _check(rows)
    pixels = cache.pixels[readable]
    pixel_hashes.save(folder, pixels)
    checksums.write(folder, folder / "films.parquet", rows.to_parquet(None))  # last: marks `begun`
    return rows, pixels


def _check_same_labels(data: DataFacts) -> None:
    """Refuse a resume where the corrected labels are not those that the run began with."""
    if not data.corrections:
        return
    now = corrections.read(data.hash or "").hash
    if now != data.corrections["hash"]:
        raise DataError(
            "A resumed run must see the labels that it began with; the corrected labels of these "
            f"data have changed since then (list {data.corrections['hash']}, now {now}). Import "
            "the labels of then, then resume; or begin a new run."
        )


def _check_nothing_lost(root: Path, rows: pd.DataFrame, cache: pixel_cache.PixelCache) -> None:
    """Refuse a resume where films of the run can no longer be read."""
    if lost := [rows["path"].iloc[row] for row in cache.refused]:
        raise DataError(
            f"{len(lost)} of the {len(rows)} films that this run began with can no longer be read, "
            f"first {lost[0]}. Put them back into {root}, then resume."
        )


def _pixels(root: Path, rows: pd.DataFrame, worker: Worker) -> pixel_cache.PixelCache:
    return pixel_cache.of_films(
        root,
        rows["path"].tolist(),
        worker.config.recipe,
        cache_folder() / "pixels",
        progress=lambda done, total: worker.tick(
            message=f"Reading films: {done:,} of {total:,}.", progress=done / max(1, total)
        ),
        should_stop=worker.asked_to_stop,
    )


def _check_nothing_changed(
    folder: Path, root: Path, rows: pd.DataFrame, pixels: np.ndarray
) -> None:
    """Refuse a resume where films of the run hold another picture."""
    changed = pixel_hashes.changed(folder, pixels)
    if changed is None:  # an older run, or older pixels: checked from now on
        pixel_hashes.save(folder, pixels)
    elif len(changed):
        named = rows["path"].iloc[changed[:NAMED]].tolist()
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        raise DataError(
            f"A resumed run must see the films that it began with; {len(changed)} of {len(rows)} "
            f"hold another picture now: {', '.join(named)}{more}. Put them back into {root}, then "
            "resume; or begin a new run."
        )


def _wait_for_phantom(root: Path, worker: Worker) -> None:
    """Make the run's phantom set, or wait for the process that makes it."""
    awaited = root == phantom_folder() and not phantom_set.is_synthetic(root)
    if not (phantom_set.is_phantom(root) or awaited):
        return  # beside a damaged note the films are taken as they are

    def progress(done: int, total: int) -> None:
        share = done / max(1, total)
        message = f"Generating synthetic films: {done} of {total} studies."
        worker.tick(message=message, progress=share)

    if not phantom_set.is_complete(root):
        worker.phase("making films", "Generating synthetic films.")
    while not phantom_set.is_complete(root):
        if phantom_set.is_being_made(root):
            progress(*(phantom_set.progress(root) or (0, 0)))
            if worker.asked_to_stop():
                raise Stopped("Stopped while generating synthetic films.")
            time.sleep(0.3)
        else:
            phantom_set.complete(root, progress=progress, should_stop=worker.asked_to_stop)


def _assign(folder: Path, config: TrainConfig) -> pd.DataFrame:
    """Return the films of a new run with their roles, and write facts about the data."""
    whole = catalog.read(Path(config.data), config.positive, table=config.table)
    curated = curated_data.of_config(whole, config)
    dataset, value, chosen = curated.dataset, curated.corrections, curated.selection
    families = family_list.read(Path(config.families)) if config.families else None
    folds = fold_list.of_config(config)
    roles = _roles(dataset, config, families, folds)
    rows = _with_roles(dataset, config, roles)
    excluded = exclusions.read(Path(config.exclude)) if config.exclude else exclusions.Exclusions()
    # A fold's valid films are of the train split, and excluded as its others are.
    out = exclusions.left_out(rows.assign(role="train") if folds else rows, excluded)
    rows = rows[~out].reset_index(drop=True)
    run_config.complete(
        folder,
        data={
            "root": str(dataset.root),
            "kind": dataset.kind,
            "hash": dataset.hash,
            "synthetic": dataset.synthetic,
            "phantom": phantom_set.settings(dataset.root),
            "positive": dataset.positive,
            "excluded": {"films": int(out.sum()), "hash": excluded.hash}
            if config.exclude
            else None,
            "families": {
                "families": families.count,
                "films": int((roles == family_list.COPY).sum()),
                "hash": families.hash,
            }
            if families
            else None,
            "selection": chosen.facts | {"used": _trained_on(rows)} if chosen else None,
            "corrections": corrections.facts(rows, value) if value else None,
            "folds": {"fold": config.fold, "folds": folds.count, "hash": folds.hash}
            if folds
            else None,
            "names_patients": dataset.patients,
            "images": rows.groupby("role").size().to_dict(),
            "studies": catalog.studies(rows).groupby("role").size().to_dict(),
        },
    )
    return rows


def _trained_on(rows: pd.DataFrame) -> int:
    """Return the number of studies in training and dev."""
    return len(catalog.studies(rows[rows["role"] != "valid"]))


def _roles(
    dataset: Dataset, config: TrainConfig, families: FamilyList | None, folds: FoldList | None
) -> pd.Series:
    """Return the role of each image of the data set in a run."""
    if folds is None or config.fold is None:
        return family_list.assign_roles(dataset.manifest, config.dev_share, config.seed, families)
    return fold_list.assign_roles(
        dataset.manifest, folds, config.fold, config.dev_share, config.seed, families
    )


def _with_roles(dataset: Dataset, config: TrainConfig, roles: pd.Series) -> pd.DataFrame:
    """Return the films that a run may use, with their roles."""
    rows = catalog.select(dataset.manifest.assign(role=roles), parts=config.parts)
    return rows[rows["role"].isin(["train", "dev", "valid"])].reset_index(drop=True)


def read_ahead(config: TrainConfig, should_stop: Callable[[], bool]) -> None:
    """Put the pixels of a run that may come into the cache; of many films, none.

    Args:
        config: of the run.
        should_stop: checked after every film; the run goes on where this stops.
    """
    # Errors are the run's to report, if it comes.
    with contextlib.suppress(FractureError, OSError):
        dataset = catalog.read(Path(config.data), config.positive, table=config.table)
        roles = catalog.assign_roles(dataset.manifest, config.dev_share, config.seed)
        paths = _with_roles(dataset, config, roles)["path"].tolist()
        if len(paths) <= READ_AHEAD:
            pixel_cache.of_films(
                dataset.root,
                paths,
                config.recipe,
                cache_folder() / "pixels",
                should_stop=should_stop,
            )


def _check(rows: pd.DataFrame) -> None:
    counts = rows.loc[rows["role"] == "train", "label"].value_counts()
    if len(counts) < 2:
        numbers = f"{counts.get(1, 0)} positive and {counts.get(0, 0)} negative"
        raise TrainingFailed(
            f"Training needs films of both labels; these hold {numbers}. Choose other parts or "
            "data."
        )
