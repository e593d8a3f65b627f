"""Films in groups of one study each, and names for the groups that tell them apart."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from fracture_core.dicom_files import dicom

Film = TypeVar("Film")


def by_study(
    films: Sequence[Film], facts: Callable[[Film], tuple[bytes | Path, str, str]]
) -> dict[tuple[str, str], list[Film]]:
    """Group films by study: those of one DICOM study in any folder, others by their folder.

    A film without a study identifier joins the only DICOM study of its folder, if there is one.

    Args:
        films: of any kind.
        facts: returns a film's content or path, its name, and its folder.

    Returns:
        The films, in the order given, by ("uid", the DICOM study's identifier) or ("folder", their
        folder), in the order of each one's first film.
    """
    sources = [facts(film) for film in films]
    uids = [dicom.study_uid(source, name) for source, name, _ in sources]
    beside: dict[str, set[str]] = {}
    for uid, (_, _, folder) in zip(uids, sources, strict=True):
        beside.setdefault(folder, set()).update([uid] if uid else [])
    groups: dict[tuple[str, str], list[Film]] = {}
    for film, own, (_, _, folder) in zip(films, uids, sources, strict=True):
        uid = own or (min(beside[folder]) if len(beside[folder]) == 1 else None)
        groups.setdefault(("uid", uid) if uid else ("folder", folder), []).append(film)
    return groups


class FolderEndings:
    """Endings of folders: a tree from their last names upwards, so that each name is read once.

    Args:
        folders: without duplicates.
    """

    def __init__(self, folders: Iterable[PurePosixPath]) -> None:
        self._folders = set(folders)
        self._next: list[dict[str, int]] = [{}]  # per tail: the name above it -> longer tail
        self._count = [0]  # per tail: number of folders that end so
        for folder in self._folders:
            at = 0
            for name in reversed(folder.parts):
                if name not in self._next[at]:
                    self._next[at][name] = len(self._next)
                    self._next.append({})
                    self._count.append(0)
                at = self._next[at][name]
                self._count[at] += 1

    def shortest(self, folder: PurePosixPath) -> str:
        """Return the shortest ending of a folder that no other has; else the whole folder."""
        at, itself, tail = 0, folder in self._folders, []
        for name in reversed(folder.parts):
            tail.append(name)
            if name not in self._next[at]:
                break
            at = self._next[at][name]
            if self._count[at] == itself:
                break
        return "/".join(reversed(tail))


def unlike(name: str, taken: Iterable[str]) -> str:
    """Return the name, or "name (2)" where it is taken."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name} ({number})"
    return free
