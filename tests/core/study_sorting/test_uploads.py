"""Uploads: sorted into studies, refused by name, within all limits."""

import io
import stat
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fracture_core.config.limits import LIMITS
from fracture_core.study_sorting import upload_files, uploads
from fracture_core.study_sorting.upload_files import File
from fracture_core.study_sorting.uploads import ALONE
from tests.core.dicoms import make

FILM = np.arange(400, dtype=np.uint8).reshape(20, 20)


def png() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(FILM).save(stream, "PNG")
    return stream.getvalue()


def packed(*names: str, content: bytes | None = None, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name in names:
            archive.writestr(name, png() if content is None else content)
    return stream.getvalue()


def sort(**files: bytes) -> uploads.SortedUploads:
    return uploads.sort([File(name=name, content=data) for name, data in files.items()])


def limit(monkeypatch: pytest.MonkeyPatch, **changed: int) -> None:
    """Change limits of an upload, wherever they are looked at."""
    for module in (uploads, upload_files):
        monkeypatch.setattr(module, "LIMITS", replace(LIMITS, **changed))


def names(result: uploads.SortedUploads) -> dict[str, list[str]]:
    return {study.name: [film.name for film in study.films] for study in result.studies}


def reasons(result: uploads.SortedUploads) -> dict[str, str]:
    return dict(result.refused)


def test_films_without_folders_are_one_study_in_natural_order() -> None:
    result = sort(**{"image10.png": png(), "image2.png": png(), "image1.png": png()})
    assert names(result) == {ALONE: ["image1.png", "image2.png", "image10.png"]}
    assert result.refused == () and result.ignored == ()


def test_each_folder_is_a_study_called_by_as_much_as_tells_it_apart() -> None:
    zipped = packed(
        "MURA/valid/XR_WRIST/patient1/study1_positive/image1.png",
        "MURA/valid/XR_WRIST/patient1/study1_positive/image2.png",
        "MURA/valid/XR_WRIST/patient2/study1_positive/image1.png",
        "MURA/valid/XR_WRIST/patient2/study2_negative/image1.png",
    )
    assert names(sort(**{"some.zip": zipped})) == {
        "patient1/study1_positive": ["image1.png", "image2.png"],
        "patient2/study1_positive": ["image1.png"],
        "study2_negative": ["image1.png"],
    }


def test_folders_zips_and_single_films_come_in_any_mix() -> None:
    result = sort(
        **{"a.png": png(), "left/b.png": png(), "right.zip": packed("c.png"), "notes.txt": b"hi"}
    )
    assert names(result) == {ALONE: ["a.png"], "left": ["b.png"], "right": ["c.png"]}


def test_films_of_one_dicom_study_belong_together_wherever_they_lie() -> None:
    one, other = (make(FILM, study=uid) for uid in ("1.2.3", "1.2.4"))
    result = sort(**{"x/1.dcm": one, "y/2.dcm": one, "x/3.dcm": other, "x/4.png": png()})
    groups = sorted(sorted(films) for films in names(result).values())
    assert groups == [["1.dcm", "2.dcm"], ["3.dcm"], ["4.png"]]
    assert "1.2" not in "".join(names(result))


def test_what_an_operating_system_adds_is_passed_over() -> None:
    zipped = packed("__MACOSX/._a.png", "a.png", ".DS_Store", "sub/Thumbs.db")
    result = sort(**{"z.zip": zipped, "desktop.ini": b"x", ".hidden": b"y"})
    assert names(result) == {"z": ["a.png"]}
    assert {each.kind: each.count for each in result.ignored} == {
        "macOS '__MACOSX' files": 1,
        "macOS '.DS_Store' files": 1,
        "Windows 'Thumbs.db' files": 1,
        "Windows 'desktop.ini' files": 1,
        "hidden files": 1,
    }
    assert result.refused == ()


def test_names_that_lead_out_of_the_zip_are_labels_and_nothing_more() -> None:
    result = sort(**{"z.zip": packed("../../etc/a.png", "/abs/b.png", "c:\\\\x\\\\d.png")})
    films = [film for study in result.studies for film in study.films]
    assert {film.name for film in films} == {"a.png", "b.png", "d.png"}
    assert not any(".." in study.name or study.name.startswith("/") for study in result.studies)


def test_a_backslash_parts_folders_inside_a_zip_and_is_a_letter_elsewhere() -> None:
    result = sort(**{"left\\hand.png": png(), "z.zip": packed("left\\hand.png")})
    assert names(result) == {ALONE: ["left\\hand.png"], "left": ["hand.png"]}
    assert sort(**{"x\\.hidden.png": png()}).ignored == ()
    result = sort(**{"z.zip": packed("x\\.hidden.png", "b.png")})
    assert len(result.ignored) == 1 and len(result.studies) == 1


@pytest.mark.parametrize("inside", [(), ("__MACOSX/._a.png", ".DS_Store")])
def test_a_zip_that_holds_no_file_is_refused_by_its_name(inside: tuple[str, ...]) -> None:
    result = sort(**{"empty.zip": packed(*inside), "b.png": png()})
    assert "holds no film" in reasons(result)["empty.zip"]
    assert len(result.studies) == 1


def test_two_films_of_one_name_are_told_apart() -> None:
    files = [File(name="a.png", content=png()), File(name="a.png", content=png())]
    assert names(uploads.sort(files)) == {ALONE: ["a.png", "a.png (2)"]}


def test_a_zip_without_a_name_is_opened_too() -> None:
    assert names(sort(**{"": packed("a.png")})) == {"a file": ["a.png"]}


def test_archives_inside_archives_are_not_opened() -> None:
    inner = packed("a.png")
    result = sort(
        **{
            "z.zip": packed("inner.zip", content=inner),
            "y.zip": packed("looks-like.png", content=inner),
            "ok.png": png(),
        }
    )
    assert names(result) == {ALONE: ["ok.png"]}
    assert all("archive inside a zip" in reason for reason in reasons(result).values())
    assert set(reasons(result)) == {"z/inner.zip", "y/looks-like.png"}


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    result = sort(**{"z.zip": packed("bomb.png", content=bytes(20_000_000))})
    assert "would grow" in reasons(result)["z/bomb.png"]
    assert result.studies == ()


def test_a_size_that_lies_is_found_out() -> None:
    data = bytearray(packed("a.png", content=png() * 40, method=zipfile.ZIP_STORED))
    real = len(png()) * 40
    for place in range(len(data) - 4):
        if int.from_bytes(data[place : place + 4], "little") == real:
            data[place : place + 4] = (100).to_bytes(4, "little")
    result = sort(**{"z.zip": bytes(data), "ok.png": png()})
    assert names(result) == {ALONE: ["ok.png"]}
    assert "damaged" in reasons(result)["z/a.png"]


def test_a_locked_film_and_a_link_are_refused_by_name() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("locked.png", png())
        archive.writestr("fine.png", png())
    data = bytearray(stream.getvalue())
    entry = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)  # in the list at the end
    data[entry + 8] |= 1
    result = sort(**{"z.zip": bytes(data)})
    assert names(result) == {"z": ["fine.png"]}
    assert "is a link" in reasons(result)["z/link.png"]
    assert "locked with a password" in reasons(result)["z/locked.png"]


