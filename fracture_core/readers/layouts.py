"""Layouts of data sets on disk: `find` returns a folder's, or refuses it with the next step."""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from fracture_core.data_folders import folder_names, ignored_files, text_lists
from fracture_core.data_folders.film_listing import Skipped
from fracture_core.data_folders.folder_entries import folders, is_folder
from fracture_core.errors import DataError, FileRefused
from fracture_core.films.images import SUFFIXES

SPLITS = ("train", "valid", "test")  # in the order of the manifest
OF_THE_SYSTEM = ("/proc", "/sys")  # files made by the kernel, most of them unreadable
FRACATLAS_LIST, FRACATLAS_IMAGES = "dataset.csv", "images"
GRAZ_COLUMNS = {"filestem", "patient_id", "fracture_visible"}
PART = "XR_"  # start of the name of a MURA part's folder
APART = "not read. Give it by itself to read it"
LOOKED_AT = 200  # files and folders of a folder beside a data set
NOT_A_SPLIT = "is not a split's folder (train, valid, test)"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Kind and place of a data set; `root` directly holds the splits, the classes or the list."""

    kind: str  # of `catalog.READERS`
    root: Path


def find(root: Path) -> Layout:
    """Return the layout of a folder; for MURA and FracAtlas, the parent of the root will do.

    Raises:
        DataError: no folder, no permission, empty, an archive, or a folder too deep or too high;
            the message names the right folder where it can.
    """
    if any(root.is_relative_to(place) for place in OF_THE_SYSTEM):
        raise DataError(
            f"{root} is a folder of the system, and holds no images. Give the folder of the data."
        )
    below = folders(root)
    if own := _labelled(root):
        return own
    inner = [layout for name in below if (layout := _labelled(root / name))]
    if len(inner) > 1:
        raise DataError(
            f"{root} holds several data sets. Give one of them, such as {inner[0].root}."
        )
    if inner:
        return inner[0]
    for parent in list(root.parents)[:4]:
        if is_mura(parent):
            raise DataError(f"{root} is only a piece of a MURA data set. Give {parent}.")
    for images in (root, root.parent):
        if images.name == FRACATLAS_IMAGES and _is_fracatlas(images.parent):
            raise DataError(f"{root} is only a piece of FracAtlas. Give {images.parent}.")
    siblings = folders(root.parent) if folder_names.split_of(root.name) else []
    if len([name for name in siblings if folder_names.split_of(name)]) > 1:
        raise DataError(f"{root} is one split of a data set. Give {root.parent}.")
    return Layout(kind="class_folders", root=root)


def neighbours(given: Path, layout: Layout) -> tuple[Skipped, ...]:
    """Return notes on other data sets in a folder, of which one alone is read.

    Args:
        given: the folder.
        layout: found in it, see `find`.
    """
    notes = []
    if layout.root != given:
        beside = (name for name in folders(given) if given / name != layout.root)
        notes += [
            Skipped(path=f"../{name}", reason=f"lies beside {layout.root.name}; {APART}")
            for name in beside
            if holds_films(given / name)
        ]
    if layout.kind not in ROOTS:
        return tuple(notes)
    for kind, is_root in ROOTS.items():
        if kind != layout.kind and is_root(layout.root):
            notes.append(Skipped(path=".", reason=f"has the layout {kind} too; not read by that"))
    for name in folders(layout.root):
        if own := _labelled(layout.root / name):
            notes.append(Skipped(path=name, reason=f"is another data set ({own.kind}); {APART}"))
    return tuple(notes)


def holds_films(folder: Path) -> bool:
    """Return whether a folder, or one in it, holds a file that is named like a film."""
    with suppress(DataError, OSError):
        for place in (folder, *(folder / name for name in folders(folder)[:LOOKED_AT])):
            with os.scandir(place) as content:
                names = (each.name for each in islice(content, LOOKED_AT))
                if any(ignored_files.ending(name) in SUFFIXES for name in names):
                    return True
    return False


def stamp(root: Path) -> str:
    """Return a text that changes with the CSV lists and the upper two levels of folders."""
    facts = []
    for folder in (root, *(root / name for name in folders(root))):
        with suppress(OSError), os.scandir(folder) as content:
            for entry in content:
                if is_folder(entry) or (folder == root and entry.name.lower().endswith(".csv")):
                    with suppress(OSError):  # a link to nowhere must not hide the entries after it
                        state = entry.stat()
                        facts.append((entry.path, state.st_mtime_ns, state.st_size))
    return hashlib.sha256(repr((root.stat().st_mtime_ns, sorted(facts))).encode()).hexdigest()


def _labelled(root: Path) -> Layout | None:
    """Return the layout with this root, if it defines its labels itself."""
    kinds = (kind for kind, is_root in ROOTS.items() if is_root(root))
    return next((Layout(kind=kind, root=root) for kind in kinds), None)


def is_mura(root: Path) -> bool:
    """Return whether a split folder directly in `root` holds a folder of a MURA part."""
    try:
        names = os.listdir(str(root))  # noqa: PTH208
        splits = [root / name for name in names if folder_names.split_of(name)]
        return any(_holds_part(split) for split in splits if split.is_dir())
    except OSError:
        return False  # an unreadable neighbour is no reason to refuse this folder


def _holds_part(split: Path) -> bool:
    with os.scandir(split) as content:
        return any(entry.name.upper().startswith(PART) and entry.is_dir() for entry in content)


def _is_fracatlas(root: Path) -> bool:
    return {"image_id", "fractured"} <= _columns(root) and (root / FRACATLAS_IMAGES).is_dir()


def _is_graz(root: Path) -> bool:
    return _columns(root) >= GRAZ_COLUMNS


def _columns(root: Path) -> set[str]:
    """Return the columns of `dataset.csv`; none where there is no such list."""
    try:
        return set(text_lists.header(root / FRACATLAS_LIST))
    except (OSError, FileRefused):
        return set()  # without a readable list these are class folders


# Kinds of data that say themselves what a label means -> whether a folder is the root of such data.
ROOTS: dict[str, Callable[[Path], bool]] = {
    "mura": is_mura,
    "fracatlas": _is_fracatlas,
    "grazpedwri": _is_graz,
}
