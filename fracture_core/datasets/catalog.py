"""Data sets: one manifest, whatever the layout on disk.

A manifest is a DataFrame with one row an image, in order split, part, patient, study, view:
split ("train", "valid", "test"), part ("shoulder"; "unknown" for class folders), patient
("patient00007"), study ("study1"), view (counts from 0), label (1 = positive, 0 = negative) and
path (posix, relative to the data set's root). A study is known by its first four.
"""

import hashlib
import io
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fracture_core import config, file_reader
from fracture_core.datasets import class_folders, fracatlas, layouts, mura
from fracture_core.datasets.layouts import Skipped, ranked
from fracture_core.datasets.layouts import natural as natural
from fracture_core.errors import (
    ConfigError,
    DataError,
    FileMissing,
    FileRefused,
    FractureError,
)
from fracture_core.files import make_folder, replace_file
from fracture_core.words import short

COLUMNS = ("split", "part", "patient", "study", "view", "label", "path")
MANIFEST = dict.fromkeys(COLUMNS, "text") | {"view": "whole", "label": "whole"}  # what they hold
STUDY = ("split", "part", "patient", "study")  # what tells one study from another
RECENT = 5  # different choices that are remembered

PHANTOM = "phantom.json"  # of a phantom, beside its splits; `phantom` writes it
_FORMAT = 2  # raised whenever the same folders give other rows, so that kept manifests are dropped


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set that was read.

    Args:
        root: absolute folder that the manifest's paths are relative to.
        kind: the layout on disk.
        manifest: see the module.
        skipped: what was passed over, and notes on what was not; path and reason.
        hash: 16 hex digits of the manifest's content.
        synthetic: whether its films are made up (a phantom).
        complete: false while a phantom is still being made.
        positive: for class folders, the class that means a fracture.
    """

    root: Path
    kind: Literal["mura", "fracatlas", "class_folders"]
    manifest: pd.DataFrame
    skipped: tuple[Skipped, ...]
    hash: str
    synthetic: bool
    complete: bool
    positive: str | None


def read(root: Path, positive: str | None = None, rescan: bool = False) -> Dataset:
    """The data set in a folder, from the manifest kept in the cache folder or by a walk.

    The kept manifest is good as long as the CSV lists and the split and part (or class) folders
    have not changed; what changed deeper down is found by a rescan.

    Args:
        root: the folder of MURA or FracAtlas or its parent, or a folder of class folders.
        positive: for class folders, the class that means a fracture; the others do not need it.
        rescan: walk everything, whatever is kept.

    Raises:
        DataError: the folder is missing, unreadable or holds no data set; says what to give.
        ClassesError: class folders, and `positive` is none of the classes.
    """
    layout = layouts.find(layouts.absolute(root))
    positive = positive if layout.kind == "class_folders" else None
    synthetic, complete, notes = _phantom_facts(layout.root)
    kept = _kept_path(layout.root, positive)
    stamp = layouts.stamp(layout.root)
    found = None if rescan or not complete else _read_kept(kept, stamp)
    if found is None:
        found = _scan(layout, positive)
        if complete:
            _keep(kept, stamp, *found)
    manifest, skipped, digest = found
    return Dataset(
        root=layout.root,
        kind=layout.kind,
        manifest=manifest,
        skipped=(*notes, *skipped),
        hash=digest,
        synthetic=synthetic,
        complete=complete,
        positive=positive,
    )


def _scan(
    layout: layouts.Layout, positive: str | None
) -> tuple[pd.DataFrame, tuple[Skipped, ...], str]:
    if layout.kind == "mura":
        listing = mura.scan(layout.root)
    elif layout.kind == "fracatlas":
        listing = fracatlas.scan(layout.root)
    else:
        listing = class_folders.scan(layout.root, positive)
    manifest = pd.DataFrame(listing.rows, columns=list(COLUMNS))
    return manifest, tuple(listing.skipped), _digest(manifest)


def _digest(manifest: pd.DataFrame) -> str:
    text = manifest.to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _phantom_facts(root: Path) -> tuple[bool, bool, tuple[Skipped, ...]]:
    """Whether the set is a phantom, whether it is complete, and a note where its file is damaged.

    Data beside a damaged note counts as synthetic: nobody may take it for real films.
    """
    try:
        note = file_reader.read_json(root / PHANTOM, file_reader.LIST_BYTES)
        if not isinstance(note, dict) or not isinstance(note.get("complete"), bool):
            raise FileRefused(PHANTOM, "does not say whether the set is complete")
    except FileMissing:
        return False, True, ()
    except FileRefused as error:
        if isinstance(error.__cause__, PermissionError):
            raise DataError(
                f"{root}/{error.name} {error.reason}. Give yourself permission to read the folder."
            ) from error
        reason = f"{error.reason}; the films count as synthetic"
        return True, True, (Skipped(path=PHANTOM, reason=reason),)
    return True, note["complete"], ()


def _kept_path(root: Path, positive: str | None) -> Path:
    key = hashlib.sha256(repr((_FORMAT, str(root), positive)).encode()).hexdigest()[:24]
    return config.cache_folder() / "manifests" / f"{key}.parquet"


def _read_kept(path: Path, stamp: str) -> tuple[pd.DataFrame, tuple[Skipped, ...], str] | None:
    try:
        manifest = file_reader.read_table(path, MANIFEST)[list(COLUMNS)]
        schema = pq.read_schema(io.BytesIO(file_reader.read_bytes(path, file_reader.TABLE_BYTES)))
        note = file_reader.parsed(schema.metadata[b"scan"].decode())
        notes = ((str(each["path"]), str(each["reason"])) for each in note["skipped"])
        skipped = tuple(Skipped(path=path, reason=reason) for path, reason in notes)
        whole = note["stamp"] == stamp and note["hash"] == _digest(manifest)
    except (FractureError, ValueError, LookupError, TypeError, AttributeError):
        return None  # nothing is kept, or it is damaged: a walk makes it anew
    return (manifest, skipped, note["hash"]) if whole else None


def _keep(
    path: Path, stamp: str, manifest: pd.DataFrame, skipped: tuple[Skipped, ...], digest: str
) -> None:
    note = {"stamp": stamp, "skipped": [asdict(each) for each in skipped], "hash": digest}
    table = pa.Table.from_pandas(manifest, preserve_index=False)
    metadata = {**table.schema.metadata, b"scan": json.dumps(note).encode()}
    content = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), content)
    with suppress(OSError):  # data can be read where nothing can be kept
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content.getvalue())


def select(
    manifest: pd.DataFrame, split: str | None = None, parts: Sequence[str] = ()
) -> pd.DataFrame:
    """The rows of one split (or all) and of some parts (or all), numbered anew.

    Raises:
        ConfigError: the split or a part is not in the manifest; names those that are.
    """
    rows = pd.Series(True, index=manifest.index)
    for column, wanted in (("split", [split] if split else []), ("part", list(parts))):
        present = sorted(manifest[column].unique())
        for value in wanted:
            if value not in present:
                raise ConfigError(
                    f"This data has no {column} {short(value)!r}. It has: {', '.join(present)}."
                )
        if wanted:
            rows &= manifest[column].isin(wanted)
    return manifest[rows].reset_index(drop=True)


def study_key(frame: pd.DataFrame) -> pd.Series:
    """Text that names each row's study: "train/shoulder/patient00007/study1"."""
    first, *others = (frame[column].astype(str) for column in STUDY)
    return first.str.cat(others, sep="/").rename("key")


