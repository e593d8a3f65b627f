"""Layouts of data sets on disk, and helpers shared by their readers.

`find` returns the layout of a folder, or refuses it with the next step. The readers (`mura`,
`class_folders`, `fracatlas`) fill a `Listing`: one row per image, and the ignored files with
reasons.
"""

import errno
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fracture_core import file_reader
from fracture_core.errors import DataError, FileRefused

SPLITS = ("train", "valid", "test")  # in the order of the manifest
SPLIT_NAMES = {  # a split folder's name in lower case -> the split
    "train": "train",
    "training": "train",
    "training_set": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "valid_set": "valid",
    "test": "test",
}
_DIGITS = re.compile(r"([0-9]+)")
OF_THE_SYSTEM = ("/proc", "/sys")  # files made by the kernel, most of them unreadable
FRACATLAS_LIST, FRACATLAS_IMAGES = "dataset.csv", "images"
CLOSED = "cannot be listed"  # start of the reason for a folder that may not be listed
NO_TEXT = "has a name that is not UTF-8; rename it"
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


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


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Rows of the manifest, and ignored files."""

    rows: list[Row] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

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
    siblings = folders(root.parent) if root.name.lower() in SPLIT_NAMES else []
    if len([name for name in siblings if name.lower() in SPLIT_NAMES]) > 1:
        raise DataError(f"{root} is one split of a data set. Give {root.parent}.")
    return Layout(kind="class_folders", root=root)


def absolute(path: Path) -> Path:
    """Return the absolute path, without "~", ".." and links.

    Raises:
        DataError: it cannot be followed: a circle of links, no permission, a name too long.
    """
    try:
        return Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a circle, or a null character, in turn
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be followed ({reason}). Check the path.") from error


def stamp(root: Path) -> str:
    """Return a text that changes with the CSV lists and the upper two levels of folders."""
    facts = []
    for folder in (root, *(root / name for name in folders(root))):
        with suppress(OSError), os.scandir(folder) as content:
            for entry in content:
                if _is_folder(entry) or (folder == root and entry.name.endswith(".csv")):
                    with suppress(OSError):  # a link to nowhere must not hide the entries after it
                        state = entry.stat()
                        facts.append((entry.path, state.st_mtime_ns, state.st_size))
    return hashlib.sha256(repr((root.stat().st_mtime_ns, sorted(facts))).encode()).hexdigest()


def folders(root: Path) -> list[str]:
    """Return names of the folders in `root` in natural order, without hidden ones and names that
    are not text."""
    try:
        with os.scandir(root) as content:
            names = [e.name for e in content if not e.name.startswith(".") and _is_folder(e)]
        return sorted(filter(is_text, names), key=natural)
    except FileNotFoundError as error:
        raise DataError(f"There is no folder {root}. Check the path.") from error
    except NotADirectoryError as error:
        file = next((path for path in (root, *root.parents) if path.is_file()), root)
        step = "Unpack it, then give" if file.suffix.lower() in ARCHIVES else "Give"
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
    """Yield names in `folder` of `root` in natural order; note hidden and unreadable ones."""
    try:
        names = os.listdir(f"{root}/{folder}")  # noqa: PTH208 - no Path for each of 40,000 films
    except OSError as error:
        listing.skip(folder, f"{CLOSED} ({error.strerror})")
        return
    for name in sorted(names, key=natural):
        if name.startswith("."):
            listing.skip(f"{folder}/{readable(name)}", "is hidden")
        elif not is_text(name):
            listing.skip(f"{folder}/{readable(name)}", NO_TEXT)
        else:
            yield name


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


def cells(line: str) -> list[str]:
    """Return the values in a line of a CSV list, without quotes and surrounding blanks."""
    return [value.strip() for value in line.replace('"', "").split(",")]


def _labelled(root: Path) -> Layout | None:
    """Return the layout with this root, if it defines its labels itself."""
    kinds = (kind for kind, is_root in ROOTS.items() if is_root(root))
    return next((Layout(kind=kind, root=root) for kind in kinds), None)


def is_mura(root: Path) -> bool:
    """Return whether a split folder directly in `root` holds a folder of a MURA part."""
    try:
        return any(any((root / split).glob("XR_*/")) for split in SPLITS)
    except OSError:
        return False  # an unreadable neighbour is no reason to refuse this folder


def _is_fracatlas(root: Path) -> bool:
    try:
        with file_reader.opened(root / FRACATLAS_LIST, file_reader.LIST_BYTES) as lines:
            first = lines.readline(2000)  # any other file may be one long line
        columns = cells(first.decode("utf-8-sig", errors="replace"))
        return {"image_id", "fractured"} <= set(columns) and (root / FRACATLAS_IMAGES).is_dir()
    except (OSError, FileRefused):
        return False  # as above; without a readable list these are class folders


# Kinds of data that say themselves what a label means -> whether a folder is the root of such data.
ROOTS: dict[str, Callable[[Path], bool]] = {"mura": is_mura, "fracatlas": _is_fracatlas}
