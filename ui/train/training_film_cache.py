"""Training films of a run with given settings, kept until what they depend on changes."""

from pathlib import Path

import pandas as pd
import streamlit as st

from fracture_core.config.film_settings import Augmentation, PixelRecipe
from fracture_core.config.train_config import TrainConfig
from fracture_core.curation import corrections, selections
from fracture_core.curation.corrections import Corrections
from fracture_core.curation.selections import Selection
from fracture_core.datasets import family_list
from fracture_core.datasets.family_list import FamilyList
from fracture_core.training_films import training_share
from ui.cache import curation_cache, data_cache
from ui.train import augmentation_preview


def training_films(config: TrainConfig) -> pd.DataFrame:
    """Return the manifest's rows of a run's training films, in the run's order."""
    return _split_of(config)[0]


def films_learned_from(config: TrainConfig) -> pd.DataFrame:
    """Return `training_films` without those that the run leaves out."""
    rows = training_films(config)
    if config.exclude is not None:
        excluded = data_cache.exclusions(data_cache.dataset().hash).reasons
        rows = rows[~rows["path"].isin(list(excluded))]
    return training_share.used(rows.assign(role="train"), config.training_share, config.seed)


def dev_and_valid_films(config: TrainConfig) -> int:
    """Count the dev and valid films that a run with these settings evaluates after each epoch."""
    return _split_of(config)[1]


def _split_of(config: TrainConfig) -> tuple[pd.DataFrame, int]:
    data = data_cache.dataset()
    value = curation_cache.corrected(data.hash) if config.corrections else Corrections()
    chosen = curation_cache.named(data.hash, config.selection) if config.selection else None
    return _split(
        data.hash,
        config.dev_share,
        config.seed,
        config.parts,
        data_cache.families(data.hash) if config.families else None,
        value,
        chosen,
        _manifest=data.manifest,
    )


@st.cache_resource(
    max_entries=8,
    show_spinner=False,
    hash_funcs={kind: lambda value: value.hash for kind in (FamilyList, Corrections, Selection)},
)
def _split(
    digest: str,
    dev_share: float,
    seed: int,
    parts: tuple[str, ...],
    value: FamilyList | None,
    corrected: Corrections,
    selection: Selection | None,
    _manifest: pd.DataFrame,
) -> tuple[pd.DataFrame, int]:
    """Return the rows of training films, and the number of dev and valid films."""
    rows = corrections.relabel(_manifest, corrected)
    if selection:
        rows = selections.training_rows(rows, selection)
    roles = family_list.assign_roles(rows, dev_share, seed, value)
    chosen = rows["part"].isin(parts) if parts else pd.Series(True, index=rows.index)
    evaluated = roles.isin(["dev", "valid"]) & chosen
    return rows[(roles == "train") & chosen], int(evaluated.sum())


def changed_films(config: TrainConfig, first: int) -> list[list[bytes]]:
    """Return example films as augmented in some epochs, see `augmentation_preview`."""
    data, rows = data_cache.dataset(), training_films(config)
    selection = (data.hash, config.dev_share, config.parts, config.selection)
    return _changed_films(
        selection, config.recipe, config.augmentation, config.seed, first, data.root, _rows=rows
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _changed_films(
    selection: tuple[str, float, tuple[str, ...], str | None],
    recipe: PixelRecipe,
    augmentation: Augmentation,
    seed: int,
    first: int,
    root: Path,
    _rows: pd.DataFrame,
) -> list[list[bytes]]:
    return augmentation_preview.examples(root, _rows, recipe, augmentation, seed, first)
