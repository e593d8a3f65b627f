"""The reader of class folders."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fracture_core.data_folders.film_listing import Listing
from fracture_core.errors import ClassesError, DataError
from fracture_core.readers import class_folders
from tests.core.dicoms import make


def tree(root: Path, *paths: str) -> Path:
    """Empty files at these paths."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def skipped(listing: Listing) -> dict[str, str]:
    return {each.path: each.reason for each in listing.skipped}


def split_sizes(listing: Listing) -> dict[tuple[str, int], int]:
    """Films of each (split, label)."""
    keys = [(row[0], row[5]) for row in listing.rows]
    return {key: keys.count(key) for key in sorted(set(keys))}


def flat(root: Path, broken: int = 10, healthy: int = 20) -> Path:
    """Two class folders without splits."""
    tree(root, *(f"broken/{i}.png" for i in range(broken)))
    return tree(root, *(f"healthy/{i}.jpg" for i in range(healthy)))


def test_every_file_is_its_own_study_of_its_own_patient(tmp_path) -> None:
    tree(tmp_path, "train/broken/a10.png", "train/broken/a9.png", "valid/healthy/a9.png")
    assert class_folders.scan(tmp_path, "broken").rows == [
        ("train", "unknown", "train-broken-a9", "a9", 0, 1, "train/broken/a9.png"),
        ("train", "unknown", "train-broken-a10", "a10", 0, 1, "train/broken/a10.png"),
        ("valid", "unknown", "valid-healthy-a9", "a9", 0, 0, "valid/healthy/a9.png"),
    ]


@pytest.mark.parametrize("train", ["train", "training", "training_set", "Train"])
@pytest.mark.parametrize("valid", ["valid", "val", "validation", "valid_set"])
def test_splits_may_have_several_names(tmp_path, train, valid) -> None:
    tree(tmp_path, *(f"{split}/{c}/1.png" for split in (train, valid, "test") for c in "ab"))
    rows = class_folders.scan(tmp_path, "a").rows
    assert [row[0] for row in rows] == ["train"] * 2 + ["valid"] * 2 + ["test"] * 2


def test_without_split_folders_a_fifth_of_each_class_is_held_out(tmp_path) -> None:
    listing = class_folders.scan(flat(tmp_path), "broken")
    assert split_sizes(listing) == {
        ("train", 0): 16,
        ("train", 1): 8,
        ("valid", 0): 4,
        ("valid", 1): 2,
    }


def test_the_held_out_films_are_the_same_wherever_they_lie(tmp_path) -> None:
    first = class_folders.scan(flat(tmp_path / "a"), "broken").rows
    assert class_folders.scan(flat(tmp_path / "b"), "broken").rows == first


def test_without_split_folders_rows_are_in_order_of_split_class_and_name(tmp_path) -> None:
    rows = class_folders.scan(flat(tmp_path), "broken").rows
    keys = [(row[0], row[6].split("/")[0], int(Path(row[6]).stem)) for row in rows]
    assert keys == sorted(keys)


def test_the_positive_class_is_asked_never_guessed(tmp_path) -> None:
    with pytest.raises(ClassesError, match=r"classes broken, healthy\. Say which") as caught:
        class_folders.scan(flat(tmp_path), None)
    assert caught.value.classes == ("broken", "healthy")


def test_a_class_that_is_not_there_is_refused_naming_those_that_are(tmp_path) -> None:
    with pytest.raises(ClassesError, match=r"broken, healthy\. 'Cracked' is none of them"):
        class_folders.scan(flat(tmp_path), "Cracked")


def test_of_three_classes_all_but_one_are_negative(tmp_path) -> None:
    tree(flat(tmp_path), "plate/1.png")
    labels = {row[6].split("/")[0]: row[5] for row in class_folders.scan(tmp_path, "broken").rows}
    assert labels == {"broken": 1, "healthy": 0, "plate": 0}


def test_one_class_alone_is_refused(tmp_path) -> None:
    tree(tmp_path, "broken/1.png", "empty/notes.txt")
    with pytest.raises(DataError, match=r"one class only \(broken\)"):
        class_folders.scan(tmp_path, "broken")


