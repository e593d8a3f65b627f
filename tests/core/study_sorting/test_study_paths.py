"""Paths on the command line give the same studies as an upload."""

import os
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fracture_core.errors import ModelError
from fracture_core.study_sorting import study_paths, uploads
from fracture_core.study_sorting.upload_files import File
from tests.core.dicoms import make
from tests.core.study_sorting.test_uploads import cd

FILM = np.arange(400, dtype=np.uint8).reshape(20, 20)


def put(root: Path, **films: bytes) -> Path:
    for name, content in films.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def film(study: str) -> bytes:
    return make(FILM, study=study)


def names(result: study_paths.SortedPaths) -> dict[str, list[str]]:
    return {Path(study.name).name: [name for name, _ in study.films] for study in result.studies}


def dropped(root: Path) -> list[list[str]]:
    """The same folder as an upload: the films of each study."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    loose = [
        File(name=str(path.relative_to(root.parent)), content=path.read_bytes()) for path in files
    ]
    return sorted([film.name for film in study.films] for study in uploads.sort(loose).studies)


def test_films_of_several_dicom_studies_in_a_folder_are_several_studies(tmp_path: Path) -> None:
    folder = tmp_path / "visit"
    put(folder, **{"1.dcm": film("1.2.3"), "2.dcm": film("1.2.4"), "3.dcm": film("1.2.3")})
    result = study_paths.read([folder])
    assert names(result) == {"visit": ["1.dcm", "3.dcm"], "visit (2)": ["2.dcm"]}
    assert result.studies[0].films[0][1] == folder / "1.dcm"
    assert sorted(names(result).values()) == dropped(folder)
    assert "1.2" not in "".join(names(result))


def test_films_of_one_dicom_study_are_one_wherever_they_lie(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    put(folder, **{f"series{n}/1.dcm": film("1.2.3") for n in (1, 2)})
    put(folder, **{"series2/2.dcm": film("1.2.4")})
    assert names(study_paths.read([folder])) == {
        "export": ["series1/1.dcm", "series2/1.dcm"],
        "2.dcm": ["2.dcm"],
    }
    assert len(dropped(folder)) == 2


def test_what_is_no_dicom_film_goes_with_the_only_dicom_study_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "visit"
    put(folder, **{"1.dcm": film("1.2.3"), "a.png": b"x", "2.dcm": film("1.2.3")})
    assert names(study_paths.read([folder])) == {"visit": ["1.dcm", "2.dcm", "a.png"]}
    assert dropped(folder) == [["1.dcm", "2.dcm", "a.png"]]
    put(folder, **{"3.dcm": film("1.2.4")})  # now its study is ambiguous
    assert names(study_paths.read([folder])) == {
        "visit": ["1.dcm", "2.dcm"],
        "visit (2)": ["3.dcm"],
        "visit (3)": ["a.png"],
    }


def test_files_given_together_are_one_study_and_a_remark_says_where_dicom_says_otherwise(
    tmp_path: Path,
) -> None:
    put(tmp_path, **{"1.dcm": film("1.2.3"), "2.dcm": film("1.2.4"), "3.png": b""})
    result = study_paths.read(sorted(tmp_path.iterdir()))
    assert list(names(result).values()) == [["1.dcm", "2.dcm", "3.png"]]
    [remark] = result.remarks
    assert remark.startswith("The files given together are of 2 DICOM studies, and are scored as")
    assert study_paths.read([tmp_path / "1.dcm", tmp_path / "3.png"]).remarks == ()


def test_a_zip_holds_the_studies_that_it_would_hold_as_an_upload(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        for name in ("a/1.dcm", "a/2.dcm", "b/1.dcm", "b/inner.zip"):
            archive.writestr(name, film(f"1.2.{ord(name[0])}"))
    result = study_paths.read([tmp_path / "films.zip"])
    assert names(result) == {"a": ["1.dcm", "2.dcm"], "b": ["1.dcm"]}
    assert all(isinstance(content, bytes) for study in result.studies for _, content in study.films)
    [(name, reason)] = result.left_out
    assert name == "films/b/inner.zip" and reason.startswith("is an archive inside a zip")


def test_a_zip_without_a_film_and_one_too_large_are_left_out_with_a_reason(
    tmp_path: Path, monkeypatch
) -> None:
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("__MACOSX/x", b"")
    result = study_paths.read([tmp_path / "empty.zip"])
    assert result.studies == ()
    [(name, reason)] = result.left_out
    assert name == "empty.zip" and reason.startswith("is a zip that holds no film")
    monkeypatch.setattr(study_paths, "LIMITS", replace(study_paths.LIMITS, upload_bytes=10))
    result = study_paths.read([tmp_path / "empty.zip"])
    assert result.studies == ()
    assert "at most 9.53674e-06 MB of a zip are unpacked" in result.left_out[0][1]


def test_of_a_patients_cd_only_its_films_are_studies(tmp_path: Path) -> None:
    folder = put(tmp_path / "cd", **cd())
    result = study_paths.read([folder])
    films = {Path(study.name).name: [name for name, _ in study.films] for study in result.studies}
    assert films == {"PA0": ["IM000000", "IM000001"], "IM000000;1": ["IM000000;1"]}
    kinds = {each.kind: each.count for each in result.ignored}
    assert (kinds["program files"], kinds["image files of a CD's viewer"]) == (271, 2)
    assert result.left_out == ()


def test_what_is_no_film_is_counted_and_never_a_study(tmp_path: Path) -> None:
    put(tmp_path, **{"a/Thumbs.db": b"x", "a/1.png": b"", "a/2.png:Zone.Identifier": b"[Zone]"})
    put(tmp_path, **{"b/IMG1.xml": b"<a/>", "b/1.txt": b"x", "c/films.zip": b"PK", "d.csv": b"x"})
    result = study_paths.read([tmp_path])
    assert names(result) == {"1.png": ["1.png"]}
    kinds = {each.kind: each.count for each in result.ignored}
    assert kinds == {
        "Windows 'Thumbs.db' files": 1,
        "Windows ':Zone.Identifier' files": 1,
        "XML files": 1,
        "text files": 1,
        "table files": 1,
    }
    [(name, reason)] = result.left_out
    assert name.endswith("c/films.zip") and "is an archive inside a folder" in reason


def test_a_folder_without_a_film_says_what_it_holds(tmp_path: Path) -> None:
    put(tmp_path, **{"Thumbs.db": b"x", "a/notes.txt": b"x"})
    with pytest.raises(
        ModelError, match=r"holds no film\. .*1 Windows 'Thumbs\.db' file and 1 text"
    ):
        study_paths.read([tmp_path])


def test_of_files_given_together_those_that_are_no_films_are_counted(tmp_path: Path) -> None:
    put(tmp_path, **{"Thumbs.db": b"x", "1.png": b"x"})
    result = study_paths.read(sorted(tmp_path.iterdir()))
    assert list(names(result).values()) == [["1.png"]] and len(result.ignored) == 1
    alone = study_paths.read([tmp_path / "Thumbs.db"])  # it is refused with its reason
    assert list(names(alone).values()) == [["Thumbs.db"]]


def test_a_dicom_film_is_one_whatever_it_is_called(tmp_path: Path) -> None:
    put(tmp_path, **{"study1/VERSION": film("1.2.3"), "study1/scan.class": film("1.2.3")})
    put(tmp_path, **{"study1/notes.class": b"x"})
    result = study_paths.read([tmp_path])
    assert names(result) == {"study1": ["VERSION", "scan.class"]}
    assert [each.example for each in result.ignored] == [str(tmp_path / "study1/notes.class")]


def test_links_to_nowhere_and_pipes_are_named(tmp_path: Path) -> None:
    folder = put(tmp_path / "study1", **{"1.dcm": film("1.2.3")})
    (folder / "gone.dcm").symlink_to("/nowhere/x.dcm")
    os.mkfifo(folder / "pipe.dcm")
    (folder / ".hidden").symlink_to("nowhere")
    result = study_paths.read([folder])
    assert names(result) == {"study1": ["1.dcm"]}
    [link, pipe] = result.left_out
    assert link[0].endswith("gone.dcm") and "a link to /nowhere/x.dcm, which does not" in link[1]
    assert pipe[0].endswith("pipe.dcm") and pipe[1].startswith("is a pipe or a device")


def test_a_link_to_a_folder_above_leads_to_no_other_study(tmp_path: Path) -> None:
    put(tmp_path, **{"a/study1/1.dcm": film("1.2.3"), "b/study1/1.dcm": film("1.2.4")})
    (tmp_path / "a" / "study1" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "study1" / "self").symlink_to(".")
    result = study_paths.read([tmp_path / "a" / "study1"])
    assert [study.films for study in result.studies] == [
        (("1.dcm", tmp_path / "a" / "study1" / "1.dcm"),)
    ]
    [(name, reason)] = result.left_out
    assert name.endswith("up") and reason.startswith("is a link to a folder above the given one")
