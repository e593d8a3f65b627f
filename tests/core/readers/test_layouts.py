"""Layouts of folders, and refusals of folders that are no data set."""

import errno
import os
from pathlib import Path

import pytest

from fracture_core import files
from fracture_core.data_folders import film_listing, folder_entries
from fracture_core.data_folders.name_order import natural, ranked
from fracture_core.datasets import catalog
from fracture_core.errors import DataError
from fracture_core.readers import layouts
from fracture_core.readers.layouts import Layout, find

WHOLE = ["whole/a.png", "whole/b.png"]
FILM = "train/XR_HAND/patient00001/study1_positive/image1.png"


def tree(root: Path, *paths: str) -> Path:
    """Empty files at these paths."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def test_numbers_in_names_are_sorted_as_numbers() -> None:
    names = ["image10.png", "image2.png", "image1.png", "film.png", "10", "9"]
    expected = ["9", "10", "film.png", "image1.png", "image2.png", "image10.png"]
    assert sorted(names, key=natural) == expected


def test_names_that_differ_in_leading_zeros_have_a_fixed_order() -> None:
    assert sorted(["a1", "a01"], key=natural) == sorted(["a01", "a1"], key=natural)


def test_a_rank_depends_on_seed_and_text_alone() -> None:
    names = [f"patient{i:05d}" for i in range(50)]
    assert ranked(names, 1) == ranked(names[::-1] + names, 1)
    assert ranked(names, 1) != ranked(names, 2)
    without = [name for name in ranked(names, 1) if name != names[7]]
    assert ranked(names[:7] + names[8:], 1) == without


def test_mura_is_found_by_its_folder_or_its_parent(tmp_path) -> None:
    root = tree(tmp_path / "MURA-v1.1", FILM).resolve()
    tree(tmp_path, "papers/report.pdf")
    expected = Layout(kind="mura", root=root)
    assert find(root) == expected
    assert find(tmp_path) == expected


def test_one_split_is_enough_for_mura(tmp_path) -> None:
    tree(tmp_path, FILM.replace("train", "valid"))
    assert find(tmp_path).kind == "mura"


def test_two_data_sets_in_one_folder_are_refused_naming_one(tmp_path) -> None:
    tree(tmp_path, f"a/{FILM}", f"b/{FILM}")
    with pytest.raises(DataError, match=r"several data sets\. Give one of them, such as .*/a\."):
        find(tmp_path)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_piece_of_mura_is_refused_naming_the_whole(tmp_path, depth) -> None:
    tree(tmp_path, FILM)
    piece = tmp_path.joinpath(*Path(FILM).parts[:depth])
    with pytest.raises(DataError, match=rf"only a piece of a MURA data set\. Give {tmp_path}\."):
        find(piece)


def test_one_split_of_class_folders_is_refused_naming_the_whole(tmp_path) -> None:
    tree(tmp_path, "training_set/yes/1.png", "valid_set/yes/1.png")
    with pytest.raises(DataError, match=rf"one split of a data set\. Give {tmp_path}\."):
        find(tmp_path / "training_set")


def test_a_missing_folder_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match=r"There is no folder .*/gone\. Check the path"):
        find(tmp_path / "gone")


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("MURA-v1.1.zip", "Unpack it, then give"),
        ("MURA.tar.BZ2", "Unpack it, then give"),
        ("film.png", "Give the folder"),
    ],
)
def test_a_file_is_refused_with_the_step_that_fits_it(tmp_path, name, step) -> None:
    tree(tmp_path, name)
    with pytest.raises(DataError, match=step):
        find(tmp_path / name)


def test_a_path_into_an_archive_names_the_archive(tmp_path) -> None:
    tree(tmp_path, "MURA.zip")
    with pytest.raises(DataError, match=r"/MURA\.zip is a file\. Unpack it, then give"):
        find(tmp_path / "MURA.zip" / "MURA-v1.1")


def test_a_name_that_no_disk_takes_is_no_question_of_permission(tmp_path) -> None:
    with pytest.raises(
        DataError, match=r"cannot be listed \(File name too long\)\. Check the path"
    ):
        find(tmp_path / ("a" * 300))


@pytest.mark.parametrize("place", ["/proc", "/proc/1", "/sys", "/sys/kernel"])
def test_a_folder_of_the_system_is_no_question_of_permission(place) -> None:
    with pytest.raises(DataError, match="holds no images") as refused:
        find(Path(place))
    assert "permission" not in str(refused.value)


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (errno.EACCES, "permission"),
        (errno.EPERM, "permission"),
        (errno.ENOENT, "is gone"),
        (errno.EIO, "its disk"),
        (errno.ESTALE, "is gone"),
        (errno.ELOOP, "its disk"),
    ],
)
def test_the_advice_on_a_folder_that_cannot_be_listed_fits_the_reason(number, step) -> None:
    reason = os.strerror(number)
    assert step in folder_entries.advice(reason)
    assert step in folder_entries.advice(f"{folder_entries.CLOSED} ({reason})")


def test_a_folder_that_may_not_be_listed_is_refused(tmp_path, monkeypatch) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied")  # root, as in CI, is never denied

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(DataError, match=r"Permission denied.*Give yourself permission"):
        find(tmp_path)


def test_a_link_that_leads_to_itself_costs_nothing_beside_it(tmp_path) -> None:
    tree(tmp_path, FILM)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert folder_entries.folders(tmp_path) == ["train"]
    assert find(tmp_path).kind == "mura"


def test_a_link_to_nowhere_hides_no_change_from_the_stamp(tmp_path) -> None:
    tree(tmp_path, FILM)
    for number in range(20):  # whatever the order in which a disk lists them
        (tmp_path / f"{number}.csv").symlink_to(tmp_path / "nowhere")
    before = layouts.stamp(tmp_path)
    os.utime(tree(tmp_path, "train_image_paths.csv") / "train_image_paths.csv", ns=(1, 1))
    os.utime(tmp_path, ns=(1, 1))
    between = layouts.stamp(tmp_path)
    os.utime(tmp_path / "train_image_paths.csv", ns=(2, 2))
    assert len({before, between, layouts.stamp(tmp_path)}) == 3


def test_the_stamp_changes_with_lists_and_upper_folders_only(tmp_path) -> None:
    tree(tmp_path, FILM, "train_image_paths.csv")
    stamps = [layouts.stamp(tmp_path)]

    def stamp_after(change: str) -> str:
        tree(tmp_path, change)
        return layouts.stamp(tmp_path)

    assert layouts.stamp(tmp_path) == stamps[0]
    for change in ("train/XR_WRIST/x", "train/XR_HAND/patient00002/x", "train_labeled_studies.csv"):
        stamps.append(stamp_after(change))
    (tmp_path / "train_image_paths.csv").write_text("train/\n")
    stamps.append(layouts.stamp(tmp_path))
    assert len(set(stamps)) == 5
    deeper = stamp_after("train/XR_HAND/patient00001/study2_negative/image1.png")
    assert deeper == stamps[-1]


def test_a_path_that_cannot_be_followed_is_refused(tmp_path, monkeypatch) -> None:
    with pytest.raises(DataError, match=r"cannot be followed .*null"):
        files.absolute(Path("a\0b"))
    with pytest.raises(DataError, match="cannot be followed"):
        files.absolute(Path("~nobody-has-this-name/films"))

    def denied(*_, **__) -> None:
        raise PermissionError(13, "Permission denied")  # root, as in CI, is never denied

    monkeypatch.setattr(Path, "resolve", denied)
    with pytest.raises(DataError, match=r"cannot be followed \(Permission denied\)"):
        files.absolute(tmp_path)


def test_links_that_lead_back_count_no_film_twice(tmp_path: Path) -> None:
    root = tree(tmp_path / "set", "broken/a.png", "broken/b.png", *WHOLE)
    (root / "whole" / "up").symlink_to("..")
    (root / "whole" / "self").symlink_to(".")
    (root / "again").symlink_to("whole")
    (root / "top").symlink_to(root)
    (root / "gone").symlink_to("nowhere")
    data = catalog.read(root, "broken")
    assert sorted(data.manifest["path"]) == ["broken/a.png", "broken/b.png", *WHOLE]
    notes = {each.path: each.reason for each in data.skipped}
    assert set(notes) == {"whole/up", "whole/self", "again", "top", "gone"}
    assert {notes[name] for name in notes if name != "gone"} == {film_listing.LOOP}
    assert notes["gone"].startswith("is a link to nowhere")


def test_a_link_that_leads_out_of_the_data_is_followed(tmp_path: Path) -> None:
    tree(tmp_path, "elsewhere/films/1.png", "set/whole/1.png")
    (tmp_path / "set" / "broken").symlink_to(tmp_path / "elsewhere" / "films")
    data = catalog.read(tmp_path / "set", "broken")
    assert sorted(data.manifest["path"]) == ["broken/1.png", "whole/1.png"]


def test_a_link_in_muras_folders_counts_no_film_twice(tmp_path: Path) -> None:
    tree(tmp_path, FILM)
    (tmp_path / "train" / "XR_HAND" / "patient00002").symlink_to("patient00001")
    (tmp_path / "train" / "XR_HAND" / "patient00003").symlink_to("..")
    data = catalog.read(tmp_path)
    assert data.manifest["path"].tolist() == [FILM]
    assert [each.reason for each in data.skipped] == [film_listing.LOOP] * 2


def test_other_data_sets_in_a_folder_are_named(tmp_path: Path) -> None:
    tree(tmp_path, f"MURA-v1.1/{FILM}", "more/broken/1.png", "more/whole/2.png", "papers/a.pdf")
    (tmp_path / "atlas").mkdir()
    notes = {each.path: each.reason for each in catalog.read(tmp_path).skipped}
    assert notes == {"../more": "lies beside MURA-v1.1; not read. Give it by itself to read it"}
    assert catalog.read(tmp_path / "MURA-v1.1").skipped == ()


def test_a_data_set_inside_another_and_a_second_layout_are_named(tmp_path: Path) -> None:
    root = tree(tmp_path, FILM, f"MURA-v1.0/{FILM}", "images/Fractured/1.jpg")
    (root / "dataset.csv").write_text("image_id,hand,fractured\n1.jpg,1,1\n")
    notes = {each.path: each.reason for each in catalog.read(root).skipped}
    assert notes["MURA-v1.0"].startswith("is another data set (mura); not read. Give it by itself")
    assert notes["."] == "has the layout fracatlas too; not read by that"
