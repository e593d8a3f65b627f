"""The data set that a tab reads, with its counts, splits, audit and exclusions."""

from pathlib import Path

import pandas as pd
import streamlit as st

from fracture_core import files
from fracture_core.audit import audit_job
from fracture_core.audit.findings import Audit
from fracture_core.datasets import catalog, chosen_data, family_list, film_counts
from fracture_core.datasets import exclusions as excluded
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.chosen_data import Choice
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.datasets.family_list import FamilyList
from fracture_core.errors import DataError
from fracture_core.folders import phantom_folder
from fracture_core.jobs import launcher
from fracture_core.phantom import phantom_set
from ui.cache import shared_cache
from ui.shell import tab_data, turns


def dataset(choice: Choice | None = None) -> Dataset:
    """Return the data set that this tab reads, or another one.

    Raises:
        DataError: it cannot be read; the sentence says what to do.
    """
    choice = choice or tab_data.choice()
    files.as_text(choice.root)  # it is part of the cache's key
    data = read_dataset(choice, phantom_state(choice.root)[1])
    if not data.root.is_dir():  # deleted since it was read: reading it again raises the error
        read_dataset.clear()
        data = read_dataset(choice, phantom_state(choice.root)[1])
    return data


def check_unchanged() -> None:
    """Refuse to start on other films than those that the page was drawn for.

    Raises:
        DataError: the films have changed since then.
    """
    shown = tab_data.current_identity()
    if shown and tab_data.identity(dataset().hash) != shown:
        raise DataError(
            f"The films of {tab_data.choice().root.name} have changed since this page was drawn, "
            "so no run was started. Check the page, then start it again."
        )


@st.cache_resource(max_entries=4, ttl="1h", show_spinner="Reading the list of films…")
def read_dataset(choice: Choice, progress: tuple[int, int] | None) -> Dataset:
    """Read a data set; `progress` is part of the key, so that a growing phantom is read again."""
    with turns.pause():
        return catalog.read(choice.root, choice.positive, table=choice.table)


def counts() -> pd.DataFrame:
    """Return the counts of the data set in use, see `film_counts.counts`."""
    data = dataset()
    return _counts(data.hash, data.manifest)


@st.cache_data(max_entries=4, show_spinner=False)
def _counts(digest: str, _manifest: pd.DataFrame) -> pd.DataFrame:
    return film_counts.counts(_manifest)


def _is_default(choice: Choice) -> bool:
    return choice.root == phantom_folder()


@st.cache_resource
def ensure_phantom() -> None:
    """Start making the phantom, once per server, if it is the data set in use and incomplete."""
    choice = chosen_data.chosen()
    if _is_default(choice) and _is_growing(choice.root):
        launcher.start_phantom(choice.root)


def phantom_is_growing() -> bool:
    """Return True while the data set in use is an incomplete phantom."""
    root = tab_data.choice().root
    return _is_growing(root)


def _is_growing(root: Path) -> bool:
    """Return whether a phantom is incomplete; with a damaged note it counts as complete."""
    complete, progress = phantom_state(root)
    awaited = root == phantom_folder() and not phantom_set.is_synthetic(root)
    return not complete and (progress is not None or awaited)


def is_phantom(root: Path) -> bool:
    """Return True for a phantom, complete or not, even with a damaged note."""
    return phantom_set.is_synthetic(root)


def phantom_state(root: Path) -> tuple[bool, tuple[int, int] | None]:
    """Return (whether a data set is a complete phantom, `phantom_set.progress`).

    Read only once while nothing changes, for its list of films is long.
    """
    cached = shared_cache.of_files(
        "phantom",
        (root / phantom_set.INDEX,),
        (),
        lambda: (phantom_set.is_complete(root), phantom_set.progress(root)),
    )
    complete, progress = cached
    return cached if complete or progress is None else (complete, phantom_set.progress(root))


def audit(folder: Path) -> Audit | None:
    """Return the audit kept in a folder, see `audit_job.load`; cached until it is rewritten."""
    return _audit(folder, files.stamp(folder / audit_job.RESULT))


@st.cache_resource(max_entries=1, show_spinner=False)
def _audit(folder: Path, stamp: tuple[int, ...]) -> Audit | None:
    return audit_job.load(folder)


def exclusions(data_hash: str) -> Exclusions:
    """Return the films of a data set excluded from training; never cached."""
    try:
        return excluded.read(excluded.file_of(data_hash))
    except DataError:  # no list, or a damaged one: nothing is excluded
        return Exclusions()


def families(data_hash: str) -> FamilyList:
    """Return the families that the last audit of a data set found; never cached."""
    return family_list.known(data_hash)
