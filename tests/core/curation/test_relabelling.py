"""Tables of labels: rows matched to studies, counts, and a sentence for each kind of bad row."""

from pathlib import Path

import pandas as pd
import pytest

from fracture_core.curation import corrections, relabelling
from fracture_core.curation.corrections import Corrections
from fracture_core.datasets import catalog, manifest_file
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import DataError

NONE = Corrections()
STUDY = "valid/wrist/patient00003/study1"


def dataset(rows: list[tuple], **more: object) -> Dataset:
    manifest = pd.DataFrame(rows, columns=list(manifest_file.COLUMNS))
    facts = {"root": Path("/x"), "kind": "mura", "skipped": (), "hash": "abc", "complete": True}
    return Dataset(**{**facts, "synthetic": False, "positive": None, **more}, manifest=manifest)


@pytest.fixture
def mura() -> Dataset:
    """Patients 1 to 3 with two studies of two films; those of odd patients are positive."""
    rows = []
    for patient, split in ((1, "train"), (2, "train"), (3, "valid")):
        for study in ("study1", "study2"):
            word = "positive" if patient % 2 else "negative"
            folder = f"{split}/XR_WRIST/patient{patient:05d}/{study}_{word}"
            name = f"patient{patient:05d}"
            for view in (0, 1):
                path = f"{folder}/image{view + 1}.png"
                rows.append((split, "wrist", name, study, view, patient % 2, path))
    return dataset(rows)


def read(tmp_path: Path, data: Dataset, text: str, value: Corrections = NONE, **named: str):
    (tmp_path / "table.csv").write_text(text)
    return relabelling.of_file(tmp_path / "table.csv", data, value, named)


@pytest.mark.parametrize(
    "name",
    [
        "MURA-v1.1/valid/XR_WRIST/patient00003/study1_positive/",
        "valid\\XR_WRIST\\patient00003\\study1_positive",
        "/home/me/MURA-v1.1/valid/XR_WRIST/patient00003/study1_negative/image2.png",
        "./valid/XR_WRIST/patient00003/study1",
        "XR_WRIST/patient00003/study1_positive",
        "patient00003/study1",
        STUDY,
    ],
)
@pytest.mark.parametrize("label", ["0", "0.0", "negative", "Normal", "no fracture", "FALSE"])
def test_a_study_is_known_by_every_name_that_tables_give_it(tmp_path, mura, name, label) -> None:
    table = read(tmp_path, mura, f"study,label\n{name},{label}\n")
    assert table.labels == {STUDY: 0} and not table.problems


def test_muras_own_list_without_a_header_is_read(tmp_path, mura) -> None:
    folder = "MURA-v1.1/valid/XR_WRIST/patient00003"
    table = read(tmp_path, mura, f"{folder}/study1_positive/,0\n{folder}/study2_positive/,1\n")
    assert (table.rows, table.same, table.labels) == (2, 1, {STUDY: 0})


def test_each_kind_of_bad_row_is_counted_in_one_sentence(tmp_path, mura) -> None:
    rows = [
        f"{STUDY},0",
        "valid/wrist/patient00003/study2,1",
        "train/wrist/patient00099/study1,1",
        "train/wrist/patient00098/study1/image1.png,1",
        "study1/image1.png,1",
        ",1",
        "train/wrist/patient00002/study1,",
        "train/wrist/patient00002/study2,perhaps",
        "train/wrist/patient00001/study1,0",
        "train/wrist/patient00001/study1,1",
    ]
    table = read(tmp_path, mura, "\n".join(["study,label", *rows]))
    assert table.labels == {STUDY: 0}
    assert table.sentence == "10 rows: 1 label would change; 1 label as before."
    assert len(table.problems) == 6
    text = "\n".join(table.problems)
    for words in (
        "1 row without a study; first, line 7.",
        "2 rows with a study that is not in these data; first, line 4 (train/wrist/patient00099",
        "1 row with a name that more than one study has; first, line 6 (study1/image1.png).",
        "1 row without a label; first, line 8.",
        "neither positive nor negative; first, line 9 (perhaps).",
        "1 row with another label for its study than a row above, so that neither counts",
    ):
        assert words in text


def test_a_film_of_an_unknown_patient_is_no_other_patients(tmp_path, mura) -> None:
    one = dataset(mura.manifest.iloc[:1].to_records(index=False).tolist())
    text = "path,label\nvalid/XR_WRIST/patient00009/study1_positive/image1.png,0\n"
    assert not read(tmp_path, one, text).labels


def test_labels_that_were_corrected_count_as_they_are_now(tmp_path, mura) -> None:
    studies = catalog.studies(mura.manifest)
    value = corrections.corrected(NONE, studies, {STUDY: 0}, "AB", "cast")
    same = read(tmp_path, mura, f"study,label\n{STUDY},0\n", value)
    assert (same.labels, same.same) == ({}, 1)
    back = read(tmp_path, mura, f"study,label\n{STUDY},1\n", value)
    assert (back.labels, back.returned) == ({STUDY: 1}, 1)
    assert relabelling.merged(value, back, mura, "AB", "no") == NONE


def test_an_export_is_imported_again(tmp_path, mura) -> None:
    studies = catalog.studies(mura.manifest)
    value = corrections.corrected(NONE, studies, {STUDY: 0}, "AB", "cast")
    assert read(tmp_path, mura, value.to_csv()).labels == {STUDY: 0}


def test_columns_are_told_by_their_values_and_can_be_named(tmp_path, mura) -> None:
    text = f"no,where,old,new_label\n1,{STUDY},1,0\n"
    assert read(tmp_path, mura, text).labels == {STUDY: 0}
    assert read(tmp_path, mura, text, label="old").labels == {}
    with pytest.raises(DataError, match=r"no column 'nix'. It has: no, where, old, new_label"):
        read(tmp_path, mura, text, label="nix")
    with pytest.raises(DataError, match=r"hold the labels. Name it"):
        read(tmp_path, mura, f"where,remark\n{STUDY},cast\n")


def test_class_folders_are_named_by_file_and_by_the_datas_own_class(tmp_path) -> None:
    rows = [
        ("train", "unknown", name, name, 0, label, f"{folder}/{name}.png")
        for folder, label, name in (("broken", 1, "a"), ("broken", 1, "b"), ("whole", 0, "c"))
    ]
    data = dataset(rows, kind="class_folders", positive="broken", patients=False)
    text = "image,class\nb.png,0\nc,Broken\nbroken/a.png,broken\n"
    table = read(tmp_path, data, text)
    assert table.labels == {"train/unknown/b/b": 0, "train/unknown/c/c": 1} and table.same == 1


def test_a_parquet_table_and_a_foreign_list_are_read(tmp_path, mura) -> None:
    frame = pd.DataFrame({"path": [STUDY], "label": [0]})
    frame.to_parquet(tmp_path / "t.parquet")
    assert relabelling.of_file(tmp_path / "t.parquet", mura, NONE, {}).labels == {STUDY: 0}
    (tmp_path / "t.csv").write_bytes(f"sep=;\nPath;Label\n{STUDY};0\n".encode("utf-16"))
    assert relabelling.of_file(tmp_path / "t.csv", mura, NONE, {}).labels == {STUDY: 0}
