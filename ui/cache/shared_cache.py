"""Values computed once for all sessions, until the files they were made of change."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pandas as pd
import streamlit as st

from fracture_core import files

Made = TypeVar("Made")
LATELY_SECONDS = 1.0  # that old is what a page may tell that looks by itself
MADE_KEPT = 128  # things made of runs' files, see `of_files`; 0.1 MB each at most
VARIANTS_KEPT = 32  # of such a thing: by epoch, pinned studies and theme


@st.cache_resource(show_spinner=False)
def read_before(what: str) -> files.FileCache:
    """Once a server: what was read of every run so far."""
    return {}


def refreshed(what: str, make: Callable[[], Made]) -> Made:
    """What `make` gives now; `lately` knows it too."""
    made = make()
    _lately()[what] = (time.monotonic(), made)
    return made


def recent(what: str, make: Callable[[], Made]) -> Made:
    """What `make` gave to any session in the last second, else what it gives now."""
    at, made = _lately().get(what, (float("-inf"), None))
    return made if time.monotonic() - at < LATELY_SECONDS else refreshed(what, make)


@st.cache_resource(show_spinner=False)
def _lately() -> dict[str, tuple[float, object]]:
    """Once a server: what was made last of each kind, and when."""
    return {}


lock = threading.RLock()  # one session reads or computes, all others find it done


def bounded(kept: files.FileCache, most: int, found: pd.DataFrame) -> pd.DataFrame:
    """A table for somebody who may change it; the oldest of what is kept are dropped."""
    for oldest in list(kept)[:-most]:
        kept.pop(oldest, None)
    return found.copy(deep=False)  # what somebody changes in it, pandas copies first


def of_files(what: str, paths: tuple[Path, ...], key: tuple, make: Callable[[], Made]) -> Made:
    """What is made of some files, once for all sessions until one of them has been written.

    Args:
        what: stands for the kind of thing that is made.
        paths: of what it is made; they may be missing.
        key: what else it depends on; it can be hashed.
        make: makes it. Who takes it must not change it.
    """
    return made_once((what, paths), tuple(map(files.stamp, paths)), key, make)


def made_once(
    whose: tuple, state: object, key: tuple, make: Callable[[], Made], source: object = None
) -> Made:
    """`source` is kept beside what was made of it, so that its `id` stays its own."""
    with lock:
        kept = _made()
        known = kept.pop(whose, None)
        if known is None or known[0] != state:
            known = (state, {}, source)
        kept[whose] = known  # the last one asked for is the last one dropped
        for oldest in list(kept)[:-MADE_KEPT]:
            del kept[oldest]
        values = known[1]
        if key not in values:
            values[key] = make()
            for oldest in list(values)[:-VARIANTS_KEPT]:
                del values[oldest]
        return values[key]


@st.cache_resource(show_spinner=False)
def _made() -> dict[tuple, tuple[object, dict[tuple, object], object]]:
    """Once a server: by what it is and of whom, the state of what it was made of, and each."""
    return {}
