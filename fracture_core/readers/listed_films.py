"""Reader of the films that a table of the user's own names: a row for each, with its label.

Columns of patients, studies, parts and splits are used where there are any, see `own_table`.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fracture_core.data_folders import folder_names, ignored_files, text_lists
from fracture_core.data_folders.film_listing import Listing, Row
from fracture_core.data_folders.folder_entries import is_hidden, is_text
from fracture_core.data_folders.name_order import natural, ranked
from fracture_core.errors import ClassesError, DataError
from fracture_core.files import walk
from fracture_core.films.images import SUFFIXES
from fracture_core.readers import own_table
from fracture_core.readers.class_folders import VALID_SHARE
from fracture_core.readers.layouts import SPLITS
from fracture_core.readers.own_table import Content, Table
from fracture_core.words import short

FILES = 500_000  # below the folder that are looked at
NAMED = 200  # missing files that are named; the others are counted


@dataclass(frozen=True, kw_only=True)
class _Film:
    """A row of the table whose file is there; `path` is relative to the root."""

    path: str
    value: str
    cells: Mapping[str, str]


def scan(root: Path, positive: str | None, text: str) -> Listing:
    """List the films that a table names, in order split, part, patient, study, as they are listed.

    A study is positive if any of its films is. Without a column of splits a fifth of the patients,
    or of the films, chosen by the names alone, is the valid split.

    Args:
        root: the folder that the table's paths are relative to.
        positive: the label that means a fracture; not needed where labels are 0 and 1.
        text: the table and its columns, see `own_table`.

    Raises:
        ClassesError: `positive` is none of the two labels; the error lists them.
        DataError: the table or a column cannot be used, no file is there, or the labels are not
            two.
    """
    table = Table.parse(text)
    content = own_table.read(table.file)
    places = own_table.columns_of(content, table)
    listing = Listing()
    films = _films(listing, root, table, content, places)
    category, films = _positive_value(listing, films, positive, table.file.name)
    listing.facts.positive = category
    listing.facts.patients = "patient" in places or "study" in places
    rows = _rows(listing, films, category, places)
    listing.rows.extend(sorted(rows, key=lambda row: (SPLITS.index(row[0]), row[1])))
    if not listing.rows:
        raise DataError(f"No row of {table.file.name} has a split (train, valid, test).")
    return listing


def _films(
    listing: Listing, root: Path, table: Table, content: Content, places: Mapping[str, int]
) -> list[_Film]:
    """Return the rows whose film is there, one of each film; the others are noted."""
    index = _Index(root)
    films: dict[str, _Film] = {}
    twice, missing = set(), []
    table_rows = [
        (line, {role: row[at] if at < len(row) else "" for role, at in places.items()})
        for line, row in content.rows
    ]
    listed = {_parts(cells["path"]) for _, cells in table_rows}
    names = Counter(parts[-1].lower() for parts in listed)
    for line, cells in table_rows:
        parts = _parts(cells["path"])
        path = index.find(parts, by_name=names[parts[-1].lower()] == 1)
        if path is None:
            missing.append((line, cells["path"]))
        elif path not in films or not films[path].value.strip():
            films[path] = _Film(path=path, value=cells["label"], cells=cells)
        elif not cells["label"].strip():
            listing.skip(path, f"is listed again in line {line} of {table.file.name}, unlabelled")
        elif folder_names.key(films[path].value) != folder_names.key(cells["label"]):
            twice.add(path)
        else:
            listing.skip(path, f"is listed again in line {line} of {table.file.name}")
    _note_missing(listing, root, table.file.name, missing, bool(films))
    for path in sorted(twice, key=natural):
        del films[path]
        listing.skip(path, f"has both labels in {table.file.name}; left out")
    others = [path for path in index.films() if path not in films and path not in twice]
    for path in others[:NAMED]:
        listing.skip(path, f"is not listed in {table.file.name}; left out")
    if len(others) > NAMED:
        rest = len(others) - NAMED
        listing.skip(".", f"holds {rest:,} more films that {table.file.name} does not list")
    return list(films.values())


def _note_missing(
    listing: Listing, root: Path, name: str, missing: Sequence[tuple[int, str]], any_film: bool
) -> None:
    if missing and not any_film:
        line, path = missing[0]
        raise DataError(
            f"No file of {name} is in {root}: line {line} names {short(path)!r}. Give the folder "
            "that the table's paths are relative to, or name another column (--column path=NAME)."
        )
    for line, path in missing[:NAMED]:
        listing.skip(path or name, f"is in line {line} of {name} but was not found")
    if len(missing) > NAMED:
        rest = len(missing) - NAMED
        listing.skip(name, f"lists {rest:,} more files that were not found")


class _Index:
    """Files below a folder, found by what a table calls them.

    Args:
        root: the folder; hidden folders are left out.
    """

    def __init__(self, root: Path) -> None:
        self._files: list[str] = []
        self._paths: dict[str, str] = {}  # as it is, or in lower case -> as it is
        self._names: dict[str, list[str]] = defaultdict(list)  # name, or stem, in lower case
        for place, inner, names in walk(root):
            inner[:] = sorted(name for name in inner if not is_hidden(name) and is_text(name))
            above = "" if place == root else f"{place.relative_to(root).as_posix()}/"
            for name in filter(is_text, names):
                self._add(f"{above}{name}", name.lower())
            if len(self._files) > FILES:
                raise DataError(
                    f"{root} holds more than {FILES:,} files. Give the folder of the films."
                )

    def _add(self, path: str, name: str) -> None:
        if ignored_files.kind_by_name(path) is None:
            self._files.append(path)
            self._paths[path] = path  # a film may be named like another one but for case
            self._paths.setdefault(path.lower(), path)
            self._names[name].append(path)
            stem, dot, end = name.rpartition(".")
            if dot and f".{end}" in SUFFIXES:
                self._names[stem].append(path)

    def films(self) -> Iterable[str]:
        """Return the paths of files that end as films."""
        return [path for path in self._files if path.lower().endswith(SUFFIXES)]

    def find(self, parts: Sequence[str], by_name: bool) -> str | None:
        """Return the path of a listed file: with folders of another machine, without an ending, or
        by its name alone if no other file has it.

        Args:
            parts: of the listed path, see `_parts`.
            by_name: whether its name alone may tell, as no other listed path ends in it: another
                patient's `image1.png` must not stand in for one that is missing.
        """
        for first in range(len(parts)):  # the longest ending of the path that is there
            if first and first == len(parts) - 1 and not by_name:
                break
            end = "/".join(parts[first:])
            if path := self._paths.get(end) or self._paths.get(end.lower()):
                return path
        named = self._names.get(parts[-1].lower(), []) if by_name or len(parts) == 1 else []
        return named[0] if len(named) == 1 else None


def _parts(text: str) -> tuple[str, ...]:
    """Return the folders and the name of a listed path; "?" for none."""
    return PurePosixPath(os.path.normpath(text_lists.posix(text) or "?")).parts or ("?",)


def _positive_value(
    listing: Listing, films: Sequence[_Film], positive: str | None, name: str
) -> tuple[str, list[_Film]]:
    """Return the positive label as the table spells it first, and the films that have a label."""
    labelled = []
    spelled = own_table.spellings(film.value for film in films)
    for film in films:
        if film.value:
            labelled.append(film)
        else:
            listing.skip(film.path, f"has no label in {name}; left out")
    if len(spelled) != 2:
        values = ", ".join(short(value) for value in sorted(spelled.values(), key=natural)[:8])
        raise DataError(
            f"The labels in {name} must be two values, one of which means a fracture; there are "
            f"{len(spelled):,} ({values}). Name another column (--column label=NAME)."
        )
    flags = {text_lists.flag(value): value for value in spelled.values()}
    if positive is None and set(flags) == {0, 1}:
        return flags[1], labelled
    category = spelled.get(folder_names.key(positive)) if positive is not None else None
    if category is None:
        classes = tuple(sorted(spelled.values(), key=natural))
        received = "" if positive is None else f" {short(positive)!r} is none of them."
        raise ClassesError(
            f"{name} holds the labels {', '.join(map(short, classes))}.{received} Say which one "
            "means a fracture.",
            classes,
        )
    return category, labelled


def _rows(
    listing: Listing, films: Sequence[_Film], positive: str, places: Mapping[str, int]
) -> list[Row]:
    """Return the films' rows; all films of a study have its label."""
    units = sorted({_patient(film) for film in films}, key=natural)
    valid = set(ranked(units, seed=0)[: round(VALID_SHARE * len(units))])
    studies: dict[tuple[str, str, str, str], list[_Film]] = defaultdict(list)
    for film in films:
        patient = _patient(film)
        split: str | None = "valid" if patient in valid else "train"
        if "split" in places:
            split = folder_names.split_of(film.cells["split"])
        if split is None:
            value = film.cells["split"]
            reason = f"has the split {short(value)!r}" if value else "has no split"
            listing.skip(film.path, f"{reason}; left out (splits: train, valid, test)")
            continue
        part = _identifier(film.cells.get("part", "")).lower() or "unknown"
        study = _identifier(film.cells.get("study", "")) or _stem(film)
        studies[split, part, patient, study].append(film)
    rows: list[Row] = []
    for key, group in studies.items():
        labels = [int(folder_names.key(film.value) == folder_names.key(positive)) for film in group]
        if len(set(labels)) > 1:
            listing.skip(group[0].path, "is of a study with films of both labels: it is positive")
        rows += [(*key, view, max(labels), film.path) for view, film in enumerate(group)]
    return rows


def _patient(film: _Film) -> str:
    """Return the patient, else the study, else a patient of the film's own."""
    named = film.cells.get("patient", "") or film.cells.get("study", "")
    return _identifier(named) or _stem(film)


_NO_SLASH = str.maketrans({"/": "∕", "\\": "∖"})  # of a key, whose parts slashes separate


def _stem(film: _Film) -> str:
    return film.path.translate(_NO_SLASH)


def _identifier(text: str) -> str:
    """Return a name for a study's key: "12" for "12.0"; other names stay apart."""
    return text_lists.whole(text).translate(_NO_SLASH)
