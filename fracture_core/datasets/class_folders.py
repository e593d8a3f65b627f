"""Reader of class folders: `CLASS/file`, or `SPLIT/CLASS/file`, as in the 2018 report.

Only the class is known, so every file counts as its own study of its own patient.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fracture_core.datasets import mura
from fracture_core.datasets.layouts import (
    ARCHIVES,
    CLOSED,
    NO_TEXT,
    SPLIT_NAMES,
    SPLITS,
    Listing,
    Row,
    advice,
    entries,
    folders,
    is_mura,
    is_text,
    natural,
    ranked,
    readable,
)
from fracture_core.errors import ClassesError, DataError
from fracture_core.files import walk
from fracture_core.films.images import SUFFIXES
from fracture_core.words import short

VALID_SHARE = 0.2  # of films without split folders
FOLDERS_LOOKED_AT = 2000  # in search of images where there is no data set; more takes long


def scan(root: Path, positive: str | None) -> Listing:
    """List all images of a folder of class folders, in order split, class, name.

    Args:
        root: holds class folders, or split folders that do. Without split folders a fifth of each
            class, chosen by the names alone, is the valid split.
        positive: the class that means a fracture; the others mean none.

    Raises:
        ClassesError: `positive` is none of the classes; the error lists them.
        DataError: no class folder holds an image, or only one does.
    """
    listing = Listing()
    files = {folder: class_files(listing, root, folder) for folder in _class_folders(listing, root)}
    classes = sorted({Path(folder).name for folder, names in files.items() if names}, key=natural)
    closed = [each for each in listing.skipped if each.reason.startswith(CLOSED)]
    if len(classes) < 2 and closed:
        place, reason = root / closed[0].path, closed[0].reason
        rest = "" if classes else f"{root} holds no image in the folders that can be listed. "
        raise DataError(f"{rest}{place} {reason}. {advice(reason)}.")
    if not classes:
        raise DataError(_refusal(root))
    if len(classes) < 2:
        raise DataError(
            f"{root} has images of one class only ({classes[0]}). "
            "Give a folder that holds two class folders or more."
        )
    if positive not in classes:
        received = "" if positive is None else f" {short(positive)!r} is none of them."
        raise ClassesError(
            f"{root} holds the classes {', '.join(classes)}.{received} "
            "Say which one means a fracture (--positive CLASS).",
            tuple(classes),
        )
    rows = [row for folder, names in files.items() for row in _class_rows(folder, names, positive)]
    listing.rows.extend(sorted(rows, key=lambda row: SPLITS.index(row[0])))
    return listing


def _class_folders(listing: Listing, root: Path) -> list[str]:
    """Return paths of the class folders; with split folders, of those in them."""
    top = folders(root)
    splits = [name for name in top if name.lower() in SPLIT_NAMES]
    for name in top if splits else []:
        if name not in splits:
            listing.skip(name, "is not a split's folder (train, valid, test)")
    for name in sorted({path.name for path in root.iterdir()} - set(top), key=natural):
        if not is_text(name):
            listing.skip(readable(name), NO_TEXT)
        elif name.lower().endswith(SUFFIXES):
            listing.skip(name, "lies beside the class folders, not in one")
    if not splits:
        return top
    inside = [f"{name}/{inner}" for name in splits for inner in entries(listing, root, name)]
    return [folder for folder in inside if (root / folder).is_dir()] or top


def class_files(listing: Listing, root: Path, folder: str) -> list[str]:
    """Return names of the images directly in a class folder, in natural order."""
    names = list(entries(listing, root, folder))
    subfolders = set(folders(root / folder)) if names else set()
    for name in sorted(subfolders, key=natural):
        listing.skip(f"{folder}/{name}", "is a folder in a class folder; only files are read")
    files = [name for name in names if name not in subfolders]
    for name in files:
        if not name.lower().endswith(SUFFIXES):
            listing.skip(f"{folder}/{name}", "is not an image")
    return [name for name in files if name.lower().endswith(SUFFIXES)]


def _class_rows(folder: str, names: list[str], positive: str) -> Iterator[Row]:
    """Yield the rows of one class folder: every file is its own study of its own patient."""
    split_folder, _, category = folder.rpartition("/")
    held_out = set(ranked(names, seed=0)[: round(VALID_SHARE * len(names))])
    stems = Counter(Path(name).stem for name in names)
    for name in names:
        stem = Path(name).stem
        study = stem if stems[stem] == 1 else name  # 1.jpg and 1.png are two studies
        split = "valid" if name in held_out else "train"
        if split_folder:
            split = SPLIT_NAMES[split_folder.lower()]
        patient = f"{folder}/{study}".replace("/", "-")
        yield (split, "unknown", patient, study, 0, int(category == positive), f"{folder}/{name}")


def _refusal(root: Path) -> str:
    """Explain why there is no class folder with images, and give the next step."""
    images = lists = None
    for number, (place, inner, names) in enumerate(walk(root)):
        if number == FOLDERS_LOOKED_AT and not images:
            return f"The first {number:,} folders in {root} hold no image. Give the right one."
        if number == FOLDERS_LOOKED_AT:
            break
        inner[:] = sorted(n for n in inner if not n.startswith(".") and is_text(n))
        if is_mura(place):
            return f"{root} lies above a MURA data set. Give {place}."
        if any(name.lower().endswith(SUFFIXES) and not name.startswith(".") for name in names):
            images = images or place
        if any(name.endswith(mura.LISTS) for name in names):
            lists = lists or place
    return _with_images(root, images) if images else _without_images(root, lists)


def _with_images(root: Path, folder: Path) -> str:
    """Give the next step where images lie directly in `folder`, in `root` or below it."""
    if mura.STUDY.fullmatch(folder.name):
        return (
            f"{root} holds MURA's studies, but not in its folders {{train,valid}}/XR_PART. "
            "Unpack it again, then give the unpacked folder."
        )
    if folder == root and not _holds_classes(root.parent):
        return (
            f"{root} holds images, but in no class folder. Put them into a folder for each class, "
            "such as Fractured and Not_fractured, then give the folder that holds both."
        )
    place = folder.parent  # class folders lie in `place`, or in a split of it
    place = place.parent if place.name.lower() in SPLIT_NAMES else place
    return f"{root} holds no class folders with images. Give {place}."


def _holds_classes(root: Path) -> bool:
    """Return whether two folders in `root` hold images."""
    try:
        inside = [os.listdir(root / name) for name in folders(root)[:FOLDERS_LOOKED_AT]]  # noqa: PTH208
    except (OSError, DataError):
        return False  # an unreadable neighbour is not suggested
    return sum(any(n.lower().endswith(SUFFIXES) for n in names) for names in inside) > 1


def _without_images(root: Path, lists: Path | None) -> str:
    """Give the next step where there is no image; `lists` is the folder of MURA's CSV lists."""
    files = sorted((path.name for path in root.iterdir() if path.is_file()), key=natural)
    archive = next((name for name in files if name.lower().endswith(ARCHIVES)), None)
    if archive:
        return f"{root} holds an archive, {archive}. Unpack it, then give the unpacked folder."
    if lists:
        return f"{lists} holds MURA's lists, but not the films. Unpack it again, then give it."
    splits = [name for name in folders(root) if name.lower() in SPLIT_NAMES]
    if splits:
        return f"{root} holds {' and '.join(splits)}, but no image in them. Unpack it again."
    return f"{root} holds no image. Give a MURA folder, or a folder with a folder for each class."
