"""Corrected labels of a data set: who changed which study's label, when and why.

They are a JSON file with a checksum beside the runs. The data set itself is never written, and
keeps its hash; its labels are replaced after reading, where that is asked for.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import ConfigError, DataError, FileMissing, FileRefused
from fracture_core.files import keep_damaged, make_folder, replace_file, writing
from fracture_core.folders import runs_folder
from fracture_core.words import cell, clean, short

LABELS = {0: "no fracture", 1: "fracture"}
LONGEST_NAME, LONGEST_REASON = 80, 500  # characters
COLUMNS = ("study", "label", "was", "by", "when", "why")  # of an export


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A study's corrected label.

    Args:
        study: its key, see `catalog.study_key`.
        label: the new label, 0 or 1.
        was: the label in the data.
        by: the person who changed it, as they call themselves.
        when: time in UTC as ISO text, to the second.
        why: the reason.

    Raises:
        ConfigError: the label is none, or it is the data's own; who or why is missing or too long.
    """

    study: str
    label: int
    was: int
    by: str
    when: str
    why: str

    def __post_init__(self) -> None:
        if not {self.label, self.was} == set(LABELS):
            raise ConfigError(
                f"A corrected label is the other one of 0 and 1; received {self.label!r} in place "
                f"of {self.was!r}. To return to the label of the data, undo the correction."
            )
        for what, text, longest in (
            ("who corrected it", self.by, LONGEST_NAME),
            ("why it was corrected", self.why, LONGEST_REASON),
        ):
            if not text.strip() or len(text) > longest:
                raise ConfigError(
                    f"A corrected label says {what}, in at most {longest} characters; received "
                    f"{short(text)!r}. Fill it in."
                )

    @property
    def words(self) -> str:
        """The correction in words: "from fracture to no fracture, by AB on 2026-11-27: a cast"."""
        change = f"from {LABELS[self.was]} to {LABELS[self.label]}"
        return f"{change}, by {self.by} on {self.when[:10]}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """The corrected labels of a data set.

    Args:
        items: key of a study -> its correction.
    """

    items: Mapping[str, Correction] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """16 hex digits of studies and labels, independent of order, persons and reasons."""
        lines = sorted(f"{each.study}\t{each.label}" for each in self.items.values())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    @property
    def labels(self) -> dict[str, int]:
        """Key of a study -> its corrected label."""
        return {key: each.label for key, each in self.items.items()}

    def to_csv(self) -> str:
        """Return the corrections as CSV, which `relabelling` reads again."""
        rows = [asdict(self.items[key]) for key in sorted(self.items)]
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        return str(table.map(cell).to_csv(index=False, lineterminator="\n"))


def file_of(data_hash: str) -> Path:
    """Return the path of a data set's corrections, beside the runs: a cache may be emptied."""
    return runs_folder() / ".corrections" / f"{data_hash}.json"


def read(data_hash: str) -> Corrections:
    """Read the corrections of a data set; none if none were made.

    Raises:
        DataError: their file is damaged, or belongs to other data.
    """
    path = file_of(data_hash)
    try:
        fields, is_whole = checksums.split_own(file_reader.read_json(path, file_reader.LIST_BYTES))
        if not is_whole or fields["data"] != data_hash:
            raise ValueError("its checksum does not match")
        items = [Correction(**each) for each in fields["corrections"]]
        if not all(isinstance(text, str) for each in items for text in (each.study, each.when)):
            raise TypeError("a value of another kind")
    except FileMissing:
        return Corrections()
    except (FileRefused, ConfigError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"The corrected labels, {path}, are damaged: they were changed outside of this program "
            "or cut short. Put the file back; or remove it, which undoes all corrections."
        ) from error
    return Corrections(items={each.study: each for each in items})


def made(data_hash: str) -> Corrections:
    """Return the corrections of a data set for a run or an evaluation that asks for them.

    Raises:
        DataError: none were made, or their file is damaged.
    """
    value = read(data_hash)
    check_made(value)
    return value


def check_made(*values: Corrections) -> None:
    """Refuse corrections of which there are none.

    Raises:
        DataError: no label was corrected.
    """
    if not any(each.items for each in values):
        raise DataError(
            "No label of these data was corrected. Correct some on the pages of their studies, or "
            "with the command `labels`; or leave out the corrections."
        )


def write(data_hash: str, value: Corrections) -> None:
    """Replace the corrections of a data set; a damaged file is set aside, an empty one removed.

    Raises:
        WriteFailed: no space or no permission; the file is unchanged.
    """
    path = file_of(data_hash)
    if path.is_file():
        try:
            read(data_hash)
        except DataError:
            keep_damaged(path)
    if not value.items:
        with writing(path):
            path.unlink(missing_ok=True)
        return
    make_folder(path.parent)
    rows = [asdict(value.items[key]) for key in sorted(value.items)]
    replace_file(path, checksums.json_with_own({"data": data_hash, "corrections": rows}))


def corrected(
    value: Corrections, studies: pd.DataFrame, labels: Mapping[str, int], by: str, why: str
) -> Corrections:
    """Return the corrections with these labels too; a label of the data's own undoes its study's.

    Args:
        value: the corrections so far; those of the same studies are replaced.
        studies: of the data as they are, see `catalog.studies`.
        labels: key of a study -> its label, 0 or 1.
        by: the person who corrects.
        why: the reason.

    Raises:
        ConfigError: a label is none, or who or why is missing.
        DataError: a study is not in the data.
    """
    own = dict(zip(studies["key"], studies["label"].astype(int), strict=True))
    items, now = dict(value.items), datetime.now(UTC).isoformat(timespec="seconds")
    for key, label in labels.items():
        if key not in own:
            raise DataError(
                f"The data have no study {short(key)}. Give its key as Studies shows it in the "
                "address: split/part/patient/study."
            )
        if label == own[key]:
            items.pop(key, None)
        else:
            items[key] = Correction(
                study=key,
                label=int(label) if label in LABELS else label,  # of NumPy, too
                was=own[key],
                by=clean(by).strip(),
                when=now,
                why=clean(why).strip(),
            )
    return Corrections(items=items)


def undone(value: Corrections, keys: Iterable[str]) -> Corrections:
    """Return the corrections without those of these studies."""
    gone = set(keys)
    return Corrections(items={key: each for key, each in value.items.items() if key not in gone})


def apply(dataset: Dataset, value: Corrections) -> Dataset:
    """Return a data set with corrected labels, and the facts of `facts` in `corrections`.

    Its hash stays that of the data as they are.
    """
    manifest = relabel(dataset.manifest, value)
    return replace(dataset, manifest=manifest, corrections=facts(dataset.manifest, value))


def relabel(films: pd.DataFrame, value: Corrections) -> pd.DataFrame:
    """Return films, with the columns of `catalog.STUDY`, under their studies' corrected labels."""
    if not value.items:
        return films
    labels = catalog.study_key(films).map(value.labels)
    return films.assign(label=labels.fillna(films["label"]).astype(films["label"].dtype))


def facts(films: pd.DataFrame, value: Corrections) -> dict[str, Any]:
    """Return how many studies among these films have a corrected label, and the hash of all."""
    count = len(set(catalog.study_key(films)) & set(value.items))
    return {"labels": count, "hash": value.hash}
