"""The nearest films: as by brute force, one of each study, with what they share."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import DataError
from fracture_core.neighbours import nearest_films
from fracture_core.neighbours.film_features import FilmFeatures


@pytest.fixture
def dataset(phantom_root: Path) -> Dataset:
    return catalog.read(phantom_root)


def features_of(dataset: Dataset, seed: int = 0) -> FilmFeatures:
    films = len(dataset.manifest)
    values = np.random.default_rng(seed).normal(size=(films, 7)).astype(np.float32)
    return FilmFeatures(values=values, probabilities=values[:, 0], readable=np.ones(films, bool))


def nearest(dataset: Dataset, features: FilmFeatures, row: int, **options):
    return nearest_films.nearest(dataset, features, row, 1.0, **options)


def test_distances_are_those_of_brute_force_in_blocks_of_any_size(monkeypatch) -> None:
    values = np.random.default_rng(1).normal(size=(103, 9)).astype(np.float32)
    expected = [np.linalg.norm(each.astype(float) - values[5].astype(float)) for each in values]
    for block in (1, 10, 103, 1_000):
        monkeypatch.setattr(nearest_films, "BLOCK", block)
        assert nearest_films.distances(values, values[5]) == pytest.approx(expected, abs=1e-6)


def test_the_nearest_film_of_every_other_study_is_listed_as_by_brute_force(
    dataset: Dataset,
) -> None:
    features, row = features_of(dataset), 4
    keys = catalog.study_key(dataset.manifest).to_numpy()
    away = np.linalg.norm(features.values - features.values[row], axis=1)
    best = {}
    for key, distance in zip(keys, away, strict=True):
        if key != keys[row]:
            best[key] = min(distance, best.get(key, np.inf))
    films = nearest(dataset, features, row, count=1_000)
    assert [film.study for film in films] == sorted(best, key=best.__getitem__)
    assert [film.distance for film in films] == pytest.approx(sorted(best.values()))
    assert all(keys[film.row] == film.study for film in films)
    assert films[:3] == nearest(dataset, features, row, count=3)


def test_a_film_of_the_same_patient_and_a_copy_are_named(dataset: Dataset) -> None:
    first, other = 0, len(dataset.manifest) - 1
    keys = catalog.study_key(dataset.manifest)
    patient = dataset.manifest["patient"].mask(
        keys == keys[other], dataset.manifest["patient"][first]
    )
    manifest = dataset.manifest.assign(patient=patient)
    dataset = replace(dataset, manifest=manifest)
    families = dict.fromkeys(manifest["path"][[first, other]], "a family")
    films = nearest(dataset, features_of(dataset), first, families=families, count=1_000)
    same = [film for film in films if film.same_patient]
    assert {film.study.split("/")[2] for film in same} == {patient[first]}
    assert all(film.words.endswith("same patient") for film in same)
    copy = next(film for film in films if film.is_copy)
    assert copy.study == catalog.study_key(manifest)[other]
    assert copy.words.endswith("a copy of this film, same patient")
    nameless = replace(dataset, patients=False)
    assert not any(film.same_patient for film in nearest(nameless, features_of(dataset), 0))


def test_an_unreadable_film_is_neither_asked_for_nor_listed(dataset: Dataset) -> None:
    features = features_of(dataset)
    features.readable[3] = False
    assert nearest(dataset, features, 3) == []
    listed = [film.row for film in nearest(dataset, features, 0, count=1_000)]
    assert listed and 3 not in listed


def test_a_distance_is_told_in_plain_words() -> None:
    shares = (0.0, 0.1, 0.3, 0.7, 1.2)
    assert [nearest_films.closeness(share) for share in shares] == [
        "nearly identical",
        "very similar",
        "similar",
        "somewhat similar",
        "not very similar",
    ]


def test_the_typical_distance_is_the_median_of_pairs(dataset: Dataset, monkeypatch) -> None:
    monkeypatch.setattr(nearest_films, "PAIRS", 20_000)
    values = features_of(dataset).values
    apart = np.linalg.norm(values[:, None] - values[None], axis=2)
    median = np.median(apart[np.triu_indices(len(values), 1)])
    assert nearest_films.typical_distance(features_of(dataset)) == pytest.approx(median, rel=0.03)


def test_a_film_that_is_not_there_is_refused_with_an_example(dataset: Dataset) -> None:
    first = dataset.manifest["path"].iloc[0]
    assert nearest_films.rows_of(dataset, [first, f"{dataset.root}/{first}"]) == [0, 0]
    with pytest.raises(DataError, match=f"no film 'nothing'.*such as {first}"):
        nearest_films.rows_of(dataset, ["nothing"])
