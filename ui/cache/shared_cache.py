"""Values computed once for all sessions, until the files they depend on change."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import streamlit as st

from fracture_core import files

Value = TypeVar("Value")
RECENT_SECONDS = 1.0  # age of a value that polling pages may still show
ENTRIES_KEPT = 128  # entries computed from runs' files, see `of_files`; 0.1 MB each at most
VARIANTS_KEPT = 32  # of an entry: by epoch, pinned studies and theme


@st.cache_resource(show_spinner=False)
def file_cache(kind: str) -> files.FileCache:
    """Return the server's cache of one kind of file of all runs."""
    return {}


def refreshed(kind: str, compute: Callable[[], Value]) -> Value:
    """Compute a value now, also for the next `recent`."""
    value = compute()
    _recent()[kind] = (time.monotonic(), value)
    return value


def recent(kind: str, compute: Callable[[], Value]) -> Value:
    """Return the value computed for any session in the last second, else compute it now."""
    at, value = _recent().get(kind, (float("-inf"), None))
    return value if time.monotonic() - at < RECENT_SECONDS else refreshed(kind, compute)


@st.cache_resource(show_spinner=False)
def _recent() -> dict[str, tuple[float, Any]]:
    """Cache of the whole server: kind -> (time, latest value)."""
    return {}


lock = threading.RLock()  # one session reads or computes, all others reuse the result


def bounded(cache: files.FileCache, most: int, table: pd.DataFrame) -> pd.DataFrame:
    """Return a shallow copy of a table; evict the oldest entries of the cache."""
    for oldest in list(cache)[:-most]:
        cache.pop(oldest, None)
    return table.copy(deep=False)  # pandas copies a column before it is changed


def of_files(
    kind: str, paths: tuple[Path, ...], key: tuple[object, ...], compute: Callable[[], Value]
) -> Value:
    """Compute a value from some files, once for all sessions until one of them is written.

    Args:
        kind: of value.
        paths: the files it depends on; they may be missing.
        key: everything else it depends on; hashable.
        compute: returns the value. Callers must not mutate it.
    """
    return compute_once((kind, paths), tuple(map(files.stamp, paths)), key, compute)


def compute_once(
    owner: tuple[object, ...],
    state: object,
    key: tuple[object, ...],
    compute: Callable[[], Value],
    source: object = None,
) -> Value:
    """Compute the value of (owner, key), once until the owner's state changes.

    `source` is kept alive beside the values, so that its `id` cannot be reused.
    """
    with lock:
        cache = _entries()
        entry = cache.pop(owner, None)
        if entry is None or entry[0] != state:
            entry = (state, {}, source)
        cache[owner] = entry  # most recently used last
        for oldest in list(cache)[:-ENTRIES_KEPT]:
            del cache[oldest]
        values: dict[tuple[object, ...], Any] = entry[1]
        if key not in values:
            values[key] = compute()
            for stale in list(values)[:-VARIANTS_KEPT]:
                del values[stale]
        return values[key]


@st.cache_resource(show_spinner=False)
def _entries() -> dict[tuple[object, ...], tuple[object, dict[tuple[object, ...], Any], object]]:
    """Cache of the whole server: owner -> (state, values by key, source)."""
    return {}