def studies(manifest: pd.DataFrame) -> pd.DataFrame:
    """One row a study, in the manifest's order.

    Returns:
        split, part, patient, study, label, views (how many images), key (see `study_key`), and
        role where the manifest has one.
    """
    columns = {"label": ("label", "first"), "views": ("path", "size")}
    if "role" in manifest:
        columns["role"] = ("role", "first")
    table = manifest.groupby(list(STUDY), sort=False, observed=True).agg(**columns).reset_index()
    table.insert(6, "key", study_key(table))
    return table


def assign_roles(manifest: pd.DataFrame, dev_share: float, seed: int) -> pd.Series:
    """Each image's role in a run: "train", "dev", "valid" or "test".

    A share of the train split's patients, across all parts, becomes dev: at least one patient, if
    there are two. Who that is depends on seed and patient alone, so give the whole manifest,
    before parts are selected.

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


def counts(manifest: pd.DataFrame) -> pd.DataFrame:
    """How much there is of each part, with a row of part "all" closing each split.

    Returns:
        split, part, patients, studies, positive_studies, images, positive_images.
    """
    by_study = studies(manifest)
    by_study["positive_images"] = by_study["label"] * by_study["views"]
    whole = by_study.assign(part="all")
    tables = []
    for split in by_study["split"].unique():
        for table in (by_study, whole):
            grouped = table[table["split"] == split].groupby(["split", "part"])
            tables.append(
                grouped.agg(
                    patients=("patient", "nunique"),
                    studies=("key", "size"),
                    positive_studies=("label", "sum"),
                    images=("views", "sum"),
                    positive_images=("positive_images", "sum"),
                ).reset_index()
            )
    return pd.concat(tables, ignore_index=True)


def names_patients(kind: str) -> bool:
    """Whether data of this kind say whose a film is; else each film counts as a patient's own."""
    return kind == "mura"


