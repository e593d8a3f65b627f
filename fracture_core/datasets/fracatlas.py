"""Reader of FracAtlas: `images/{Fractured,Non_fractured}/NAME.jpg` and its list of films.

`dataset.csv` has one line per film: image_id (the file's name), a column of 0 or 1 for each body
part, hardware, multiscan, fractured and more. FracAtlas names no patients, so every film counts as
the only study of a patient of its own, named like the film.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from fracture_core import file_reader
from fracture_core.datasets.class_folders import VALID_SHARE, class_files
from fracture_core.datasets.layouts import (
    FRACATLAS_IMAGES,
    FRACATLAS_LIST,
    SPLITS,
    Listing,
    Row,
    cells,
    entries,
    natural,
    ranked,
)
from fracture_core.errors import DataError, FileRefused
from fracture_core.films.images import SUFFIXES

CLASSES = {"fractured": 1, "non_fractured": 0}  # a folder's name in lower case -> its label
_USED = "its folder's name is used"


@dataclass(frozen=True, kw_only=True)
class _Film:
    """A film: its path, relative to the data set's root, its label, its body part."""

    path: str
    label: int
    part: str


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A film's lines in the list: the texts of its label, and its body part."""

    labels: frozenset[str]
    part: str


def scan(root: Path) -> Listing:
    """List all images of a folder with FracAtlas' layout, in order split, part, name.

    The label is from the list where it has one, else from the class folder. A fifth of the films of
    each label and part, chosen by the names alone, is the valid split.

    Args:
        root: holds the list and the folder of images.

    Raises:
        DataError: the class folders hold no image.
    """
    listing = Listing()
    paths = _paths(listing, root)
    if not paths:
        raise DataError(
            f"{root} has FracAtlas' list, but no image in images/Fractured or "
            "images/Non_fractured. Unpack it again."
        )
    listed = _list_entries(listing, root)
    for name in sorted(set(listed) - set(paths), key=natural):
        listing.skip(name, f"is listed in {FRACATLAS_LIST} but was not found")
    films = {}
    for name, places in paths.items():
        if len(places) > 1:
            for path in places:
                listing.skip(path, "occurs under more than one label; left out")
            continue
        entry = listed.get(name)
        label = _label(listing, places[0], entry)
        films[name] = _Film(path=places[0], label=label, part=entry.part if entry else "unknown")
    listing.rows.extend(_rows(films))
    return listing


def _paths(listing: Listing, root: Path) -> dict[str, list[str]]:
    """Map the name of an image to its path; to two where both class folders have it."""
    paths = defaultdict(list)
    for inner in entries(listing, root, FRACATLAS_IMAGES):
        path = f"{FRACATLAS_IMAGES}/{inner}"
        if (root / path).is_dir() and _class_label(inner) is not None:
            for name in class_files(listing, root, path):
                paths[name].append(f"{path}/{name}")
        elif inner.lower().endswith(SUFFIXES):
            listing.skip(path, "lies beside the class folders, not in one")
        else:
            listing.skip(path, "is not a class folder (Fractured or Non_fractured)")
    return dict(paths)


def _class_label(folder: str) -> int | None:
    """Return the label of a class folder, by its name, which may have a hyphen."""
    return CLASSES.get(_class_name(folder))


def _class_name(folder: str) -> str:
    return folder.lower().replace("-", "_")


def _list_entries(listing: Listing, root: Path) -> dict[str, _Entry]:
    """Map the name of an image to the list's lines on it."""
    try:
        text = file_reader.read_text(
            root / FRACATLAS_LIST, file_reader.LIST_BYTES, errors="replace"
        )
    except FileRefused as error:  # although its first line could be read
        raise DataError(f"{root}: {error}") from error
    header, *lines = [cells(line) for line in text.splitlines()]
    rows = defaultdict(list)
    for number, line in enumerate(lines, start=2):
        row = dict(zip(header, line, strict=False))
        if name := row.get("image_id"):
            rows[name].append(row)
        elif any(line):
            listing.skip(FRACATLAS_LIST, f"names no film in line {number}")
    parts = _part_columns(header)
    return {
        name: _Entry(
            labels=frozenset(row.get("fractured", "") for row in film_rows),
            part=_part({part for part in parts for row in film_rows if row.get(part) == "1"}),
        )
        for name, film_rows in rows.items()
    }


def _part_columns(header: list[str]) -> list[str]:
    """Return the columns of body parts, those between image_id and hardware."""
    last = header.index("hardware") if "hardware" in header else 0
    return header[header.index("image_id") + 1 : last]


def _part(marked: set[str]) -> str:
    if len(marked) > 1:
        return "mixed"  # also a column's name, for films of several parts
    return marked.pop() if marked else "unknown"


def _label(listing: Listing, path: str, entry: _Entry | None) -> int:
    """Return the film's label, from the list where there is one, else from its folder."""
    of_folder = CLASSES[_class_name(path.split("/")[1])]
    if entry is None:
        listing.skip(path, f"is not listed in {FRACATLAS_LIST}; {_USED}")
    elif entry.labels == {"0", "1"}:
        listing.skip(path, f"has both labels in {FRACATLAS_LIST}; {_USED}")
    elif entry.labels not in ({"0"}, {"1"}):
        listing.skip(path, f"has no label 0 or 1 in {FRACATLAS_LIST}; {_USED}")
    else:
        listed = int(min(entry.labels))
        if listed != of_folder:
            listing.skip(path, f"is {listed} in {FRACATLAS_LIST}, which is used")
        return listed
    return of_folder


def _rows(films: dict[str, _Film]) -> list[Row]:
    """Return rows of the manifest in order; the keys of `films` are file names."""
    valid = _held_out(films)
    stems = Counter(Path(name).stem for name in films)
    rows = []
    for name in sorted(films, key=natural):
        film, stem = films[name], Path(name).stem
        patient = stem if stems[stem] == 1 else name  # 1.jpg and 1.png are two patients
        split = "valid" if name in valid else "train"
        rows.append((split, film.part, patient, "study1", 0, film.label, film.path))
    return sorted(rows, key=lambda row: (SPLITS.index(row[0]), row[1]))


def _held_out(films: dict[str, _Film]) -> set[str]:
    """Return names of the films that become valid: a fifth of those of each label and part."""
    strata = defaultdict(list)
    for name, film in films.items():
        strata[film.label, film.part].append(name)
    samples = (
        ranked(names, seed=0)[: round(VALID_SHARE * len(names))] for names in strata.values()
    )
    return {name for names in samples for name in names}
