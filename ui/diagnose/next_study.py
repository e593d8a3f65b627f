"""The way from a study to the one before and the one after it: of the upload, or of the data."""

from collections.abc import Callable, Sequence

import streamlit as st

from ui.cache import study_cache
from ui.components.film_viewer import Neighbours
from ui.diagnose.intake import StudyInput
from ui.diagnose.reading import Reading
from ui.shell import state


def of(study: StudyInput, upload: Sequence[Reading]) -> Neighbours | None:
    """Return the way through the data set in use or an upload; `None` if there is only one study.

    Args:
        study: the open one.
        upload: the studies of its upload.
    """
    if study.key:
        keys = study_cache.studies()["key"].tolist()
        return _along(keys, study.key, lambda key: state.put(state.STUDY, key))
    names = [each.study.study for each in upload if each.whole.films]
    return of_upload(names, study.study) if len(names) > 1 else None


def of_upload(names: Sequence[str], name: str) -> Neighbours:
    """Return the way through the studies of an upload.

    Args:
        names: of the studies, in their order.
        name: of the open one.
    """
    return _along(names, name, _open)


def _open(name: str) -> None:
    st.session_state[state.OPENED] = name


def _along(places: Sequence[str], here: str, go: Callable[[str], None]) -> Neighbours:
    """The way along some places, of which `here` is one."""
    at = places.index(here)

    def step(by: int) -> None:
        if 0 <= at + by < len(places):
            go(places[at + by])

    return Neighbours(previous=at > 0, next=at + 1 < len(places), on_step=step)


def buttons(way: Neighbours) -> None:
    """Draw the two buttons, in a row that is open."""
    for label, is_there, by in (("Previous", way.previous, -1), ("Next", way.next, 1)):
        st.button(
            label, key=f"{label}-study", disabled=not is_there, on_click=way.on_step, args=(by,)
        )
