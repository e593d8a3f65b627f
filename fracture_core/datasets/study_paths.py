"""Paths on the command line: files, folders and zips, in any mix, sorted into studies.

Films are grouped like those of an upload, see `uploads.by_study`: those of one DICOM study together
anywhere below a path, others by their folder.
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
    """Films of one study.

    Args:
        name: its folder's path, followed by a number where a folder holds several studies.
        films: (name, path or content) of each; content where it is from a zip.
    """

    name: str
    films: tuple[tuple[str, Path | bytes], ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SortedPaths:
    """Studies of the paths on a command line.

    Args:
        studies: in the order of the paths; below a folder, in natural order.
        left_out: (name, reason) of zips and their entries that are in no study.
        remarks: sentences on files of several DICOM studies that were given as one.
    """

    studies: tuple[PathStudy, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()


def read(paths: Sequence[Path]) -> SortedPaths:
    """Sort the films at these paths into studies.

    A folder of images is one study. Below a given folder, that holds for folders with a study's
    name (study1_positive); a folder of images with any other name is a class folder, as
    `class_folders` reads it, and each of its files is a study. Films of one DICOM study are always
    one study, and films of several are several.

    Args:
        paths: study folders, folders of study or class folders, zips of them, or files; files
            given together are one study, named by their folder.

    Raises:
        ModelError: a path does not exist or cannot be read, or a folder holds no file.
    """
    kinds = [_kind(path) for path in paths]
    loose = [path for path, kind in zip(paths, kinds, strict=True) if kind == "file"]
    studies: list[PathStudy] = []
    left_out: list[tuple[str, str]] = []
    remarks: list[str] = []
    for path, kind in zip(paths, kinds, strict=True):
        if kind == "folder":
            studies += _by_study(_studies_in(path))
        elif kind == "zip":
            unpacked, refused = _studies_of_zip(path)
            studies, left_out = studies + unpacked, left_out + refused
        elif path is loose[0]:
            films = tuple((film.name, film) for film in loose)
            studies.append(PathStudy(name=_name_of(loose), films=films))
            remarks += _mixed(loose)
    return SortedPaths(studies=tuple(studies), left_out=tuple(left_out), remarks=tuple(remarks))


def _kind(path: Path) -> str:
    """Return "folder", "zip" or "file"."""
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


def _by_study(of_folders: Sequence[tuple[str, list[Path]]]) -> list[PathStudy]:
    """Regroup films: by DICOM study where they have one, else by their folder."""
    films = [(name, path) for name, group in of_folders for path in group]
    groups = uploads.by_study(films, lambda film: (film[1], film[1].name, film[0]))
    named: dict[str, PathStudy] = {}
    for group in groups.values():
        folders = {folder for folder, _ in group}
        common = os.path.commonpath(folders)
        several = common not in folders  # then two films may have the same name
        name = uploads.unlike(common, named)
        named[name] = PathStudy(
            name=name,
            films=tuple(
                (str(path.relative_to(common)) if several else path.name, path) for _, path in group
            ),
        )
    return list(named.values())


def _mixed(files: Sequence[Path]) -> list[str]:
    """Return a remark where files given together are of several DICOM studies."""
    kinds = [kind for kind, _ in uploads.by_study(files, lambda file: (file, file.name, ""))]
    count = kinds.count("uid")
    if count < 2:
        return []
    return [
        f"The files given together are of {count} DICOM studies, and are scored as one. "
        "Give their folder to score each study by itself."
    ]


def _studies_of_zip(path: Path) -> tuple[list[PathStudy], list[tuple[str, str]]]:
    """Return a zip's studies, and (name, reason) of refused entries; unpacks in memory."""
    if (size := path.stat().st_size) > LIMITS.upload_bytes:
        rule = f"at most {LIMITS.upload_bytes / 2**20:g} MB of a zip are unpacked"
        reason = f"has {size / 2**20:.0f} MB; {rule}. Unpack it; give the folder."
        return [], [(path.name, reason)]
    try:
        content = file_reader.read_bytes(path, LIMITS.upload_bytes)
    except FileRefused as error:
        raise _unreadable(path, error) from error
    unpacked = uploads.sort([uploads.File(name=path.name, content=content)])
    studies = [
        PathStudy(name=study.name, films=tuple((film.name, film.content) for film in study.films))
        for study in unpacked.studies
    ]
    return studies, list(unpacked.refused)


def _name_of(files: Sequence[Path]) -> str:
    parents = {path.parent for path in files}
    alone = parents.pop().resolve().name if len(parents) == 1 else ""
    return alone or "the given files"


def _studies_in(folder: Path) -> list[tuple[str, list[Path]]]:
    """Return (name, films) of the studies of a given folder."""
    # "." and ".." are no names of a study.
    named = folder.resolve() if folder.name in ("", "..") else folder
    try:
        files, below = _content(named)
        if below:  # other files beside studies are lists and notes
            files = [file for file in files if file.suffix.lower() in SUFFIXES]
        studies, visited = [(str(named), files)] if files else [], {_identity(named)}
        for inner in below:
            studies += _studies_below(inner, not STUDY.fullmatch(named.name), visited)
    except OSError as error:
        raise _unreadable(folder, error) from error
    if not studies:
        raise ModelError(f"The folder {folder} holds no film. Give a study folder.")
    return studies


def _identity(folder: Path) -> tuple[int, int]:
    facts = folder.stat()
    return facts.st_dev, facts.st_ino


def _studies_below(
    folder: Path, of_classes: bool, visited: set[tuple[int, int]]
) -> list[tuple[str, list[Path]]]:
    """Return (name, films) of the studies below, each folder once; a loop, as folders may be nested
    deeper than Python calls."""
    studies, stack = [], [folder]
    while stack:
        current = stack.pop()
        if _identity(current) in visited:
            continue  # a link that leads back
        visited.add(_identity(current))
        files, below = _content(current)
        if of_classes and not below and not STUDY.fullmatch(current.name):
            studies += [(str(file), [file]) for file in files]
        elif files:
            studies.append((str(current), files))
        stack += reversed(below)
    return studies


def _content(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files and the folders in a folder, each in natural order, without hidden ones."""
    entries = sorted(
        (path for path in folder.iterdir() if not path.name.startswith(".")),
        key=lambda path: natural(path.name),
    )
    return [p for p in entries if p.is_file()], [p for p in entries if p.is_dir()]
