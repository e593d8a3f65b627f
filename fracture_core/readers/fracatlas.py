"""Reader of FracAtlas: `images/{Fractured,Non_fractured}/NAME.jpg` and its list of films.

`dataset.csv` has one line per film: image_id (the file's name), a column of 0 or 1 for each body
part, hardware, multiscan, fractured and more. FracAtlas names no patients, so every film counts as
the only study of a patient of its own, named like the film.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from fracture_core.data_folders import folder_names, text_lists
from fracture_core.data_folders.film_listing import Listing, Row, entries, film_names, note_others
from fracture_core.data_folders.name_order import natural, ranked
from fracture_core.errors import DataError, FileRefused
from fracture_core.readers.class_folders import VALID_SHARE, class_files
from fracture_core.readers.layouts import FRACATLAS_IMAGES, FRACATLAS_LIST, SPLITS

CLASSES = {"fractured": 1, "nonfractured": 0}  # the key of a folder's name -> its label
SOURCE = "SOURCE.json"  # of a set that `datasets.open_set` has fetched: where it is from
_USED = "its folder's name is used"


@dataclass(frozen=True, kw_only=True)
class _Film:
    """A film: its path, relative to the data set's root, its label, its body part."""

    path: str
    label: int
    part: str


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A film's lines in the list: its name there, the texts of its label, its body part."""

    name: str
    labels: frozenset[int | None]
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
    used = (FRACATLAS_LIST, FRACATLAS_IMAGES, SOURCE)
    note_others(listing, root, lambda name: name in used)
    paths = _paths(listing, root)
    if not paths:
        raise DataError(
            f"{root} has FracAtlas' list, but no image in images/Fractured or "
            "images/Non_fractured. Unpack it again."
        )
    listed = _list_entries(listing, root)
    keys = {name.lower() for name in paths}
    for key in sorted(listed.keys() - keys, key=natural):
        listing.skip(listed[key].name, f"is listed in {FRACATLAS_LIST} but was not found")
    films = {}
    for name, places in paths.items():
        if len(places) > 1:
            for path in places:
                listing.skip(path, "occurs under more than one label; left out")
            continue
        entry = listed.get(name.lower())
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
            for place, names in class_files(listing, root, path, depth=0):
                for name in names:
                    paths[name].append(f"{place}/{name}")
        elif (root / path).is_dir():
            listing.skip(path, "is not a class folder (Fractured or Non_fractured)")
        elif film_names(listing, root, FRACATLAS_IMAGES, [inner]):
            listing.skip(path, "lies beside the class folders, not in one")
    return dict(paths)


def _class_label(folder: str) -> int | None:
    """Return the label of a class folder, by its name in any spelling."""
    return CLASSES.get(folder_names.key(folder))


def _list_entries(listing: Listing, root: Path) -> dict[str, _Entry]:
    """Map the name of an image, in lower case, to the list's lines on it."""
    try:
        read = text_lists.read(root / FRACATLAS_LIST)
    except FileRefused as error:  # although its first line could be read
        raise DataError(f"{root}: {error}") from error
    rows, names = defaultdict(list), dict[str, str]()
    for number, row in text_lists.table(read):
        if name := text_lists.posix(row.get("image_id", "")).rpartition("/")[2]:
            names.setdefault(name.lower(), name)
            rows[name.lower()].append(row)
        else:
            listing.skip(FRACATLAS_LIST, f"names no film in line {number}")
    parts = _part_columns(text_lists.header(root / FRACATLAS_LIST))
    return {
        key: _Entry(
            name=names[key],
            labels=frozenset(text_lists.flag(row.get("fractured", "")) for row in film_rows),
            part=_part(
                {p for p in parts for row in film_rows if text_lists.flag(row.get(p, "")) == 1}
            ),
        )
        for key, film_rows in rows.items()
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
    of_folder = CLASSES[folder_names.key(path.split("/")[1])]
    if entry is None:
        listing.skip(path, f"is not listed in {FRACATLAS_LIST}; {_USED}")
    elif entry.labels == {0, 1}:
        listing.skip(path, f"has both labels in {FRACATLAS_LIST}; {_USED}")
    elif entry.labels not in ({0}, {1}):
        listing.skip(path, f"has no label 0 or 1 in {FRACATLAS_LIST}; {_USED}")
    else:
        (listed,) = (int(label or 0) for label in entry.labels)
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