def inspect(dataset: Dataset) -> dict[str, Any]:
    """What a data set holds, ready for JSON: root, kind, rows (see `counts`), skipped.

    "patients" is `None` where the data name none.
    """
    rows = counts(dataset.manifest).to_dict("records")
    if not names_patients(dataset.kind):
        rows = [row | {"patients": None} for row in rows]
    return {
        "root": str(dataset.root),
        "kind": dataset.kind,
        "rows": rows,
        "skipped": [asdict(each) for each in dataset.skipped],
    }


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which data set the app uses: its folder and, for class folders, the positive class."""

    root: Path
    positive: str | None = None


def chosen() -> Choice:
    """What was chosen last, unless `FRACTURE_DATA` has changed since; else `data_folder()`."""
    try:
        note = file_reader.read_json(_choice_path())
        if note["FRACTURE_DATA"] == os.environ.get("FRACTURE_DATA"):
            return _choice(note)
    except (FileRefused, LookupError, TypeError, ValueError):
        pass  # nothing was chosen yet, or the note is of no use
    return Choice(root=config.data_folder())


def _choice(note: dict[str, Any]) -> Choice:
    """Raises: TypeError, ValueError, KeyError: the note is of no use."""
    root, positive = note["root"], note["positive"]
    if not isinstance(positive, str | None) or "\0" in root:
        raise ValueError
    return Choice(root=Path(root), positive=positive)


def choose(root: Path, positive: str | None = None) -> Choice:
    """Use this data set from now on, and remember it and the one before. It is not read here."""
    choice, before = Choice(root=Path(root), positive=positive), chosen()
    note = {"root": str(choice.root), "positive": positive}
    make_folder(_choice_path().parent)
    text = json.dumps(note | {"FRACTURE_DATA": os.environ.get("FRACTURE_DATA")})
    replace_file(_choice_path(), text.encode())
    known = [choice, *([before] if before.root != config.phantom_folder() else []), *_remembered()]
    newest = list(dict.fromkeys(known))[:RECENT]
    notes = [{"root": str(each.root), "positive": each.positive} for each in newest]
    with suppress(OSError):  # the choice itself is made
        replace_file(_recent_path(), json.dumps(notes).encode())
    return choice


def recent() -> list[Choice]:
    """The last different choices, newest first; those whose folder is gone are left out."""
    return [choice for choice in _remembered() if _is_folder(choice.root)]


def _remembered() -> list[Choice]:
    try:
        return [_choice(note) for note in file_reader.read_json(_recent_path())]
    except (FileRefused, LookupError, TypeError, ValueError):
        return []  # nothing was chosen yet, or the file is damaged: the next choice makes it anew


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no permission, or a disk that is no longer there
        return False


def forget_choice() -> None:
    """Go back to `FRACTURE_DATA`, or the phantom."""
    _choice_path().unlink(missing_ok=True)


def _choice_path() -> Path:
    return config.cache_folder() / "chosen_data.json"


def _recent_path() -> Path:
    return config.cache_folder() / "recent_data.json"
