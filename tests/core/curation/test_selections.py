"""Saved selections: the record, its file, a damaged one, and its films."""

import csv
import io
import json

import pytest

from fracture_core.curation import selections
from fracture_core.curation.selections import Selection
from fracture_core.datasets import catalog, exclusions
from fracture_core.errors import ConfigError, DataError
from fracture_core.files import TEMPORARY


@pytest.fixture
def folder(folders):
    return selections.folder_of("abc")


def make(name: str = "odd hands", **more: object) -> Selection:
    return Selection(**{"name": name, "keys": ("train/hand/p1/study1",), "data": "abc", **more})


def test_a_selection_comes_back_with_its_time_under_any_name(folder, folders) -> None:
    for name in ("odd hands", "a/../b", "übér, 'x'", "=1+1", "CON", "." * 80):
        stored = selections.save(folder, make(name, tags=("cast", "wire"), note="a\nb", by="AB"))
        assert stored.created and selections.read(folder, name) == stored
    assert len(selections.names(folder)) == 6
    assert folder.is_relative_to(folders / "runs") and not list(folder.glob(TEMPORARY))


def test_saving_again_replaces_and_removing_leaves_the_others(folder) -> None:
    selections.save(folder, make())
    selections.save(folder, make(keys=("a/b/c/d", "a/b/c/e")))
    selections.save(folder, make("another"))
    assert [len(each.keys) for each in selections.every(folder)] == [1, 2]
    selections.remove(folder, "odd hands")
    assert selections.names(folder) == ("another",)
    with pytest.raises(DataError, match=r"no selection 'odd hands'. Saved ones: another"):
        selections.remove(folder, "odd hands")


def test_the_hash_follows_studies_and_data_alone() -> None:
    one = make(keys=("a", "b"))
    assert one.hash == make("other", keys=("b", "a"), note="x", by="me").hash
    assert one.hash != make(keys=("a",)).hash
    assert one.hash != make(keys=("a", "b"), data="abd").hash


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": " a"},
        {"name": "*"},
        {"name": "a\nb"},
        {"name": "x" * 81},
        {"keys": ()},
        {"note": "x" * 2001},
        {"tags": ("x" * 41,)},
        {"tags": tuple(map(str, range(21)))},
    ],
)
def test_what_no_selection_can_be_is_refused_in_a_sentence(change) -> None:
    with pytest.raises(ConfigError, match=r"^A selection.*\.$"):
        make(**change)


def test_a_damaged_file_costs_itself_only(folder) -> None:
    selections.save(folder, make("whole"))
    selections.save(folder, make("changed"))
    (changed,) = (p for p in folder.glob("*.json") if '"changed"' in p.read_text())
    changed.write_text(changed.read_text().replace("hand", "foot"))
    for number, text in enumerate(["", "[]", "{}", '{"keys": 1}', "\0", "{" * 10_000]):
        (folder / f"{number}.json").write_text(text)
    assert selections.names(folder) == ("whole",)
    assert len(selections.damaged(folder)) == 7
    with pytest.raises(DataError, match=r"is damaged .* Save it again, or remove it"):
        selections.read(folder, "changed")
    selections.save(folder, make("changed"))  # the damaged one is set aside, not lost
    assert selections.names(folder) == ("changed", "whole")
    assert any("foot" in p.read_text() for p in folder.iterdir() if p.name.startswith(changed.stem))


def test_a_file_under_another_name_is_no_selection(folder) -> None:
    selections.save(folder, make())
    (path,) = folder.glob("*.json")
    path.rename(folder / "copy.json")
    assert selections.names(folder) == ()


def test_the_export_is_a_list_of_exclusions_too(folders, phantom_root, tmp_path) -> None:
    data = catalog.read(phantom_root)
    keys = tuple(catalog.studies(data.manifest)["key"][:3])
    value = make("=1+1", keys=keys, data=data.hash, tags=("@a",))
    text = selections.as_csv(data.manifest, value)
    rows = list(csv.DictReader(io.StringIO(text)))
    films = data.manifest[selections.films_of(data.manifest, keys)]
    assert [row["path"] for row in rows] == films["path"].tolist()
    assert {row["study"] for row in rows} == set(keys)
    assert {row["selection"] for row in rows} == {"'=1+1"}
    (tmp_path / "list.csv").write_text(text)
    assert set(exclusions.read(tmp_path / "list.csv").reasons) == set(films["path"])


def test_the_file_holds_what_the_contract_names(folder) -> None:
    selections.save(folder, make(by="AB"))
    (path,) = folder.glob("*.json")
    record = json.loads(path.read_text())
    assert record.keys() == {
        *("name", "keys", "data", "note", "tags", "by", "created"),
        "content_sha256",
    }
