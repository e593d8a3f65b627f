"""Paths on the command line: files, folders and zips, in any mix, sorted into studies.

Films are grouped like those of an upload, see `study_groups.by_study`: those of one DICOM study
together anywhere below a path, others by their folder.
"""

import os
import stat
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fracture_core import file_reader
from fracture_core.config.limits import LIMITS
from fracture_core.data_folders import ignored_files
from fracture_core.data_folders.ignored_files import Ignored, Tally
from fracture_core.data_folders.name_order import natural
from fracture_core.errors import FileRefused, ModelError
from fracture_core.readers.mura import STUDY
from fracture_core.study_sorting import study_groups, uploads
from fracture_core.study_sorting.upload_files import File
from fracture_core.words import short

_ABOVE = "is a link to a folder above the given one, which is not followed. Give that folder."


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
        left_out: (name, reason) of archives, and of entries of zips, that are in no study.
        remarks: sentences on files of several DICOM studies that were given as one.
        ignored: files that are no films, by kind and count, see `ignored_files`.
    """

    studies: tuple[PathStudy, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    ignored: tuple[Ignored, ...] = ()


def read(paths: Sequence[Path]) -> SortedPaths:
    """Sort the films at these paths into studies.

    A folder of images is one study. Below a given folder, that holds for folders with a study's
    name (study1_positive); a folder of images with any other name is a class folder, as
    `class_folders` reads it, and each of its files is a study. Films of one DICOM study are always
    one study, and films of several are several. What is no film is passed over, and of a patient's
    CD all but its DICOM films; of files given together only if a film is among them.

    Args:
        paths: study folders, folders of study or class folders, zips of them, or files; files
            given together are one study, named by their folder.

    Raises:
        ModelError: a path does not exist or cannot be read, or a folder holds no file.
    """
    kinds = [_kind(path) for path in paths]
    tally = Tally()
    loose = _loose([p for p, kind in zip(paths, kinds, strict=True) if kind == "file"], tally)
    studies: list[PathStudy] = []
    left_out: list[tuple[str, str]] = []
    remarks: list[str] = []
    for path, kind in zip(paths, kinds, strict=True):
        if kind == "folder":
            studies += _by_study(_studies_in(path, tally, left_out))
        elif kind == "zip":
            unpacked, refused = _studies_of_zip(path, tally)
            studies, left_out = studies + unpacked, left_out + refused
        elif path is loose[0]:
            films = tuple((film.name, film) for film in loose)
            studies.append(PathStudy(name=_name_of(loose), films=films))
            remarks += _mixed(loose)
    return SortedPaths(
        studies=tuple(studies),
        left_out=tuple(left_out),
        remarks=tuple(remarks),
        ignored=tally.items(),
    )


def _loose(files: list[Path], tally: Tally) -> list[Path]:
    """Return the films among files given together; all of them where none is a film."""
    kinds = ignored_files.kinds([(file.name, _beginning(file)) for file in files])
    if None not in kinds:
        return files  # each is refused with its reason
    for file, kind in zip(files, kinds, strict=True):
        if kind:
            tally.add(kind, str(file))
    return [file for file, kind in zip(files, kinds, strict=True) if kind is None]


def _beginning(path: Path) -> Callable[[], bytes]:
    return partial(ignored_files.beginning_of, path)


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
    groups = study_groups.by_study(films, lambda film: (film[1], film[1].name, film[0]))
    named: dict[str, PathStudy] = {}
    for group in groups.values():
        folders = {folder for folder, _ in group}
        common = os.path.commonpath(folders)
        several = common not in folders  # then two films may have the same name
        name = study_groups.unlike(common, named)
        named[name] = PathStudy(
            name=name,
            films=tuple(
                (str(path.relative_to(common)) if several else path.name, path) for _, path in group
            ),
        )
    return list(named.values())


def _mixed(files: Sequence[Path]) -> list[str]:
    """Return a remark where files given together are of several DICOM studies."""
    kinds = [kind for kind, _ in study_groups.by_study(files, lambda file: (file, file.name, ""))]
    count = kinds.count("uid")
    if count < 2:
        return []
    return [
        f"The files given together are of {count} DICOM studies, and are scored as one. "
        "Give their folder to score each study by itself."
    ]


def _studies_of_zip(path: Path, tally: Tally) -> tuple[list[PathStudy], list[tuple[str, str]]]:
    """Return a zip's studies, and (name, reason) of refused entries; unpacks in memory."""
    if (size := path.stat().st_size) > LIMITS.upload_bytes:
        rule = f"at most {LIMITS.upload_bytes / 2**20:g} MB of a zip are unpacked"
        reason = f"has {size / 2**20:.0f} MB; {rule}. Unpack it; give the folder."
        return [], [(path.name, reason)]
    try:
        content = file_reader.read_bytes(path, LIMITS.upload_bytes)
    except FileRefused as error:
        raise _unreadable(path, error) from error
    unpacked = uploads.sort([File(name=path.name, content=content)])
    for each in unpacked.ignored:
        tally.add(each.kind, each.example, each.count)
    studies = [
        PathStudy(name=study.name, films=tuple((film.name, film.content) for film in study.films))
        for study in unpacked.studies
    ]
    return studies, list(unpacked.refused)


