"""Reader of MURA's layout, with or without its CSV lists, any of its parts present.

`{train,valid}/XR_PART/patientNNNNN/studyN_{positive,negative}/imageN.png`. Only the
lists are opened, and folders are only listed, so that all of MURA takes about a second.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fracture_core.data_folders import folder_names, text_lists
from fracture_core.data_folders.film_listing import Listing, entries, film_names, note_others
from fracture_core.data_folders.folder_entries import CLOSED, advice, folders
from fracture_core.data_folders.name_order import natural
from fracture_core.errors import DataError, FileRefused
from fracture_core.readers.layouts import NOT_A_SPLIT, PART, SPLITS

STUDY = re.compile(r"(study[0-9]+)(?:_(positive|negative))?", re.IGNORECASE)  # a folder's name
LISTS = ("_image_paths.csv", "_labeled_studies.csv")  # endings of the lists' names
_PATIENT = re.compile(r"patient[0-9]+", re.IGNORECASE)
_WORD = re.compile(r"(?<=[0-9])_(positive|negative)(?=/|$)")
_LISTED = re.compile(  # a study in a list, whatever folders lie above it
    r"(?:^|/)([^/]+)/(xr_[^/]+)/(patient[0-9]+)/(study[0-9]+(?:_[a-z]+)?)(?:/([^/]+))?/?$",
    re.IGNORECASE,
)

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
_NOUNS = {  # column of `film_counts.counts` -> singular and plural
    "studies": ("study", "studies"),
    "images": ("image", "images"),
    "positive_studies": ("positive study", "positive studies"),
    "positive_images": ("positive image", "positive images"),
}


def scan(root: Path) -> Listing:
    """List all images of a folder with MURA's layout, in order split, part, patient, study, view.

    The label is from the list of labelled studies, where there is one, else from the study folder.
    Names may be in capital letters, and splits have other names (`val`, `Training`).

    Raises:
        DataError: the folders hold no image.
    """
    listing = Listing()
    listing.facts.patients = True
    split_folders, lists = _split_folders(listing, root), _lists(root)
    used = {*split_folders.values(), *(name for names in lists.values() for name in names.values())}
    note_others(listing, root, lambda name: name in used or _is_split(name), NOT_A_SPLIT)
    for split in lists.keys() - split_folders.keys():
        for name in lists[split].values():
            listing.skip(name, f"is a list of the {split} split, which has no folder; not read")
    for split in [name for name in SPLITS if name in split_folders]:
        folder, first = split_folders[split], len(listing.rows)
        names = lists.get(split, {})
        labels = _listed_labels(root, names.get(LISTS[1]), split, listing)
        with _noting_empty(listing, folder):
            for part in entries(listing, root, folder):
                if part.upper().startswith(PART):
                    _scan_part(listing, root, f"{folder}/{part}", split, labels)
                else:
                    _skip_others(
                        listing, root, folder, part, "is not a body part's folder (XR_...)"
                    )
        present = {row[6] for row in listing.rows[first:]}
        _compare_with_list(root, names.get(LISTS[0]), split, listing, present)
    if not listing.rows:
        raise DataError(_no_image(root, listing))
    return listing


def _is_split(name: str) -> bool:
    return folder_names.split_of(name) is not None


def _split_folders(listing: Listing, root: Path) -> dict[str, str]:
    """Map splits to their folders; a second folder of one split is noted."""
    by_split: dict[str, str] = {}
    for name in sorted(folders(root), key=lambda name: name.lower() not in SPLITS):
        split = folder_names.split_of(name)
        if split and split in by_split:
            listing.skip(
                name, f"is a second folder of the {split} split; {by_split[split]} is used"
            )
        elif split:
            by_split[split] = name
    return by_split


def _lists(root: Path) -> dict[str, dict[str, str]]:
    """Map splits to their lists: ending of the name -> name of the file."""
    lists: dict[str, dict[str, str]] = {}
    for name in sorted((path.name for path in root.iterdir() if not path.is_dir()), key=natural):
        for end in LISTS:
            start = name.lower().removesuffix(end)
            split = folder_names.split_of(start) if start != name.lower() else None
            if split:
                lists.setdefault(split, {}).setdefault(end, name)
    return lists


def _skip_others(listing: Listing, root: Path, folder: str, name: str, reason: str) -> None:
    """Note a folder or a film that is out of place; count another file by kind."""
    path = root / folder / name
    if not path.is_file() or film_names(listing, root, folder, [name]):
        listing.skip(f"{folder}/{name}", reason)


def published(split: str, part: str) -> dict[str, int]:
    """Return MURA's published counts of a part, or of part "all", named as in `film_counts.counts`.

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
        counts: `film_counts.counts` of a whole data set.
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


