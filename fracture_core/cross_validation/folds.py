"""Draw of the folds: whole patients, or whole families, with both labels in every fold."""

import pandas as pd

from fracture_core.config.limits import LIMITS
from fracture_core.config.record import check_range
from fracture_core.data_folders import name_order
from fracture_core.datasets import catalog, family_list
from fracture_core.datasets.family_list import FamilyList
from fracture_core.datasets.fold_list import FoldList
from fracture_core.errors import ConfigError


def units(films: pd.DataFrame, families: FamilyList | None) -> pd.Series:
    """Return the unit of each film's patient, which is in one fold: the patient, or the family.

    Patients that share a family of copies are one unit. Where the data name no patients, every film
    is a patient of its own.

    Args:
        films: rows of a manifest.
        families: of its films; `None` where none are known.
    """
    if families is None or not families.families:
        return films["patient"].rename("unit")
    return films["patient"].map(family_list.units(films, families)).rename("unit")


def draw(
    manifest: pd.DataFrame,
    count: int,
    seed: int,
    parts: tuple[str, ...] = (),
    families: FamilyList | None = None,
) -> FoldList:
    """Return the folds of the training films, as a function of films and seed.

    Units with a positive film are dealt first, then the others, the largest first: each goes to
    the fold that has fewest films of its kind. Training films that have a copy in another split are
    in no fold, see `family_list.assign_roles`.

    Args:
        manifest: all rows of a data set.
        count: number of folds.
        seed: another seed draws other folds.
        parts: body parts; empty for all.
        families: copies of one original, which are in one fold.

    Raises:
        ConfigError: too many folds for these patients, or no training films.
    """
    check_range("Number of folds", count, LIMITS.folds)
    roles = family_list.assign_roles(manifest, 0.0, seed, families)
    rows = catalog.select(manifest.assign(role=roles), "train", parts)
    rows = rows[rows["role"] == "train"]
    unit = units(rows, families)
    films = rows.groupby(unit)["label"]
    sizes, positive = films.size(), films.max() == 1
    _check(count, int(positive.sum()), int((~positive).sum()))
    order = sorted(name_order.ranked(sizes.index, seed), key=lambda name: -sizes[name])
    fold_of: dict[str, int] = {}
    total = [0] * count
    for kind in (True, False):
        own = [0] * count
        for name in (each for each in order if positive[each] == kind):
            number = min(range(count), key=lambda n: (own[n], total[n], n))
            own[number] += int(sizes[name])
            total[number] += int(sizes[name])
            fold_of[name] = number + 1
    return FoldList(folds=dict(zip(rows["path"], unit.map(fold_of).astype(int), strict=True)))


def _check(count: int, positive: int, negative: int) -> None:
    """Refuse more folds than there are units of a label: a fold would have one label only."""
    if min(positive, negative) < count:
        raise ConfigError(
            f"{count} folds need {count} patients with and {count} without a positive film among "
            f"the training films; these have {positive:,} and {negative:,}. Choose fewer folds or "
            "other data."
        )
