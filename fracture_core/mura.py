"""Reader of MURA's layout, with or without its CSV lists, any of its parts present.

`{train,valid}/XR_PART/patientNNNNN/studyN_{positive,negative}/imageN.png`. No file is opened but
the lists, and folders are only listed, so that all of MURA takes about a second.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from fracture_core.errors import DataError
from fracture_core.images import SUFFIXES
from fracture_core.layouts import SPLITS, Listing, entries, natural

STUDY = re.compile(r"(study[0-9]+)(?:_(positive|negative))?")  # a study folder's name
_PATIENT = re.compile(r"patient[0-9]+")


def scan(root: Path) -> Listing:
    """All images of a folder with MURA's layout, in order split, part, patient, study, view.

    The label is the list's of labelled studies, where there is one, else the study folder's name.

    Raises:
        DataError: the folders hold no image.
    """
    listing = Listing()
    for split in [name for name in SPLITS if (root / name).is_dir()]:
        first = len(listing.rows)
        labels = _listed_labels(root, split, listing)
        for part in entries(listing, root, split):
            if not part.startswith("XR_"):
                listing.skip(f"{split}/{part}", "is not a body part's folder (XR_...)")
                continue
            for patient in entries(listing, root, f"{split}/{part}"):
                if _PATIENT.fullmatch(patient):
                    _scan_patient(listing, root, f"{split}/{part}/{patient}", labels)
                else:
                    listing.skip(f"{split}/{part}/{patient}", "is not a patient's folder")
        _compare_with_list(root, split, listing, {row[6] for row in listing.rows[first:]})
    if not listing.rows:
        raise DataError(f"{root} has MURA's folders, but no image in them. Unpack it again.")
    return listing


def _scan_patient(listing: Listing, root: Path, folder: str, labels: dict[str, int]) -> None:
    split, part, patient = folder.split("/")
    names = list(entries(listing, root, folder))
    numbers = [match[1] for name in names if (match := STUDY.fullmatch(name))]
    for name in names:
        path, match = f"{folder}/{name}", STUDY.fullmatch(name)
        if not match:
            listing.skip(path, "is not a study's folder (studyN_positive or studyN_negative)")
        elif numbers.count(match[1]) > 1:
            listing.skip(path, "is there under more than one label; left out")
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
    """The study's label: the list's where there is one, else the folder name's."""
    named = None if word is None else int(word == "positive")
    listed = labels.get(path, named)
    if listed is None:
        listing.skip(path, "has no label, neither in its name nor in a list")
    elif named is not None and listed != named:
        words = ("negative", "positive")
        listing.skip(path, f"is {words[listed]} in the label list, which is used")
    return listed


def _lines(root: Path, name: str, split: str) -> list[str]:
    """A list's entries from the split's name on; a header row holds no such path."""
    if not (root / name).is_file():
        return []
    text = (root / name).read_text(encoding="utf-8-sig", errors="replace").replace('"', "")
    found = (line.strip().partition(f"{split}/") for line in text.splitlines())
    return [start + rest for _, start, rest in found if start]


def _listed_labels(root: Path, split: str, listing: Listing) -> dict[str, int]:
    """Study folder -> label, from the list of labelled studies; contradictions are left out."""
    name, labels, both = f"{split}_labeled_studies.csv", {}, set()
    for line in _lines(root, name, split):
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


def _compare_with_list(root: Path, split: str, listing: Listing, found: set[str]) -> None:
    """Note what the list of image paths and the folders do not have in common."""
    name = f"{split}_image_paths.csv"
    listed = set(_lines(root, name, split))
    if not listed:
        return
    parts = {"/".join(path.split("/")[:2]) for path in found}  # a part left out is no loss
    lost = {path for path in listed - found if "/".join(path.split("/")[:2]) in parts}
    for path in sorted(lost, key=natural):
        listing.skip(path, f"is listed in {name} but was not found")
    for path in sorted(found - listed, key=natural):
        listing.skip(path, f"is not listed in {name}; used all the same")
