"""One study: its films as large as the window allows, everything else around them."""

from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import streamlit as st

from fracture_core.config import PixelRecipe
from fracture_core.datasets.catalog import Dataset
from fracture_core.errors import FilmError
from fracture_core.models import cards
from fracture_core.phantom import phantom_set
from fracture_core.phantom.phantom_set import Break
from fracture_core.verdicts import aggregation
from fracture_core.words import short
from ui.cache import film_cache, study_cache
from ui.components import film_viewer
from ui.components.film_viewer import Frame
from ui.shared import theme
from ui.shell import state, tab_data
from ui.studies import wall

SEEN = tuple(  # the inputs of networks, shown beside a film
    PixelRecipe(size=size, resample=resample)
    for size in (32, 64, 128)
    for resample in ("area", "nearest")
)


def show(data: Dataset, studies: pd.DataFrame, matching: pd.DataFrame, key: str) -> None:
    """Draw the study of this key.

    Args:
        data: the data set in use.
        studies: all its studies, see `study_cache.studies`.
        matching: those that pass the filters, in order; Previous and Next go through them.
        key: see `catalog.study_key`.
    """
    row = studies[studies["key"] == key]
    if row.empty:
        st.warning(
            f"The data in use ({theme.plain(data.root.name)}) has no study "
            f"{theme.plain(short(key))}. "
            "Go back to all studies, or choose its data set on the Data page."
        )
        st.button("All studies", icon=":material/grid_view:", on_click=_back)
        return
    study = next(row.itertuples())
    paths = wall.film_paths(data, study)
    _bar(data, matching if key in set(matching["key"]) else studies, study)
    breaks = _heading(data, study, studies)
    predictions = study_cache.study_predictions()
    frames = [_frame(data.root, path, breaks, predictions) for path in paths]
    film_viewer.show(frames, f"{data.hash} {key}")  # the same key in other data is another study


def _bar(data: Dataset, listed: pd.DataFrame, study: Any) -> None:
    """Buttons for all, previous and next studies, the position, and the way to the verdict."""
    keys = listed["key"].tolist()
    here = keys.index(study.key)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("All studies", icon=":material/grid_view:", shortcut="Esc", on_click=_back)
        for label, step, shortcut in (("Previous", -1, "Left"), ("Next", 1, "Right")):
            there = here + step
            inside = 0 <= there < len(keys)
            st.button(
                label,
                shortcut=shortcut,
                disabled=not inside,
                on_click=wall.open_study,
                args=(keys[there] if inside else study.key,),
            )
        st.caption(f"{here + 1:,} of {theme.plural(len(keys), 'study')}", width="stretch")
        if st.button("Diagnose this study", type="primary", icon=":material/radiology:"):
            address = tab_data.address(study.key, data.hash if data.complete else None)
            st.switch_page("pages/diagnose.py", query_params=address)


def _heading(data: Dataset, study: Any, studies: pd.DataFrame) -> dict[str, list[Break]] | None:
    """Show label and facts; return the known breaks of a phantom's study, if switched on."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.subheader(theme.mark(bool(study.label)), anchor=False, width="content")
        st.markdown(theme.plain(wall.describe(study)), width="content")
        if data.synthetic and study.label:
            st.toggle("Show the known break", key=state.BREAK, bind="query-params")
        if others := int((studies["patient"] == study.patient).sum()) - 1:
            st.button(
                f"All {others + 1} studies of this patient",
                icon=":material/person:",
                type="tertiary",
                on_click=wall.open_patient,
                args=(study.patient,),
            )
    meaning = theme.plain(cards.label_meaning(vars(data)))
    st.caption(f"This is the data's label. {meaning}")
    st.markdown(f":small[{wall.verdict(study.key, study_cache.study_predictions(), long=True)}]")
    shown = data.synthetic and study.label and st.session_state[state.BREAK]
    return phantom_set.breaks(data.root) if shown else None


def _frame(
    root: Path,
    path: Path,
    breaks: dict[str, list[Break]] | None,
    predictions: study_cache.StudyPredictions | None,
) -> Frame:
    """One film with a network's input and prediction, or the reason why it cannot be shown."""
    place = path.relative_to(root).as_posix()
    own_breaks = tuple((breaks or {}).get(place, ()))
    try:
        film = film_cache.film(path, own_breaks, theme.on_film(True) if own_breaks else "")
        seen = film_cache.network_pictures(path, SEEN)
    except FilmError as error:
        return Frame(name=path.name, film=None, note=str(error))
    tone: Literal["fracture", "none", ""] = ""
    words = ["no prediction"]
    if predictions and (probability := predictions.probabilities.get(place)) is not None:
        positive = bool(aggregation.is_positive(probability, predictions.threshold))
        tone = "fracture" if positive else "none"
        words = [f"score {probability:.3f}: {_word(positive)}"]
    if breaks is not None:
        kinds = Counter(f"{each.kind} break" for each in own_breaks)
        counts = ", ".join(theme.plural(n, kind) for kind, n in kinds.items())
        words.append(counts or "shows no break")
    return Frame(name=path.name, film=film, note="; ".join(words), tone=tone, seen=seen)


def _word(positive: bool) -> str:
    shape = theme.FRACTURE if positive else theme.NO_FRACTURE
    return f"{shape} fracture" if positive else f"{shape} no fracture"


def _back() -> None:
    wall.open_study("")
