"""Floors of an evaluation, from what is kept: training films, brightness, twins. No TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from fracture_core.audit import audit_job
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FractureError
from fracture_core.films import measures, pixel_cache
from fracture_core.floors import floor_figures, floors_job
from fracture_core.floors.floor_figures import Floors
from fracture_core.floors.floors_job import Sources, Twins
from fracture_core.folders import cache_folder
from fracture_core.models.model import Model

OTHER_DATA = (
    "These films are not of the model's training data, so twins and brightness are not compared."
)


@dataclass(frozen=True, kw_only=True)
class FloorSources:
    """Sources of a model's floors.

    Args:
        data: hash of the training data.
        training: manifest rows of its training films; `None` where these are not known.
        brightness: mean brightness by path of a film; `None` where it was not measured.
        twins: `None` where they were not made.
        missing: reasons why floors are missing, sentences.
    """

    data: str | None = None
    training: pd.DataFrame | None = field(default=None, repr=False)
    brightness: Mapping[str, float] | None = field(default=None, repr=False)
    twins: Twins | None = None
    missing: tuple[str, ...] = ()

    def on(self, data_hash: str | None) -> "FloorSources":
        """Return what holds for films of these data: paths of other data name other films."""
        if data_hash == self.data:
            return self
        return replace(self, brightness=None, twins=None, missing=(OTHER_DATA,))


def sources(model: Model, dataset: Dataset | None) -> FloorSources:
    """Return all that is kept for the floors of a model.

    Args:
        model: of a run, or released.
        dataset: the data set in use, where there is one.
    """
    twins = floors_job.load(floors_job.folder_of(model))
    try:
        own = floors_job.sources(model, dataset)
    except FractureError as error:
        return FloorSources(data=model.card.data.hash, twins=twins, missing=(str(error),))
    brightness = twins.brightness if twins else _brightness(model, own, dataset)
    missing = [] if twins else ["The twins were not made yet."]
    if brightness is None:
        missing.append("Brightness was not measured: audit the data, or make the twins.")
    return FloorSources(
        data=model.card.data.hash,
        training=own.films[own.films["role"] == "train"],
        brightness=brightness,
        twins=twins,
        missing=tuple(missing),
    )


def _brightness(model: Model, own: Sources, dataset: Dataset | None) -> Mapping[str, float] | None:
    """Return the mean brightness by path, from kept pixels or the last audit; `None` without."""
    paths = own.films["path"].tolist()
    cache = pixel_cache.kept(own.root, paths, own.config.recipe, cache_folder() / "pixels")
    if cache is not None and not cache.refused:
        means = cache.pixels.mean(axis=(1, 2), dtype=np.float64) / 255
        return dict(zip(paths, means.tolist(), strict=True))
    if dataset is None or dataset.hash != model.card.data.hash:
        return None
    folder = audit_job.folder_of(dataset.hash) / "facts"
    return measures.kept_means(dataset.root, dataset.manifest["path"].tolist(), folder)


def of_films(films: pd.DataFrame, threshold: float, kept: FloorSources) -> dict[str, Floors]:
    """Return the floors of "studies" and "images".

    Args:
        films: the evaluated films: manifest columns and `probability`; at least one row.
        threshold: the model's.
        kept: of the model.
    """
    twins = kept.twins.of(films) if kept.twins else {}
    return floor_figures.with_floors(films, threshold, kept.training, kept.brightness, twins)
