"""The reader of MURA's layout."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from fracture_core.data_folders.film_listing import Listing
from fracture_core.data_folders.ignored_files import Ignored
from fracture_core.errors import DataError
from fracture_core.readers import mura

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
    ("path", "kind"),
    [
        (f"{HAND}/._image1.png", "macOS '._' files"),
        (f"{HAND}/.DS_Store", "macOS '.DS_Store' files"),
        (f"{HAND}/image1.png:Zone.Identifier", "Windows ':Zone.Identifier' files"),
        (f"{HAND}/notes.txt", "text files"),
        (f"{HAND}/what", "other files"),
        ("train/.DS_Store", "macOS '.DS_Store' files"),
        ("train/readme.md", "text files"),
        ("train/XR_HAND/Thumbs.db", "Windows 'Thumbs.db' files"),
        ("train/XR_HAND/patient00001/scan.pdf", "document files"),
        ("desktop.ini", "Windows 'desktop.ini' files"),
    ],
)
def test_what_is_no_film_is_counted_by_kind(root, path, kind) -> None:
    listing = mura.scan(tree(root, path))
    assert listing.ignored.items() == (Ignored(kind=kind, count=1, example=path),)
    assert skipped(listing) == {}
    assert paths(listing) == FILMS


@pytest.mark.parametrize(
    ("path", "noted", "reason"),
    [
        ("train/image1.png", "train/image1.png", "is not a body part's folder (XR_...)"),
        ("train/XR_HAND/more/a.png", "train/XR_HAND/more", "is not a patient's folder"),
        ("masks/a.png", "masks", "is not a split's folder (train, valid, test)"),
        ("labels.csv", "labels.csv", "is a list that is not read"),
        ("a.png", "a.png", "lies beside the folders that are read, not in one"),
        ("val/XR_HAND/patient1/study1_positive/a.png", "val", None),
    ],
)
def test_a_list_a_folder_or_a_film_that_is_passed_over_is_named(root, path, noted, reason) -> None:
    listing = mura.scan(tree(root, path))
    assert (
        list(skipped(listing)) == ["val"] if reason is None else skipped(listing) == {noted: reason}
    )
    assert len(listing.rows) == len(FILMS)


@pytest.mark.parametrize(
    ("train", "valid"),
    [
        ("train", "val"),
        ("Training", "Testing"),
        ("TRAIN", "VALID"),
        ("training_set", "Validation Set"),
    ],
)
def test_splits_have_other_names_and_capital_letters(tmp_path, train, valid) -> None:
    of = {"train": train, "valid": valid}
    films = [film.replace(film.split("/")[0], of[film.split("/")[0]], 1) for film in FILMS]
    split = "test" if valid == "Testing" else "valid"
    listing = mura.scan(tree(tmp_path, *films))
    assert [row[0] for row in listing.rows] == ["train"] * 4 + [split]
    assert paths(listing) == films


def test_capital_letters_in_folders_change_nothing(root, tmp_path) -> None:
    films = [
        film.replace("XR_", "xr_").replace("patient", "Patient").replace("study", "Study")
        for film in FILMS
    ]
    films = [
        film.replace("_positive", "_Positive").replace("_negative", "_NEGATIVE") for film in films
    ]
    rows = mura.scan(tree(tmp_path / "capitals", *films)).rows
    assert [row[:6] for row in rows] == [row[:6] for row in mura.scan(root).rows]


def _written(
    root: Path, text: str, encoding: str = "utf-8", name: str = "train_labeled_studies.csv"
) -> None:
    (root / name).write_bytes(text.encode(encoding))


CHANGED = {  # programs that write a list -> its text, which says the contrary of the folders' names
    "backslashes": "MURA-v1.1\\train\\XR_HAND\\patient00001\\study1_positive\\,0\n",
    "absolute": "C:\\data\\MURA-v1.1\\train\\XR_HAND\\patient00001\\study1_positive,0\n",
    "semicolons": "study;label\nMURA-v1.1/train/XR_HAND/patient00001/study1_positive/;0\n",
    "tabs": "study\tlabel\nMURA-v1.1/train/XR_HAND/patient00001/study1_positive/\t0\n",
    "excel": 'sep=;\nStudy;Label\n"v1.1/train/XR_HAND/patient00001/study1_positive/";"0"\n\n;;\n',
    "header": "Column1,Column2\n/mnt/MURA/train/XR_HAND/patient00001/study1_positive/,0.0,\n\n",
    "capitals": "MURA-v1.1/TRAIN/xr_hand/Patient00001/STUDY1_Positive/,0\n",
    "no word": "MURA-v1.1/train/XR_HAND/patient00001/study1/,0\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("change", CHANGED)
def test_a_list_of_another_program_is_read(root, change, encoding) -> None:
    _written(root, CHANGED[change], encoding)
    listing = mura.scan(root)
    assert labels(listing)[HAND] == 0
    assert skipped(listing) == {HAND: "is negative in the label list, which is used"}


def test_a_list_that_is_passed_over_is_said(root) -> None:
    _written(root, "a,b\n1,2\n")
    _written(root, "study,label\n", name="valid_labeled_studies.csv")
    _written(root, "x", name="test_labeled_studies.csv")
    notes = skipped(mura.scan(root))
    assert "has 1 other lines than on studies of train" in notes["train_labeled_studies.csv"]
    assert "names no study of valid" in notes["valid_labeled_studies.csv"]
    assert "has no folder; not read" in notes["test_labeled_studies.csv"]


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
    real = os.scandir

    def denied(folder: str) -> Iterator[os.DirEntry[str]]:
        if str(folder).endswith("XR_HAND"):
            raise PermissionError(13, "Permission denied")  # root, as in CI, is never denied
        return real(folder)

    monkeypatch.setattr(os, "scandir", denied)
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
    """Return `film_counts.counts` of MURA as it was published."""
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