def test_a_cut_zip_is_refused_by_name_and_costs_nothing_else() -> None:
    whole = packed("a.png", "b.png")
    end = bytearray(whole)
    end[whole.index(b"PK\x01\x02") + 2] = 0xFF
    result = sort(**{"z.zip": bytes(end), "ok.png": png()})
    assert names(result) == {ALONE: ["ok.png"]}
    assert "cut short or damaged" in reasons(result)["z.zip"]


def test_limits_are_in_the_sentences_that_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"upload_bytes": 2 * len(png()) + 10, "zip_entries": 3}
    limit(monkeypatch, upload_files=2, **two)
    result = sort(**{f"{i}.png": png() for i in range(3)})
    assert len(result.studies[0].films) == 2
    assert "beyond the 2 films of one upload" in reasons(result)["2.png"]
    many = sort(**{"z.zip": packed(*(f"{i}.png" for i in range(4)))})
    assert "lists 4 files; at most 3" in reasons(many)["z.zip"]
    limit(monkeypatch, upload_files=9, **two)
    large = sort(**{f"{i}.png": png() for i in range(3)})
    assert "of one upload, unpacked" in reasons(large)["2.png"]


def test_what_is_called_a_zip_and_is_none_is_refused_as_a_damaged_zip() -> None:
    result = uploads.sort([File(name="z.zip", content=b"not packed at all")])
    assert "cut short or damaged" in reasons(result)["z.zip"]


def test_a_zip_with_too_many_films_says_how_many_may_come(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, upload_files=2)
    result = sort(**{"many.zip": packed("a.png", "b.png", "c.png")})
    assert len(result.studies[0].films) == 2
    assert "one upload may hold 2 films and 400 MB" in reasons(result)["many/c.png"]


def cd() -> dict[str, bytes]:
    """A patient's CD: two studies without endings, a viewer with programs and pictures."""
    report = make(FILM, study="1.2.3").replace(
        b"1.2.840.10008.5.1.4.1.1.1\0", b"1.2.840.10008.5.1.4.1.1.88", 1
    )
    files = {f"JRE/lib{number}.jar": b"PK\x05\x06" for number in range(250)}
    files |= {f"JRE/bin/tool{number}": b"\x7fELF" for number in range(20)}
    files |= {"AUTORUN.INF": b"[autorun]", "README": b"hi", "VIEWER/logo.png": png()}
    files |= {"WEB/preview.jpg": b"\xff\xd8\xff\xe0", "DICOMDIR": make(FILM), "SR000000": report}
    files |= {f"ZDICOM/PA0/IM00000{n}": make(FILM, study="1.2.3") for n in range(2)}
    return files | {"ZDICOM/PA1/IM000000;1": make(FILM, study="1.2.4")}


def test_of_a_patients_cd_only_its_films_are_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, upload_files=3, zip_entries=9)
    files = cd()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    zipped = sort(**{"CD.zip": stream.getvalue()})
    dropped = sort(**{f"CD/{name}": content for name, content in files.items()})
    for result in (zipped, dropped):
        assert names(result) == {"PA0": ["IM000000", "IM000001"], "PA1": ["IM000000;1"]}
        assert result.refused == ()
        assert {each.kind: each.count for each in result.ignored} == {
            "program files": 271,
            "text files": 1,
            "DICOMDIR files": 1,
            "image files of a CD's viewer": 2,
            "DICOM files without an image": 1,
        }


def test_a_cd_of_other_images_keeps_them() -> None:
    result = sort(**{"CD/autorun.inf": b"", "CD/a.png": png(), "CD/b/c.png": png()})
    assert len(result.studies) == 2


def test_a_list_of_too_many_files_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    limit(monkeypatch, zip_listed=3)
    result = sort(**{"z.zip": packed(*(f"{i}.jar" for i in range(4)))})
    assert "lists 4 files; at most 3" in reasons(result)["z.zip"]
