"""Features and map of a data set as the job leaves them, made without a network."""

from pathlib import Path

import numpy as np

from fracture_core.datasets.catalog import Dataset
from fracture_core.films import images
from fracture_core.models.model import Model
from fracture_core.neighbours import film_features, film_map

WIDTH = 5


def write(model: Model, dataset: Dataset) -> Path:
    """Keep features in which each film lies near the next one of the manifest; return the folder.

    The map is a row from left to right, in the manifest's order.
    """
    folder = film_features.folder_of(model, dataset)
    folder.mkdir(parents=True)
    paths = dataset.manifest["path"].tolist()
    along = np.linspace(0, 1, len(paths), dtype=np.float32)
    values = np.random.default_rng(0).normal(size=(len(paths), WIDTH)).astype(np.float32) / 1e3
    values[:, 0] += along
    readable = np.ones(len(paths), bool)
    stamp = images.stamp(dataset.root, paths)
    film_features._save(folder, 0, along, values, readable, stamp)
    film_map.save(folder, np.column_stack([along, np.full_like(along, 0.5)]))
    return folder
