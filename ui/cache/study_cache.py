"""Studies of the data set with what the model in use predicts of them."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.difficult_studies import error_lists
from fracture_core.errors import FractureError
from fracture_core.models import prediction_table
from fracture_core.prediction import training_patients
from fracture_core.prediction.training_patients import TrainingOverlap
from fracture_core.verdicts import verdict_words
from fracture_core.verdicts.aggregation import is_positive, verdicts
from ui.cache import curation_cache, data_cache, film_cache, model_cache
from ui.cache.shared_cache import Value
from ui.shell import tab_data, turns
from ui.studies import facets


def rescan() -> Dataset:
    """Read the whole data set in use again, and drop every picture of it.

    Raises:
        DataError: it cannot be read; the caches stay.
    """
    choice = tab_data.choice()
    with turns.pause():
        fresh = catalog.read(choice.root, choice.positive, rescan=True, table=choice.table)
    film_cache.card_futures().clear()
    for cache in (data_cache.read_dataset, _studies, film_cache.film, film_cache.network_pictures):
        cache.clear()
    return fresh


def studies() -> pd.DataFrame:
    """Return the studies of the data set in use.

    Returns:
        `catalog.studies` with `first`, the manifest's row of the study's first film (the others
        follow it), `names_patient`, whether the data name patients, `corrected`, whether its label
        was corrected, a column for each of `facets.FACETS`, and `facets.CERTAINTY`. Labels are the
        corrected ones.
    """
    data = data_cache.dataset()
    value = curation_cache.corrected(data.hash)
    table, predictions = _studies(data.hash, value.hash, data.manifest, value), study_predictions()
    results = predictions.results if predictions else {}
    certainties = predictions.errors if predictions else {}
    result = {facets.RESULT: facets.results_of(table, results)}
    certainty = {facets.CERTAINTY: table["key"].map(certainties).astype(float)}
    return table.assign(names_patient=data.patients, **result, **certainty)


@st.cache_resource(max_entries=4, show_spinner=False)
def _studies(
    digest: str, corrections_hash: str, _manifest: pd.DataFrame, _corrected: Corrections
) -> pd.DataFrame:
    table = corrections.relabel(catalog.studies(_manifest), _corrected)
    table = table.assign(corrected=table["key"].isin(list(_corrected.items)))
    return facets.with_facets(table.assign(first=table["views"].cumsum() - table["views"]))


def _of_model_in_use(read: Callable[[str, tuple[int, ...], str], Value | None]) -> Value | None:
    """Call `read` with the model in use, its stamp, and the hash of the data in use.

    Return `None` without a model, or if it is incomplete: the page where it is picked reports it.
    """
    name = model_cache.model_in_use()
    try:
        if not model_cache.is_model(name):
            return None
        return read(name, model_cache.stamp(name), data_cache.dataset().hash)
    except FractureError:
        return None


@dataclass(frozen=True, kw_only=True)
class Example:
    """A study with its verdict, which is a fracture.

    Args:
        study: its name and its patient's, in words.
        sentence: what the model finds.
        paths: of its films in the data set.
    """

    study: str
    sentence: str
    paths: tuple[str, ...]


def example() -> Example | None:
    """Return a dev study that the model in use correctly called a fracture; `None` without one."""
    return _of_model_in_use(_example)


@st.cache_data(max_entries=8, show_spinner=False)
def _example(name: str, stamp: tuple[int, ...], data_hash: str) -> Example | None:
    model = model_cache.read_model(name, stamp)
    if model.card.data.hash != data_hash or model.dev_films.empty:
        return None
    threshold = model.card.threshold
    table = verdicts(model.dev_films, model.dev_films["probability"].to_numpy(), threshold)
    table = table[table["right"] & table["verdict"]].sort_values("images", ascending=False)
    if table.empty:
        return None
    row = table.iloc[0]
    films = model.dev_films[catalog.study_key(model.dev_films) == row["key"]]
    positive = int(is_positive(films["probability"].to_numpy(), threshold).sum())
    return Example(
        study=f"{row['study']} of {row['patient']}",
        sentence=verdict_words.brief(True, positive, len(films)),
        paths=tuple(films["path"]),
    )


@st.cache_resource(max_entries=2, show_spinner=False)
def study_of_film(digest: str, _manifest: pd.DataFrame) -> dict[str, str]:
    """Return a dict from the path of a film in the data set to the key of its study."""
    return dict(zip(_manifest["path"], catalog.study_key(_manifest), strict=True))


@dataclass(frozen=True, kw_only=True)
class StudyPredictions:
    """Predictions of the model in use on studies of the data in use.

    Args:
        model: its reference.
        probabilities: path of a film in the data set -> probability.
        threshold: a film is positive when its probability is greater.
        verdicts: key of a study -> whether the verdict is fracture.
        results: key of a study -> whether the verdict is correct.
        errors: key of a wrong study -> certainty of its verdict, see `error_lists.certainty`.
    """

    model: str
    probabilities: dict[str, float]
    threshold: float
    verdicts: dict[str, bool]
    results: dict[str, bool]
    errors: dict[str, float]


def study_predictions() -> StudyPredictions | None:
    """Return the predictions of the model in use; `None` if they are of other data."""

    def read(name: str, stamp: tuple[int, ...], data_hash: str) -> StudyPredictions | None:
        value = curation_cache.corrected(data_hash)
        return _study_predictions(name, stamp, data_hash, value.hash, value)

    return _of_model_in_use(read)


@st.cache_resource(max_entries=8, show_spinner=False)
def _study_predictions(
    name: str,
    stamp: tuple[int, ...],
    data_hash: str,
    corrections_hash: str,
    _corrected: Corrections,
) -> StudyPredictions | None:
    model = model_cache.read_model(name, stamp)
    if model.card.data.hash != data_hash:
        return None
    films = corrections.relabel(prediction_table.of_model(model), _corrected)
    table = verdicts(films, films["probability"].to_numpy(), model.card.threshold)
    wrong = table[~table["right"].astype(bool)]
    certainty = error_lists.certainty(wrong["score"].to_numpy(), model.card.threshold)
    return StudyPredictions(
        model=name,
        probabilities=dict(zip(films["path"], films["probability"].astype(float), strict=True)),
        threshold=model.card.threshold,
        verdicts=dict(zip(table["key"], table["verdict"].astype(bool), strict=True)),
        results=dict(zip(table["key"], table["right"].astype(bool), strict=True)),
        errors=dict(zip(wrong["key"], certainty.tolist(), strict=True)),
    )


def training_overlaps(reference: str) -> dict[str, TrainingOverlap]:
    """Return a model's training overlap by patient of the data in use, see `training_patients`."""
    data = data_cache.dataset()
    return _training_overlaps(reference, model_cache.stamp(reference), data.hash, data)


@st.cache_resource(max_entries=8, show_spinner=False)
def _training_overlaps(
    reference: str, stamp: tuple[int, ...], data_hash: str, _data: Dataset
) -> dict[str, TrainingOverlap]:
    return training_patients.among(model_cache.read_model(reference, stamp), _data)


def training_overlap(reference: str, patient: str | None) -> TrainingOverlap:
    """Return whether a model was trained on this patient of the data in use; NEW without a name."""
    if not patient:
        return TrainingOverlap.NEW
    return training_overlaps(reference).get(patient, TrainingOverlap.NEW)
