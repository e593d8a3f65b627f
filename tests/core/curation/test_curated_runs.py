"""Runs on a selection and with corrected labels: films, labels, facts, and a resume."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.curation import corrections, selections
from fracture_core.curation.corrections import Corrections
from fracture_core.curation.selections import Selection
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import ConfigError, DataError
from fracture_core.evaluations import evaluation, evaluation_job
from fracture_core.jobs import launcher
from fracture_core.jobs.worker import Worker
from fracture_core.prediction import training_patients
from fracture_core.runs import run_facts, run_folders, training_command
from fracture_core.training_films import preparation


@pytest.fixture
def data(folders, phantom_root) -> Dataset:
    return catalog.read(phantom_root)


def studies(data: Dataset) -> pd.DataFrame:
    return catalog.studies(data.manifest)


def save(data: Dataset, keys: list[str], name: str = "mine") -> Selection:
    value = Selection(name=name, keys=tuple(keys), data=data.hash)
    return selections.save(selections.folder_of(data.hash), value)


def correct(data: Dataset, rows: slice = slice(0, 1)) -> Corrections:
    labels = {row["key"]: 1 - row["label"] for row in studies(data)[rows].to_dict("records")}
    value = corrections.corrected(Corrections(), studies(data), labels, "AB", "cast")
    corrections.write(data.hash, value)
    return value


def prepared(data: Dataset, **settings: object) -> tuple[Path, pd.DataFrame]:
    folder = run_folders.create(TrainConfig(data=str(data.root), **settings))
    return folder, preparation.prepare(folder, Worker(folder))[0]


def test_training_and_dev_films_are_the_selections_own_and_valid_stays(data) -> None:
    table = studies(data)
    chosen = [
        *table[table["split"] == "train"]["key"][:8],
        *table[table["split"] != "train"]["key"][:1],
    ]
    value = save(data, chosen)
    folder, rows = prepared(data, selection="mine")
    own = rows[rows["role"] != "valid"]
    assert set(catalog.study_key(own)) == set(chosen[:8])
    assert (own["role"] == "dev").any() and (own["role"] == "train").any()
    assert not set(own[own["role"] == "dev"]["patient"]) & set(
        own[own["role"] == "train"]["patient"]
    )
    valid = data.manifest[data.manifest["split"] == "valid"]
    assert set(rows[rows["role"] == "valid"]["path"]) == set(valid["path"])
    facts = run_folders.read(folder).data
    assert facts.selection == {"name": "mine", "hash": value.hash, "studies": 9, "used": 8}
    assert f"Trained on the selection mine only (8 of its 9 studies; hash {value.hash})." in (
        facts.split_words
    )
    assert facts.is_partial  # a gate cannot be fitted by the card alone


def test_a_selection_without_training_studies_or_unknown_is_refused(data) -> None:
    valid = studies(data)
    save(data, valid[valid["split"] == "valid"]["key"].tolist())
    with pytest.raises(DataError, match=r"None of the .* is in the train split"):
        prepared(data, selection="mine")
    with pytest.raises(DataError, match=r"no selection 'other'. Saved ones: mine"):
        prepared(data, selection="other")


def test_a_run_has_the_corrected_labels_and_says_how_many(data) -> None:
    value = correct(data, slice(0, 2))
    folder, rows = prepared(data, corrections=True)
    labels = dict(zip(catalog.study_key(rows), rows["label"], strict=True))
    assert value.labels.items() <= labels.items()
    facts = run_folders.read(folder).data
    assert facts.corrections == {"labels": 2, "hash": value.hash} and facts.hash == data.hash
    assert f"2 labels corrected (list {value.hash})." in facts.split_words
    _, plain = prepared(data)
    assert plain["label"].tolist() == [*data.manifest.set_index("path")["label"].loc[plain["path"]]]


def test_a_resume_refuses_other_corrections_and_goes_on_with_the_same(data) -> None:
    value = correct(data)
    folder, rows = prepared(data, corrections=True)
    assert preparation.prepare(folder, Worker(folder))[0].equals(rows)
    for other in (correct(data, slice(0, 2)), Corrections()):
        corrections.write(data.hash, other)
        with pytest.raises(DataError, match="have changed since then"):
            preparation.prepare(folder, Worker(folder))
    corrections.write(data.hash, value)
    assert preparation.prepare(folder, Worker(folder))[0].equals(rows)


def test_corrections_that_were_never_made_are_refused(data) -> None:
    with pytest.raises(DataError, match="No label of these data was corrected"):
        prepared(data, corrections=True)


def test_the_command_of_a_run_names_both(data) -> None:
    config = TrainConfig(data="x", selection="odd hands", corrections=True)
    command = training_command.of_config(config)
    assert "--selection 'odd hands'" in command and "--corrections" in command


@pytest.mark.parametrize(
    "facts",
    [
        {"selection": {"name": "x" * 201, "hash": "a", "studies": 1}},
        {"selection": {"name": "x", "hash": "a", "studies": -1}},
        {"selection": {"name": "x", "hash": "a", "studies": 1, "used": "2"}},
        {"selection": {"name": 3, "hash": "a", "studies": 1}},
        {"selection": "x"},
        {"corrections": {"labels": 1e9, "hash": "a"}},
        {"corrections": {"labels": 1}},
        {"corrections": [1]},
    ],
)
def test_a_hostile_card_costs_itself_one_sentence(facts) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        run_facts.data(facts)


def test_patients_on_both_sides_are_said() -> None:
    overlaps = [training_patients.TrainingOverlap(word) for word in ("trained", "new", "possible")]
    both = training_patients.warnings(overlaps)
    assert len(both) == 2 and both[0].startswith(
        "1 of 3 studies are of patients that the model was"
    )
    assert training_patients.warnings(overlaps[1:2]) == []


def test_an_evaluation_of_a_selection_that_was_saved_anew_is_refused(
    data, run_copy, monkeypatch
) -> None:
    keys = studies(data)["key"].tolist()
    first = save(data, keys[:2])
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(launcher, "start_job", lambda folder, request, *_: asked.append(request))
    monkeypatch.setattr(launcher, "job_request", lambda *_: asked[0])
    folder = evaluation_job.start(run_copy.name, data, evaluation.SELECTION, first)
    save(data, keys[2:4])
    with pytest.raises(DataError, match="saved again with other studies"):
        evaluation_job.run_child(folder)
