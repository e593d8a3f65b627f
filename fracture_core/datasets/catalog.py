"""Data sets: one manifest, whatever the layout on disk.

A manifest is a DataFrame with one row per image, in order split, part, patient, study, view:
split ("train", "valid", "test"), part ("shoulder"; "unknown" for class folders), patient
("patient00007"), study ("study1"), view (counts from 0), label (1 = positive, 0 = negative) and
path (posix, relative to the data set's root). The first four columns identify a study.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fracture_core import files
from fracture_core.data_folders import folder_entries
from fracture_core.data_folders.film_listing import Listing, Skipped
from fracture_core.data_folders.ignored_files import Ignored
from fracture_core.data_folders.name_order import ranked
from fracture_core.datasets import manifest_file
from fracture_core.datasets.manifest_file import Scan
from fracture_core.errors import ConfigError, DataError, FileMissing, FileRefused
from fracture_core.files import absolute
from fracture_core.phantom import phantom_set
from fracture_core.readers import (
    class_folders,
    fracatlas,
    grazpedwri,
    layouts,
    listed_films,
    mura,
    own_table,
)
from fracture_core.words import short

STUDY = ("split", "part", "patient", "study")  # identify a study


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set: its manifest and facts.

    Args:
        root: absolute folder that the manifest's paths are relative to.
        kind: the layout on disk.
        manifest: see the module.
        skipped: ignored files and folders that may matter, and notes on others; path and reason.
        hash: 16 hex digits of the manifest's content.
        synthetic: whether its films are synthetic (a phantom).
        complete: false while a phantom is being generated.
        positive: for class folders, the class that means a fracture.
        ignored: files that are no films, by kind and count.
        patients: whether the data name patients; else each film has a patient of its own.
        table: the table of films that it was read by, see `own_table`.
        corrections: number and hash of the corrected labels that its manifest has, see
            `curation.corrections`; `None` for the data's own labels.
    """

    root: Path
    kind: str
    manifest: pd.DataFrame
    skipped: tuple[Skipped, ...]
    hash: str
    synthetic: bool
    complete: bool
    positive: str | None
    ignored: tuple[Ignored, ...] = ()
    patients: bool = True
    table: str | None = None
    corrections: dict[str, Any] | None = None


def read(
    root: Path, positive: str | None = None, rescan: bool = False, table: str | None = None
) -> Dataset:
    """Read the data set in a folder, from the cached manifest or by a walk.

    The cached manifest is valid as long as the CSV lists and the split and part (or class) folders
    have not changed; a rescan finds changes deeper down.

    Args:
        root: the folder of MURA or FracAtlas or its parent, or a folder of class folders.
        positive: for class folders, the class that means a fracture; other layouts ignore it.
        rescan: walk everything, even if a manifest is cached.
        table: a table of films in the folder and its columns, see `own_table`; with one, the
            folder may have any layout.

    Raises:
        DataError: the folder is missing, unreadable or holds no data set; the message says
            what to do.
        ClassesError: class folders or a table, and `positive` is none of the classes.
    """
    layout = layouts.find(absolute(root)) if table is None else _of_table(absolute(root))
    positive = positive if layout.kind in ASKED else None
    synthetic, complete, notes = _phantom_facts(layout.root)
    notes += layouts.neighbours(absolute(root), layout) if table is None else ()
    file = manifest_file.path_of(layout.root, positive, table)
    stamp = layouts.stamp(layout.root)
    if table is not None:
        stamp += repr(files.stamp(own_table.Table.parse(table).file))
    content = None if rescan or not complete else manifest_file.read(file, stamp)
    if content is None:
        content = _scan(layout, positive, table)
        if complete:
            manifest_file.write(file, stamp, content)
    named = {each.path for each in notes}
    return Dataset(
        root=layout.root,
        kind=layout.kind,
        manifest=content.manifest,
        skipped=(*notes, *(each for each in content.skipped if each.path not in named)),
        hash=content.hash,
        synthetic=synthetic,
        complete=complete,
        positive=content.positive if layout.kind in ASKED else None,
        ignored=content.ignored,
        patients=content.patients,
        table=table,
    )


def _of_table(root: Path) -> layouts.Layout:
    folder_entries.folders(root)  # refuses what is no folder
    return layouts.Layout(kind="table", root=root)


ASKED = ("class_folders", "table")  # kinds whose positive class is asked
# By kind of layout: from its root, and the positive class of class folders, to manifest rows.
READERS: dict[str, Callable[[Path, str | None], Listing]] = {
    "mura": lambda root, _: mura.scan(root),
    "fracatlas": lambda root, _: fracatlas.scan(root),
    "grazpedwri": lambda root, _: grazpedwri.scan(root),
    "class_folders": class_folders.scan,
}


