"""Families of a data set's films as a list: films of one original stay on one side of a split.

An audit finds the families. The list is a CSV file with a hash, beside that of excluded films.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from fracture_core.data_folders import name_order
from fracture_core.datasets import catalog, path_list
from fracture_core.errors import DataError
from fracture_core.folders import runs_folder

COLUMNS = ("path", "family")
COPY = "copy"  # role of a training film whose original, or copy, is in another split


@dataclass(frozen=True, kw_only=True)
class FamilyList:
    """The families of a data set.

    Args:
        families: path in the data set -> its family's name; films without copies are not in it.
    """

    families: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """16 hex digits of who belongs together, independent of order and names."""
        members: dict[str, list[str]] = {}
        for path, family in self.families.items():
            members.setdefault(family, []).append(path)
        lines = sorted("\t".join(sorted(paths)) for paths in members.values())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    @property
    def count(self) -> int:
        """Number of families."""
        return len(set(self.families.values()))

    def to_csv(self) -> str:
        """Return the file's text: a header, then one line per film; see `path_list.text`."""
        return path_list.text(COLUMNS, self.families.items())


def file_of(data_hash: str) -> Path:
    """Return the path of a data set's list; beside the runs, since a cache may be emptied."""
    return runs_folder() / ".families" / f"{data_hash}.csv"


def read(path: Path) -> FamilyList:
    """Read the list in this file: a CSV file with columns `path` and `family`.

    Raises:
        DataError: it is missing, unreadable, or lacks a column.
    """
    rows = path_list.read(path, "list of families", "Audit the data again.")
    if any(not row.get(column) for row in rows for column in COLUMNS):
        raise DataError(f"{path} must have the columns `path` and `family`. Audit the data again.")
    return FamilyList(families={row["path"]: row["family"] for row in rows})


def known(data_hash: str) -> FamilyList:
    """Return the families that the last audit of a data set found; none if there is no list."""
    try:
        return read(file_of(data_hash))
    except DataError:  # no audit yet, or a damaged list
        return FamilyList()


def write(path: Path, value: FamilyList) -> None:
    """Replace the list; an empty one removes the file.

    Raises:
        WriteFailed: no space or no permission.
    """
    path_list.write(path, value.to_csv() if value.families else "")


def assign_roles(
    manifest: pd.DataFrame, dev_share: float, seed: int, value: FamilyList | None
) -> pd.Series:
    """Return each image's role, as `catalog.assign_roles` does, with families on one side.

    Training films whose family has a member in another split get the role "copy", which no run
    uses. Dev takes whole families: patients that share a family are drawn together.

    Args:
        manifest: all rows of a data set.
        dev_share: share of the patients, 0 to 0.5; 0 for no dev films.
        seed: another seed picks other patients.
        value: the families; `None` for the plain split.
    """
    if value is None or not value.families:
        return catalog.assign_roles(manifest, dev_share, seed)
    family = manifest["path"].map(dict(value.families))
    train = manifest["split"] == "train"
    elsewhere = family[~train & family.notna()]
    copies = train & family.isin(elsewhere)
    rows = manifest[train & ~copies]
    unit = units(rows, value)
    members = {name: set(group.index) for name, group in unit.groupby(unit)}
    dev: set[str] = set()
    patients = name_order.ranked(rows["patient"], seed)
    count = max(1, round(dev_share * len(patients))) if dev_share and len(members) > 1 else 0
    for patient in patients:
        together = members[unit[patient]]
        if len(dev) < count and len(dev | together) < len(patients):
            dev |= together
    roles = manifest["split"].mask(train & manifest["patient"].isin(dev), "dev")
    return roles.mask(copies, COPY).rename("role")


def units(rows: pd.DataFrame, value: FamilyList) -> pd.Series:
    """Return each patient's unit: patients who share a family, however indirectly, have one.

    Args:
        rows: of a manifest.
        value: the families of its films.

    Returns:
        The name of a unit's first patient, by patient.
    """
    from scipy.cluster.hierarchy import DisjointSet  # slow to load, and few data have families

    together = DisjointSet(rows["patient"].unique())
    family = rows["path"].map(dict(value.families))
    for _, members in rows.groupby(family)["patient"]:
        first, *others = members.unique()
        for other in others:
            together.merge(first, other)
    names = {patient: min(subset) for subset in together.subsets() for patient in subset}
    return pd.Series(names, dtype=object)
