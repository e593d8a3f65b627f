"""Reader of MURA's layout, with or without its CSV lists, any of its parts present.

`{train,valid}/XR_PART/patientNNNNN/studyN_{positive,negative}/imageN.png`. Only the
lists are opened, and folders are only listed, so that all of MURA takes about a second.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from fracture_core import file_reader
from fracture_core.datasets.layouts import CLOSED, SPLITS, Listing, advice, entries, natural
from fracture_core.errors import DataError, FileMissing, FileRefused
from fracture_core.films.images import SUFFIXES

STUDY = re.compile(r"(study[0-9]+)(?:_(positive|negative))?")  # a study folder's name
LISTS = ("_image_paths.csv", "_labeled_studies.csv")  # endings of the lists' names
_PATIENT = re.compile(r"patient[0-9]+")

# MURA v1.1: (split, part) -> normal and abnormal studies, normal and abnormal images, as counted
# from the data set's own lists; see docs/data.md.
PUBLISHED = {
    ("train", "elbow"): (1094, 660, 2925, 2006),
    ("train", "finger"): (1280, 655, 3138, 1968),
    ("train", "forearm"): (590, 287, 1164, 661),
    ("train", "hand"): (1497, 521, 4059, 1484),
    ("train", "humerus"): (321, 271, 673, 599),
    ("train", "shoulder"): (1364, 1457, 4211, 4168),
    ("train", "wrist"): (2134, 1326, 5765, 3987),
    ("valid", "elbow"): (92, 66, 235, 230),
    ("valid", "finger"): (92, 83, 214, 247),
    ("valid", "forearm"): (69, 64, 150, 151),
    ("valid", "hand"): (101, 66, 271, 189),
    ("valid", "humerus"): (68, 67, 148, 140),
    ("valid", "shoulder"): (99, 95, 285, 278),
    ("valid", "wrist"): (140, 97, 364, 295),
}
_NOUNS = {  # column of `catalog.counts` -> singular and plural
    "studies": ("study", "studies"),
    "images": ("image", "images"),
    "positive_studies": ("positive study", "positive studies"),
    "positive_images": ("positive image", "positive images"),
}


def scan(root: Path) -> Listing:
    """List all images of a folder with MURA's layout, in order split, part, patient, study, view.

    The label is from the list of labelled studies, where there is one, else from the study folder.

    Raises:
        DataError: the folders hold no image.
    """
    listing = Listing()
    for split in [name for name in SPLITS if (root / name).is_dir()]:
        first = len(listing.rows)
        labels = _listed_labels(root, split, listing)
        with _noting_empty(listing, split):
            for part in entries(listing, root, split):
                if part.startswith("XR_"):
                    _scan_part(listing, root, f"{split}/{part}", labels)
                else:
                    listing.skip(f"{split}/{part}", "is not a body part's folder (XR_...)")
        _compare_with_list(root, split, listing, {row[6] for row in listing.rows[first:]})
    if not listing.rows:
        raise DataError(_no_image(root, listing))
    return listing


def published(split: str, part: str) -> dict[str, int]:
    """Return MURA's published counts of a part, or of part "all", named as in `catalog.counts`.

    Returns:
        studies, images, positive_studies, positive_images; empty for unpublished parts.
    """
    rows = [row for key, row in PUBLISHED.items() if key == (split, part)]
    if part == "all":
        rows = [row for key, row in PUBLISHED.items() if key[0] == split]
    if not rows:
        return {}
    normal, abnormal, normal_images, abnormal_images = map(sum, zip(*rows, strict=True))
    return {
        "studies": normal + abnormal,
        "images": normal_images + abnormal_images,
        "positive_studies": abnormal,
        "positive_images": abnormal_images,
    }


def differences(counts: pd.DataFrame) -> list[str]:
    """Compare a data set with the published counts: one sentence per part that differs.

    Args:
        counts: `catalog.counts` of a whole data set.
    """
    rows = counts[counts["part"] != "all"].to_dict("records")
    present = {(str(row["split"]), str(row["part"])): row for row in rows}
    sentences = []
    for split, part in dict.fromkeys([*PUBLISHED, *present]):
        row, expected = present.get((split, part)), published(split, part)
        if not row:
            clauses = ["missing"]
        elif not expected:
            clauses = ["not among the published parts"]
        else:
            clauses = [_difference(name, row[name], expected[name]) for name in _NOUNS]
        if any(clauses):
            sentences.append(f"{split} XR_{part.upper()}: {', '.join(filter(None, clauses))}")
    return sentences


def _difference(name: str, present: int, expected: int) -> str:
    """Format "12 studies missing (2,006 of 2,018)", "1 image more than published", or nothing."""
    count = abs(present - expected)
    words = f"{count:,} {_NOUNS[name][count != 1]}"
    if present < expected:
        return f"{words} missing ({present:,} of {expected:,})"
    return f"{words} more than published" if count else ""


def _no_image(root: Path, listing: Listing) -> str:
    """Explain why MURA's folders hold no image, and give the next step."""
    start = f"{root} has MURA's folders, but no image in them"
    closed = [each for each in listing.skipped if each.reason.startswith(CLOSED)]
    if closed:
        first = f"{closed[0].path} {closed[0].reason}"
        return f"{start} was found: {first}. {advice(closed[0].reason)}, or unpack it again."
    return f"{start}. Unpack it again."


