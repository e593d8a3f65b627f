"""One manifest, whatever the layout on disk."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from fracture_core.datasets import catalog, film_counts, manifest_file
from fracture_core.errors import ClassesError, ConfigError, DataError
from fracture_core.folders import cache_folder

FILMS = (
    "train/XR_HAND/patient00001/study1_positive/image1.png",
    "train/XR_HAND/patient00001/study1_positive/image2.png",
    "train/XR_HAND/patient00001/study2_negative/image1.png",
    "train/XR_WRIST/patient00001/study1_negative/image1.png",
    "train/XR_WRIST/patient00002/study1_positive/image1.png",
    "valid/XR_HAND/patient11185/study1_negative/image1.png",
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRACTURE_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("FRACTURE_DATA", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Five studies in MURA's layout."""
    return tree(tmp_path / "MURA-v1.1", *FILMS)


def tree(root: Path, *paths: str) -> Path:
    """Empty files at these paths."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def cached() -> list[Path]:
    return list((cache_folder() / "manifests").glob("*"))


def many(patients: int = 40) -> pd.DataFrame:
    """Return a manifest in which every train patient has a hand and a wrist study."""
    rows = [
        (split, part, f"patient{i:05d}", "study1", 0, i % 2, f"{split}/{part}/{i}.png")
        for split, first, last in (("train", 1, patients), ("valid", 900, 904))
        for part in ("hand", "wrist")
        for i in range(first, last + 1)
    ]
    return pd.DataFrame(rows, columns=list(manifest_file.COLUMNS))


# Reading


def test_mura_becomes_a_manifest(root) -> None:
    data = catalog.read(root)
    assert (data.kind, data.root, data.positive) == ("mura", root.resolve(), None)
    assert (data.synthetic, data.complete, data.skipped) == (False, True, ())
    assert tuple(data.manifest.columns) == manifest_file.COLUMNS
    assert tuple(data.manifest["path"]) == FILMS
    assert data.manifest.iloc[1].tolist() == [
        *("train", "hand", "patient00001", "study1", 1, 1, FILMS[1])
    ]


def test_the_parent_of_mura_gives_the_same_data_set(root) -> None:
    whole, parent = catalog.read(root), catalog.read(root.parent)
    assert parent.root == whole.root
    assert parent.hash == whole.hash


def test_class_folders_become_the_same_kind_of_manifest(tmp_path) -> None:
    tree(tmp_path, "train/yes/1.png", "train/no/2.png", "valid/yes/3.png")
    data = catalog.read(tmp_path, positive="yes")
    assert (data.kind, data.positive) == ("class_folders", "yes")
    assert tuple(data.manifest.columns) == manifest_file.COLUMNS
    assert data.manifest["label"].tolist() == [0, 1, 1]


def test_class_folders_without_a_positive_class_are_refused_though_one_was_kept(
    tmp_path,
) -> None:
    tree(tmp_path, "yes/1.png", "no/2.png")
    catalog.read(tmp_path, positive="yes")
    with pytest.raises(ClassesError):
        catalog.read(tmp_path)
    assert catalog.read(tmp_path, positive="no").positive == "no"


def test_a_missing_folder_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match="Check the path"):
        catalog.read(tmp_path / "gone")


@pytest.mark.parametrize(
    ("files", "path", "sentence"),
    [
        ((), "gone", r"There is no folder {0}/gone\. Check the path\."),
        ((), "", r"{0} holds no image\. Give a MURA folder, or a folder with a folder for each"),
        ((FILMS[0],), "train", r"{0}/train is only a piece of a MURA data set\. Give {0}\."),
        ((FILMS[0],), FILMS[0], r"image1\.png is a file\. Give the folder that holds"),
        ((f"a/b/{FILMS[0]}",), "", r"{0} lies above a MURA data set\. Give {0}/a/b\."),
        (("yes/1.png", "no/1.png"), "yes", r"{0}/yes holds no class folders .* Give {0}\."),
        (("a/b/yes/1.png", "a/b/no/1.png"), "", r"{0} holds no class folders .* Give {0}/a/b\."),
        (
            tuple(f"a/b/{each}/p{n}/1.png" for each in ("yes", "no") for n in range(3)),
            "",
            r"{0} holds no class folders .* Give {0}/a/b\.",  # not the folder of one class
        ),
        (
            ("a/b/yes/1.png", "a/b/no/1.png", "a/notes/x.txt"),
            "",
            r"{0} holds no class folders .* Give {0}/a/b\.",
        ),
        (("set.zip",), "set.zip", r"{0}/set\.zip is a file\. Unpack it, then give the folder"),
        (("set.zip",), "", r"{0} holds an archive, set\.zip\. Unpack it, then give the unpacked"),
        (("notes.txt",), "notes.txt", r"{0}/notes\.txt is a file\. Give the folder"),
        (("train/XR_HAND/patient00001/x.txt",), "", r"no image in them\. Unpack it again\."),
        (("train/notes.txt",), "", r"{0} holds train, but no image in them\. Unpack it again\."),
        (
            ("train_image_paths.csv",),
            "",
            r"holds MURA's lists, but not the films\. Unpack it again",
        ),
    ],
)
def test_a_wrong_path_is_one_sentence_that_says_the_next_step(
    tmp_path, files, path, sentence
) -> None:
    home = tmp_path.resolve()
    with pytest.raises(DataError, match=sentence.format(home)):
        catalog.read(tree(home, *files) / path)


def test_a_folder_whose_files_may_not_be_read_is_refused(root, monkeypatch) -> None:
    (root / "phantom.json").write_text("{}")

    def denied(path: Path, *_: int) -> int:
        raise PermissionError(13, "Permission denied")  # root, as in CI, is never denied

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(DataError, match=r"phantom\.json cannot be read .*Give yourself permission"):
        catalog.read(root)


def test_a_kept_manifest_is_the_same_without_a_walk(root, monkeypatch) -> None:
    tree(root, "train/XR_HAND/notes.txt", "masks/a.png")
    fresh = catalog.read(root)
    monkeypatch.setattr(catalog, "_scan", None)
    again = catalog.read(root)
    pd.testing.assert_frame_equal(again.manifest, fresh.manifest)
    assert (again.skipped, again.ignored, again.hash) == (fresh.skipped, fresh.ignored, fresh.hash)
    assert len(again.skipped) == len(again.ignored) == 1


@pytest.mark.parametrize(
    "added",
    [
        "train/XR_ELBOW/patient00003/study1_negative/image1.png",
        "train/XR_HAND/patient00003/study1_negative/image1.png",
    ],
)
def test_a_new_part_or_patient_is_found_at_once(root, added) -> None:
    catalog.read(root)
    tree(root, added)
    assert added in set(catalog.read(root).manifest["path"])


def test_a_changed_list_is_read_at_once(root) -> None:
    catalog.read(root)
    study = FILMS[0].rpartition("/")[0]
    (root / "train_labeled_studies.csv").write_text(f"MURA-v1.1/{study}/,0\n")
    assert catalog.read(root).manifest["label"].tolist()[:2] == [0, 0]


def test_a_film_deeper_down_is_found_by_a_rescan(root) -> None:
    catalog.read(root)
    added = FILMS[1].replace("image2", "image3")
    tree(root, added)
    assert added not in set(catalog.read(root).manifest["path"])
    assert added in set(catalog.read(root, rescan=True).manifest["path"])
    assert added in set(catalog.read(root).manifest["path"])  # the rescan was kept


def test_a_damaged_kept_manifest_is_made_again(root) -> None:
    catalog.read(root)
    cached()[0].write_bytes(b"PAR1 nonsense")
    assert tuple(catalog.read(root).manifest["path"]) == FILMS


def test_data_can_be_read_where_nothing_can_be_kept(root, monkeypatch) -> None:
    monkeypatch.setenv("FRACTURE_CACHE", os.devnull)
    assert tuple(catalog.read(root).manifest["path"]) == FILMS


def test_the_hash_follows_the_content_not_the_place(root, tmp_path) -> None:
    copy = tree(tmp_path / "copy", *FILMS)
    fewer = tree(tmp_path / "fewer", *FILMS[1:])
    assert catalog.read(copy).hash == catalog.read(root).hash
    assert catalog.read(fewer).hash != catalog.read(root).hash
    assert len(catalog.read(root).hash) == 16


@pytest.mark.parametrize("complete", [False, True])
def test_a_phantom_is_synthetic_and_kept_only_when_complete(root, complete) -> None:
    (root / "phantom.json").write_text(json.dumps({"complete": complete, "films": {}}))
    data = catalog.read(root)
    assert (data.synthetic, data.complete) == (True, complete)
    assert len(cached()) == complete


# Selecting and grouping


def test_rows_are_selected_by_split_and_parts(root) -> None:
    manifest = catalog.read(root).manifest
    assert catalog.select(manifest)["path"].tolist() == list(FILMS)
    assert catalog.select(manifest, "valid")["path"].tolist() == [FILMS[5]]
    wrist = catalog.select(manifest, parts=("wrist",))
    assert wrist["path"].tolist() == list(FILMS[3:5])
    assert wrist.index.tolist() == [0, 1]
    assert len(catalog.select(manifest, "train", ("hand", "wrist"))) == 5


@pytest.mark.parametrize(
    ("split", "parts", "words"),
    [
        ("test", (), r"no split 'test'\. It has: train, valid\."),
        (None, ("hand", "hip"), r"no part 'hip'\. It has: hand, wrist\."),
    ],
)
def test_what_is_not_there_cannot_be_selected(root, split, parts, words) -> None:
    with pytest.raises(ConfigError, match=words):
        catalog.select(catalog.read(root).manifest, split, parts)


def test_studies_of_one_name_in_two_parts_stay_apart(root) -> None:
    table = catalog.studies(catalog.read(root).manifest)
    assert table.columns.tolist() == [*catalog.STUDY, "label", "views", "key"]
    assert table["key"].tolist() == [
        "train/hand/patient00001/study1",
        "train/hand/patient00001/study2",
        "train/wrist/patient00001/study1",
        "train/wrist/patient00002/study1",
        "valid/hand/patient11185/study1",
    ]
    assert table["label"].tolist() == [1, 0, 0, 1, 0]
    assert table["views"].tolist() == [2, 1, 1, 1, 1]


def test_studies_keep_the_role_of_their_images() -> None:
    manifest = many()
    manifest["role"] = catalog.assign_roles(manifest, 0.5, 1)
    table = catalog.studies(manifest)
    assert table["role"].tolist() == manifest["role"].tolist()  # one image a study here


# Roles


def dev_patients(manifest: pd.DataFrame, share: float, seed: int) -> set[str]:
    roles = catalog.assign_roles(manifest, share, seed)
    return set(manifest.loc[roles == "dev", "patient"])


def test_dev_is_a_share_of_the_train_patients_across_all_parts() -> None:
    manifest = many()
    roles = catalog.assign_roles(manifest, 0.15, 1)
    dev = set(manifest.loc[roles == "dev", "patient"])
    assert len(dev) == 6
    assert (roles == "dev").sum() == 12  # both studies of each
    assert dev.isdisjoint(manifest.loc[roles == "train", "patient"])
    assert set(roles[manifest["split"] == "valid"]) == {"valid"}


def test_the_seed_decides_who_is_dev() -> None:
    assert dev_patients(many(), 0.15, 1) == dev_patients(many(), 0.15, 1)
    assert dev_patients(many(), 0.15, 1) != dev_patients(many(), 0.15, 2)


def test_a_larger_share_keeps_those_who_were_dev() -> None:
    assert dev_patients(many(), 0.1, 1) < dev_patients(many(), 0.3, 1)


@pytest.mark.parametrize(
    ("patients", "share", "expected"), [(40, 0.0, 0), (2, 0.01, 1), (1, 0.5, 0), (2, 0.5, 1)]
)
def test_a_small_share_is_one_patient_unless_none_is_left(patients, share, expected) -> None:
    assert len(dev_patients(many(patients), share, 1)) == expected


def test_test_rows_keep_their_own_role() -> None:
    manifest = many().replace({"split": {"valid": "test"}})
    assert set(catalog.assign_roles(manifest, 0.15, 1)) == {"train", "dev", "test"}


# Inspecting


def test_an_inspection_counts_parts_and_closes_each_split_with_all(root) -> None:
    tree(root, "train/XR_HAND/notes.txt", "train/XR_HAND/more/a.png")
    facts = json.loads(json.dumps(film_counts.inspect(catalog.read(root))))
    assert (facts["root"], facts["kind"]) == (str(root.resolve()), "mura")
    assert facts["skipped"] == [
        {"path": "train/XR_HAND/more", "reason": "is not a patient's folder"}
    ]
    assert facts["ignored"] == [
        {"kind": "text files", "count": 1, "example": "train/XR_HAND/notes.txt"}
    ]
    columns = (
        *("split", "part", "patients", "studies"),
        *("positive_studies", "images", "positive_images"),
    )
    assert [tuple(row[c] for c in columns) for row in facts["rows"]] == [
        ("train", "hand", 1, 2, 1, 3, 2),
        ("train", "wrist", 2, 2, 1, 2, 1),
        ("train", "all", 2, 4, 2, 5, 3),
        ("valid", "hand", 1, 1, 0, 1, 0),
        ("valid", "all", 1, 1, 0, 1, 0),
    ]