def test_files_that_differ_in_their_ending_alone_are_two_studies(tmp_path) -> None:
    tree(flat(tmp_path), "broken/3.jpg")
    studies = [row[2:4] for row in class_folders.scan(tmp_path, "broken").rows]
    assert len(set(studies)) == 31
    assert ("broken-3.jpg", "3.jpg") in studies


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("broken/.DS_Store", "macOS '.DS_Store' files"),
        ("broken/notes.txt", "text files"),
        ("broken/1.png:Zone.Identifier", "Windows ':Zone.Identifier' files"),
        ("readme.md", "text files"),
        ("@eaDir/1.png", None),
    ],
)
def test_what_is_no_film_is_counted_by_kind(tmp_path, path, kind) -> None:
    listing = class_folders.scan(tree(flat(tmp_path), path), "broken")
    kinds = [(each.kind, each.count, each.example) for each in listing.ignored.items()]
    assert kinds == ([(kind, 1, path)] if kind else [])
    assert skipped(listing) == {}
    assert len(listing.rows) == 30


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("film.png", "lies beside the folders that are read, not in one"),
        ("labels.csv", "is a list that is not read"),
        ("broken/films.zip", "is an archive, which is not read; unpack it"),
    ],
)
def test_what_may_matter_is_named(tmp_path, path, reason) -> None:
    listing = class_folders.scan(tree(flat(tmp_path), path), "broken")
    assert skipped(listing) == {path: reason}
    assert len(listing.rows) == 30


@pytest.mark.parametrize(
    ("train", "valid"),
    [
        ("Fractured", "fractured"),
        ("Fractur\u00e9", "Fracture\u0301"),
        ("Not fractured", "not_fractured"),
        ("non-fractured", "Non Fractured"),
        ("0", "00"),
        ("class_1", "Class 01"),
    ],
)
@pytest.mark.parametrize("typed", [0, 1])
def test_a_class_has_several_spellings(tmp_path, train, valid, typed) -> None:
    films = [
        f"{split}/{name}/{i}.png"
        for split, name in (("train", train), ("val", valid))
        for i in "12"
    ]
    tree(tmp_path, *films, "train/other/1.png", "val/other/1.png")
    listing = class_folders.scan(tmp_path, (train, valid)[typed])
    assert split_sizes(listing) == {
        ("train", 0): 1,
        ("train", 1): 2,
        ("valid", 0): 1,
        ("valid", 1): 2,
    }
    assert listing.facts.positive == train
    assert skipped(listing) == {f"val/{valid}": f"counts as the class {train}"}


def test_a_class_is_called_as_the_train_split_spells_it(tmp_path) -> None:
    tree(tmp_path, *(f"{s}/{c}/1.png" for s, c in (("Training", "A"), ("Testing", "a"))))
    tree(tmp_path, "Training/b/1.png")
    assert class_folders.scan(tmp_path, "a").facts.positive == "A"


def test_a_minus_is_no_gap(tmp_path) -> None:
    tree(tmp_path, "-1/a.png", "1/a.png")
    labels = {row[6]: row[5] for row in class_folders.scan(tmp_path, "1").rows}
    assert labels == {"-1/a.png": 0, "1/a.png": 1}


@pytest.mark.parametrize("name", ["fracture", "Fractures", "Fracturee\u0301"])
def test_a_spelling_that_is_not_matched_is_refused_with_both(tmp_path, name) -> None:
    tree(
        tmp_path,
        "train/Fractured/1.png",
        "train/Normal/1.png",
        f"val/{name}/1.png",
        "val/Normal/1.png",
    )
    with pytest.raises(
        DataError, match=rf"valid split has no class 'Fractured', but '{name}'\. Give"
    ):
        class_folders.scan(tmp_path, "Fractured")


def test_a_split_without_the_positive_class_is_noted(tmp_path) -> None:
    tree(tmp_path, "train/broken/1.png", "train/healthy/1.png", "test/healthy/1.png")
    listing = class_folders.scan(tmp_path, "broken")
    assert skipped(listing) == {"test": "is a split without a film of the class broken"}