def _scan_part(
    listing: Listing, root: Path, folder: str, split: str, labels: dict[str, int]
) -> None:
    with _noting_empty(listing, folder):
        for patient in entries(listing, root, folder):
            if _PATIENT.fullmatch(patient):
                with _noting_empty(listing, f"{folder}/{patient}"):
                    _scan_patient(listing, root, f"{folder}/{patient}", split, labels)
            else:
                _skip_others(listing, root, folder, patient, "is not a patient's folder")


def _scan_patient(
    listing: Listing, root: Path, folder: str, split: str, labels: dict[str, int]
) -> None:
    _, part, patient = folder.lower().split("/")
    names = list(entries(listing, root, folder))
    numbers = [match[1].lower() for name in names if (match := STUDY.fullmatch(name))]
    for name in names:
        path, match = f"{folder}/{name}", STUDY.fullmatch(name)
        if not match:
            reason = "is not a study's folder (studyN_positive or studyN_negative)"
            _skip_others(listing, root, folder, name, reason)
        elif numbers.count(match[1].lower()) > 1:
            listing.skip(path, "occurs under more than one label; left out")
        elif (label := _label(listing, path, match[2], labels)) is not None:
            images = film_names(listing, root, path, entries(listing, root, path))
            study = (split, part[len(PART) :], patient, match[1].lower())
            rows = ((*study, view, label, f"{path}/{name}") for view, name in enumerate(images))
            listing.rows.extend(rows)
            if not images:
                listing.skip(path, "is a study without an image")


def _label(listing: Listing, path: str, word: str | None, labels: dict[str, int]) -> int | None:
    """Return the study's label, from the list where there is one, else from the folder's name."""
    of_name = None if word is None else int(word.lower() == "positive")
    listed = labels.get(_key(path), of_name)
    if listed is None:
        listing.skip(path, "has no label, neither in its name nor in a list")
    elif of_name is not None and listed != of_name:
        words = ("negative", "positive")
        listing.skip(path, f"is {words[listed]} in the label list, which is used")
    return listed


def _key(path: str) -> str:
    """Return what a list and the folders share: a path below its split, without the label word."""
    return _WORD.sub("", path.partition("/")[2].lower())


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A line of a list: the study's path, and the whole one, from the split on; the last cell."""

    study: str
    path: str
    value: str


def _lines(root: Path, name: str | None, split: str, listing: Listing) -> list[_Line]:
    """Return a list's lines on studies of a split; others are noted, but for a header."""
    if name is None:
        return []
    try:
        rows = text_lists.read(root / name)
    except FileRefused as error:
        listing.skip(name, f"{error.reason}; the folders' names are used")
        return []
    lines, foreign = [], 0
    first = next((row for row in rows if any(row)), None)
    for row in rows:
        cells = [text_lists.posix(cell) for cell in row]
        matches = [match for cell in cells if (match := _LISTED.search(cell))]
        if matches and _is_split(matches[0][1]):
            of_split, part, patient, study, image = matches[0].groups()
            if folder_names.split_of(of_split) == split:
                path = f"{split}/{part}/{patient}/{study}"
                whole = f"{path}/{image}" if image else path
                values = [cell for cell in cells if cell and not _LISTED.search(cell)]
                lines.append(_Line(study=path, path=whole, value=values[-1] if values else ""))
        elif any(cells) and (row is not first or any("/" in cell for cell in cells)):
            foreign += 1  # the first row may be a header
    if foreign:
        listing.skip(name, f"has {foreign:,} other lines than on studies of {split}; not used")
    elif not lines:
        listing.skip(name, f"names no study of {split}; the folders' names are used")
    return lines


def _listed_labels(root: Path, name: str | None, split: str, listing: Listing) -> dict[str, int]:
    """Map study folders to labels, by the list of labelled studies, without contradictions."""
    both: dict[str, str] = {}
    labels: dict[str, int] = {}
    for line in _lines(root, name, split, listing):
        label, key = text_lists.flag(line.value), _key(line.study)
        if label is None:
            listing.skip(line.study, f"has no label 0 or 1 in {name}")
        elif labels.setdefault(key, label) != label:
            both[key] = line.study
    for key in sorted(both, key=natural):
        del labels[key]
        listing.skip(both[key], f"has both labels in {name}; its folder's name is used")
    return labels


def _compare_with_list(
    root: Path, name: str | None, split: str, listing: Listing, present: set[str]
) -> None:
    """Note images that are only in the list of image paths, or only in the folders."""
    listed = {_key(line.path): line.path for line in _lines(root, name, split, listing)}
    if not listed:
        return
    films = {_key(path): path for path in present}
    parts = {key.split("/")[0] for key in films}  # a missing part is no loss
    lost = [key for key in listed.keys() - films.keys() if key.split("/")[0] in parts]
    for key in sorted(lost, key=natural):
        listing.skip(listed[key], f"is listed in {name} but was not found")
    for key in sorted(films.keys() - listed.keys(), key=natural):
        listing.skip(films[key], f"is not listed in {name}; used anyway")