@contextmanager
def _noting_empty(listing: Listing, folder: str) -> Iterator[None]:
    """Note a folder without any film or note: it was not unpacked completely."""
    before = len(listing.rows), len(listing.skipped)
    yield
    if before == (len(listing.rows), len(listing.skipped)):
        listing.skip(folder, "is empty; if it should not be, unpack the data again")


def _scan_part(listing: Listing, root: Path, folder: str, labels: dict[str, int]) -> None:
    with _noting_empty(listing, folder):
        for patient in entries(listing, root, folder):
            if _PATIENT.fullmatch(patient):
                with _noting_empty(listing, f"{folder}/{patient}"):
                    _scan_patient(listing, root, f"{folder}/{patient}", labels)
            else:
                listing.skip(f"{folder}/{patient}", "is not a patient's folder")


def _scan_patient(listing: Listing, root: Path, folder: str, labels: dict[str, int]) -> None:
    split, part, patient = folder.split("/")
    names = list(entries(listing, root, folder))
    numbers = [match[1] for name in names if (match := STUDY.fullmatch(name))]
    for name in names:
        path, match = f"{folder}/{name}", STUDY.fullmatch(name)
        if not match:
            listing.skip(path, "is not a study's folder (studyN_positive or studyN_negative)")
        elif numbers.count(match[1]) > 1:
            listing.skip(path, "occurs under more than one label; left out")
        elif (label := _label(listing, path, match[2], labels)) is not None:
            images = list(_images(listing, root, path))
            study = (split, part[3:].lower(), patient, match[1])
            rows = ((*study, view, label, image) for view, image in enumerate(images))
            listing.rows.extend(rows)
            if not images:
                listing.skip(path, "is a study without an image")


def _images(listing: Listing, root: Path, folder: str) -> Iterator[str]:
    for name in entries(listing, root, folder):
        if name.lower().endswith(SUFFIXES):
            yield f"{folder}/{name}"
        else:
            listing.skip(f"{folder}/{name}", "is not an image")


def _label(listing: Listing, path: str, word: str | None, labels: dict[str, int]) -> int | None:
    """Return the study's label, from the list where there is one, else from the folder's name."""
    of_name = None if word is None else int(word == "positive")
    listed = labels.get(path, of_name)
    if listed is None:
        listing.skip(path, "has no label, neither in its name nor in a list")
    elif of_name is not None and listed != of_name:
        words = ("negative", "positive")
        listing.skip(path, f"is {words[listed]} in the label list, which is used")
    return listed


def _lines(root: Path, name: str, split: str, listing: Listing) -> list[str]:
    """Return a list's entries from the split's name on; a header row has none."""
    try:
        text = file_reader.read_text(root / name, file_reader.LIST_BYTES, errors="replace")
    except FileMissing:
        return []
    except FileRefused as error:
        listing.skip(name, f"{error.reason}; the folders' names are used")
        return []
    text = text.replace('"', "")
    parts = (line.strip().partition(f"{split}/") for line in text.splitlines())
    return [start + rest for _, start, rest in parts if start]


def _listed_labels(root: Path, split: str, listing: Listing) -> dict[str, int]:
    """Map study folders to labels, by the list of labelled studies, without contradictions."""
    name, both = f"{split}{LISTS[1]}", set()
    labels: dict[str, int] = {}
    for line in _lines(root, name, split, listing):
        path, _, label = line.rpartition(",")
        path, label = path.rstrip("/"), label.strip()
        if label not in ("0", "1"):
            listing.skip(path or line, f"has no label 0 or 1 in {name}")
        elif labels.setdefault(path, int(label)) != int(label):
            both.add(path)
    for path in sorted(both, key=natural):
        del labels[path]
        listing.skip(path, f"has both labels in {name}; its folder's name is used")
    return labels


def _compare_with_list(root: Path, split: str, listing: Listing, present: set[str]) -> None:
    """Note images that are only in the list of image paths, or only in the folders."""
    name = f"{split}{LISTS[0]}"
    listed = set(_lines(root, name, split, listing))
    if not listed:
        return
    parts = {"/".join(path.split("/")[:2]) for path in present}  # a missing part is no loss
    lost = {path for path in listed - present if "/".join(path.split("/")[:2]) in parts}
    for path in sorted(lost, key=natural):
        listing.skip(path, f"is listed in {name} but was not found")
    for path in sorted(present - listed, key=natural):
        listing.skip(path, f"is not listed in {name}; used anyway")
