"""Files that are no films and are passed over, counted by kind.

One rule for data sets, paths on the command line and uploads. A name decides where it can: what an
operating system leaves is passed over, and what ends as a film does is a film. Of other files the
first bytes are read: a DICOM film may be called `IM000001`, `VERSION` or `scan.class`.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from fracture_core import file_reader
from fracture_core.config.limits import LIMITS
from fracture_core.dicom_files import dicom
from fracture_core.errors import FileRefused
from fracture_core.film_files import formats
from fracture_core.films.images import SUFFIXES

BEGINNING = 4096  # bytes that tell a film from another file
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
TABLE = "table files"
ZONE = "Windows ':Zone.Identifier' files"
HIDDEN = "hidden files"
OTHER = "other files"
OF_A_VIEWER = "image files of a CD's viewer"
WITHOUT_IMAGE = "DICOM files without an image"

_NAMES = {  # a file's name in lower case -> its kind
    "thumbs.db": "Windows 'Thumbs.db' files",
    "ehthumbs.db": "Windows 'Thumbs.db' files",
    "ehthumbs_vista.db": "Windows 'Thumbs.db' files",
    "desktop.ini": "Windows 'desktop.ini' files",
    ".ds_store": "macOS '.DS_Store' files",
    "icon\r": "macOS 'Icon' files",
    "dicomdir": "DICOMDIR files",
}
FOLDERS = {  # a folder's name in lower case -> the kind of all that it holds
    "__macosx": "macOS '__MACOSX' files",
    "$recycle.bin": "Windows '$RECYCLE.BIN' files",
    "system volume information": "Windows 'System Volume Information' files",
    "@eadir": "file server's '@eaDir' files",
}
_ENDINGS = {
    "program files": "exe dll jar class so dylib msi bat cmd com sh ps1 vbs app ocx cab sys inf "
    "ico cpl lnk drv manifest pak py pyc ipynb php pdb icns swf",
    "text files": "txt md rst rtf log nfo ini cfg conf properties lic",
    "XML files": "xml xsd xsl xslt dtd",
    "JSON files": "json jsonl geojson",
    "YAML files": "yaml yml",
    "web page files": "htm html css js mjs map",
    TABLE: "csv tsv xls xlsx xlsm ods parquet feather sqlite db mdb",
    "document files": "pdf doc docx odt ppt pptx pps tex chm hlp",
    "audio and video files": "avi mpg mpeg mp4 mov wmv mkv mp3 wav ogg flac m4a m4v",
    "array files": "npy npz mat pkl pickle pt pth h5 hdf5 keras onnx tfrecord ckpt",
    "font files": "ttf otf woff woff2 eot fon",
    "checksum files": "md5 sha1 sha256 sfv asc sig",
    "temporary files": "tmp bak swp part crdownload partial",
}
_KINDS = {ending: kind for kind, endings in _ENDINGS.items() for ending in endings.split()}
_PLAIN = (".png", ".jpg")
_MARKS = {  # a format by its first bytes, see `formats.kind` -> the kind of a file that is no film
    "PDF": "document files",
    "RTF": "document files",
    "PostScript": "document files",
    "XML": "XML files",
    "HTML": "web page files",
    "SVG": "web page files",
    "Windows program": "program files",
    "Linux program": "program files",
    "Windows icon": "program files",
    "Apple icon": "program files",
    "MP4 video": "audio and video files",
    "Matroska video": "audio and video files",
    "HDF5": "array files",
}
_BY_USE = {*_ENDINGS}  # kinds of files that a DICOM film may be named like
_TEXTS = {"readme", "license", "licence", "copying", "changelog", "notice", "makefile", "version"}
# Streams of Windows and macOS beside a file, which a copy to another disk makes files of their own.
_ZONE = re.compile(r"zone\.identifier(:\$data)?$", re.IGNORECASE)
_STREAM = re.compile(
    r"[:\uf03a\uf022](afp_\w+|smartscreen|encryptable|com\.[\w.#]+)(:\$data)?$", re.IGNORECASE
)
_CD = ("dicomdir", "autorun.inf")  # names that mark a patient's CD, in lower case
_NO_IMAGE = (  # beginnings of DICOM classes that hold no image (PS3.4 B.5)
    "1.2.840.10008.1.3.10",  # a DICOMDIR
    *(f"1.2.840.10008.5.1.4.1.1.{n}" for n in ("88", "11.", "104.", "9.", "66", "67")),
)


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """Files of one kind that were passed over.

    Args:
        kind: plural, "Windows 'Thumbs.db' files".
        count: number of them.
        example: the path of the first one.
    """

    kind: str
    count: int
    example: str


class Tally:
    """Counts of files that are passed over, by kind, in the order of each kind's first file."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, str] = {}

    def add(self, kind: str, path: str, count: int = 1) -> None:
        """Count a file of this kind, or several of which `path` is the first."""
        self._counts[kind] = self._counts.get(kind, 0) + count
        self._examples.setdefault(kind, path)

    def items(self) -> tuple[Ignored, ...]:
        """Return the kinds with their counts, the most frequent first."""
        kinds = sorted(self._counts, key=lambda kind: -self._counts[kind])
        return tuple(
            Ignored(kind=kind, count=self._counts[kind], example=self._examples[kind])
            for kind in kinds
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and self.items() == other.items()

    __hash__ = None  # type: ignore[assignment]


def sentence(ignored: Sequence[Ignored]) -> str:
    """Return "9,752 Windows ':Zone.Identifier' files and 1 text file ignored."; "" for none."""
    clauses = [
        f"{each.count:,} {each.kind.replace('files', 'file', 1) if each.count == 1 else each.kind}"
        for each in ignored
    ]
    if not clauses:
        return ""
    return f"{', '.join(clauses[:-1])}{' and ' if clauses[1:] else ''}{clauses[-1]} ignored."


def kind(name: str, beginning: Callable[[], bytes]) -> str | None:
    """Return the kind of a file that is passed over; `None` for a film.

    Args:
        name: the file's, with the folders that were given with it, separated by slashes.
        beginning: returns the file's first `BEGINNING` bytes; called only where the name does not
            decide.
    """
    by_name = kind_by_name(name)
    if by_name and not (by_name in _BY_USE and dicom.is_dicom(beginning(), "")):
        return by_name
    ends_as_film = ending(name) in SUFFIXES
    if ends_as_film and ending(name) not in dicom.SUFFIXES:
        return None
    return _kind_by_content(name, beginning(), ends_as_film)


def kind_by_name(name: str) -> str | None:
    """Return the kind of a file that its name shows to be no film; else `None`."""
    if name.endswith(_PLAIN) and "/" not in name and not name.startswith((".", "~")):
        return None  # most names of a data set
    folders, last = _parts(name)
    for folder in folders:
        if folder.lower() in FOLDERS:
            return FOLDERS[folder.lower()]
    if _ZONE.search(last):
        return ZONE
    if _STREAM.search(last):
        return "Windows ':' stream files"
    lower = last.lower()
    if lower in _NAMES:
        return _NAMES[lower]
    if last.startswith("._"):
        return "macOS '._' files"
    if any(part.startswith(".") for part in (*folders, last)):
        return HIDDEN
    if lower.startswith("~$"):
        return "temporary files"
    if lower in _TEXTS:
        return "text files"
    return _KINDS.get(ending(name).removeprefix("."))


def _parts(name: str) -> tuple[list[str], str]:
    """Return a name's folders, without "." and "..", and the last part, without ";1" of a CD."""
    *folders, last = PurePosixPath(name).parts or ("",)
    return [each for each in folders if each not in (".", "..", "/")], last.removesuffix(";1")


def ending(name: str) -> str:
    """Return a name's ending in lower case, ".png"; "" without one."""
    last = _parts(name)[1].lower()
    stem, dot, end = last.rpartition(".")
    return f".{end}" if dot and stem else ""


def _kind_by_content(name: str, beginning: bytes, ends_as_film: bool) -> str | None:
    """Return the kind of a file that its first bytes show to be no film; else `None`."""
    mark = formats.kind(beginning)
    if not ends_as_film and mark in _MARKS:
        return _MARKS[mark]
    if mark or ending(name) in ARCHIVES:
        return None  # another image, or an archive, is refused by name if it is not read
    if dicom.is_dicom(beginning, name):
        return WITHOUT_IMAGE if _class(beginning).startswith(_NO_IMAGE) else None
    return None if ends_as_film else OTHER


def _class(beginning: bytes) -> str:
    """Return the DICOM class of a file with a preamble (Media Storage SOP Class UID), else ""."""
    place = beginning.find(b"\x02\x00\x02\x00UI")
    size = int.from_bytes(beginning[place + 6 : place + 8], "little")
    return beginning[place + 8 : place + 8 + size].decode("latin-1") if place >= 0 else ""


def beginning_of(path: Path) -> bytes:
    """Return the first bytes of a file; none of one that cannot be read."""
    with suppress(OSError, FileRefused), file_reader.opened(path, LIMITS.file_bytes) as file:
        return file.read(BEGINNING)
    return b""


def is_film(path: Path) -> bool:
    """Return whether a file is a film, see `kind`; an archive is none."""
    return (
        ending(path.name) not in ARCHIVES and kind(path.name, partial(beginning_of, path)) is None
    )


def kinds(files: Sequence[tuple[str, Callable[[], bytes]]]) -> list[str | None]:
    """Return the kind of each of many files that belong together, see `kind`.

    A folder with a DICOMDIR or an autorun.inf is a patient's CD: where it holds DICOM films, these
    are its films, and other images (logos, previews of web pages) are its viewer's.

    Args:
        files: name, with folders, and beginning of each.
    """
    found = [kind(name, beginning) for name, beginning in files]
    marks = {PurePosixPath(name).parent for name, _ in files if _parts(name)[1].lower() in _CD}
    if not marks:
        return found
    films = [number for number, each in enumerate(found) if each is None]
    above = {
        number: marks.intersection(PurePosixPath(files[number][0]).parents) for number in films
    }
    own = {number: _is_dicom(*files[number]) for number in films}
    discs = {disc for number in films if own[number] for disc in above[number]}
    for number in films:
        if not own[number] and discs.intersection(above[number]):
            found[number] = OF_A_VIEWER
    return found


def _is_dicom(name: str, beginning: Callable[[], bytes]) -> bool:
    image = ending(name) in SUFFIXES and ending(name) not in dicom.SUFFIXES
    return not image and dicom.is_dicom(beginning(), name)
