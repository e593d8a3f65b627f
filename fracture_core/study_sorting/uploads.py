"""Uploads: files, folders and zips, in any mix, sorted into studies. All in memory.

Each file is accepted, refused by name with its reason, or passed over and counted by kind, see
`ignored_files`. A refused file never costs the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fracture_core.config.limits import LIMITS
from fracture_core.data_folders.ignored_files import Ignored, Tally
from fracture_core.data_folders.name_order import natural
from fracture_core.study_sorting.study_groups import FolderEndings, by_study, unlike
from fracture_core.study_sorting.upload_files import File, label, opened

ALONE = "the uploaded study"  # of films without a folder


@dataclass(frozen=True, kw_only=True)
class UploadedStudy:
    """Films of one study.

    Args:
        name: its folder, or `ALONE`; never an identifier from inside a file.
        films: in natural order; names are unique, and without folders.
    """

    name: str
    films: tuple[File, ...]


@dataclass(frozen=True, kw_only=True)
class SortedUploads:
    """Studies of an upload.

    Args:
        studies: in natural order of their names.
        refused: (name, reason) of files that are not decoded at all.
        ignored: files that are no films, by kind and count.
    """

    studies: tuple[UploadedStudy, ...]
    refused: tuple[tuple[str, str], ...]
    ignored: tuple[Ignored, ...] = ()


def sort(files: Sequence[File]) -> SortedUploads:
    """Unpack zips, and sort films into studies.

    Films of one DICOM study belong together in any folder; other films belong to their folder, see
    `by_study`.
    """
    films: list[File] = []
    refused, tally, room = [], Tally(), LIMITS.upload_bytes
    for each in opened(files):
        file, reason = each.file, each.refusal
        if each.ignored:
            tally.add(each.ignored, label(file.name))
            continue
        room -= len(file.content)
        if reason is None and len(films) >= LIMITS.upload_files:
            reason = f"is beyond the {LIMITS.upload_files} films of one upload. Drop fewer at once."
        if reason is None and room < 0:
            limit = f"{LIMITS.upload_bytes / 2**20:g} MB"
            reason = f"is beyond the {limit} of one upload, unpacked. Drop fewer films at once."
        if reason is None:
            films.append(file)
        else:
            refused.append((label(file.name), reason))
    return SortedUploads(studies=_studies(films), refused=tuple(refused), ignored=tally.items())


def _studies(files: Sequence[File]) -> tuple[UploadedStudy, ...]:
    groups = by_study(files, lambda file: (file.content, file.name, _folder(file)))
    tree = FolderEndings(PurePosixPath(folder) for kind, folder in groups if kind == "folder")
    named: dict[str, list[File]] = {}
    for films in groups.values():
        named[unlike(_name(films, tree), named)] = films
    return tuple(
        UploadedStudy(name=name, films=_unique_names(named[name]))
        for name in sorted(named, key=natural)
    )


def _folder(file: File) -> str:
    return PurePosixPath(label(file.name)).parent.as_posix()


def _name(films: list[File], endings: FolderEndings) -> str:
    """Name a study by its folder, with as many parent folders as make it unique."""
    folders = {PurePosixPath(_folder(film)) for film in films}
    folder = folders.pop() if len(folders) == 1 else PurePosixPath(".")
    return ALONE if folder == PurePosixPath(".") else endings.shortest(folder)


def _unique_names(films: list[File]) -> tuple[File, ...]:
    """Sort films by their last names; a second `image1.png` becomes `image1.png (2)`."""
    unique: dict[str, File] = {}
    for film in sorted(films, key=lambda film: natural(film.name)):
        name = unlike(PurePosixPath(label(film.name)).name, unique)
        unique[name] = File(name=name, content=film.content)
    return tuple(unique.values())
