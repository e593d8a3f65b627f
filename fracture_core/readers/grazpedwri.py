"""Reader of GRAZPEDWRI-DX: wrists of children, 16-bit PNG films in folders beside `dataset.csv`.

The list has a row per film: filestem (the file's name without its ending), patient_id,
study_number, laterality, projection, age, fracture_visible and more. `fracture_visible` is 1, or
empty.
"""

import re
from collections import defaultdict
from pathlib import Path, PurePosixPath

from fracture_core.data_folders import folder_names, text_lists
from fracture_core.data_folders.film_listing import Listing, Row, note_others
from fracture_core.data_folders.folder_entries import folders
from fracture_core.data_folders.name_order import natural, ranked
from fracture_core.errors import DataError, FileRefused
from fracture_core.readers.class_folders import VALID_SHARE, class_files
from fracture_core.readers.layouts import FRACATLAS_LIST, SPLITS

PART = "wrist"
# "0001_1297860395_01_WRI-L1_M014": patient, time, number of the visit, side and projection, age.
_STEM = re.compile(r"\d+_\d+_(\d+)_WRI-([LR])\d_", re.IGNORECASE)
DEPTH = 3  # of folders that hold films, below one in the root


def scan(root: Path) -> Listing:
    """List all images that the list names, in order split, patient, study, name.

    A study is one side of one visit of a patient, and is positive if a fracture is visible in any
    of its films. A fifth of the patients, chosen by their numbers alone, is the valid split.

    Args:
        root: holds `dataset.csv` and folders of films.

    Raises:
        DataError: no film of the list is there, or the list cannot be read.
    """
    listing = Listing()
    listing.facts.patients = True
    rows = _listed(listing, root)
    paths = _paths(listing, root)
    for stem in sorted(rows.keys() - paths.keys(), key=natural):
        listing.skip(stem, f"is listed in {FRACATLAS_LIST} but was not found")
    for stem in sorted(paths.keys() - rows.keys(), key=natural):
        listing.skip(paths[stem], f"is not listed in {FRACATLAS_LIST}; left out")
    studies = defaultdict(list)
    for stem in sorted(rows.keys() & paths.keys(), key=natural):
        studies[_study(rows[stem])].append(stem)
    if not studies:
        raise DataError(
            f"{root} has the list of GRAZPEDWRI-DX, but none of its films. Unpack the films beside "
            f"{FRACATLAS_LIST}."
        )
    patients = {patient for patient, _ in studies}
    valid = set(ranked(patients, seed=0)[: round(VALID_SHARE * len(patients))])
    for (patient, study), stems in studies.items():
        split = "valid" if patient in valid else "train"
        label = max(_label(rows[stem]) for stem in stems)
        for view, stem in enumerate(stems):
            listing.rows.append((split, PART, patient, study, view, label, paths[stem]))
    listing.rows.sort(key=_order)
    return listing


def _order(row: Row) -> tuple[object, ...]:
    split, _, patient, study, view, _, _ = row
    return SPLITS.index(split), natural(patient), natural(study), view


def _listed(listing: Listing, root: Path) -> dict[str, dict[str, str]]:
    """Map stems of films to their rows; a film that has two is left out."""
    try:
        read = text_lists.read(root / FRACATLAS_LIST)
    except FileRefused as error:
        raise DataError(f"{root}: {error}") from error
    rows: dict[str, dict[str, str]] = {}
    twice = set()
    for number, row in text_lists.table(read):
        name = text_lists.posix(row.get("filestem", "")).rpartition("/")[2]
        stem = name.removesuffix(".png")
        if not stem:
            listing.skip(FRACATLAS_LIST, f"names no film in line {number}")
        elif stem in rows and _label(rows[stem]) != _label(row):
            twice.add(stem)
        else:
            rows.setdefault(stem, row)
    for stem in sorted(twice, key=natural):
        del rows[stem]
        listing.skip(stem, f"has both labels in {FRACATLAS_LIST}; left out")
    return rows


def _paths(listing: Listing, root: Path) -> dict[str, str]:
    """Map stems of films to their paths, the first where two folders have one of the same name."""
    paths: dict[str, str] = {}
    tops = [name for name in folders(root) if not _is_annotation(name)]
    note_others(listing, root, lambda name: name in (*tops, FRACATLAS_LIST) or _is_film(name))
    loose = sorted((each.name for each in root.iterdir() if _is_film(each.name)), key=natural)
    found = [
        *loose,
        *(
            f"{place}/{name}"
            for top in tops
            for place, names in class_files(listing, root, top, DEPTH)
            for name in names
        ),
    ]
    for path in found:
        stem = PurePosixPath(path).stem
        if stem in paths:
            listing.skip(path, f"has the name of {paths[stem]}, which is used")
        else:
            paths[stem] = path
    return paths


def _is_annotation(name: str) -> bool:
    return folder_names.key(name) in ("supervisely", "yolov5", "pascalvoc", "annotations", "labels")


def _is_film(name: str) -> bool:
    return name.lower().endswith(".png")


def _study(row: dict[str, str]) -> tuple[str, str]:
    """Return patient and study of a film: a visit's left and right wrist are two studies.

    Where the list lacks number or side, they are taken from the film's name.
    """
    stem = _STEM.match(row.get("filestem", "").rpartition("/")[2])
    of_stem = stem.groups() if stem else ("1", "")
    number = text_lists.whole(row.get("study_number", "")) or of_stem[0].lstrip("0") or "1"
    side = row.get("laterality", "").strip().upper() or of_stem[1].upper()
    patient = text_lists.whole(row.get("patient_id", "")) or row.get("filestem", "")
    return f"patient{patient:0>5}", f"study{number}{f'-{side}' if side else ''}"


def _label(row: dict[str, str]) -> int:
    return text_lists.flag(row.get("fracture_visible", "")) or 0
