"""Rows of a manifest as a reader fills them, and the files that it passes over.

A reader makes one `Listing`; `entries`, `film_names` and `note_others` note what it does not read.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fracture_core.data_folders import ignored_files
from fracture_core.data_folders.folder_entries import (
    CLOSED,
    folders,
    is_folder,
    is_hidden,
    is_text,
    leads_back,
    readable,
)
from fracture_core.data_folders.ignored_files import Tally
from fracture_core.data_folders.name_order import natural
from fracture_core.phantom.phantom_set import INDEX, LOCK

LOOP = "is a link to a folder that is read already; not followed"
NO_TEXT = "has a name that is not UTF-8; rename it"


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """An ignored file or folder of a data set, or a note on it.

    Args:
        path: posix, relative to the data set's root.
        reason: a clause that follows the path.
    """

    path: str
    reason: str


Row = tuple[str, str, str, str, int, int, str]  # split, part, patient, study, view, label, path


@dataclass(kw_only=True)
class Facts:
    """Facts of a data set that its reader finds beside the rows.

    Args:
        patients: whether the data name patients; else each film has a patient of its own.
        positive: of class folders and tables, the positive value as the data spell it.
    """

    patients: bool = False
    positive: str | None = None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Rows of the manifest, and ignored files.

    Args:
        rows: one per image.
        skipped: ignored files and folders that may matter, and notes on others.
        ignored: counts of files that are no films, by kind.
        facts: of the data set, filled by its reader.
    """

    rows: list[Row] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    ignored: Tally = field(default_factory=Tally)
    facts: Facts = field(default_factory=Facts)

    def skip(self, path: str, reason: str) -> None:
        """Note that `path` is ignored."""
        self.skipped.append(Skipped(path=path, reason=reason))


def entries(listing: Listing, root: Path, folder: str) -> Iterator[str]:
    """Yield names in `folder` of `root` in natural order, without files that their names show to be
    no films, which are counted, and hidden folders; note one that cannot be listed.

    Args:
        listing: is filled.
        root: of the data set.
        folder: posix, relative to it; "" for the root itself.
    """
    try:
        with os.scandir(f"{root}/{folder}") as content:
            inside = {each.name: each for each in content}
    except OSError as error:
        listing.skip(folder, f"{CLOSED} ({error.strerror})")
        return
    above = f"{folder}/" if folder else ""
    for name in sorted(inside, key=natural):
        path = f"{above}{readable(name)}"
        hidden = is_hidden(name)
        kind = ignored_files.kind_by_name(name)
        if (hidden or kind) and is_folder(inside[name]):
            kind = None
            if hidden:
                continue
        if kind:
            kind = ignored_files.kind(name, partial(ignored_files.beginning_of, Path(inside[name])))
        if kind:
            listing.ignored.add(kind, path)
        elif not is_text(name):
            listing.skip(path, NO_TEXT)
        elif leads_back(inside[name]):
            listing.skip(path, LOOP)
        else:
            yield name


def film_names(listing: Listing, root: Path, folder: str, names: Iterable[str]) -> list[str]:
    """Return the films among names in a folder; others are counted by kind.

    Only a file whose name does not decide is opened.
    """
    films = []
    for name in names:
        path = Path(root, folder, name)
        kind = ignored_files.kind(name, partial(ignored_files.beginning_of, path))
        if kind:
            listing.ignored.add(kind, f"{folder}/{name}")
        elif ignored_files.ending(name) in ignored_files.ARCHIVES:
            listing.skip(f"{folder}/{name}", "is an archive, which is not read; unpack it")
        else:
            films.append(name)
    return films


def note_others(
    listing: Listing,
    root: Path,
    used: Callable[[str], bool],
    folder_reason: str = "is a folder that is not read",
) -> None:
    """Note files and folders in the root that its reader does not use.

    Lists, folders and films are named, since they may matter; other files are counted by kind.

    Args:
        listing: is filled.
        root: of the data set.
        used: whether the reader uses the file or folder of this name.
        folder_reason: what is said of a folder.
    """
    inner = set(folders(root))
    for name in sorted((path.name for path in root.iterdir()), key=natural):
        if used(name) or name in (INDEX, LOCK):
            continue
        if name in inner:
            listing.skip(name, folder_reason)
        elif not is_text(name):
            listing.skip(readable(name), NO_TEXT)
        elif (root / name).is_dir():
            if not is_hidden(name):
                listing.skip(name, LOOP)
        elif not (root / name).is_file():
            listing.skip(name, "is a link to nowhere, or no regular file")
        elif ignored_files.kind_by_name(name) == ignored_files.TABLE:
            listing.skip(name, "is a list that is not read")
        elif kind := ignored_files.kind(name, partial(ignored_files.beginning_of, root / name)):
            listing.ignored.add(kind, name)
        else:
            listing.skip(name, "lies beside the folders that are read, not in one")