def test_folders_in_a_class_are_patients_and_studies(tmp_path) -> None:
    films = [
        f"{c}/{p}/{i}.png" for c, ps in (("a", "pqrst"), ("b", "uvwxyp")) for p in ps for i in "12"
    ]
    tree(tmp_path, *films, "b/z/left/1.png")
    listing = class_folders.scan(tmp_path, "a")
    assert listing.facts.patients
    studies = {row[2:4]: (row[0], row[5]) for row in listing.rows}
    assert set(studies) == {
        *((p, "study1") for p in "qrstuvwxy"),
        ("p", "a-study1"),
        ("p", "b-study1"),
        ("z", "left"),
    }
    sides: dict[str, set[str]] = {}
    for row in listing.rows:
        sides.setdefault(row[2], set()).add(row[0])
    assert all(len(splits) == 1 for splits in sides.values())  # of p too, who is in both classes
    assert {split for splits in sides.values() for split in splits} == {"train", "valid"}
    assert [row[4] for row in listing.rows if row[2] == "q"] == [0, 1]


def test_a_loose_film_beside_folders_of_patients_leaves_them_patients(tmp_path) -> None:
    tree(tmp_path, *(f"{c}/{c}{p}/{i}.png" for c in "ab" for p in range(6) for i in "12"))
    tree(tmp_path, "a/loose.jpg")
    listing = class_folders.scan(tmp_path, "a")
    assert listing.facts.patients and len(listing.rows) == 25
    assert len({row[2] for row in listing.rows}) == 13


def test_splits_may_lie_in_the_classes(tmp_path) -> None:
    tree(tmp_path, *(f"{c}/{s}/1.png" for c in "ab" for s in ("Train", "val")))
    listing = class_folders.scan(tmp_path, "a")
    assert [(row[0], row[5]) for row in listing.rows] == [
        ("train", 1),
        ("train", 0),
        ("valid", 1),
        ("valid", 0),
    ]
    assert not listing.facts.patients


def test_films_are_known_by_their_content_where_their_names_say_nothing(tmp_path) -> None:
    for name in ("a/IM000001", "a/1.2.840.7", "b/IM000001"):
        (tree(tmp_path, name) / name).write_bytes(make(np.zeros((20, 20), np.uint8)))
    tree(tmp_path, "b/x.jfif")
    (tmp_path / "b/x.jfif").write_bytes(b"\xff\xd8\xff\xe0")
    tree(tmp_path, "b/IM000002", "b/notes")
    listing = class_folders.scan(tmp_path, "a")
    assert [row[6] for row in listing.rows if row[0] == "train" or row[5]] == [
        "a/1.2.840.7",
        "a/IM000001",
        "b/IM000001",
        "b/x.jfif",
    ]
    assert [(each.kind, each.count) for each in listing.ignored.items()] == [("other files", 2)]


def test_a_folder_beside_the_splits_is_passed_over(tmp_path) -> None:
    tree(tmp_path, "train/a/1.png", "train/b/1.png", "masks/a/1.png")
    listing = class_folders.scan(tmp_path, "a")
    assert skipped(listing) == {"masks": "is not a split's folder (train, valid, test)"}
    assert len(listing.rows) == 2


@pytest.mark.parametrize("inside", ["", "train/"])
def test_a_folder_too_high_is_refused_naming_the_right_one(tmp_path, inside) -> None:
    tree(tmp_path, *(f"downloads/set/{inside}{c}/1.png" for c in "ab"))
    with pytest.raises(DataError, match=rf"Give {tmp_path}/downloads/set\."):
        class_folders.scan(tmp_path, "a")


@pytest.mark.parametrize("above", ["", "downloads"])
def test_a_folder_above_muras_parent_is_refused_naming_mura(tmp_path, above) -> None:
    film = "downloads/new/MURA-v1.1/train/XR_HAND/patient00001/study1_positive/image1.png"
    tree(tmp_path, film, "downloads/a/b/scan.png", ".cache/b/icon.png")
    with pytest.raises(
        DataError, match=r"above a MURA data set\. Give .*/downloads/new/MURA-v1\.1\."
    ):
        class_folders.scan(tmp_path / above, None)


def test_muras_studies_outside_its_folders_are_to_be_unpacked_again(tmp_path) -> None:
    tree(tmp_path, "XR_HAND/patient00001/study1_positive/image1.png")
    with pytest.raises(DataError, match=r"MURA's studies, but not .*Unpack it again"):
        class_folders.scan(tmp_path, None)


