"""The reader of GRAZPEDWRI-DX."""

from pathlib import Path

import pytest

from fracture_core.errors import DataError
from fracture_core.readers import grazpedwri, layouts

HEADER = "filestem,patient_id,study_number,laterality,projection,age,fracture_visible"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Ten patients with a study of two films; the first of odd ones shows a fracture."""
    lines = [HEADER]
    for patient in range(1, 11):
        for view in (1, 2):
            stem = f"{patient:04d}_0{view}_WRI-L{view}_M010"
            mark = "1.0" if patient % 2 and view == 1 else ""
            lines.append(f"{stem},{patient},1,L,{view},10.5,{mark}")
            film(tmp_path, f"images_part{1 + patient // 6}/{stem}.png")
    (tmp_path / "dataset.csv").write_text("\n".join(lines))
    return tmp_path


def film(root: Path, path: str) -> None:
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).write_bytes(b"")


def test_a_visits_side_is_a_study_and_patients_are_held_out(root) -> None:
    assert layouts.find(root).kind == "grazpedwri"
    listing = grazpedwri.scan(root)
    assert listing.skipped == [] and listing.facts.patients
    assert [row[0] for row in listing.rows].count("valid") == 4
    by_patient = {row[2]: row for row in listing.rows}
    assert set(by_patient) == {f"patient{n:05d}" for n in range(1, 11)}
    assert {row[1] for row in listing.rows} == {"wrist"}
    assert {row[3] for row in listing.rows} == {"study1-L"}
    # A fracture in one film is the study's: 5 patients of 2 films.
    assert sum(row[5] for row in listing.rows) == 10
    assert {row[4] for row in listing.rows} == {0, 1}


def test_films_and_rows_without_each_other_are_said(root) -> None:
    film(root, "images_part1/9999.png")
    film(root, "images_part2/0001_01_WRI-L1_M010.png")
    (root / "images_part1/0001_02_WRI-L2_M010.png").unlink()
    film(root, "yolov5/labels.txt")
    film(root, "images_part1/a.png:Zone.Identifier")
    listing = grazpedwri.scan(root)
    assert {each.path for each in listing.skipped} == {
        "images_part1/9999.png",
        "images_part2/0001_01_WRI-L1_M010.png",
        "0001_02_WRI-L2_M010",
        "yolov5",
    }
    assert len(listing.rows) == 19
    assert len(listing.ignored.items()) == 1


def test_a_list_without_its_films_is_refused(tmp_path) -> None:
    (tmp_path / "dataset.csv").write_text(f"{HEADER}\na,1,1,L,1,9,1\n")
    with pytest.raises(DataError, match="none of its films"):
        grazpedwri.scan(tmp_path)


def test_visit_and_side_are_taken_from_names_where_the_list_lacks_them(tmp_path) -> None:
    lines = ["filestem,patient_id,fracture_visible"]
    for patient in range(1, 7):
        for visit, side, mark in (("01", "L", "1"), ("01", "R", ""), ("02", "L", "")):
            stem = f"{patient:04d}_1297860395_{visit}_WRI-{side}1_M014"
            lines.append(f"{stem},{patient},{mark}")
            film(tmp_path, f"images/{stem}.png")
    (tmp_path / "dataset.csv").write_text("\n".join(lines))
    listing = grazpedwri.scan(tmp_path)
    assert {row[3] for row in listing.rows} == {"study1-L", "study1-R", "study2-L"}
    assert sum(row[5] for row in listing.rows) == 6 and len(listing.rows) == 18
