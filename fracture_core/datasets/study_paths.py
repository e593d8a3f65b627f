"""What was given on the command line: files, folders and zips, in any mix, sorted into studies.

Films are told apart as those of an upload are, see `uploads.by_study`: of one DICOM study together
wherever they lie below a path, others by their folder.
"""

import os
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fracture_core import file_reader
from fracture_core.config import LIMITS
from fracture_core.datasets import uploads
from fracture_core.datasets.layouts import natural
from fracture_core.datasets.mura import STUDY
from fracture_core.errors import FileRefused, ModelError
from fracture_core.films.images import SUFFIXES


@dataclass(frozen=True, kw_only=True)
class PathStudy:
    """Films that belong together.

    Args:
        name: its folder's path, with a number behind it where a folder holds several studies.
        films: (name, path or content) of each; content where it comes out of a zip.
    """

    name: str
    films: tuple[tuple[str, Path | bytes], ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SortedPaths:
    """What was given, sorted.

    Args:
        studies: in the order of the paths; below a folder, in natural order.
        left_out: (name, reason) of what is in no study: zips and what lay in them.
        remarks: what else a person should know of it, a sentence each: files of several DICOM
            studies that were given as one.
    """

    studies: tuple[PathStudy, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()


def read(paths: Sequence[Path]) -> SortedPaths:
    """The studies that these paths name.

    A folder of images is one study. Below a folder that was given, that holds for folders with a
    study's name (study1_positive); a folder of images with any other name is a class folder, as
    `class_folders` reads it, and each of its files a study of its own. Films of one DICOM study
    are one study all the same, and films of several are several.

    Args:
        paths: study folders, folders of study or class folders, zips of them, or files; files
            given together are one study, named by their folder.

    Raises:
        ModelError: a path does not exist or cannot be read, or a folder holds no file.
    """
    kinds = [_kind(path) for path in paths]
    loose = [path for path, kind in zip(paths, kinds, strict=True) if kind == "file"]
    studies, left_out, remarks = [], [], []
    for path, kind in zip(paths, kinds, strict=True):
        if kind == "folder":
            studies += _by_study(_studies_in(path))
        elif kind == "zip":
            found, refused = _studies_of_zip(path)
            studies, left_out = studies + found, left_out + refused
        elif path is loose[0]:
            films = tuple((film.name, film) for film in loose)
            studies.append(PathStudy(name=_name_of(loose), films=films))
            remarks += _mixed(loose)
    return SortedPaths(studies=tuple(studies), left_out=tuple(left_out), remarks=tuple(remarks))


def _kind(path: Path) -> str:
    """ "folder", "zip" or "file"."""
    if _is_folder(path):
        return "folder"
    return "zip" if path.is_file() and zipfile.is_zipfile(path) else "file"


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(f"There is no file or folder {path}. Check the path.") from error
    except (OSError, ValueError) as error:  # a null character is a ValueError
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ModelError:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return ModelError(f"{path} cannot be read ({reason}). Give another path.")


def _by_study(found: Sequence[tuple[str, list[Path]]]) -> list[PathStudy]:
    """The same films where what DICOM says of its studies goes before folders."""
    films = [(name, path) for name, group in found for path in group]
    groups = uploads.by_study(films, lambda film: (film[1], film[1].name, film[0]))
    named: dict[str, PathStudy] = {}
    for group in groups.values():
        folders = {folder for folder, _ in group}
        common = os.path.commonpath(folders)
        parted = common not in folders  # two films of one name must stay apart
        told = [str(path.relative_to(common)) if parted else path.name for _, path in group]
        name = uploads.unlike(common, named)
        films = zip(told, (path for _, path in group), strict=True)
        named[name] = PathStudy(name=name, films=tuple(films))
    return list(named.values())


def _mixed(files: Sequence[Path]) -> list[str]:
    """What to say of files of several DICOM studies that were given together."""
    kinds = [kind for kind, _ in uploads.by_study(files, lambda file: (file, file.name, ""))]
    count = kinds.count("uid")
    if count < 2:
        return []
    return [
        f"The files given together are of {count} DICOM studies, and are judged as one. "
        "Give their folder to have each study judged by itself."
    ]


def _studies_of_zip(path: Path) -> tuple[list[PathStudy], list[tuple[str, str]]]:
    """Its studies, and (name, reason) of what was left out; it is unpacked in memory."""
    if (size := path.stat().st_size) > LIMITS.upload_bytes:
        most = f"at most {LIMITS.upload_bytes / 2**20:g} MB of a zip are unpacked"
        reason = f"has {size / 2**20:.0f} MB; {most}. Unpack it; give the folder."
        return [], [(path.name, reason)]
    try:
        content = file_reader.read_bytes(path, LIMITS.upload_bytes)
    except FileRefused as error:
        raise _unreadable(path, error) from error
    found = uploads.sort([uploads.File(name=path.name, content=content)])
    studies = [
        PathStudy(name=study.name, films=tuple((film.name, film.content) for film in study.films))
        for study in found.studies
    ]
    return studies, list(found.refused)


def _name_of(files: Sequence[Path]) -> str:
    parents = {path.parent for path in files}
    alone = parents.pop().resolve().name if len(parents) == 1 else ""
    return alone or "the given files"


def _studies_in(folder: Path) -> list[tuple[str, list[Path]]]:
    """The studies of a folder that was given."""
    # "." and ".." have no name that could be said.
    named = folder.resolve() if folder.name in ("", "..") else folder
    try:
        files, below = _content(named)
        if below:  # what lies beside studies, lists and notes, is no study
            files = [file for file in files if file.suffix.lower() in SUFFIXES]
        found, seen = [(str(named), files)] if files else [], {_identity(named)}
        for inner in below:
            found += _studies_below(inner, not STUDY.fullmatch(named.name), seen)
    except OSError as error:
        raise _unreadable(folder, error) from error
    if not found:
        raise ModelError(f"The folder {folder} holds no file to judge. Give a study folder.")
    return found


def _identity(folder: Path) -> tuple[int, int]:
    facts = folder.stat()
    return facts.st_dev, facts.st_ino


def _studies_below(
    folder: Path, of_classes: bool, seen: set[tuple[int, int]]
) -> list[tuple[str, list[Path]]]:
    """Each folder once; without a call a level, since folders may lie deeper than Python calls."""
    found, waiting = [], [folder]
    while waiting:
        here = waiting.pop()
        if _identity(here) in seen:
            continue  # a link that leads back
        seen.add(_identity(here))
        files, below = _content(here)
        if of_classes and not below and not STUDY.fullmatch(here.name):
            found += [(str(file), [file]) for file in files]
        elif files:
            found.append((str(here), files))
        waiting += reversed(below)
    return found


def _content(folder: Path) -> tuple[list[Path], list[Path]]:
    """The files and the folders in a folder, each in natural order, hidden ones left out."""
    entries = sorted(
        (path for path in folder.iterdir() if not path.name.startswith(".")),
        key=lambda path: natural(path.name),
    )
    return [p for p in entries if p.is_file()], [p for p in entries if p.is_dir()]
