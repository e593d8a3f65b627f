"""The studies that are ticked in this tab: the current selection, of the data that the tab reads.

It lasts as long as the session; `fracture_core.curation.selections` saves it under a name.
"""

from collections.abc import Iterable

import streamlit as st

from ui.cache import data_cache
from ui.shell import state


def current() -> tuple[str, ...]:
    """Return the keys of the ticked studies, in the order in which they were ticked."""
    note = st.session_state.get(state.SELECTION)
    if not note or note["data"] != data_cache.dataset().hash:
        return ()  # those of other data do not count, and come back with their data
    return tuple(note["keys"])


def replace(keys: Iterable[str]) -> None:
    """Tick exactly these studies."""
    value = {"data": data_cache.dataset().hash, "keys": list(dict.fromkeys(keys))}
    st.session_state[state.SELECTION] = value


def add(keys: Iterable[str]) -> None:
    """Tick these studies beside those that are ticked."""
    replace([*current(), *keys])


def remove(keys: Iterable[str]) -> None:
    """Untick these studies."""
    gone = set(keys)
    replace(key for key in current() if key not in gone)


def clear() -> None:
    """Untick all studies."""
    st.session_state.pop(state.SELECTION, None)
