"""Layouts of data sets on disk, and helpers shared by their readers.

`find` returns the layout of a folder, or refuses it with the next step. The readers (`mura`,
`class_folders`, `fracatlas`, ...) fill a `Listing`: one row per image, and what is passed over.
"""

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from fracture_core.errors import DataError, FileRefused
from fracture_core.films.images import SUFFIXES
from fracture_core.phantom.phantom_set import INDEX, LOCK
from fracture_core.readers import folder_names, ignored_files, text_lists
from fracture_core.readers.ignored_files import Tally

SPLITS = ("train", "valid", "test")  # in the order of the manifest
_DIGITS = re.compile(r"([0-9]+)")
OF_THE_SYSTEM = ("/proc", "/sys")  # files made by the kernel, most of them unreadable
LOOP = "is a link to a folder that is read already; not followed"
FRACATLAS_LIST, FRACATLAS_IMAGES = "dataset.csv", "images"
GRAZ_COLUMNS = {"filestem", "patient_id", "fracture_visible"}
PART = "XR_"  # start of the name of a MURA part's folder
APART = "not read. Give it by itself to read it"
LOOKED_AT = 200  # files and folders of a folder beside a data set
NOT_A_SPLIT = "is not a split's folder (train, valid, test)"
CLOSED = "cannot be listed"  # start of the reason for a folder that may not be listed
NO_TEXT = "has a name that is not UTF-8; rename it"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Kind and place of a data set; `root` directly holds the splits, the classes or the list."""

    kind: str  # of `catalog.READERS`
    root: Path


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


def natural(name: str) -> tuple[list[str | tuple[int, str]], str]:
    """Return a sort key that puts image2 before image10.

    Numbers are compared as text, the shorter first: Python refuses to convert 5,000 digits.
    """
    parts = _DIGITS.split(name)
    return [_as_number(part) if i % 2 else part for i, part in enumerate(parts)], name


def _as_number(digits: str) -> tuple[int, str]:
    digits = digits.lstrip("0")
    return len(digits), digits


def ranked(items: Iterable[str], seed: int) -> list[str]:
    """Return the distinct items in an order that depends on the seed and each item's text."""

    def rank(item: str) -> bytes:
        return hashlib.blake2b(f"{seed}:{item}".encode(), digest_size=16).digest()

    return sorted(set(items), key=rank)


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
                if _is_folder(entry) or (folder == root and entry.name.lower().endswith(".csv")):
                    with suppress(OSError):  # a link to nowhere must not hide the entries after it
                        state = entry.stat()
                        facts.append((entry.path, state.st_mtime_ns, state.st_size))
    return hashlib.sha256(repr((root.stat().st_mtime_ns, sorted(facts))).encode()).hexdigest()


def folders(root: Path) -> list[str]:
    """Return names of the folders in `root` in natural order, without hidden ones, names that are
    not text, and links that lead back, see `_leads_back`."""
    try:
        with os.scandir(root) as content:
            inner = [each for each in content if not is_hidden(each.name) and _is_folder(each)]
        names = [each.name for each in inner if not _leads_back(each)]
        return sorted(filter(is_text, names), key=natural)
    except FileNotFoundError as error:
        raise DataError(f"There is no folder {root}. Check the path.") from error
    except NotADirectoryError as error:
        file = next((path for path in (root, *root.parents) if path.is_file()), root)
        step = "Unpack it, then give" if file.suffix.lower() in ignored_files.ARCHIVES else "Give"
        raise DataError(f"{file} is a file. {step} the folder that holds the images.") from error
    except OSError as error:
        step = advice(str(error.strerror))
        raise DataError(f"{root} cannot be listed ({error.strerror}). {step}.") from error


def advice(reason: str) -> str:
    """Return the next step for a folder that cannot be listed.

    Args:
        reason: the system's message, or the reason of a `Skipped` that contains it.
    """
    reason = reason.removeprefix(f"{CLOSED} (").removesuffix(")")
    if reason in map(os.strerror, (errno.EACCES, errno.EPERM)):
        return "Give yourself permission to read it"
    if reason in map(os.strerror, (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)):
        return "It is gone: check the path"
    return "Check the path and its disk"


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
        if (hidden or kind) and _is_folder(inside[name]):
            kind = None
            if hidden:
                continue
        if kind:
            kind = ignored_files.kind(name, partial(ignored_files.beginning_of, Path(inside[name])))
        if kind:
            listing.ignored.add(kind, path)
        elif not is_text(name):
            listing.skip(path, NO_TEXT)
        elif _leads_back(inside[name]):
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


def is_hidden(name: str) -> bool:
    """Return whether a folder of this name is hidden, or one of an operating system."""
    return name.startswith(".") or name.lower() in ignored_files.FOLDERS


def is_text(name: str) -> bool:
    """Return whether a file's name is UTF-8; old archives have others, which no table can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def readable(name: str) -> str:
    """Return a file's name with "\ufffd" for each byte that is not text."""
    return os.fsencode(name).decode(errors="replace")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _leads_back(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a link to a folder that holds it, or to one beside it: films there
    are read by their own path, and would count twice."""
    if not entry.is_symlink() or not _is_folder(entry):
        return False
    target, holder = Path(entry.path).resolve(), Path(entry.path).parent.resolve()
    return holder.is_relative_to(target) or target.parent == holder


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
