"""Training patients of a run, of releases with and without a record, and of an ensemble."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fracture_core.datasets import catalog
from fracture_core.folders import models_folder
from fracture_core.models import released_models, stored_models
from fracture_core.models.model import Model
from fracture_core.phantom import phantom_set
from fracture_core.prediction import training_patients
from fracture_core.prediction.training_patients import TrainingOverlap
from fracture_core.releases import ensemble, release
from fracture_core.runs import journal


@pytest.fixture
def dataset(phantom_root: Path) -> catalog.Dataset:
    return catalog.read(phantom_root)


@pytest.fixture
def patients(run_copy: Path) -> set[str]:
    """The patients of the run's training films."""
    films = journal.films(run_copy)
    return set(films[films["role"] == "train"]["patient"])


@pytest.fixture
def released(run_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setattr(release, "_gate", lambda model: None)
    release.release(run_copy.name, "mine")
    return stored_models.find("mine")


def trained(overlaps: dict[str, TrainingOverlap]) -> set[str]:
    return {name for name, overlap in overlaps.items() if overlap is TrainingOverlap.TRAINED}


def test_a_run_knows_its_training_patients_and_no_dev_or_valid_one(
    run_copy: Path, dataset: catalog.Dataset, patients: set[str]
) -> None:
    overlaps = training_patients.among(stored_models.find("finished"), dataset)
    assert trained(overlaps) == set(overlaps) == patients
    films = journal.films(run_copy)
    others = films[films["role"] != "train"]["patient"]
    assert len(others) and not set(others) & patients


def test_a_release_knows_them_when_its_run_is_gone_and_names_none_of_them(
    released: Model, run_copy: Path, dataset: catalog.Dataset, patients: set[str]
) -> None:
    shutil.rmtree(run_copy)
    text = (released.weights.parent / "card.json").read_text()
    assert not any(name in text for name in patients)
    assert len(json.loads(text)["training"]["patients"][dataset.hash]) == 8 * len(patients)
    assert trained(training_patients.among(released, dataset)) == patients


def test_a_release_of_before_is_told_by_the_split_of_its_own_data(
    released: Model, dataset: catalog.Dataset, patients: set[str]
) -> None:
    training = {k: v for k, v in released.card.training.items() if k != "patients"}
    old = replace(released, card=replace(released.card, training=training))
    assert trained(training_patients.among(old, dataset)) == patients
    some = replace(old, card=replace(old.card, training=training | {"excluded": {"films": 1}}))
    assert set(training_patients.among(some, dataset).values()) == {TrainingOverlap.POSSIBLE}


def test_in_other_data_a_known_name_may_be_the_patient_and_without_a_record_anybody_may(
    released: Model, dataset: catalog.Dataset, patients: set[str], tmp_path: Path
) -> None:
    real = {"synthetic": False, "hash": "other", "phantom": None}
    facts = released.card.training
    own = replace(released, card=replace(released.card, training=facts | {"synthetic": False}))
    other = replace(dataset, synthetic=False, hash="other")
    overlaps = training_patients.among(own, other)
    assert set(overlaps) == patients and not trained(overlaps)
    bare = {k: v for k, v in facts.items() if k != "patients"} | real | {"hash": "third"}
    old = replace(own, card=replace(own.card, training=bare))
    assert set(training_patients.among(old, other)) == set(dataset.manifest["patient"])
    assert training_patients.of_patient(old, other, "patient00001").mark


def test_drawn_and_real_patients_and_those_of_another_seed_are_others(
    released: Model, dataset: catalog.Dataset, tmp_path: Path
) -> None:
    assert training_patients.among(released, replace(dataset, synthetic=False, hash="x")) == {}
    phantom_set.make(tmp_path / "seed1", studies=3, seed=1)
    assert training_patients.among(released, catalog.read(tmp_path / "seed1")) == {}
    phantom_set.make(tmp_path / "seed0", studies=3, seed=5)  # the first of the very same patients
    overlaps = training_patients.among(released, catalog.read(tmp_path / "seed0"))
    assert trained(overlaps) == set(overlaps) != set()


def test_an_ensemble_has_learned_from_the_patients_of_each_member(
    run_copy: Path, dataset: catalog.Dataset, patients: set[str]
) -> None:
    records = [
        training_patients.record(stored_models.find(name)) for name in ("finished@1", "finished@3")
    ]
    assert training_patients.merged(records) == records[0]
    less = {dataset.hash: records[0][dataset.hash][8:]}
    assert training_patients.merged([less, records[0]]) == records[0]
    assert training_patients.merged([{}, records[0]]) == {}
    ensemble.make(["finished@1", "finished@3"], "both")
    assert trained(training_patients.among(stored_models.find("both"), dataset)) == patients


def test_the_shipped_model_knows_the_patients_of_its_own_films(tmp_path: Path) -> None:
    starter = released_models.read(models_folder() / "starter-five-conv")
    phantom_set.make(tmp_path / "other", studies=3, seed=5)
    assert training_patients.among(starter, catalog.read(tmp_path / "other")) == {}
    phantom_set.make(tmp_path / "first", studies=12, seed=0)  # the first patients of its own films
    overlaps = training_patients.among(starter, catalog.read(tmp_path / "first"))
    assert trained(overlaps) == set(overlaps) != set()
    assert not set(overlaps) & set(starter.dev_films["patient"])
