"""Job that makes a model's features of all films, and their map, in a child process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.files import make_folder
from fracture_core.jobs import job_progress, launcher
from fracture_core.jobs.job_progress import JobProgress
from fracture_core.models import stored_models
from fracture_core.models.model import Model
from fracture_core.neighbours import film_features, film_map, nearest_films
from fracture_core.neighbours.film_features import FilmFeatures

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbours:
    """Features and map of a data set's films.

    Args:
        features: of all films.
        places: on the map, float32 (n, 2), 0 to 1; NaN for unreadable films.
    """

    features: FilmFeatures
    places: np.ndarray = field(repr=False)

    @cached_property
    def typical(self) -> float:
        """The typical distance between two films, see `nearest_films.typical_distance`."""
        return nearest_films.typical_distance(self.features)


def start(reference: str, dataset: Dataset) -> Path:
    """Start making features and map in a child process, unless one does; return the folder."""
    model = stored_models.find(reference)
    folder = film_features.folder_of(model, dataset)
    make_folder(folder / "requests")
    request = {"model": model.reference, **catalog.as_request(dataset)}
    launcher.start_job(folder, request, "neighbours", "Loading the network.", "neighbours.log")
    return folder


def run_child(folder: Path) -> None:
    """Make what `asked.json` names; runs in the child."""
    request = launcher.job_request(folder, "model", "data")
    dataset = catalog.of_request(request)
    steps = (
        JobProgress(folder, "Opening films"),
        JobProgress(folder, "Computing features"),
        JobProgress(folder, "Drawing the map, step"),
    )

    def should_stop() -> bool:
        return any(step.should_stop() for step in steps)

    with job_progress.final_status(folder, "What is finished is kept."):
        counts = [step.count for step in steps]
        make(stored_models.find(request["model"]), dataset, folder, counts, should_stop)


def make(
    model: Model,
    dataset: Dataset,
    folder: Path,
    progress: Sequence[Progress],
    should_stop: Callable[[], bool] = lambda: False,
) -> Neighbours:
    """Make features and map as far as they are missing. Loads TensorFlow if features are.

    Args:
        model: whose features.
        dataset: whose films.
        folder: see `film_features.folder_of`.
        progress: of three steps, opening films, features, and the map: called with (done, all).
        should_stop: called often.

    Raises:
        Stopped: `should_stop` returned true.
    """
    opening, computing, drawing = progress
    features = film_features.load(folder, dataset)
    if features is None:
        features = film_features.make(model, dataset, folder, opening, computing, should_stop)
    places = film_map.load(folder, len(features.values))
    if places is None:
        places = film_map.make(features, drawing, should_stop)
        film_map.save(folder, places)
    return Neighbours(features=features, places=places)


def load(folder: Path, dataset: Dataset) -> Neighbours | None:
    """Return features and map kept in a folder; `None` if some are missing or damaged."""
    features = film_features.load(folder, dataset)
    places = None if features is None else film_map.load(folder, len(features.values))
    if features is None or places is None:
        return None
    return Neighbours(features=features, places=places)
