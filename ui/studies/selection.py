"""The studies that are selected in this tab, of the data that it reads.

They last as long as the session; `fracture_core.curation.selections` saves them under a name.
"""

from collections.abc import Collection, Iterable
from contextlib import suppress

import streamlit as st

from fracture_core.curation.selections import TICKED
from fracture_core.errors import DataError
from fracture_core.words import plural, short
from ui.cache import curation_cache, data_cache
from ui.shared import theme
from ui.shell import state


def current() -> tuple[str, ...]:
    """Return the keys of the selected studies, in the order in which they were selected."""
    note = st.session_state.get(state.SELECTION)
    if not note:
        return ()
    with suppress(DataError):  # data that cannot be read have no selection
        if note["data"] == data_cache.dataset().hash:
            return tuple(note["keys"])
    return ()  # those of other data do not count, and come back with their data


def replace(keys: Iterable[str]) -> None:
    """Select exactly these studies."""
    unique = list(dict.fromkeys(keys))
    st.session_state[state.SELECTION] = {"data": data_cache.dataset().hash, "keys": unique}


def add(keys: Iterable[str]) -> None:
    """Select these studies beside those that are selected."""
    replace([*current(), *keys])


def remove(keys: Iterable[str]) -> None:
    """Take these studies out of the selection."""
    gone = set(keys)
    replace(key for key in current() if key not in gone)


def clear() -> None:
    """Select nothing, and show all studies where only the selected ones were shown."""
    st.session_state.pop(state.SELECTION, None)
    if st.query_params.get(state.SAVED) == TICKED:
        state.put(state.SAVED, "")


def keys_of(name: str) -> frozenset[str]:
    """Return the studies of a saved selection, or of the current one for `TICKED`."""
    if name == TICKED:
        return frozenset(current())
    with suppress(DataError):
        saved = curation_cache.named(data_cache.dataset().hash, name) if name else None
        return frozenset(saved.keys if saved else ())
    return frozenset()


def choices() -> dict[str, str]:
    """Return the selections by name in an address, in words with their number of studies."""
    words = {}
    if keys := current():
        words[TICKED] = f"selected now · {len(keys):,}"
    for each in curation_cache.saved(data_cache.dataset().hash):
        words[each.name] = f"{theme.plain(short(each.name))} · {len(each.keys):,}"
    return words


def tick(key: str, name: str, place: str = "", selected: Collection[str] | None = None) -> None:
    """Draw the box that selects a study.

    Args:
        key: the study's.
        name: the study in words, for screen readers; "" for a box with the word "Select".
        place: tells apart several boxes of one study on a page.
        selected: the keys of `current`; they are looked up where this is left out.
    """
    widget = f"{state.SELECT}-{place}-{key}"
    state.fill(widget, key in (current() if selected is None else selected))
    st.checkbox(
        f"Select {theme.plain(name)}".rstrip(),
        key=widget,
        label_visibility="collapsed" if name else "visible",
        on_change=_ticked,
        args=(widget, key),
    )


def _ticked(widget: str, key: str) -> None:
    change = add if st.session_state[widget] else remove
    change([key])


def offer(keys: Iterable[str], words: str, place: str) -> None:
    """Draw the button that selects these studies, beside those that are selected.

    Args:
        keys: of the studies.
        words: on the button, after their number: "of this finding"; "" for none.
        place: tells apart several such buttons on a page.
    """
    unique = list(dict.fromkeys(keys))
    if unique:
        st.button(
            f"Select {'all ' if len(unique) > 1 else ''}{len(unique):,} {words}".rstrip(),
            icon=":material/check_box:",
            type="tertiary",
            key=f"{state.SELECT}-all-{place}",
            on_click=add,
            args=(unique,),
        )


def count() -> str:
    """Return the number of selected studies in words: "3 studies selected"."""
    return f"{plural(len(current()), 'study')} selected"
