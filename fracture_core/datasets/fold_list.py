"""Folds of a cross-validation as a list: the fold that holds each training film out.

A fold's run evaluates the films of its fold as valid films and trains on those of the others. The
list is a CSV file with a hash, beside the group of runs that it belongs to.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fracture_core.config.limits import LIMITS
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import family_list, path_list
from fracture_core.datasets.family_list import FamilyList
from fracture_core.errors import ConfigError, DataError
from fracture_core.words import whole_number

COLUMNS = ("path", "fold")
LEFT_OUT = "left out"  # role of films that no run of the group uses


@dataclass(frozen=True, kw_only=True)
class FoldList:
    """The folds of a data set's training films.

    Args:
        folds: path in the data set -> its fold, counted from 1.
    """

    folds: Mapping[str, int]

    @property
    def hash(self) -> str:
        """16 hex digits of the films and their folds, independent of order."""
        lines = sorted(f"{path}\t{fold}" for path, fold in self.folds.items())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    @property
    def count(self) -> int:
        """Number of folds."""
        return max(self.folds.values(), default=0)

    def to_csv(self) -> str:
        """Return the file's text: a header, then one line per film; see `path_list.text`."""
        return path_list.text(COLUMNS, ((path, str(fold)) for path, fold in self.folds.items()))


def read(path: Path) -> FoldList:
    """Read the list in this file: a CSV file with columns `path` and `fold`.

    Raises:
        DataError: it is missing, unreadable, or names a fold that is no number from 1 on.
    """
    next_step = "Start the cross-validation again under another name."
    rows = path_list.read(path, "list of folds", next_step)
    folds = {row["path"]: whole_number(row.get("fold") or "") or 0 for row in rows}
    if "" in folds or not all(1 <= fold <= LIMITS.folds[1] for fold in folds.values()):
        raise DataError(
            f"{path} must have the columns `path` and `fold`, folds from 1 to {LIMITS.folds[1]}. "
            f"{next_step}"
        )
    return FoldList(folds=folds)


def of_config(config: TrainConfig) -> FoldList | None:
    """Return the list that a run's settings name; `None` for a run that is no fold.

    Raises:
        ConfigError: the settings name a fold without a list, or a list without a fold.
        DataError: see `read`.
    """
    if (config.fold is None) != (config.fold_list is None):
        raise ConfigError(
            "A fold is one of a list of folds. Give both, --fold and --fold-list, or start all "
            "folds with cross-validate."
        )
    return read(Path(config.fold_list)) if config.fold_list else None


def assign_roles(
    manifest: pd.DataFrame,
    value: FoldList,
    fold: int,
    dev_share: float,
    seed: int,
    families: FamilyList | None = None,
) -> pd.Series:
    """Return each image's role in a fold's run: "train", "dev", "valid" or `LEFT_OUT`.

    The fold's films are its valid films. Dev is drawn from those of the other folds, so that the
    epoch is chosen without the fold. Films that are not in the list are left out: those of the
    data's own valid and test splits, and any that were added since the folds were drawn.

    Args:
        manifest: all rows of a data set.
        value: the folds.
        fold: the fold that is held out, from 1.
        dev_share, seed, families: see `family_list.assign_roles`.

    Raises:
        DataError: no film is in this fold.
    """
    own = manifest["path"].map(dict(value.folds))
    listed = own.notna() & (manifest["split"] == "train")
    if not (listed & (own == fold)).any():
        raise DataError(f"The list of folds has {value.count}; none of the films is in {fold}.")
    split = pd.Series(LEFT_OUT, index=manifest.index).mask(listed, "train")
    split = split.mask(listed & (own == fold), "valid")
    # Training films that are not listed keep no copy of theirs out; the other splits' films do.
    used = listed | (manifest["split"] != "train")
    rows = manifest[used].assign(split=split[used])
    # Other dev films in each fold, so that the folds' networks together train on all films.
    roles = family_list.assign_roles(rows, dev_share, seed + fold, families)
    return roles.reindex(manifest.index, fill_value=LEFT_OUT).rename("role")


def write(path: Path, value: FoldList) -> None:
    """Replace the list.

    Raises:
        WriteFailed: no space or no permission.
    """
    path_list.write(path, value.to_csv())