def _name_of(files: Sequence[Path]) -> str:
    parents = {path.parent for path in files}
    alone = parents.pop().resolve().name if len(parents) == 1 else ""
    return alone or "the given files"


def _studies_in(
    folder: Path, tally: Tally, left_out: list[tuple[str, str]]
) -> list[tuple[str, list[Path]]]:
    """Return (name, films) of the studies of a given folder."""
    # "." and ".." are no names of a study.
    named = folder.resolve() if folder.name in ("", "..") else folder
    try:
        content = _films(_content(named, left_out), named, tally, left_out)
    except OSError as error:
        raise _unreadable(folder, error) from error
    above = {parent for place in content for parent in place.parents}
    studies: list[tuple[str, list[Path]]] = []
    for place, films in content.items():
        is_class = place not in above and place != named and not STUDY.fullmatch(place.name)
        if is_class and not STUDY.fullmatch(named.name):
            studies += [(str(film), [film]) for film in films]
        else:
            studies.append((str(place), films))
    if not studies:
        others = ignored_files.sentence(tally.items())
        rest = f" {others}" if others else ""
        raise ModelError(f"The folder {folder} holds no film. Give a study folder.{rest}")
    return studies


def _films(
    content: dict[Path, list[Path]], root: Path, tally: Tally, left_out: list[tuple[str, str]]
) -> dict[Path, list[Path]]:
    """Return folders with their films; archives are refused by name, and other files counted."""
    files = [file for inside in content.values() for file in inside]
    named = [(file.relative_to(root).as_posix(), _beginning(file)) for file in files]
    films: dict[Path, list[Path]] = {}
    for file, kind in zip(files, ignored_files.kinds(named), strict=True):
        if kind:
            tally.add(kind, str(file))
        elif ignored_files.ending(file.name) in ignored_files.ARCHIVES:
            left_out.append((str(file), "is an archive inside a folder. Give it by itself."))
        else:
            films.setdefault(file.parent, []).append(file)
    return films


def _identity(folder: Path) -> tuple[int, int]:
    facts = folder.stat()
    return facts.st_dev, facts.st_ino


def _content(root: Path, left_out: list[tuple[str, str]]) -> dict[Path, list[Path]]:
    """Return each folder, itself first, once, with its files in natural order; no hidden folder.

    A loop, as folders may be nested deeper than Python calls.

    Args:
        root: the given folder.
        left_out: takes links that lead nowhere or to a folder above, pipes and devices.
    """
    content: dict[Path, list[Path]] = {}
    stack, visited = [root], set()
    while stack:
        current = stack.pop()
        if _identity(current) in visited:
            continue  # a link that leads back
        visited.add(_identity(current))
        entries = sorted(current.iterdir(), key=lambda path: natural(path.name))
        content[current] = [path for path in entries if path.is_file()]
        inner = [path for path in entries if path.is_dir() and not path.name.startswith(".")]
        below = [path for path in inner if not _leads_above(path, root)]
        left_out += [(str(path), _ABOVE) for path in inner if path not in below]
        left_out += [(str(path), reason) for path in entries if (reason := _no_file(path))]
        stack += reversed(below)
    return content


def _leads_above(path: Path, root: Path) -> bool:
    """Return whether a folder is a link to one that holds the given folder."""
    return path.is_symlink() and path.resolve() in root.resolve().parents


def _no_file(path: Path) -> str:
    """Return why an entry of a folder is neither a file nor a folder; "" if it is, or is hidden."""
    if path.name.startswith(".") or path.is_file() or path.is_dir():
        return ""
    if path.is_symlink() and not path.exists():
        return f"is a link to {short(path.readlink())}, which does not exist. Mend or remove it."
    return "is a pipe or a device, not a file. Remove it."
