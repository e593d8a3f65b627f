"""Corrected labels: their file, its checksum, and what reads them."""

import json

import pytest

from fracture_core.curation import corrections
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog
from fracture_core.errors import ConfigError, DataError


@pytest.fixture
def data(folders, phantom_root):
    return catalog.read(phantom_root)


def other_label(data, row: int = 0) -> dict[str, int]:
    study = catalog.studies(data.manifest).iloc[row]
    return {study["key"]: 1 - int(study["label"])}


def correct(data, labels, value=Corrections(), by="AB", why="a cast") -> Corrections:  # noqa: B008
    return corrections.corrected(value, catalog.studies(data.manifest), labels, by, why)


def test_a_correction_says_who_when_and_why_and_comes_back(data) -> None:
    value = correct(data, other_label(data))
    (each,) = value.items.values()
    assert (each.by, each.why, each.was) == ("AB", "a cast", 1 - each.label) and each.when
    corrections.write(data.hash, value)
    assert corrections.read(data.hash) == value
    corrections.write(data.hash, corrections.undone(value, value.items))
    assert corrections.read(data.hash) == Corrections()
    assert not corrections.file_of(data.hash).exists()


def test_the_data_are_not_written_and_keep_their_hash(data, phantom_root) -> None:
    before = {path: path.stat().st_mtime_ns for path in phantom_root.rglob("*")}
    labels = other_label(data)
    corrections.write(data.hash, value := correct(data, labels))
    applied = corrections.apply(catalog.read(phantom_root), value)
    assert applied.hash == data.hash
    assert applied.corrections == {"labels": 1, "hash": value.hash}
    studies = catalog.studies(applied.manifest)
    assert dict(zip(studies["key"], studies["label"], strict=True)) == {
        **dict(zip(*(catalog.studies(data.manifest)[c] for c in ("key", "label")), strict=True)),
        **labels,
    }
    assert applied.manifest["label"].dtype == data.manifest["label"].dtype
    assert catalog.read(phantom_root).manifest.equals(data.manifest)
    assert {path: path.stat().st_mtime_ns for path in phantom_root.rglob("*")} == before


def test_the_label_of_the_data_undoes_a_correction(data) -> None:
    value = correct(data, other_label(data))
    ((key, label),) = other_label(data).items()
    assert correct(data, {key: 1 - label}, value) == Corrections()


def test_the_hash_follows_the_labels_alone(data) -> None:
    one, two = other_label(data), other_label(data, 1)
    assert correct(data, one | two).hash == correct(data, two | one, by="CD", why="else").hash
    assert correct(data, one).hash != correct(data, one | two).hash


@pytest.mark.parametrize("change", [{"by": " "}, {"why": ""}, {"why": "x" * 501}])
def test_a_correction_without_person_or_reason_is_refused(data, change) -> None:
    with pytest.raises(ConfigError, match="Fill it in"):
        correct(data, other_label(data), **change)


@pytest.mark.parametrize("label", [2, -1, 0.5, "1", None])
def test_no_other_label_is_taken(data, label) -> None:
    (key,) = other_label(data)
    with pytest.raises(ConfigError, match="0 and 1"):
        correct(data, {key: label})


def test_a_study_that_is_not_there_is_refused(data) -> None:
    with pytest.raises(DataError, match="no study valid/hand/nobody/study1"):
        correct(data, {"valid/hand/nobody/study1": 1})


def test_a_changed_file_is_refused_and_set_aside_at_the_next_correction(data) -> None:
    corrections.write(data.hash, value := correct(data, other_label(data)))
    path = corrections.file_of(data.hash)
    whole = path.read_text()
    record = json.loads(whole)
    record["corrections"][0]["why"] = "something else"
    for text in (json.dumps(record), whole[: len(whole) // 2], "[]", "", "{" * 9999):
        path.write_text(text)
        with pytest.raises(DataError, match="are damaged"):
            corrections.read(data.hash)
    corrections.write(data.hash, value)
    assert corrections.read(data.hash) == value
    assert len(list(path.parent.iterdir())) == 2


def test_a_file_of_other_data_is_refused(data) -> None:
    corrections.write(data.hash, correct(data, other_label(data)))
    corrections.file_of(data.hash).rename(corrections.file_of("other"))
    with pytest.raises(DataError, match="are damaged"):
        corrections.read("other")


def test_no_text_of_the_export_is_a_formula(data) -> None:
    text = correct(data, other_label(data), by="=1+1", why="@x").to_csv()
    assert text.startswith("study,label,was,by,when,why\n") and "'=1+1" in text and "'@x" in text
