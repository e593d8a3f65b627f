"""Training on a share of the patients: nested draws, with dev and valid films left as they are."""

import pandas as pd

from fracture_core.data_folders import name_order


def used(films: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Return the films of a run that trains on a share of its training patients.

    Patients with a positive film and the others are drawn apart, at least one of each, so that
    every share has both labels in about the proportion of the whole. Those of a smaller share are
    among those of a larger one.

    Args:
        films: rows of a manifest with their `role`.
        share: of the training patients, above 0 to 1.
        seed: another seed draws other patients.

    Returns:
        The rows that are left, numbered from 0.
    """
    if share < 1:
        train = films["role"] == "train"
        films = films[~train | films["patient"].isin(_drawn(films[train], share, seed))]
    return films.reset_index(drop=True)


def facts(films: pd.DataFrame, left: pd.DataFrame) -> dict[str, int] | None:
    """Return the number of training patients used and of all; `None` where all are used.

    Args:
        films: rows of the whole with their `role`.
        left: those of `used`.
    """
    if len(films) == len(left):
        return None
    count, of = (own.loc[own["role"] == "train", "patient"].nunique() for own in (left, films))
    return {"patients": int(count), "of": int(of)}


def _drawn(train: pd.DataFrame, share: float, seed: int) -> set[str]:
    """Return the patients that are used."""
    positive = train.groupby("patient")["label"].max() == 1
    drawn: set[str] = set()
    for own in (positive.index[positive], positive.index[~positive]):
        ranked = name_order.ranked(own, seed)
        drawn.update(ranked[: max(1, round(share * len(ranked)))])
    return drawn
