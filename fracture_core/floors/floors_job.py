"""Twins of a model, made by a child process on request and kept in the cache folder.

The result is bound to the model's weights and its films: another epoch, or other data, has twins of
its own. It also holds the mean brightness of every film, which a cheap floor needs.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.config.record import check_range
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import DataError, FileRefused, FractureError, ModelError
from fracture_core.files import make_folder
from fracture_core.films import pixel_cache
from fracture_core.floors import card_settings, twins
from fracture_core.folders import cache_folder
from fracture_core.jobs import job_progress, launcher
from fracture_core.jobs.job_progress import JobProgress
from fracture_core.models import model_files, stored_models
from fracture_core.models.model import Model
from fracture_core.prediction import gate_job
from fracture_core.runs import journal, run_folders, run_requests

VERSION = 1  # raised when the same model gets other twins
MOST_STEPS = 3_000  # of the twin on shuffled labels: minutes for a large network
RESULT, TABLE = "floors.json", "floors.parquet"
COLUMNS = {
    "path": "text",
    "role": "text",  # "train", "dev", "valid" or "test"
    "brightness": "number",  # mean grey of the network's pixels, 0 to 1
    "untrained": "number",  # the twin's probability; 0 for training films, which have none
    "shuffled": "number",
}


@dataclass(frozen=True, kw_only=True)
class Twins:
    """Twins of a model.

    Args:
        films: columns of `COLUMNS`, one row per film.
        steps: of training on shuffled labels.
        own_steps: of the model's own training up to its epoch.
        seed: of both twins.
        default_settings: whether the model's card names no settings, so that the twins have the
            default ones.
    """

    films: pd.DataFrame
    steps: int
    own_steps: int
    seed: int
    default_settings: bool = False

    @property
    def brightness(self) -> dict[str, float]:
        """Mean brightness by path of a film."""
        return dict(zip(self.films["path"], self.films["brightness"].astype(float), strict=True))

    def of(self, films: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return both twins' probabilities of these films; empty if one of them has none."""
        own = self.films[self.films["role"] != "train"].set_index("path")
        if not films["path"].isin(own.index).all():
            return {}
        rows = own.loc[films["path"]]
        return {name: rows[name].to_numpy() for name in ("untrained", "shuffled")}

    @property
    def sentence(self) -> str:
        """The making of the twins, in words."""
        unnamed = (
            " The model's card names no settings that can be read, so both have the default ones."
        )
        less = "" if self.steps == self.own_steps else f" of its {self.own_steps:,}"
        return (
            "The untrained twin is a logistic regression on the network's random convolutions. The "
            f"other was trained like the network for {self.steps:,}{less} steps, on labels that "
            f"were exchanged among the training studies. Both have seed {self.seed}."
            f"{unnamed if self.default_settings else ''}"
        )


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The films and settings that a model's twins are made from.

    Args:
        root: folder that the paths are relative to.
        films: manifest columns and `role`.
        config: of the run; of a released model see `card_settings.of_card`.
        default_settings: see `Twins`.
    """

    root: Path
    films: pd.DataFrame
    config: TrainConfig
    default_settings: bool = False


def training_films(model: Model, dataset: Dataset | None) -> pd.DataFrame:
    """Return the manifest rows of a model's training films.

    Args:
        model: of a run, or released.
        dataset: its training data, for a released model; a run knows its films.

    Raises:
        ModelError: they are not known.
        RunError: the run's list of films cannot be read.
    """
    films = sources(model, dataset).films
    return films[films["role"] == "train"]


def sources(model: Model, dataset: Dataset | None) -> Sources:
    """Return the films and settings of a model's twins. Arguments and errors as above."""
    card = model.card
    if card.members:
        raise ModelError(
            f"Twins are made of one network, and {card.name} is an ensemble of several. Make those "
            f"of a member instead: {', '.join(member.name for member in card.members)}."
        )
    if model.is_run:
        folder = run_folders.find(model.run)
        run = run_folders.read(folder)
        return Sources(root=run.data_root, films=journal.films(folder), config=run.config)
    if dataset is None:
        raise ModelError(
            f"{card.name} is a released model, which does not keep its training films. Name the "
            "data set that it was trained on."
        )
    training = gate_job.films_of_data(model, dataset)
    others = [
        catalog.select(dataset.manifest, split, card.parts).assign(role=split)
        for split in ("valid", "test")
        if (dataset.manifest["split"] == split).any()
    ]
    config, is_named = card_settings.of_card(card, str(dataset.root))
    return Sources(
        root=dataset.root,
        films=pd.concat([training, *others], ignore_index=True),
        config=config,
        default_settings=not is_named,
    )


