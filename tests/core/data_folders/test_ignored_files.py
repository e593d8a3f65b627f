"""The one rule for files that are no films."""

import pytest

from fracture_core.data_folders import ignored_files
from fracture_core.data_folders.ignored_files import Ignored


def unread() -> bytes:
    raise AssertionError("a file whose name decides was opened")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/film.jpg:Zone.Identifier", "Windows ':Zone.Identifier' files"),
        ("film.jpg:Zone.Identifier:$DATA", "Windows ':Zone.Identifier' files"),
        ("film.png\uf03aZone.Identifier", "Windows ':Zone.Identifier' files"),
        ("film.pngZone.Identifier", "Windows ':Zone.Identifier' files"),
        ("film.png:AFP_AfpInfo", "Windows ':' stream files"),
        ("THUMBS.DB", "Windows 'Thumbs.db' files"),
        ("Desktop.ini", "Windows 'desktop.ini' files"),
        ("x/.DS_Store", "macOS '.DS_Store' files"),
        ("._film.png", "macOS '._' files"),
        ("__MACOSX/film.png", "macOS '__MACOSX' files"),
        ("$RECYCLE.BIN/film.png", "Windows '$RECYCLE.BIN' files"),
        (".git/film.png", "hidden files"),
        ("DICOMDIR", "DICOMDIR files"),
        ("DICOMDIR;1", "DICOMDIR files"),
        ("film.png", None),
        ("film.JPEG", None),
        ("../film.tif", None),
    ],
)
def test_a_name_decides_where_it_can(name, kind) -> None:
    assert ignored_files.kind(name, unread) == kind


@pytest.mark.parametrize(
    ("name", "beginning", "kind"),
    [
        ("IM000001", bytes(128) + b"DICM", None),
        ("IM000001", b"\x89PNG\r\n\x1a\n", None),
        ("IM000001", b"\xff\xd8\xff\xe0", None),
        ("IM000001", b"", "other files"),
        ("IM000001", b"MZ\x90", "other files"),
        ("scan", b"%PDF-1.4", "other files"),
        ("1.2.840.10008.1", bytes(128) + b"DICM", None),
        ("VERSION", bytes(128) + b"DICM", None),
        ("scan.class", bytes(128) + b"DICM", None),
        ("a/report.txt", bytes(128) + b"DICM", None),
        ("scan.class", b"\xca\xfe\xba\xbe", "program files"),
        ("Viewer.EXE", b"MZ", "program files"),
        ("README", b"Read me.", "text files"),
        ("a.xml", b"<a/>", "XML files"),
        ("dataset.csv", b"\x89PNG\r\n\x1a\n", "table files"),
    ],
)
def test_the_first_bytes_decide_where_a_name_does_not(name, beginning, kind) -> None:
    found = ignored_files.kind(name, lambda: beginning)
    assert found == kind or (kind == "other files" and found)


def test_kinds_become_one_sentence() -> None:
    counts = [("Windows ':Zone.Identifier' files", 9752), ("text files", 1), ("XML files", 2)]
    ignored = [Ignored(kind=kind, count=count, example="a") for kind, count in counts]
    assert ignored_files.sentence(ignored) == (
        "9,752 Windows ':Zone.Identifier' files, 1 text file and 2 XML files ignored."
    )
    assert ignored_files.sentence(ignored[:1]) == "9,752 Windows ':Zone.Identifier' files ignored."
    assert ignored_files.sentence([]) == ""
    one = Ignored(kind="image files of a CD's viewer", count=1, example="a")
    assert ignored_files.sentence([one]) == "1 image file of a CD's viewer ignored."
