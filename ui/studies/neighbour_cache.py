"""Features of all films by the model in use, and their map; read once for all sessions."""

from pathlib import Path

import numpy as np
import streamlit as st

from fracture_core import files
from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FractureError
from fracture_core.neighbours import film_features, neighbours_job
from fracture_core.neighbours.neighbours_job import Neighbours
from fracture_core.verdicts import aggregation
from ui.cache import curation_cache, model_cache


def folder(data: Dataset) -> Path | None:
    """Return the folder of the model in use on these films; `None` without a whole model."""
    name = model_cache.model_in_use()
    try:
        if not model_cache.is_model(name):
            return None
        return _folder(name, model_cache.stamp(name), data.hash, str(data.root), data)
    except FractureError:  # the page where it is picked reports it
        return None


@st.cache_resource(max_entries=16, show_spinner=False)
def _folder(name: str, stamp: tuple[int, ...], data_hash: str, root: str, _data: Dataset) -> Path:
    return film_features.folder_of(model_cache.read_model(name, stamp), _data)


def neighbours(data: Dataset) -> Neighbours | None:
    """Return features and map by the model in use; `None` if they are not, or not wholly, made."""
    place = folder(data)
    if place is None or not place.is_dir():
        return None
    stamps = tuple((path.name, *files.stamp(path)) for path in sorted(place.glob("*.np[yz]")))
    return _neighbours(place, stamps, data)


@st.cache_resource(max_entries=2, show_spinner="Reading the map of films…")
def _neighbours(
    place: Path, stamps: tuple[tuple[object, ...], ...], _data: Dataset
) -> Neighbours | None:
    return neighbours_job.load(place, _data)


def right(data: Dataset, made: Neighbours) -> np.ndarray:
    """Return whether the model in use is right, by corrected labels, on each film's study."""
    model = model_cache.model(model_cache.model_in_use())
    value = curation_cache.corrected(data.hash)
    return _right(str(folder(data)), model.card.threshold, value.hash, value, data, made)


@st.cache_resource(max_entries=4, show_spinner=False)
def _right(
    place: str,
    threshold: float,
    corrections_hash: str,
    _corrected: Corrections,
    _data: Dataset,
    _made: Neighbours,
) -> np.ndarray:
    readable, scores = _made.features.readable, _made.features.probabilities
    films = corrections.relabel(_data.manifest, _corrected)
    table = aggregation.verdicts(films, np.where(readable, scores, np.nan), threshold)
    sizes = _data.manifest.groupby(list(catalog.STUDY), sort=False, observed=True).size()
    return np.repeat(table["right"].fillna(False).to_numpy(bool), sizes.to_numpy())
