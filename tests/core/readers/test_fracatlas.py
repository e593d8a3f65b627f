"""The reader of FracAtlas, and the recognition of its folder."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from fracture_core.data_folders.film_listing import Listing
from fracture_core.datasets import catalog, manifest_file
from fracture_core.errors import ClassesError, DataError
from fracture_core.readers import fracatlas, layouts
from fracture_core.readers.layouts import Layout

HEADER = (
    "image_id,hand,leg,hip,shoulder,mixed,hardware,multiscan,fractured,fracture_count,frontal,"
    "lateral,oblique"
)
PARTS = HEADER.split(",")[1:6]
FILMS = {  # path below images -> its part
    "Fractured/IMG2.jpg": "hand",
    "Fractured/IMG10.jpg": "leg",
    "Non_fractured/IMG1.jpg": "hand",
    "Non_fractured/IMG3.jpg": "shoulder",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four films in FracAtlas' layout, two of them with a fracture, and a list that agrees."""
    root = tmp_path / "FracAtlas"
    tree(root, *(f"images/{path}" for path in FILMS))
    write_list(root, agreeing())
    return root.resolve()


def tree(root: Path, *paths: str) -> Path:
    """Empty files at these paths."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def line(name: str, parts: Iterable[str], label: object) -> str:
    marks = ",".join(str(int(part in parts)) for part in PARTS)
    return f"{name},{marks},0,0,{label},0,1,0,0"


def agreeing(films: dict[str, str] = FILMS) -> list[str]:
    """Return lines that agree with the folders."""
    return [
        line(Path(path).name, [part], int(path.startswith("Fractured")))
        for path, part in films.items()
    ]


def write_list(root: Path, lines: list[str], newline: str = "\n", encoding: str = "utf-8") -> None:
    text = newline.join([HEADER, *lines, ""])
    (root / "dataset.csv").write_text(text, newline="", encoding=encoding)


def age(root: Path) -> None:
    """Make all folders old: two changes within one tick of the clock would look like one."""
    for folder in (root, root / "images", *(root / "images").iterdir()):
        os.utime(folder, (0, 0))


def change_list(root: Path, old: str, new: str) -> None:
    path = root / "dataset.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def labels(listing: Listing) -> dict[str, int]:
    return {Path(row[6]).name: row[5] for row in listing.rows}


def parts(listing: Listing) -> dict[str, str]:
    return {Path(row[6]).name: row[1] for row in listing.rows}


def skipped(listing: Listing) -> dict[str, str]:
    return {each.path: each.reason for each in listing.skipped}


def large(root: Path) -> Path:
    """Write another number of films for each part and label."""
    films = {}
    for folder, part, count in (
        ("Fractured", "hand", 10),
        ("Fractured", "leg", 5),
        ("Non_fractured", "hand", 20),
        ("Non_fractured", "leg", 2),
    ):
        films |= {f"{folder}/IMG{len(films) + i}.jpg": part for i in range(count)}
    tree(root, *(f"images/{path}" for path in films))
    write_list(root, agreeing(films))
    return root


# Which folder it is


def test_fracatlas_is_found_by_its_folder_or_its_parent(root) -> None:
    tree(root, "Annotations/YOLO/IMG2.txt")
    expected = Layout(kind="fracatlas", root=root)
    assert layouts.find(root) == expected
    assert layouts.find(root.parent) == expected


@pytest.mark.parametrize("piece", ["images", "images/Fractured", "images/Non_fractured"])
def test_a_piece_of_fracatlas_is_refused_naming_the_whole(root, piece) -> None:
    with pytest.raises(DataError, match=rf"only a piece of FracAtlas\. Give {root}\."):
        layouts.find(root / piece)


def test_fracatlas_beside_mura_is_refused_naming_one(root) -> None:
    tree(root.parent, "MURA-v1.1/train/XR_HAND/patient00001/study1_positive/image1.png")
    with pytest.raises(DataError, match=rf"several data sets\. Give one .* as {root}\."):
        layouts.find(root.parent)


def test_without_its_list_it_is_class_folders_whose_positive_class_is_asked(root) -> None:
    (root / "dataset.csv").unlink()
    assert layouts.find(root / "images").kind == "class_folders"
    with pytest.raises(ClassesError):
        catalog.read(root / "images")
    with pytest.raises(DataError, match=rf"Give {root}/images\."):
        catalog.read(root)


@pytest.mark.parametrize("header", ["", "image_id,label", "name,fractured", "\0" * 5000])
def test_a_list_of_another_kind_is_not_its_list(root, header) -> None:
    (root / "dataset.csv").write_text(header)
    assert layouts.find(root / "images").kind == "class_folders"


def test_a_list_without_images_beside_it_is_not_fracatlas(tmp_path) -> None:
    write_list(tree(tmp_path, "yes/1.png", "no/2.png"), [])
    assert layouts.find(tmp_path).kind == "class_folders"


def test_the_stamp_changes_with_the_list_and_with_the_class_folders(root) -> None:
    age(root)
    before = layouts.stamp(root)
    assert layouts.stamp(root) == before
    for path in ("images/Fractured/IMG4.jpg", "images/Non_fractured/IMG5.jpg"):
        tree(root, path)
        assert layouts.stamp(root) != before
        age(root)
    (root / "images/Fractured/IMG4.jpg").unlink()
    assert layouts.stamp(root) != before
    age(root)
    assert layouts.stamp(root) == before  # only the times of folders tell
    write_list(root, agreeing()[1:])
    assert layouts.stamp(root) != before


# Rows


def test_every_film_is_the_one_study_of_its_own_patient(root) -> None:
    listing = fracatlas.scan(root)
    assert listing.rows == [
        ("train", "hand", "IMG1", "study1", 0, 0, "images/Non_fractured/IMG1.jpg"),
        ("train", "hand", "IMG2", "study1", 0, 1, "images/Fractured/IMG2.jpg"),
        ("train", "leg", "IMG10", "study1", 0, 1, "images/Fractured/IMG10.jpg"),
        ("train", "shoulder", "IMG3", "study1", 0, 0, "images/Non_fractured/IMG3.jpg"),
    ]
    assert listing.skipped == []


def test_films_that_differ_in_their_ending_alone_are_of_two_patients(root) -> None:
    films = FILMS | {"Non_fractured/IMG1.png": "hand"}
    tree(root, *(f"images/{path}" for path in films))
    write_list(root, agreeing(films))
    patients = {row[2] for row in fracatlas.scan(root).rows}
    assert patients == {"IMG1.jpg", "IMG1.png", "IMG2", "IMG3", "IMG10"}


def test_a_class_folder_may_be_written_with_a_hyphen(root) -> None:
    (root / "images/Non_fractured").rename(root / "images/Non-fractured")
    listing = fracatlas.scan(root)
    assert listing.skipped == []
    assert labels(listing) == {"IMG1.jpg": 0, "IMG2.jpg": 1, "IMG3.jpg": 0, "IMG10.jpg": 1}


@pytest.mark.parametrize(
    ("marked", "part"),
    [
        (["hip"], "hip"),
        (["mixed"], "mixed"),
        (["hand", "mixed"], "mixed"),
        (["hand", "leg"], "mixed"),
        ([], "unknown"),
    ],
)
def test_the_part_is_the_one_column_that_is_1(root, marked, part) -> None:
    write_list(root, [line("IMG2.jpg", marked, 1)])
    assert parts(fracatlas.scan(root))["IMG2.jpg"] == part


def test_the_parts_are_the_columns_before_hardware(root) -> None:
    change_list(root, "hand,leg,hip,shoulder,mixed,hardware", "wrist,leg,hip,jaw,mixed,hardware")
    assert parts(fracatlas.scan(root)) == {
        "IMG1.jpg": "wrist",
        "IMG2.jpg": "wrist",
        "IMG3.jpg": "jaw",
        "IMG10.jpg": "leg",
    }
    change_list(root, "hardware", "metal")
    assert set(parts(fracatlas.scan(root)).values()) == {"unknown"}


def test_a_fifth_of_each_label_and_part_is_held_out(tmp_path) -> None:
    keys = [row[:2] + row[5:6] for row in fracatlas.scan(large(tmp_path)).rows]
    assert {key: keys.count(key) for key in keys} == {
        ("train", "hand", 0): 16,
        ("train", "hand", 1): 8,
        ("train", "leg", 0): 2,
        ("train", "leg", 1): 4,
        ("valid", "hand", 0): 4,
        ("valid", "hand", 1): 2,
        ("valid", "leg", 1): 1,
    }


def test_the_held_out_films_are_the_same_wherever_they_lie(tmp_path) -> None:
    first = fracatlas.scan(large(tmp_path / "a")).rows
    assert fracatlas.scan(large(tmp_path / "b")).rows == first


def test_rows_are_in_order_of_split_part_and_name(tmp_path) -> None:
    rows = fracatlas.scan(large(tmp_path)).rows
    keys = [(row[0], row[1], int(row[2].removeprefix("IMG"))) for row in rows]
    assert keys == sorted(keys)


# What is wrong with it


def test_a_list_that_disagrees_with_a_folder_wins_and_is_noted(root) -> None:
    write_list(root, [*agreeing()[1:3], line("IMG2.jpg", ["hand"], 0), line("IMG3.jpg", [], 1)])
    listing = fracatlas.scan(root)
    assert labels(listing) == {"IMG1.jpg": 0, "IMG2.jpg": 0, "IMG3.jpg": 1, "IMG10.jpg": 1}
    assert skipped(listing) == {
        "images/Fractured/IMG2.jpg": "is 0 in dataset.csv, which is used",
        "images/Non_fractured/IMG3.jpg": "is 1 in dataset.csv, which is used",
    }


def test_a_film_that_is_not_listed_has_its_folders_label(root) -> None:
    write_list(root, agreeing()[1:])
    listing = fracatlas.scan(root)
    assert labels(listing)["IMG2.jpg"] == 1
    assert parts(listing)["IMG2.jpg"] == "unknown"
    assert skipped(listing) == {
        "images/Fractured/IMG2.jpg": "is not listed in dataset.csv; its folder's name is used"
    }


def test_a_listed_film_that_is_not_there_is_noted(root) -> None:
    (root / "images/Fractured/IMG2.jpg").unlink()
    listing = fracatlas.scan(root)
    assert len(listing.rows) == 3
    assert skipped(listing) == {"IMG2.jpg": "is listed in dataset.csv but was not found"}


@pytest.mark.parametrize("label", ["", "?", "2", "0.5", "maybe"])
def test_a_label_that_is_neither_0_nor_1_is_noted(root, label) -> None:
    write_list(root, [line("IMG2.jpg", ["hand"], label), *agreeing()[1:]])
    listing = fracatlas.scan(root)
    assert (labels(listing)["IMG2.jpg"], parts(listing)["IMG2.jpg"]) == (1, "hand")
    reason = "has no label 0 or 1 in dataset.csv; its folder's name is used"
    assert skipped(listing) == {"images/Fractured/IMG2.jpg": reason}


def test_a_line_that_is_cut_off_is_noted(root) -> None:
    write_list(root, [*agreeing()[:3], "IMG3.jpg,0,0,0,1"])
    listing = fracatlas.scan(root)
    assert parts(listing)["IMG3.jpg"] == "shoulder"
    assert "has no label 0 or 1" in skipped(listing)["images/Non_fractured/IMG3.jpg"]


def test_a_list_with_both_labels_of_a_film_leaves_its_folder(root) -> None:
    write_list(root, [*agreeing(), line("IMG2.jpg", ["hand"], 0)])
    listing = fracatlas.scan(root)
    assert labels(listing)["IMG2.jpg"] == 1
    reason = "has both labels in dataset.csv; its folder's name is used"
    assert skipped(listing) == {"images/Fractured/IMG2.jpg": reason}


def test_a_line_that_repeats_another_changes_nothing(root) -> None:
    bare = fracatlas.scan(root)
    write_list(root, [*agreeing(), *agreeing()])
    assert fracatlas.scan(root) == bare


def test_a_line_without_a_name_is_noted_and_an_empty_one_is_not(root) -> None:
    write_list(root, [*agreeing(), "", ",,,", line("", ["hand"], 1)])
    listing = fracatlas.scan(root)
    assert len(listing.rows) == 4
    assert skipped(listing) == {"dataset.csv": "names no film in line 8"}


def test_a_film_in_both_class_folders_is_left_out(root) -> None:
    listing = fracatlas.scan(tree(root, "images/Non_fractured/IMG2.jpg"))
    assert "IMG2.jpg" not in labels(listing)
    reason = "occurs under more than one label; left out"
    assert skipped(listing) == {
        "images/Fractured/IMG2.jpg": reason,
        "images/Non_fractured/IMG2.jpg": reason,
    }


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_list_may_come_from_another_program(root, newline, encoding, quoted) -> None:
    bare = fracatlas.scan(root)
    write_list(root, agreeing(), newline, encoding)
    if quoted:
        text = (root / "dataset.csv").read_bytes().decode(encoding)
        lines = ['"' + each.replace(",", '", "') + '"' for each in text.split(newline)]
        (root / "dataset.csv").write_text(newline.join(lines), encoding=encoding, newline="")
    assert layouts.find(root).kind == "fracatlas"
    assert fracatlas.scan(root) == bare


@pytest.mark.parametrize(
    ("path", "noted", "reason"),
    [
        (
            "Fractured/more/IMG9.jpg",
            "Fractured/more",
            "lies too deep below its class; not read",
        ),
        ("IMG9.jpg", "IMG9.jpg", "lies beside the class folders, not in one"),
        ("masks/IMG2.jpg", "masks", "is not a class folder (Fractured or Non_fractured)"),
    ],
)
def test_what_may_matter_is_named(root, path, noted, reason) -> None:
    listing = fracatlas.scan(tree(root, f"images/{path}"))
    assert skipped(listing) == {f"images/{noted}": reason}
    assert len(listing.rows) == 4


def test_class_folders_without_films_are_an_error(root) -> None:
    for path in FILMS:
        (root / "images" / path).unlink()
    with pytest.raises(DataError, match=r"no image in images/Fractured .* Unpack it again"):
        fracatlas.scan(root)


# As a data set


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRACTURE_CACHE", str(tmp_path / "cache"))


def test_it_becomes_a_manifest_and_no_positive_class_is_asked(root, own_cache) -> None:
    data = catalog.read(root)
    assert (data.kind, data.root, data.positive) == ("fracatlas", root, None)
    assert (data.synthetic, data.complete, data.skipped) == (False, True, ())
    assert tuple(data.manifest.columns) == manifest_file.COLUMNS
    assert catalog.read(root, positive="Fractured").positive is None
    assert catalog.read(root.parent).hash == data.hash


def test_a_new_film_and_a_changed_list_are_read_at_once(root, own_cache) -> None:
    age(root)
    assert len(catalog.read(root).manifest) == 4
    tree(root, "images/Fractured/IMG4.jpg")
    assert len(catalog.read(root).manifest) == 5
    write_list(root, [line(Path(path).name, ["hip"], 0) for path in FILMS])
    again = catalog.read(root).manifest
    assert set(again["part"]) == {"hip", "unknown"}
    assert again["label"].sum() == 1


def test_the_whole_set_with_its_annotations_is_read_and_they_are_said(root, own_cache) -> None:
    tree(root, "Annotations/YOLO/IMG2.txt", "Utilities/Fracture Split/train.csv", "Thumbs.db")
    data = catalog.read(root)
    assert len(data.manifest) == 4
    assert [each.path for each in data.skipped] == ["Annotations", "Utilities"]
    assert [(each.kind, each.count) for each in data.ignored] == [("Windows 'Thumbs.db' files", 1)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_list_that_excel_saved_is_read(root, encoding, delimiter) -> None:
    bare = fracatlas.scan(root)
    write_list(root, agreeing())
    lines = (root / "dataset.csv").read_text().splitlines()
    header = lines[0].replace("image_id", "Image ID").replace("fractured", "Fractured ")
    rows = [line.replace(".jpg", ".JPG").replace(",1", ",1.0") for line in lines[1:]]
    text = "\r\n".join([header, "", *rows, "," * header.count(",")]).replace(",", delimiter)
    (root / "dataset.csv").write_bytes(text.encode(encoding))
    assert layouts.find(root).kind == "fracatlas"
    assert fracatlas.scan(root) == bare
