"""The reader of MURA's layout."""

import os
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from fracture_core.datasets import mura
from fracture_core.datasets.layouts import Listing
from fracture_core.errors import DataError

HAND = "train/XR_HAND/patient00001/study1_positive"
WRIST = "train/XR_WRIST/patient00001/study1_negative"
VALID = "valid/XR_HAND/patient11185/study1_negative"
FILMS = [f"{HAND}/image{i}.png" for i in (1, 2, 10)] + [
    f"{WRIST}/image1.png",
    f"{VALID}/image1.png",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three studies in MURA's layout."""
    return tree(tmp_path, *FILMS)


def tree(root: Path, *paths: str) -> Path:
    """Empty files at these paths."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def paths(listing: Listing) -> list[str]:
    return [row[6] for row in listing.rows]


def labels(listing: Listing) -> dict[str, int]:
    return {row[6].rpartition("/")[0]: row[5] for row in listing.rows}


def skipped(listing: Listing) -> dict[str, str]:
    return {each.path: each.reason for each in listing.skipped}


def test_rows_hold_what_the_folders_say(root) -> None:
    listing = mura.scan(root)
    assert listing.rows == [
        ("train", "hand", "patient00001", "study1", 0, 1, FILMS[0]),
        ("train", "hand", "patient00001", "study1", 1, 1, FILMS[1]),
        ("train", "hand", "patient00001", "study1", 2, 1, FILMS[2]),
        ("train", "wrist", "patient00001", "study1", 0, 0, FILMS[3]),
        ("valid", "hand", "patient11185", "study1", 0, 0, FILMS[4]),
    ]
    assert listing.skipped == []


def test_studies_are_in_natural_order(root) -> None:
    others = [f"train/XR_HAND/patient00001/study{i}_negative/image1.png" for i in (10, 9)]
    tree(root, *others)
    studies = [row[3] for row in mura.scan(root).rows if row[1:3] == ("hand", "patient00001")]
    assert studies == ["study1"] * 3 + ["study9", "study10"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (f"{HAND}/._image1.png", "is hidden"),
        (f"{HAND}/.DS_Store", "is hidden"),
        (f"{HAND}/notes.txt", "is not an image"),
        ("train/.DS_Store", "is hidden"),
        ("train/readme.md", "is not a body part's folder (XR_...)"),
        ("train/XR_HAND/Thumbs.db", "is not a patient's folder"),
        (
            "train/XR_HAND/patient00001/scan.pdf",
            "is not a study's folder (studyN_positive or studyN_negative)",
        ),
    ],
)
def test_what_is_no_film_is_passed_over_with_a_reason(root, path, reason) -> None:
    listing = mura.scan(tree(root, path))
    assert skipped(listing) == {path: reason}
    assert paths(listing) == FILMS


def test_a_file_in_a_folders_place_is_passed_over(root) -> None:
    listing = mura.scan(tree(root, "train/XR_HAND/patient00002"))
    assert "cannot be listed" in skipped(listing)["train/XR_HAND/patient00002"]
    assert paths(listing) == FILMS


def test_an_empty_study_is_noted(root) -> None:
    (root / "train/XR_HAND/patient00001/study2_negative").mkdir()
    note = skipped(mura.scan(root))
    assert note == {"train/XR_HAND/patient00001/study2_negative": "is a study without an image"}


@pytest.mark.parametrize("folder", ["valid", "train/XR_WRIST", "train/XR_HAND/patient00009"])
def test_an_empty_folder_is_noted_as_half_unpacked(root, folder) -> None:
    shutil.rmtree(root / folder, ignore_errors=True)
    (root / folder).mkdir()
    note = skipped(mura.scan(root))
    assert note == {folder: "is empty; if it should not be, unpack the data again"}


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS takes no such name")
def test_a_name_that_is_no_text_costs_only_its_film(root) -> None:
    (root / HAND / os.fsdecode(b"caf\xe9.png")).touch()
    listing = mura.scan(root)
    assert paths(listing) == FILMS
    assert skipped(listing) == {f"{HAND}/caf\ufffd.png": "has a name that is not UTF-8; rename it"}


def test_a_list_that_may_not_be_read_is_noted(root, monkeypatch) -> None:
    write_lists(root)
    real = os.open

    def denied(path: Path, *flags: int) -> int:
        if path.name == "train_labeled_studies.csv":
            raise PermissionError(13, "Permission denied")  # root, as in CI, is never denied
        return real(path, *flags)

    monkeypatch.setattr(os, "open", denied)
    listing = mura.scan(root)
    assert paths(listing) == FILMS
    reason = "cannot be read (Permission denied); the folders' names are used"
    assert skipped(listing) == {"train_labeled_studies.csv": reason}


def test_a_study_under_both_labels_is_left_out_whole(root) -> None:
    both = f"{HAND.replace('positive', 'negative')}/image1.png"
    listing = mura.scan(tree(root, both))
    assert paths(listing) == FILMS[3:]
    assert set(skipped(listing)) == {HAND, HAND.replace("positive", "negative")}


def test_folders_without_films_are_an_error(tmp_path) -> None:
    (tmp_path / "train/XR_HAND").mkdir(parents=True)
    with pytest.raises(DataError, match="no image in them"):
        mura.scan(tmp_path)


def test_folders_that_may_not_be_listed_are_not_called_empty(tmp_path, monkeypatch) -> None:
    (tmp_path / "train/XR_HAND").mkdir(parents=True)
    real = os.listdir

    def denied(folder: str) -> list[str]:
        if folder.endswith("XR_HAND"):
            raise PermissionError(13, "Permission denied")  # root, as in CI, is never denied
        return real(folder)

    monkeypatch.setattr(os, "listdir", denied)
    with pytest.raises(DataError, match=r"XR_HAND cannot be listed .*Give yourself permission"):
        mura.scan(tmp_path)


# The CSV lists


def write_lists(root: Path, header: bool = False, newline: str = "\n", changes: tuple = ()) -> None:
    """Both lists of both splits; `changes` are (old, new) texts."""
    for split in ("train", "valid"):
        images = [f"MURA-v1.1/{path}" for path in FILMS if path.startswith(split)]
        studies = dict.fromkeys(path.rpartition("/")[0] for path in images)
        lists = {
            "image_paths": ["image_path"] * header + images,
            "labeled_studies": ["study,label"] * header
            + [f"{study}/,{int('positive' in study)}" for study in studies],
        }
        for name, lines in lists.items():
            text = newline.join([*lines, ""])
            for old, new in changes:
                text = text.replace(old, new)
            (root / f"{split}_{name}.csv").write_text(text, newline="")


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lists_that_agree_change_nothing(root, header, newline) -> None:
    bare = mura.scan(root)
    write_lists(root, header, newline)
    assert mura.scan(root) == bare


def test_a_list_gives_the_label_that_a_folders_name_lacks(root) -> None:
    (root / HAND).rename(root / HAND.removesuffix("_positive"))
    write_lists(root, changes=[("study1_positive", "study1")])
    assert labels(mura.scan(root))[HAND.removesuffix("_positive")] == 1


def test_a_study_without_any_label_is_left_out(root) -> None:
    (root / HAND).rename(root / HAND.removesuffix("_positive"))
    listing = mura.scan(root)
    assert skipped(listing) == {
        HAND.removesuffix("_positive"): "has no label, neither in its name nor in a list"
    }
    assert paths(listing) == FILMS[3:]


def test_a_list_that_disagrees_with_a_folder_wins_and_is_noted(root) -> None:
    write_lists(root, changes=[("positive/,1", "positive/,0")])
    listing = mura.scan(root)
    assert labels(listing)[HAND] == 0
    assert skipped(listing) == {HAND: "is negative in the label list, which is used"}


def test_a_list_with_both_labels_leaves_the_folders(root) -> None:
    write_lists(root, changes=[(f"MURA-v1.1/{HAND}/,1", f"a/{HAND}/,1\na/{HAND}/,0")])
    listing = mura.scan(root)
    assert labels(listing)[HAND] == 1
    assert "has both labels" in skipped(listing)[HAND]


def test_a_label_that_is_neither_0_nor_1_is_noted(root) -> None:
    write_lists(root, changes=[("positive/,1", "positive/,?")])
    listing = mura.scan(root)
    assert labels(listing)[HAND] == 1
    assert skipped(listing) == {HAND: "has no label 0 or 1 in train_labeled_studies.csv"}


def test_films_that_a_list_or_the_disk_lacks_are_noted(root) -> None:
    write_lists(root)
    (root / FILMS[1]).unlink()
    tree(root, f"{HAND}/image11.png")
    listing = mura.scan(root)
    assert skipped(listing) == {
        FILMS[1]: "is listed in train_image_paths.csv but was not found",
        f"{HAND}/image11.png": "is not listed in train_image_paths.csv; used anyway",
    }
    assert f"{HAND}/image11.png" in paths(listing)


def test_a_part_that_is_absent_as_a_whole_is_no_loss(root) -> None:
    write_lists(root)
    (root / FILMS[3]).unlink()
    (root / WRIST).rmdir()
    (root / WRIST).parent.rmdir()
    (root / WRIST).parent.parent.rmdir()
    assert skipped(mura.scan(root)) == {}


# The published counts


def published() -> pd.DataFrame:
    """Return `catalog.counts` of MURA as it was published."""
    rows = [
        {"split": split, "part": part, **mura.published(split, part)}
        for split, part in [*mura.PUBLISHED, ("train", "all"), ("valid", "all")]
    ]
    return pd.DataFrame(rows)


def changed(split: str, part: str, **by: int) -> pd.DataFrame:
    """Return the published counts with those of a part changed by `by`."""
    counts = published()
    where = (counts["split"] == split) & (counts["part"] == part)
    for column, number in by.items():
        counts.loc[where, column] += number
    return counts


def test_the_published_counts_add_up_to_the_totals_of_mura() -> None:
    whole = [mura.published(split, "all") for split in ("train", "valid")]
    assert sum(each["images"] for each in whole) == 40_005
    assert [each["studies"] for each in whole] == [13_457, 1_199]
    assert mura.published("test", "all") == mura.published("train", "hip") == {}


def test_the_published_counts_do_not_differ_from_themselves() -> None:
    assert mura.differences(published()) == []
    assert mura.differences(published().iloc[::-1]) == []


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (
            changed("train", "hand", studies=-12, images=-40),
            "train XR_HAND: 12 studies missing (2,006 of 2,018), "
            "40 images missing (5,503 of 5,543)",
        ),
        (changed("valid", "wrist", studies=3), "valid XR_WRIST: 3 studies more than published"),
        (changed("valid", "wrist", images=1), "valid XR_WRIST: 1 image more than published"),
        (
            changed("train", "elbow", positive_studies=-1, positive_images=2),
            "train XR_ELBOW: 1 positive study missing (659 of 660), "
            "2 positive images more than published",
        ),
    ],
)
def test_a_part_that_differs_is_one_sentence(counts, sentence) -> None:
    assert mura.differences(counts) == [sentence]


def test_a_part_that_is_absent_is_one_short_sentence() -> None:
    counts = published()
    counts = counts[(counts["split"] != "train") | (counts["part"] != "elbow")]
    assert mura.differences(counts) == ["train XR_ELBOW: missing"]


def test_a_part_that_was_never_published_is_named_last() -> None:
    hip = pd.DataFrame([{"split": "test", "part": "hip", "studies": 2, "images": 3}])
    counts = pd.concat([hip, changed("valid", "wrist", studies=1)], ignore_index=True)
    assert mura.differences(counts) == [
        "valid XR_WRIST: 1 study more than published",
        "test XR_HIP: not among the published parts",
    ]
