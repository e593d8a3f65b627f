"""Selections of studies that a person has named: a JSON file each, bound to its data set.

They lie beside the runs, since a cache may be emptied; a data set itself is never written.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.datasets import catalog, path_list
from fracture_core.errors import ConfigError, DataError, FileMissing, FileRefused
from fracture_core.files import keep_damaged, make_folder, replace_file
from fracture_core.folders import runs_folder
from fracture_core.words import cell, clean, plural, short

LONGEST_NAME, LONGEST_TAG, LONGEST_NOTE = 80, 40, 2_000  # characters
MOST_TAGS = 20
TICKED = "*"  # in an address, for the studies that are selected now: no name


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Studies of a data set under a name.

    Args:
        name: any text of one line; two selections of a data set have different names.
        keys: of the studies, see `catalog.study_key`; each once.
        data: hash of the data set, see `catalog.Dataset`.
        note: free text.
        tags: free words.
        by: the person who saved it, as they call themselves; "" if unknown.
        created: time in UTC as ISO text, to the second; "" before it is saved.

    Raises:
        ConfigError: a text is too long, empty, or has characters that no name may have.
    """

    name: str
    keys: tuple[str, ...]
    data: str
    note: str = ""
    tags: tuple[str, ...] = ()
    by: str = ""
    created: str = ""

    def __post_init__(self) -> None:
        if not self.keys:
            raise ConfigError("A selection holds at least one study. Tick some, then save it.")
        name = self.name
        if not name.strip() or name != name.strip() or name == TICKED:
            raise ConfigError(
                f"A selection's name is a text without blanks around it, other than {TICKED}; "
                f"received {short(name)!r}. Give another name."
            )
        limits = [("name", name, LONGEST_NAME), ("note", self.note, LONGEST_NOTE)]
        limits += [("tag", tag, LONGEST_TAG) for tag in self.tags]
        limits.append(("person's name", self.by, LONGEST_NAME))
        for what, text, longest in limits:
            if len(text) > longest:
                raise ConfigError(
                    f"A selection's {what} has at most {longest} characters; received {len(text)}. "
                    "Shorten it."
                )
            if what != "note" and clean(text) != text:
                raise ConfigError(
                    f"A selection's {what} is one line of text; received {short(ascii(text))}. "
                    "Give another one."
                )
        if len(self.tags) > MOST_TAGS:
            raise ConfigError(
                f"A selection has at most {MOST_TAGS} tags; received {len(self.tags)}. Remove some."
            )

    @property
    def hash(self) -> str:
        """16 hex digits of the studies and their data set, independent of order and name."""
        return hashlib.sha256("\n".join([self.data, *sorted(self.keys)]).encode()).hexdigest()[:16]

    @property
    def reason(self) -> str:
        """Reason for excluding its films from training, see `exclusions`."""
        return f"selection {self.name.replace(';', ',')}"

    @property
    def facts(self) -> dict[str, Any]:
        """Name, hash and number of studies, as runs, cards and evaluations carry them."""
        return {"name": self.name, "hash": self.hash, "studies": len(self.keys)}


def folder_of(data_hash: str) -> Path:
    """Return the folder of a data set's selections."""
    return runs_folder() / ".selections" / data_hash


def save(folder: Path, selection: Selection) -> Selection:
    """Save a selection, in place of one of the same name; return it with its time.

    Args:
        folder: see `folder_of`.
        selection: the studies and their name.

    Raises:
        WriteFailed: no space or no permission; the one before is unchanged.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    stored = Selection(**{**asdict(selection), "created": now})
    make_folder(folder)
    path = _path(folder, selection.name)
    if path.is_file() and _read(path) is None:
        keep_damaged(path)
    replace_file(path, checksums.json_with_own(asdict(stored)))
    return stored


def read(folder: Path, name: str) -> Selection:
    """Read the selection of this name.

    Raises:
        DataError: there is none, or its file is damaged.
    """
    path = _path(folder, name)
    if selection := _read(path):
        return selection
    if path.is_file():
        raise DataError(
            f"The selection {short(name)!r} is damaged ({path}). Save it again, or remove it."
        )
    others = names(folder)
    known = f"Saved ones: {', '.join(map(short, others))}." if others else "None is saved yet."
    raise DataError(f"These data have no selection {short(name)!r}. {known}")


def names(folder: Path) -> tuple[str, ...]:
    """Return the names of a data set's selections, in alphabetical order; no damaged ones."""
    return tuple(each.name for each in every(folder))


def every(folder: Path) -> tuple[Selection, ...]:
    """Return a data set's selections by name; a damaged file costs itself only."""
    selections = [value for path in _files(folder) if (value := _read(path))]
    return tuple(sorted(selections, key=lambda each: each.name.lower()))


def damaged(folder: Path) -> tuple[Path, ...]:
    """Return the files among a data set's selections that cannot be read."""
    return tuple(path for path in _files(folder) if _read(path) is None)


def remove(folder: Path, name: str) -> None:
    """Remove the selection of this name; runs that used it keep their films.

    Raises:
        DataError: there is none.
    """
    path = _path(folder, name)
    if not path.is_file():
        read(folder, name)  # raises the error
    path.unlink(missing_ok=True)


def films_of(manifest: pd.DataFrame, keys: Iterable[str]) -> pd.Series:
    """Return which rows of a manifest belong to these studies; bool (n,)."""
    return catalog.study_key(manifest).isin(list(keys))


def training_rows(manifest: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """Return a manifest whose train split holds the films of a selection only.

    Roles are assigned after this, so that dev is drawn from the selection's patients. Other splits
    are as they were: what of the selection is in them is not trained on.

    Raises:
        DataError: no study of the selection is in the train split.
    """
    train = manifest["split"] == "train"
    chosen = films_of(manifest, selection.keys)
    if not (train & chosen).any():
        raise DataError(
            f"None of the {plural(len(selection.keys), 'study')} of the selection "
            f"{short(selection.name)!r} is in the train split, so there is nothing to train on. "
            "Select studies of the train split."
        )
    return manifest[~train | chosen].reset_index(drop=True)


def as_csv(manifest: pd.DataFrame, selection: Selection) -> str:
    """Return a selection as CSV: path, study and label of each film, in the manifest's order.

    A column `path` makes it a list for `train --exclude`, too; see `path_list`.
    """
    rows = manifest[films_of(manifest, selection.keys)]
    table = pd.DataFrame(
        {
            "path": rows["path"].map(path_list.escaped),
            "study": catalog.study_key(rows).map(cell),
            "label": rows["label"],
            "selection": cell(selection.name),
            "tags": cell("; ".join(selection.tags)),
        }
    )
    return table.to_csv(index=False, lineterminator="\n")


def _path(folder: Path, name: str) -> Path:
    """Return the file of a name, which may be any text: its digest is the file's name."""
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:24]
    return folder / f"{digest}.json"


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    except OSError:
        return []


def _read(path: Path) -> Selection | None:
    """Return the selection in a file; `None` for a missing or damaged one."""
    try:
        fields, is_whole = checksums.split_own(file_reader.read_json(path, file_reader.LIST_BYTES))
        if not is_whole:
            return None
        keys, tags = fields["keys"], fields["tags"]
        texts = [fields[name] for name in ("name", "data", "note", "by", "created")]
        if not all(isinstance(text, str) for text in (*texts, *keys, *tags)):
            return None
        value = Selection(**{**fields, "keys": tuple(keys), "tags": tuple(tags)})
    except (FileMissing, FileRefused, ConfigError, LookupError, TypeError, ValueError):
        return None
    return value if _path(path.parent, value.name) == path else None
