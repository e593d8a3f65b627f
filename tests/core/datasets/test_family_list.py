"""Families on one side of the split: the list, its hash, roles, and a run that keeps to them."""

from pathlib import Path

import pandas as pd
import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog, family_list
from fracture_core.datasets.family_list import FamilyList
from fracture_core.errors import DataError
from fracture_core.jobs.worker import Worker
from fracture_core.runs import journal, run_folders
from fracture_core.training_films import preparation


def manifest(films: int, valid: int) -> pd.DataFrame:
    """Films that name no patients: each is a patient of its own, the last ones valid."""
    return pd.DataFrame(
        {
            "path": [f"{number}.png" for number in range(films)],
            "patient": [f"p{number}" for number in range(films)],
            "split": ["train"] * (films - valid) + ["valid"] * valid,
        }
    )


def test_a_list_comes_back_as_it_was_written_and_an_empty_one_leaves_no_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lists" / "a.csv"
    value = FamilyList(families={'=a, "b".png': '=a, "b".png', "c\nd.png": '=a, "b".png'})
    family_list.write(path, value)
    again = family_list.read(path)
    assert again.families.keys() == value.families.keys() and again.hash == value.hash
    assert value.count == 1
    family_list.write(path, FamilyList())
    assert not path.exists()


def test_the_hash_follows_who_belongs_together() -> None:
    one = FamilyList(families={"a": "a", "b": "a", "c": "c", "d": "c"})
    assert one.hash == FamilyList(families={"d": "x", "c": "x", "b": "b", "a": "b"}).hash
    assert one.hash != FamilyList(families={"a": "a", "b": "c", "c": "c", "d": "a"}).hash


@pytest.mark.parametrize("text", ["path\nx.png\n", "path,family\nx.png,\n"])
def test_a_file_without_families_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DataError, match="columns `path` and `family`"):
        family_list.read(tmp_path / "list.csv")


def test_without_families_the_split_is_the_plain_one() -> None:
    rows = manifest(40, 8)
    for value in (None, FamilyList()):
        roles = family_list.assign_roles(rows, 0.2, 1, value)
        pd.testing.assert_series_equal(roles, catalog.assign_roles(rows, 0.2, 1))


@pytest.mark.parametrize("seed", range(5))
def test_no_family_straddles_a_split(seed: int) -> None:
    rows = manifest(60, 12)
    families = {f"{number}.png": f"{number // 3}" for number in range(60)}
    families |= {"0.png": "19", "1.png": "19"}  # of a valid film
    roles = family_list.assign_roles(rows, 0.2, seed, FamilyList(families=families))
    family = rows["path"].map(families)
    used = roles[roles != family_list.COPY]
    assert used.groupby(family).nunique().max() == 1
    assert set(roles[:2]) == {family_list.COPY}
    assert 0.1 <= (roles == "dev").sum() / 46 <= 0.3
    assert (roles[48:] == "valid").all()


def test_patients_who_share_a_family_are_drawn_together() -> None:
    rows = manifest(20, 0)
    rows["patient"] = [f"p{number // 2}" for number in range(20)]
    families = {f"{number}.png": "x" for number in (1, 2, 5, 6)}  # joins p0, p1, p2 and p3
    for seed in range(20):
        roles = family_list.assign_roles(rows, 0.3, seed, FamilyList(families=families))
        assert len(set(roles[:8])) == 1
        assert {"train", "dev"} <= set(roles)


def test_one_family_of_all_films_leaves_dev_empty() -> None:
    value = FamilyList(families={f"{number}.png": "x" for number in range(9)})
    assert set(family_list.assign_roles(manifest(9, 0), 0.2, 1, value)) == {"train"}


def test_a_run_keeps_families_on_one_side_and_their_hash(folders: Path, phantom_root: Path) -> None:
    films = catalog.read(phantom_root).manifest
    train, valid = (films[films["split"] == split]["path"].tolist() for split in ("train", "valid"))
    value = FamilyList(families=dict.fromkeys([train[0], valid[0]], "x"))
    family_list.write(folders / "list.csv", value)
    config = TrainConfig(data=str(phantom_root), families=str(folders / "list.csv"))
    folder = run_folders.create(config)
    rows, _ = preparation.prepare(folder, Worker(folder))
    assert train[0] not in set(rows["path"]) and valid[0] in set(rows["path"])
    assert train[0] not in set(journal.films(folder)["path"])
    facts = run_folders.read(folder).facts["data"]
    assert facts["families"] == {"families": 1, "films": 1, "hash": value.hash}
