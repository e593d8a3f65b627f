"""Floors of the evaluated model, computed once for all sessions until a source changes."""

from pathlib import Path

import pandas as pd
import streamlit as st

from fracture_core import files
from fracture_core.audit import audit_job
from fracture_core.datasets.catalog import Dataset
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.floors import evaluation_floors, floor_figures, floors_job
from fracture_core.floors.evaluation_floors import FloorSources
from fracture_core.floors.floor_figures import Floors
from ui.cache import data_cache, model_cache
from ui.lab import estimate_cache


def folder_of(reference: str) -> Path:
    """Return the folder of a model's twins."""
    return floors_job.folder_of(model_cache.model(reference))


def sources(reference: str) -> FloorSources:
    """Return all that is kept for the floors of a model."""
    return _sources(*_key(reference), data_cache.dataset())


def _key(reference: str) -> tuple[str, tuple[int, ...], str, tuple[int, ...]]:
    """Return what the sources of a model depend on."""
    data_hash = data_cache.dataset().hash
    stamps = (
        *files.stamp(folder_of(reference) / floors_job.RESULT),
        *files.stamp(audit_job.folder_of(data_hash) / audit_job.RESULT),
    )
    return reference, model_cache.stamp(reference), data_hash, stamps


@st.cache_resource(max_entries=8, show_spinner="Reading the training films' brightness…")
def _sources(
    reference: str,
    stamp: tuple[int, ...],
    data_hash: str,
    stamps: tuple[int, ...],
    _data: Dataset,
) -> FloorSources:
    return evaluation_floors.sources(model_cache.read_model(reference, stamp), _data)


def of_result(reference: str, level: str, result: Evaluation) -> Floors:
    """Return the floors of the evaluated films on a level, see `floor_figures.of_level`."""
    key = (*_key(reference), level, estimate_cache.key_of(result), result.threshold)
    return _of_films(*key, result.films, sources(reference).on(result.data.get("hash")))


@st.cache_data(max_entries=32, show_spinner="Comparing with the floors…")
def _of_films(
    reference: str,
    stamp: tuple[int, ...],
    data_hash: str,
    stamps: tuple[int, ...],
    level: str,
    films_key: tuple[str, ...],
    threshold: float,
    _films: pd.DataFrame,
    _kept: FloorSources,
) -> Floors:
    twins = _kept.twins.of(_films) if _kept.twins else {}
    return floor_figures.of_level(level, _films, threshold, _kept.training, _kept.brightness, twins)