def _scan(layout: layouts.Layout, positive: str | None, table: str | None) -> Scan:
    if table is None:
        listing = READERS[layout.kind](layout.root, positive)
    else:
        listing = listed_films.scan(layout.root, positive, table)
    manifest = pd.DataFrame(listing.rows, columns=list(manifest_file.COLUMNS))
    return Scan(
        manifest=manifest,
        skipped=tuple(listing.skipped),
        ignored=listing.ignored.items(),
        patients=listing.facts.patients,
        positive=listing.facts.positive,
        hash=manifest_file.digest(manifest),
    )


def _phantom_facts(root: Path) -> tuple[bool, bool, tuple[Skipped, ...]]:
    """Return whether the set is a phantom, whether it is complete, and a note on a damaged file.

    Data beside a damaged file count as synthetic: they must not be taken for real films.
    """
    try:
        note = phantom_set.read_index(root)
    except FileMissing:
        return False, True, ()
    except FileRefused as error:
        if isinstance(error.__cause__, PermissionError):
            raise DataError(
                f"{root}/{error.name} {error.reason}. Give yourself permission to read the folder."
            ) from error
        reason = f"{error.reason}; the films count as synthetic"
        return True, True, (Skipped(path=phantom_set.INDEX, reason=reason),)
    return True, note["complete"], ()


def select(
    manifest: pd.DataFrame, split: str | None = None, parts: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the rows of one split (or all) and of some parts (or all), renumbered from 0.

    Raises:
        ConfigError: the split or a part is not in the manifest; the message lists those that are.
    """
    rows = pd.Series(True, index=manifest.index)
    for column, names in (("split", [split] if split else []), ("part", list(parts))):
        present = sorted(manifest[column].unique())
        for value in names:
            if value not in present:
                raise ConfigError(
                    f"This data has no {column} {short(value)!r}. It has: {', '.join(present)}."
                )
        if names:
            rows &= manifest[column].isin(names)
    return manifest[rows].reset_index(drop=True)


def as_request(dataset: Dataset) -> dict[str, str | None]:
    """Return how a data set is read, for the request of a job; see `of_request`."""
    return {"data": str(dataset.root), "positive": dataset.positive, "table": dataset.table}


def of_request(request: Mapping[str, Any]) -> Dataset:
    """Read the data set of a job's request, which holds `as_request`; errors as in `read`."""
    return read(Path(request["data"]), request["positive"], table=request["table"])


def study_key(frame: pd.DataFrame) -> pd.Series:
    """Return the key of each row's study: "train/shoulder/patient00007/study1"."""
    split, *others = (frame[column].astype(str) for column in STUDY)
    return split.str.cat(pd.DataFrame(dict(enumerate(others))), sep="/").rename("key")


def study_numbers(films: pd.DataFrame) -> np.ndarray:
    """Return the number of each film's study, int64 (n,), from 0 without gaps."""
    numbers: np.ndarray = pd.factorize(study_key(films))[0]
    return numbers


def studies(manifest: pd.DataFrame) -> pd.DataFrame:
    """Return one row per study, in the manifest's order.

    Returns:
        split, part, patient, study, label, views (number of images), key (see `study_key`), and
        role where the manifest has one.
    """
    columns = {"label": ("label", "first"), "views": ("path", "size")}
    if "role" in manifest:
        columns["role"] = ("role", "first")
    grouped = manifest.groupby(list(STUDY), sort=False, observed=True)
    table: pd.DataFrame = grouped.agg(**columns).reset_index()
    table.insert(6, "key", study_key(table))
    return table


def assign_roles(manifest: pd.DataFrame, dev_share: float, seed: int) -> pd.Series:
    """Return each image's role in a run: "train", "dev", "valid" or "test".

    A share of the train split's patients, across all parts, becomes dev: at least one patient, if
    there are two. The choice depends on seed and patient alone, so pass the whole manifest, before
    parts are selected.

    Args:
        manifest: all rows of a data set.
        dev_share: share of the patients, 0 to 0.5; 0 for no dev films.
        seed: another seed picks other patients.
    """
    train = manifest["split"] == "train"
    patients = ranked(manifest.loc[train, "patient"], seed)
    count = round(dev_share * len(patients))
    if dev_share > 0 and len(patients) > 1:
        count = max(1, count)
    dev = train & manifest["patient"].isin(patients[:count])
    return manifest["split"].mask(dev, "dev").rename("role")
