"""Films that a person has excluded from training: a CSV file with a hash.

They are left out of training and of its dev share; valid and test films always count, so that
figures stay comparable.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from fracture_core.datasets import path_list
from fracture_core.errors import DataError
from fracture_core.files import keep_damaged
from fracture_core.folders import runs_folder

COLUMNS = ("path", "reason")
_AND = "; "


@dataclass(frozen=True, kw_only=True)
class Exclusions:
    """The excluded films of a data set, with reasons.

    Args:
        reasons: path in the data set -> the kinds of finding ticked for it, joined by "; ".
    """

    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """16 hex digits of the paths, independent of their order and reasons."""
        text = "\n".join(sorted(self.reasons))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def has(self, kind: str, paths: Iterable[str]) -> bool:
        """Return whether all these films were ticked for this kind of finding."""
        return all(kind in self.reasons.get(path, "").split(_AND) for path in paths)

    def ticked(self, kind: str, paths: Iterable[str]) -> "Exclusions":
        """Return a copy with these films also excluded for this kind of finding."""
        reasons = dict(self.reasons)
        for path in paths:
            kinds = reasons[path].split(_AND) if path in reasons else []
            reasons[path] = _AND.join([*kinds, *([kind] if kind not in kinds else [])])
        return Exclusions(reasons=reasons)

    def unticked(self, kind: str) -> "Exclusions":
        """Return a copy without this kind of finding; films of no other kind are included again."""
        kinds = {path: text.split(_AND) for path, text in self.reasons.items()}
        left = {path: [each for each in own if each != kind] for path, own in kinds.items()}
        return Exclusions(reasons={path: _AND.join(own) for path, own in left.items() if own})

    def to_csv(self) -> str:
        """Return the file's text: a header, then one line per film; see `path_list.text`."""
        return path_list.text(COLUMNS, self.reasons.items())


def file_of(data_hash: str) -> Path:
    """Return the path of a data set's list; beside the runs, since a cache may be emptied."""
    return runs_folder() / ".exclusions" / f"{data_hash}.csv"


def read(path: Path) -> Exclusions:
    """Read the list in this file: a CSV file whose column `path` names films.

    Raises:
        DataError: it is missing, unreadable, or has no such column.
    """
    rows = path_list.read(path, "list of films to leave out", "Check its path.")
    if any(not row["path"] for row in rows):
        raise DataError(f"{path} must have a column `path`, with a film in every line. Mend it.")
    return Exclusions(reasons={row["path"]: row.get("reason") or "" for row in rows})


def write(path: Path, exclusions: Exclusions) -> None:
    """Replace the list; an empty one removes the file, and a damaged file is set aside.

    Raises:
        WriteFailed: no space or no permission.
    """
    if path.is_file():
        try:
            read(path)
        except DataError:
            keep_damaged(path)
    path_list.write(path, exclusions.to_csv() if exclusions.reasons else "")


def left_out(films: pd.DataFrame, exclusions: Exclusions) -> pd.Series:
    """Return which rows a run excludes: ticked films whose `role` is train or dev; bool (n,)."""
    return films["role"].isin(["train", "dev"]) & films["path"].isin(list(exclusions.reasons))