def make(
    model: Model,
    dataset: Dataset | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    read: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Twins:
    """Make both twins of a model. Loads TensorFlow.

    Args:
        model: of a run, or released.
        dataset: the training data of a released model.
        progress: called with (steps done, all steps) of training.
        read: called with (films read, all films), where their pixels are not cached.
        should_stop: checked regularly.

    Raises:
        ModelError: the model is an ensemble, or its training films are not known.
        DataError: its films can no longer be read.
        Stopped: `should_stop` returned true.
    """
    source = sources(model, dataset)
    films, config = source.films, source.config
    cache = pixel_cache.of_films(
        source.root,
        films["path"].tolist(),
        config.recipe,
        cache_folder() / "pixels",
        read,
        should_stop,
    )
    readable = np.setdiff1d(np.arange(len(films)), list(cache.refused))
    films, pixels = films.iloc[readable].reset_index(drop=True), cache.pixels[readable]
    is_training = (films["role"] == "train").to_numpy()
    labels = films["label"].to_numpy()
    if is_training.all() or len(np.unique(labels[is_training])) < 2:
        raise DataError(
            f"Twins of {model.card.name} need training films of both labels, and other films; "
            f"{source.root} has none that can be read. Put the data back."
        )
    seen, unseen = pixels[is_training], pixels[~is_training]
    own = twins.steps_of(config, int(is_training.sum()), model.card.epoch)
    steps = min(own, MOST_STEPS)
    progress(0, steps)
    untrained = twins.untrained(config, seen, labels[is_training], unseen, should_stop)
    shuffled = twins.trained_on_shuffled(
        config,
        seen,
        films[is_training],
        unseen,
        steps,
        lambda done: progress(done, steps),
        should_stop,
    )
    table = films[["path", "role"]].assign(
        brightness=pixels.mean(axis=(1, 2), dtype=np.float64) / 255, untrained=0.0, shuffled=0.0
    )
    table.loc[~is_training, "untrained"] = untrained.astype(np.float64)
    table.loc[~is_training, "shuffled"] = shuffled.astype(np.float64)
    return Twins(
        films=table,
        steps=steps,
        own_steps=own,
        seed=config.seed,
        default_settings=source.default_settings,
    )


# --- stored twins -------------------------------------------------------------------------------


def folder_of(model: Model) -> Path:
    """Return the folder of a model's twins, which need not exist; of its weights and films."""
    parts = [str(VERSION), model_files.sha256(model.weights), str(model.card.data.hash)]
    if model.is_run:
        run = run_folders.find(model.run)
        for name in ("films.parquet", "config.json"):
            parts += checksums.digests(run, run / name)[-1:]
    else:
        parts.append(model.card.command)  # its settings
    key = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
    return cache_folder() / "floors" / key


def start(reference: str, dataset: Dataset | None = None) -> Path:
    """Start making a model's twins in a child process, unless running or done.

    Returns:
        The job's folder.

    Raises:
        ModelError: see `sources`; nothing is started.
    """
    model = stored_models.find(reference)
    sources(model, dataset)
    folder = folder_of(model)
    if load(folder) is not None:
        return folder
    make_folder(folder / "requests")
    request: dict[str, Any] = {"model": model.reference, "data": ""}
    if dataset is not None and not model.is_run:
        request |= catalog.as_request(dataset)
    launcher.start_job(folder, request, "floors", "Loading TensorFlow.", "floors.log")
    return folder


def run_child(folder: Path) -> None:
    """Run the job in the child: make the twins that `asked.json` requests, and store them."""
    request = launcher.job_request(folder, "model", "data")
    dataset = None
    if request["data"]:
        dataset = catalog.of_request(request)
    trained = JobProgress(folder, "Training the twin on shuffled labels, steps")
    read = JobProgress(folder, "Reading films")

    def should_stop() -> bool:
        return run_requests.has(folder, "stop")

    with job_progress.final_status(folder):
        model = stored_models.find(request["model"])
        save(folder, make(model, dataset, trained.count, read.count, should_stop))


def save(folder: Path, value: Twins) -> None:
    """Store twins in place of those before; `floors.json` is written last and names its table.

    Raises:
        WriteFailed: no space or no permission; those before are unchanged.
    """
    make_folder(folder)
    content = value.films.to_parquet(None, index=False)
    name = f"{checksums.digest(content)[:16]}-{TABLE}"
    checksums.write(folder, folder / name, content)
    facts = {
        "table": name,
        "steps": value.steps,
        "own_steps": value.own_steps,
        "seed": value.seed,
        "default_settings": value.default_settings,
    }
    checksums.write(folder, folder / RESULT, json.dumps(facts).encode())
    for path in folder.glob(f"*-{TABLE}"):
        if path.name != name:
            with suppress(OSError):  # no reader looks at it
                path.unlink()


def load(folder: Path) -> Twins | None:
    """Return the twins stored in this folder; `None` if there are none, or they are damaged."""
    try:
        content = checksums.read_guarded(folder, folder / RESULT, file_reader.LIST_BYTES)
        facts = file_reader.parsed(content.decode())
        name = Path(str(facts["table"])).name
        table = checksums.read_guarded(folder, folder / name, file_reader.TABLE_BYTES)
        films = file_reader.read_table(table, COLUMNS)
        numbers = films[["brightness", "untrained", "shuffled"]]
        if not numbers.map(lambda value: 0 <= value <= 1).all(axis=None):
            raise FileRefused(TABLE, "holds a number that is not from 0 to 1")
        counts = {key: facts[key] for key in ("steps", "own_steps", "seed")}
        for key, value in counts.items():
            check_range(key, value, (0, 2**53))
        return Twins(films=films, **counts, default_settings=bool(facts.get("default_settings")))
    except (OSError, FractureError, ValueError, LookupError, TypeError, AttributeError):
        return None
