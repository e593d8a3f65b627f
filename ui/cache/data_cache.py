"""The data set that a tab reads, and what is counted, split and audited of it."""

from pathlib import Path

import pandas as pd
import streamlit as st

from fracture_core import files
from fracture_core.audit import audit_job
from fracture_core.audit.findings import Audit
from fracture_core.config import (
    Augmentation,
    PixelRecipe,
    TrainConfig,
    phantom_folder,
)
from fracture_core.datasets import catalog
from fracture_core.datasets import exclusions as excluded
from fracture_core.datasets.catalog import Choice, Dataset
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.errors import DataError
from fracture_core.jobs import launcher
from fracture_core.phantom import phantom_set
from ui.cache import shared_cache
from ui.shell import tab_data, turns
from ui.train import augmentation_preview


def dataset(choice: Choice | None = None) -> Dataset:
    """The data set that this tab reads, or another one.

    Raises:
        DataError: it cannot be read; the sentence says what to do.
    """
    choice = choice or tab_data.choice()
    found = read_dataset(choice, phantom_state(choice.root)[1])
    if not found.root.is_dir():  # it has gone since it was read: now that is said
        read_dataset.clear()
        found = read_dataset(choice, phantom_state(choice.root)[1])
    return found


@st.cache_resource(max_entries=4, ttl="1h", show_spinner="Reads the list of films…")
def read_dataset(choice: Choice, made: tuple[int, int] | None) -> Dataset:
    """`made` is part of the key: a growing phantom is read anew as it grows."""
    with turns.pause():
        return catalog.read(choice.root, choice.positive)


def counts() -> pd.DataFrame:
    """The counts of the data set in use, see `catalog.counts`."""
    data = dataset()
    return _counts(data.hash, data.manifest)


@st.cache_data(max_entries=4, show_spinner=False)
def _counts(digest: str, _manifest: pd.DataFrame) -> pd.DataFrame:
    return catalog.counts(_manifest)


def training_films(config: TrainConfig) -> pd.DataFrame:
    """The manifest's rows of the data set in use that a run with these settings would learn from,
    in the run's order."""
    data = dataset()
    return _training_films(
        data.hash, config.dev_share, config.seed, config.parts, _manifest=data.manifest
    )


def films_learned_from(config: TrainConfig) -> pd.DataFrame:
    """As `training_films`, without those that the run is to leave out."""
    rows = training_films(config)
    if config.exclude is None:
        return rows
    return rows[~rows["path"].isin(list(exclusions(dataset().hash).reasons))]


def dev_and_valid_films(config: TrainConfig) -> int:
    """How many dev and valid films of the data set in use such a run judges after each epoch."""
    data = dataset()
    return _judged_films(
        data.hash, config.dev_share, config.seed, config.parts, _manifest=data.manifest
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _judged_films(
    digest: str, dev_share: float, seed: int, parts: tuple[str, ...], _manifest: pd.DataFrame
) -> int:
    judged = catalog.assign_roles(_manifest, dev_share, seed).isin(["dev", "valid"])
    return int((judged & _manifest["part"].isin(parts)).sum() if parts else judged.sum())


@st.cache_resource(max_entries=8, show_spinner=False)
def _training_films(
    digest: str, dev_share: float, seed: int, parts: tuple[str, ...], _manifest: pd.DataFrame
) -> pd.DataFrame:
    rows = _manifest[catalog.assign_roles(_manifest, dev_share, seed) == "train"]
    return rows[rows["part"].isin(parts)] if parts else rows


def changed_films(config: TrainConfig, first: int) -> list[list[bytes]]:
    """Example films of the data set in use as some passes show them, see `augmentation_preview`."""
    data, rows = dataset(), training_films(config)
    who = (data.hash, config.dev_share, config.parts)
    return _changed_films(
        who, config.recipe, config.augmentation, config.seed, first, data.root, _rows=rows
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _changed_films(
    who: tuple,
    recipe: PixelRecipe,
    augmentation: Augmentation,
    seed: int,
    first: int,
    root: Path,
    _rows: pd.DataFrame,
) -> list[list[bytes]]:
    return augmentation_preview.examples(root, _rows, recipe, augmentation, seed, first)


def _is_default(choice: Choice) -> bool:
    return choice.root == phantom_folder()


@st.cache_resource
def ensure_phantom() -> None:
    """Once a server: start making the embedded data set, if it is the one in use and not whole."""
    choice = catalog.chosen()
    if _is_default(choice) and _is_growing(choice.root):
        launcher.start_phantom(choice.root)


def phantom_is_growing() -> bool:
    """Whether the data set in use is a phantom that is not whole yet."""
    root = tab_data.choice().root
    return _is_growing(root)


def _is_growing(root: Path) -> bool:
    """Whether a phantom is not whole yet; beside a damaged note its films are taken as they are."""
    whole, made = phantom_state(root)
    awaited = root == phantom_folder() and not phantom_set.is_synthetic(root)
    return not whole and (made is not None or awaited)


def is_phantom(root: Path) -> bool:
    """Whether a data set is a phantom, whole or not, its note damaged or not."""
    return phantom_set.is_synthetic(root)


def phantom_state(root: Path) -> tuple[bool, tuple[int, int] | None]:
    """Return whether a data set is a whole phantom, and `phantom_set.progress`.

    Read once while it is at rest, for its list of films is long.
    """
    kept = shared_cache.of_files(
        "phantom", (root / phantom_set.INDEX,), (),
        lambda: (phantom_set.is_complete(root), phantom_set.progress(root)),
    )  # fmt: skip
    whole, made = kept
    return kept if whole or made is None else (whole, phantom_set.progress(root))


def audit(folder: Path) -> Audit | None:
    """The audit kept in a folder, see `audit_job.load`; read again only when it was written."""
    return _audit(folder, files.stamp(folder / audit_job.RESULT))


@st.cache_resource(max_entries=1, show_spinner=False)
def _audit(folder: Path, stamp: tuple[int, ...]) -> Audit | None:
    return audit_job.load(folder)


def exclusions(data_hash: str) -> Exclusions:
    """The films of a data set that were ticked to be left out of training, read anew each time."""
    try:
        return excluded.read(excluded.file_of(data_hash))
    except DataError:  # there is no list, or it is damaged: nothing is left out
        return Exclusions()
