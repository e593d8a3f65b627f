"""Folds: whole patients and families, both labels in each, a function of films and seed; roles."""

from pathlib import Path

import pandas as pd
import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.cross_validation import folds
from fracture_core.datasets import catalog, exclusions, fold_list
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.datasets.family_list import FamilyList
from fracture_core.datasets.fold_list import FoldList
from fracture_core.errors import ConfigError, DataError
from fracture_core.jobs.worker import Worker
from fracture_core.runs import journal, run_folders
from fracture_core.training_films import preparation


def manifest(patients: int, films: int = 2, valid: int = 4) -> pd.DataFrame:
    """Patients with this many films each, every third positive; the last ones valid."""
    rows = [
        {
            "split": "valid" if patient >= patients - valid else "train",
            "part": "elbow",
            "patient": f"p{patient}",
            "study": "s1",
            "view": view,
            "label": int(patient % 3 == 0),
            "path": f"{patient}-{view}.png",
        }
        for patient in range(patients)
        for view in range(films)
    ]
    return pd.DataFrame(rows)


def with_folds(rows: pd.DataFrame, value: FoldList) -> pd.DataFrame:
    return rows.assign(fold=rows["path"].map(dict(value.folds))).dropna()


@pytest.mark.parametrize("count", [2, 5, 10])
@pytest.mark.parametrize("seed", [1, 2])
def test_each_patient_is_in_one_fold_and_each_fold_has_both_labels(count: int, seed: int) -> None:
    rows = manifest(64)
    own = with_folds(rows, folds.draw(rows, count, seed))
    assert set(own["path"]) == set(rows.loc[rows["split"] == "train", "path"])
    assert own.groupby("patient")["fold"].nunique().max() == 1
    by_fold = own.groupby("fold")
    assert (by_fold["label"].nunique() == 2).all() and len(by_fold) == count
    for column in (by_fold.size(), by_fold["label"].sum()):  # as even as two films a patient allow
        assert column.max() - column.min() <= 4


def test_the_folds_follow_seed_and_films_alone() -> None:
    rows = manifest(40)
    one = folds.draw(rows, 4, 7)
    assert one.hash == folds.draw(rows.sample(frac=1, random_state=0), 4, 7).hash
    assert one.hash != folds.draw(rows, 4, 8).hash
    assert one.hash == FoldList(folds=dict(reversed(list(one.folds.items())))).hash


def test_families_stay_together_and_copies_of_valid_films_are_in_no_fold() -> None:
    rows = manifest(40)
    families = FamilyList(
        families={"0-0.png": "a", "7-1.png": "a", "7-0.png": "b", "13-0.png": "b"}
        | {"20-0.png": "c", "39-0.png": "c"}  # the second is valid
    )
    for seed in range(5):
        value = folds.draw(rows, 4, seed, families=families)
        own = with_folds(rows, value)
        together = own[own["patient"].isin(["p0", "p7", "p13"])]
        assert together["fold"].nunique() == 1 and len(together) == 6
        assert "20-0.png" not in value.folds


def test_folds_hold_the_chosen_parts_only() -> None:
    rows = manifest(60)
    rows.loc[rows["patient"].isin([f"p{n}" for n in range(30)]), "part"] = "wrist"
    value = folds.draw(rows, 3, 1, ("wrist",))
    assert set(value.folds) == set(rows.loc[rows["part"] == "wrist", "path"])


@pytest.mark.parametrize("count", [1, 11, 8])
def test_more_folds_than_patients_of_a_label_are_refused(count: int) -> None:
    message = "Number of folds must be from 2 to 10" if count != 8 else "8 folds need 8 patients"
    with pytest.raises(ConfigError, match=message):
        folds.draw(manifest(24), count, 1)


def test_a_list_comes_back_as_it_was_written(tmp_path: Path) -> None:
    value = FoldList(folds={'=a, "b".png': 2, "c\nd.png": 1})
    fold_list.write(tmp_path / "folds.csv", value)
    again = fold_list.read(tmp_path / "folds.csv")
    assert again == value and again.hash == value.hash and again.count == 2


@pytest.mark.parametrize("text", ["path\nx.png\n", "path,fold\nx.png,0\n", "path,fold\nx.png,a\n"])
def test_a_list_without_folds_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "folds.csv").write_text(text)
    with pytest.raises(DataError, match="columns `path` and `fold`"):
        fold_list.read(tmp_path / "folds.csv")


def test_a_fold_is_valid_dev_is_of_the_others_and_the_own_valid_split_is_left_out() -> None:
    rows = manifest(60)
    value = folds.draw(rows, 3, 1)
    held_out = []
    for fold in (1, 2, 3):
        roles = fold_list.assign_roles(rows, value, fold, 0.2, 1)
        by_role = {role: set(rows.loc[roles == role, "patient"]) for role in roles.unique()}
        own = {path for path, number in value.folds.items() if number == fold}
        assert set(rows.loc[roles == "valid", "path"]) == own
        assert not by_role["valid"] & (by_role["train"] | by_role["dev"])
        assert by_role["dev"] and not by_role["dev"] & by_role["train"]
        assert by_role[fold_list.LEFT_OUT] == set(rows.loc[rows["split"] == "valid", "patient"])
        held_out += sorted(own)
    assert sorted(held_out) == sorted(value.folds)


def test_films_that_came_later_are_left_out() -> None:
    rows = manifest(40)
    value = folds.draw(rows, 2, 1)
    patient = rows["patient"].iloc[0]
    later = rows.iloc[[0]].assign(path="later.png")  # of a patient that a fold holds out
    roles = fold_list.assign_roles(pd.concat([rows, later], ignore_index=True), value, 1, 0.0, 1)
    assert roles.iloc[-1] == fold_list.LEFT_OUT and patient == "p0"


def test_an_excluded_film_of_the_held_out_fold_is_excluded_too(
    folders: Path, phantom_root: Path
) -> None:
    rows = catalog.read(phantom_root).manifest
    value = folds.draw(rows, 2, 1)
    fold_list.write(folders / "folds.csv", value)
    held_out = next(path for path, fold in value.folds.items() if fold == 2)
    exclusions.write(folders / "out.csv", Exclusions(reasons={held_out: "bad"}))
    config = TrainConfig(
        data=str(phantom_root),
        architecture="three_conv",
        fold=2,
        fold_list=str(folders / "folds.csv"),
        exclude=str(folders / "out.csv"),
    )
    folder = run_folders.create(config, "one")
    films, _ = preparation.prepare(folder, Worker(folder))
    assert held_out not in set(films["path"])
    data = run_folders.read(folder).data
    assert data.folds == {"fold": 2, "folds": 2, "hash": value.hash}
    assert data.excluded["films"] == 1 and "Fold 2 of 2 of a cross-validation" in data.split_words
    assert set(journal.films(folder)["role"]) == {"train", "dev", "valid"}
    assert set(films.loc[films["role"] == "valid", "split"]) == {"train"}


def test_a_fold_without_its_list_is_refused() -> None:
    with pytest.raises(ConfigError, match="Give both, --fold and --fold-list"):
        fold_list.of_config(TrainConfig(data="x", fold=1))
