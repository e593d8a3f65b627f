"""Preparation of a run's films: the list with roles, the pixels; at a resume, the same ones."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from fracture_core import checksums
from fracture_core.config.train_config import TrainConfig
from fracture_core.curation import corrections
from fracture_core.datasets import catalog
from fracture_core.epochs import pixel_hashes
from fracture_core.errors import DataError, FractureError, Stopped, TrainingFailed
from fracture_core.films import pixel_cache
from fracture_core.folders import cache_folder, phantom_folder
from fracture_core.jobs.worker import Worker
from fracture_core.phantom import phantom_set
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_facts import DataFacts
from fracture_core.training_films import role_assignment

READ_AHEAD = 2_000  # films at most: some seconds of one core for a run that may never come


NAMED = 5  # films that an error lists by path; the others are counted


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
        rows = journal.films(folder) if begun else role_assignment.assign(folder, config)
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
        paths = role_assignment.with_roles(dataset, config, roles)["path"].tolist()
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
