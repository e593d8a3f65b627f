"""Studies of the data set with what the model in use predicts of them."""

from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd
import streamlit as st

from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FractureError
from fracture_core.models import cards, training_patients
from fracture_core.models.training_patients import TrainingOverlap
from fracture_core.verdicts.aggregation import sentence, verdicts
from ui.cache import data_cache, film_cache, model_cache
from ui.shell import tab_data, turns
from ui.studies import facets


def rescan() -> Dataset:
    """The data set in use, read anew from top to bottom, and every picture of it dropped.

    Raises:
        DataError: it cannot be read; what was kept of it is kept.
    """
    choice = tab_data.choice()
    with turns.pause():
        fresh = catalog.read(choice.root, choice.positive, rescan=True)
    film_cache.card_futures().clear()
    for kept in (data_cache.read_dataset, _studies, film_cache.film, film_cache.network_pictures):
        kept.clear()
    return fresh


def studies() -> pd.DataFrame:
    """The studies of the data set in use: `catalog.studies`, and `first`, the manifest's row of
    the study's first film (the others follow it), and a column for each of `facets.FACETS`."""
    data = data_cache.dataset()
    table, found = _studies(data.hash, data.manifest), study_predictions()
    results = found.results if found else {}
    return table.assign(**{facets.RESULT: facets.results_of(table, results)})


@st.cache_resource(max_entries=4, show_spinner=False)
def _studies(digest: str, _manifest: pd.DataFrame) -> pd.DataFrame:
    table = catalog.studies(_manifest)
    return facets.with_facets(table.assign(first=table["views"].cumsum() - table["views"]))


@dataclass(frozen=True, kw_only=True)
class Example:
    """A study with its verdict: a sentence, and the paths of its films in the data set."""

    sentence: str
    paths: tuple[str, ...]


def example() -> Example | None:
    """A dev study that the model in use rightly called a fracture; `None` if it has none here."""
    name = model_cache.model_in_use()
    try:
        return (
            _example(name, model_cache.stamp(name), data_cache.dataset().hash)
            if model_cache.is_model(name)
            else None
        )
    except FractureError:  # the model is not whole: others say so
        return None


@st.cache_data(max_entries=8, show_spinner=False)
def _example(name: str, stamp: tuple[int, ...], data_hash: str) -> Example | None:
    found = model_cache.read_model(name, stamp)
    if found.card.training.get("hash") != data_hash or found.judged.empty:
        return None
    threshold = found.card.threshold
    table = verdicts(found.judged, found.judged["probability"], threshold)
    table = table[table["right"] & table["verdict"]].sort_values("images", ascending=False)
    if table.empty:
        return None
    row = table.iloc[0]
    films = found.judged[catalog.study_key(found.judged) == row["key"]]
    names = [PurePosixPath(path).name for path in films["path"]]
    deciding = [n for n, p in zip(names, films["probability"], strict=True) if p > threshold]
    words = sentence(True, row["study"], row["patient"], deciding, len(names))
    return Example(sentence=words, paths=tuple(films["path"]))


@st.cache_resource(max_entries=2, show_spinner=False)
def study_of_film(digest: str, _manifest: pd.DataFrame) -> dict[str, str]:
    """Path of a film in the data set -> key of its study."""
    return dict(zip(_manifest["path"], catalog.study_key(_manifest), strict=True))


@dataclass(frozen=True, kw_only=True)
class StudyPredictions:
    """What the model in use has said of films of the data in use.

    Args:
        model: how it is called.
        probabilities: path of a film in the data set -> probability.
        threshold: a film is positive when its probability is greater.
        verdicts: key of a study -> whether it was called a fracture.
        results: key of a study -> whether that was right.
    """

    model: str
    probabilities: dict[str, float]
    threshold: float
    verdicts: dict[str, bool]
    results: dict[str, bool]


def study_predictions() -> StudyPredictions | None:
    """What the prediction table of the model in use covers; `None` where it is other data's."""
    name = model_cache.model_in_use()
    try:
        return (
            _study_predictions(name, model_cache.stamp(name), data_cache.dataset().hash)
            if model_cache.is_model(name)
            else None
        )
    except FractureError:  # the model is not whole, or its epoch is not kept: others say so
        return None


@st.cache_resource(max_entries=8, show_spinner=False)
def _study_predictions(
    name: str, stamp: tuple[int, ...], data_hash: str
) -> StudyPredictions | None:
    found = model_cache.read_model(name, stamp)
    if found.card.training.get("hash") != data_hash:
        return None
    films = cards.covered_films(found)
    table = verdicts(films, films["probability"], found.card.threshold)
    return StudyPredictions(
        model=name,
        probabilities=dict(zip(films["path"], films["probability"].astype(float), strict=True)),
        threshold=found.card.threshold,
        verdicts=dict(zip(table["key"], table["verdict"].astype(bool), strict=True)),
        results=dict(zip(table["key"], table["right"].astype(bool), strict=True)),
    )


def training_overlaps(reference: str) -> dict[str, TrainingOverlap]:
    """Which patients of the data in use a model was trained on, see `training_patients.among`."""
    data = data_cache.dataset()
    return _training_overlaps(reference, model_cache.stamp(reference), data.hash, data)


@st.cache_resource(max_entries=8, show_spinner=False)
def _training_overlaps(
    reference: str, stamp: tuple[int, ...], data_hash: str, _data: Dataset
) -> dict[str, TrainingOverlap]:
    return training_patients.among(model_cache.read_model(reference, stamp), _data)


def training_overlap(reference: str, patient: str | None) -> TrainingOverlap:
    """Whether a model was trained on this patient of the data in use; new where nobody is named."""
    known = training_overlaps(reference) if patient else {}
    return known.get(patient, TrainingOverlap.NEW)
