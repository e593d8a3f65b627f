"""Assignment of a run's films to their roles: training, dev, valid, or none."""

from pathlib import Path
from typing import Any

import pandas as pd

from fracture_core.config.train_config import TrainConfig
from fracture_core.curation import corrections, curated_data
from fracture_core.datasets import catalog, exclusions, family_list, fold_list
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.family_list import FamilyList
from fracture_core.datasets.fold_list import FoldList
from fracture_core.phantom import phantom_set
from fracture_core.runs import run_config
from fracture_core.training_films import training_share


def assign(folder: Path, config: TrainConfig) -> pd.DataFrame:
    """Return the films of a new run with their roles, and write facts about the data."""
    whole = catalog.read(Path(config.data), config.positive, table=config.table)
    curated = curated_data.of_config(whole, config)
    dataset, value, chosen = curated.dataset, curated.corrections, curated.selection
    families = family_list.read(Path(config.families)) if config.families else None
    folds = fold_list.of_config(config)
    roles = _roles(dataset, config, families, folds)
    rows = with_roles(dataset, config, roles)
    excluded = exclusions.read(Path(config.exclude)) if config.exclude else exclusions.Exclusions()
    # A fold's valid films are of the train split, and excluded as its others are.
    out = exclusions.left_out(rows.assign(role="train") if folds else rows, excluded)
    listed = rows[~out]
    rows = training_share.used(listed, config.training_share, config.seed)
    facts = {
        "root": str(dataset.root),
        "kind": dataset.kind,
        "hash": dataset.hash,
        "synthetic": dataset.synthetic,
        "phantom": phantom_set.settings(dataset.root),
        "positive": dataset.positive,
        "excluded": {"films": int(out.sum()), "hash": excluded.hash} if config.exclude else None,
        "families": _family_facts(families, roles) if families else None,
        "selection": chosen.facts | {"used": _trained_on(rows)} if chosen else None,
        "corrections": corrections.facts(rows, value) if value else None,
        "share": training_share.facts(listed, rows),
        "folds": {"fold": config.fold, "folds": folds.count, "hash": folds.hash} if folds else None,
        "names_patients": dataset.patients,
        "images": rows.groupby("role").size().to_dict(),
        "studies": catalog.studies(rows).groupby("role").size().to_dict(),
    }
    run_config.complete(folder, data=facts)
    return rows


def _family_facts(families: FamilyList, roles: pd.Series) -> dict[str, Any]:
    """Return the facts about families of copies, and how many films were left out as copies."""
    copies = int((roles == family_list.COPY).sum())
    return {"families": families.count, "films": copies, "hash": families.hash}


def _trained_on(rows: pd.DataFrame) -> int:
    """Return the number of studies in training and dev."""
    return len(catalog.studies(rows[rows["role"] != "valid"]))


def _roles(
    dataset: Dataset, config: TrainConfig, families: FamilyList | None, folds: FoldList | None
) -> pd.Series:
    """Return the role of each image of the data set in a run."""
    if folds is None or config.fold is None:
        return family_list.assign_roles(dataset.manifest, config.dev_share, config.seed, families)
    return fold_list.assign_roles(
        dataset.manifest, folds, config.fold, config.dev_share, config.seed, families
    )


def with_roles(dataset: Dataset, config: TrainConfig, roles: pd.Series) -> pd.DataFrame:
    """Return the films that a run may use, with their roles."""
    rows = catalog.select(dataset.manifest.assign(role=roles), parts=config.parts)
    return rows[rows["role"].isin(["train", "dev", "valid"])].reset_index(drop=True)