def test_a_search_that_was_given_up_does_not_say_that_nothing_is_there(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(class_folders, "FOLDERS_LOOKED_AT", 3)
    tree(tmp_path, *(f"{i}/notes.txt" for i in range(5)), "9/a/b/1.png")
    with pytest.raises(DataError, match=r"The first 3 folders in .* hold no image\. Give"):
        class_folders.scan(tmp_path, None)


def test_a_folder_too_deep_is_refused_naming_the_right_one(tmp_path) -> None:
    with pytest.raises(DataError, match=rf"Give {tmp_path}\."):
        class_folders.scan(flat(tmp_path) / "broken", "broken")


def test_images_in_no_class_folder_at_all_are_to_be_sorted_into_some(tmp_path) -> None:
    with pytest.raises(DataError, match=r"in no class folder\. Put them into a folder for each"):
        class_folders.scan(tree(tmp_path / "films", "1.png", "2.png"), None)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS takes no such name")
def test_a_name_that_is_no_text_costs_only_its_film(tmp_path) -> None:
    (flat(tmp_path) / os.fsdecode(b"broken/\xff.png")).touch()
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    listing = class_folders.scan(tmp_path, "broken")
    assert len(listing.rows) == 30
    reason = "has a name that is not UTF-8; rename it"
    assert skipped(listing) == {"broken/\ufffd.png": reason, "caf\ufffd": reason}


@pytest.mark.parametrize("splits", ["", "train/"])
def test_a_folder_that_may_not_be_listed_costs_nothing_beside_it(
    tmp_path, monkeypatch, splits
) -> None:
    flat(tmp_path / splits)
    (tmp_path / splits / "lost+found").mkdir()
    closed = {f"{splits}lost+found"}
    listing = without_permission(monkeypatch, tmp_path, closed)
    assert len(listing.rows) == 30
    assert skipped(listing) == {f"{splits}lost+found": "cannot be listed (Permission denied)"}
    closed.add(f"{splits}broken")
    with pytest.raises(DataError, match=r"broken cannot be listed .*Give yourself permission"):
        class_folders.scan(tmp_path, "broken")


def without_permission(monkeypatch: pytest.MonkeyPatch, root: Path, closed: set[str]) -> Listing:
    """Scan while these folders may not be listed; root, as in CI, is never denied."""

    def guarded(real: Callable) -> Callable:
        def listed(folder: Path | str) -> object:
            if any(str(folder).endswith(f"/{name}") for name in closed):
                raise PermissionError(13, "Permission denied")
            return real(folder)

        return listed

    monkeypatch.setattr(os, "listdir", guarded(os.listdir))
    monkeypatch.setattr(os, "scandir", guarded(os.scandir))
    return class_folders.scan(root, "broken")


def test_an_empty_folder_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match=r"holds no image\. Give a MURA folder"):
        class_folders.scan(tmp_path, None)


def test_a_folder_with_an_archive_is_to_be_unpacked(tmp_path) -> None:
    with pytest.raises(DataError, match=r"holds an archive, FracAtlas\.zip\. Unpack it"):
        class_folders.scan(tree(tmp_path, "FracAtlas.zip"), None)


def test_an_archive_beside_the_films_does_not_hide_them(tmp_path) -> None:
    tree(tmp_path, "FracAtlas.zip", *(f"FracAtlas/images/{c}/1.png" for c in "ab"))
    with pytest.raises(DataError, match=rf"Give {tmp_path}/FracAtlas/images\."):
        class_folders.scan(tmp_path, None)


@pytest.mark.parametrize("inside", ["", "MURA-v1.1/"])
@pytest.mark.parametrize("split", [(), ("train/notes.txt", "valid/notes.txt")])
def test_muras_lists_without_its_films_are_half_unpacked(tmp_path, inside, split) -> None:
    names = ("train_image_paths.csv", "valid_labeled_studies.csv", *split)
    tree(tmp_path, *(f"{inside}{name}" for name in names))
    place = (tmp_path / inside).resolve()
    with pytest.raises(DataError, match=rf"{place} holds MURA's lists, but not the films\. Unpack"):
        class_folders.scan(tmp_path, None)


def test_empty_splits_are_half_unpacked(tmp_path) -> None:
    for split in ("train", "valid"):
        (tmp_path / split).mkdir()
    with pytest.raises(DataError, match=r"holds train and valid, but no image in them\. Unpack"):
        class_folders.scan(tmp_path, None)
